// Bytes that wait to be written, in blocks of one size: they grow without being moved, and the
// blocks of all columns of a writer come from one pool, and go back to it.
//
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <vector>

#include "parquet/buffer.h"

namespace sluice::parquet {

class BlockPool {
 public:
  explicit BlockPool(size_t block_bytes) : block_bytes_(block_bytes) {}

  size_t block_bytes() const { return block_bytes_; }
  Buffer take() {
    if (free_.empty()) {
      Buffer block;
      block.reserve(block_bytes_);
      return block;
    }
    Buffer block = std::move(free_.back());
    free_.pop_back();
    return block;
  }
  // Those that only large values have needed are not kept.
  void give_back(Buffer block) {
    if (free_.size() * block_bytes_ >= kKeptBytes) return;
    block.clear();
    free_.push_back(std::move(block));
  }

 private:
  static constexpr size_t kKeptBytes = size_t{8} << 20;
  const size_t block_bytes_;
  std::vector<Buffer> free_;
};

class Blocks {
 public:
  // `pool` must outlive the object.
  explicit Blocks(BlockPool& pool) : pool_(pool) {}

  size_t size() const { return size_; }
  const std::vector<Buffer>& blocks() const { return blocks_; }
  void append(const uint8_t* bytes, size_t count) {
    size_ += count;
    while (count > 0) {
      if (blocks_.empty() || blocks_.back().size() == pool_.block_bytes()) {
        blocks_.push_back(pool_.take());
      }
      Buffer& block = blocks_.back();
      const size_t now = std::min(count, pool_.block_bytes() - block.size());
      block.append(bytes, now);
      bytes += now;
      count -= now;
    }
  }
  void clear() {
    for (Buffer& block : blocks_) pool_.give_back(std::move(block));
    blocks_.clear();
    size_ = 0;
  }

 private:
  BlockPool& pool_;
  size_t size_ = 0;
  std::vector<Buffer> blocks_;
};

}  // namespace sluice::parquet
