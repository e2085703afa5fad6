// zstd for pages of values of 16 bytes (strides.h): what repeats is looked for in the value before
// only, and handed to zstd, which does the rest. Half of zstd's time for such pages; what comes out
// is smaller, where few values are equal.
//
// What comes out is a zstd frame (RFC 8878): every reader takes it.
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "parquet/buffer.h"

namespace sluice::parquet {

class StridedZstd {
 public:
  explicit StridedZstd(int level);
  ~StridedZstd();
  StridedZstd(const StridedZstd&) = delete;
  StridedZstd& operator=(const StridedZstd&) = delete;

  // Whether some values from the middle of the page, `head` bytes of anything and then values, are
  // alike at their beginning and mostly different.
  static bool pays(std::span<const std::byte> page, size_t head);

  // Appends the frame. 53200 where zstd has no memory.
  Status compress(std::span<const std::byte> page, size_t head, Buffer& out);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace sluice::parquet
