// The levels of a leaf's open page: one small integer for each of its values
// and each NULL.
//
// As long as all are equal, which is the rule, only their number is kept.
#pragma once

#include <cstdint>
#include <vector>

#include "parquet/buffer.h"
#include "parquet/kernels.h"

namespace sluice::parquet {

class Levels {
 public:
  // Of a column whose level is always 0 nothing is written.
  explicit Levels(int max_level)
      : max_(max_level), width_(bit_width(static_cast<uint64_t>(max_level) + 1)) {}

  size_t size() const { return count_; }
  void append(uint8_t level, size_t count) {
    if (max_ == 0 || count == 0) {
      count_ += count;
      return;
    }
    if (count_ == 0) level_ = level;
    if (bytes_.empty() && level == level_) {
      count_ += count;
      return;
    }
    spread();
    bytes_.insert(bytes_.end(), count, level);
    count_ += count;
  }
  void append(const uint8_t* levels, size_t count) {
    if (max_ > 0 && count > 0) {
      spread();
      bytes_.insert(bytes_.end(), levels, levels + count);
    }
    count_ += count;
  }

  // About what encode() would write.
  size_t encoded_bytes() const {
    if (max_ == 0) return 0;
    return bytes_.empty() ? 8 : 4 + count_ * static_cast<size_t>(width_) / 8;
  }
  // With their length in front, as data pages of the first version have them.
  void encode(Buffer& out) const {
    if (max_ == 0) return;
    uint8_t* const begin =
        out.reserve(kLengthBytes + max_hybrid_bytes(bytes_.empty() ? 0 : count_, width_));
    uint8_t* end = begin + kLengthBytes;
    if (bytes_.empty()) {
      end = encode_run(level_, count_, width_, end);
    } else {
      end = encode_hybrid(bytes_.data(), count_, width_, end);
    }
    const auto length = static_cast<uint32_t>(static_cast<size_t>(end - begin) - kLengthBytes);
    std::memcpy(begin, &length, kLengthBytes);
    out.set_end(end);
  }
  void clear() {
    bytes_.clear();
    count_ = 0;
  }

 private:
  static constexpr size_t kLengthBytes = sizeof(uint32_t);
  void spread() {
    if (bytes_.empty() && count_ > 0) bytes_.assign(count_, level_);
  }

  const int max_;
  const int width_;
  size_t count_ = 0;
  uint8_t level_ = 0;           // of all, while bytes_ is empty
  std::vector<uint8_t> bytes_;  // else: one each
};

}  // namespace sluice::parquet
