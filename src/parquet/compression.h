// Parquet's codecs: one page in, one page out.
//
// Threads: a Compressor serves one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "parquet/buffer.h"

namespace sluice::parquet {

// The numbers are Parquet's.
enum class Codec : uint8_t { kNone = 0, kSnappy = 1, kGzip = 2, kZstd = 6, kLz4Raw = 7 };

struct Compression {
  Codec codec = Codec::kSnappy;
  int level = 0;  // zstd: 1 to 22, gzip: 1 to 9; 0: our default for it

  // none (or uncompressed), snappy, gzip, zstd, lz4_raw; 22023 for others, and for levels that the
  // codec does not have.
  static Result<Compression> named(std::string_view name, int level = 0);
  // As named() takes it: 'zstd 9'.
  std::string text() const;
  bool operator==(const Compression&) const = default;
};

// What is known of a page's bytes: some of anything, then values of so many bytes each, as they
// are.
struct PageForm {
  size_t head = 0;
  size_t value_bytes = 0;  // 0: they are something else
  bool is_packed = false;  // indices of a few bits each: alike throughout, and often all chance
};

class Compressor {
 public:
  static std::unique_ptr<Compressor> make(Compression compression);
  virtual ~Compressor() = default;
  // Replaces `out`'s content.
  virtual Status compress(std::span<const std::byte> page, PageForm form, Buffer& out) = 0;
};

}  // namespace sluice::parquet
