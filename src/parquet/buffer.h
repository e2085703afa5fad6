// Bytes that grow at their end, in memory that is kept when they are cleared.
// What is large counts under the engine's bound on allocations: where that is
// reached, growing throws its out of memory, which ends in Writer.
//
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "engine/allocations.h"

namespace sluice::parquet {

class Buffer {
 public:
  // Behind what was reserved, so many bytes may be written to and mean nothing:
  // copies of short values need no exact length then.
  static constexpr size_t kSlack = 64;

  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { release(); }

  const uint8_t* data() const { return data_; }
  uint8_t* data() { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  std::span<const std::byte> bytes() const {
    return {reinterpret_cast<const std::byte*>(data_), size_};
  }

  // Room for `more` bytes (and kSlack) at the end, which is returned.
  uint8_t* reserve(size_t more) {
    if (size_ + more + kSlack > capacity_) grow(more);
    return data_ + size_;
  }
  // To be called after reserve(), with the end of what was written.
  void set_end(const uint8_t* end) { size_ = static_cast<size_t>(end - data_); }
  void append(const void* bytes, size_t count) {
    uint8_t* const at = reserve(count);
    if (count > 0) std::memcpy(at, bytes, count);
    size_ += count;
  }
  void append(uint8_t byte) {
    *reserve(1) = byte;
    ++size_;
  }
  void fill(uint8_t byte, size_t count) {
    std::memset(reserve(count), byte, count);
    size_ += count;
  }
  void clear() { size_ = 0; }
  // Gives memory back that only large values have needed.
  void clear_and_keep(size_t most) {
    size_ = 0;
    if (capacity_ > most) release();
  }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void grow(size_t more) {
    const size_t wanted = std::max(size_ + more + kSlack, capacity_ + capacity_ / 2);
    data_ = engine::resize_counted(data_, capacity_, wanted);
    capacity_ = wanted;
  }
  void release() {
    if (data_ != nullptr) engine::free_counted(data_, capacity_);
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace sluice::parquet
