// Compressed text as a sequence of gzip members or zstd frames, each compressed by itself, so that
// several threads can work on one file: every reader takes them, one behind the other, for one.
//
// Threads: a Compressor serves one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/block_compressor.h"

namespace sluice::format {

enum class Codec : uint8_t { kNone, kGzip, kZstd };

struct Compression {
  Codec codec = Codec::kNone;
  int level = 0;  // gzip: 1 to 9, zstd: 1 to 22; 0: the codec's own default

  // none, gzip, zstd; 22023 for others, and for levels that the codec does not have.
  static Result<Compression> named(std::string_view name, int level);
  // As it is said: 'zstd 9'.
  std::string text() const;
  // Of a file's name: .gz, .zst or nothing.
  std::string_view extension() const;
};

class Compressor {
 public:
  // Members and frames are made of so much text, or less. More would gain nothing, and costs
  // memory.
  static constexpr size_t kFrameBytes = size_t{1} << 20;

  // `compression` has a codec.
  explicit Compressor(const Compression& compression);

  // One member or frame; valid until the next call. 53200 where the codec has no memory.
  Result<std::string_view> compress(std::string_view text);

  // So much text surely fits into so many compressed bytes, whatever it is.
  static uint64_t text_that_fits(uint64_t bytes);

 private:
  const std::unique_ptr<BlockCompressor> codec_;
  // Memory that is not cleared, kept from call to call.
  std::unique_ptr<std::byte[]> output_;
  size_t capacity_ = 0;
};

}  // namespace sluice::format
