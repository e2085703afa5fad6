// gzip and zstd from memory to memory: what frames of CSV and pages of Parquet share.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"

namespace sluice::format {

class BlockCompressor {
 public:
  // Levels are the codecs' own: gzip 1 to 9, zstd 1 to 22; 0: their default (6, 3).
  static std::unique_ptr<BlockCompressor> gzip(int level);
  // With `checksum`, frames end with one of their content.
  static std::unique_ptr<BlockCompressor> zstd(int level, bool checksum);
  virtual ~BlockCompressor() = default;

  // What so many bytes take at most.
  virtual size_t bound(size_t bytes) = 0;
  // One gzip member or zstd frame into `out`, which has room for bound(). Returns its size; 53200
  // where the codec has no memory.
  virtual Result<size_t> compress(std::span<const std::byte> block, std::span<std::byte> out) = 0;
};

// What a result of zstd's that is an error means; 53200 where it has no memory.
Error zstd_failure(size_t result);

}  // namespace sluice::format
