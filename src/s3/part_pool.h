// The memory of parts: what bounds an export's buffers, and the back-pressure of all its writers.
//
// The bound is on parts *in flight*, which the network always lets go of sooner or later. The part
// that a writer is filling is its own and counted apart: were it under the bound too, writers whose
// parts are all half full would wait for each other for ever. It grows as it is filled, so a writer
// of a small object takes little. In all: capacity + one part for each open writer.
//
// Threads: PartPool is safe from any; a PartBuffer belongs to one thread at a time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <vector>

#include "base/result.h"

namespace sluice::s3 {

// Bytes of one part: memory that is not cleared, grows up to a limit and keeps what it has.
class PartBuffer {
 public:
  PartBuffer() = default;
  PartBuffer(PartBuffer&& other) noexcept { swap(other); }
  PartBuffer& operator=(PartBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  // Takes what fits below `limit` bytes in all; returns how many that were.
  size_t fill(std::span<const std::byte> bytes, size_t limit);
  std::span<const std::byte> bytes() const { return {memory_.get(), size_}; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  void clear() { size_ = 0; }

 private:
  void grow(size_t needed, size_t limit);
  void swap(PartBuffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  std::unique_ptr<std::byte[]> memory_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

class PartPool {
 public:
  explicit PartPool(size_t capacity_bytes) : capacity_(capacity_bytes) {}

  // The right to have so many bytes in flight; given back when it is destroyed.
  class Permit {
   public:
    Permit() = default;
    Permit(PartPool& pool, size_t bytes) : pool_(&pool), bytes_(bytes) {}
    Permit(Permit&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {
      bytes_ = other.bytes_;
    }
    Permit& operator=(Permit&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Permit() {
      if (pool_ != nullptr) pool_->release(bytes_);
    }

   private:
    PartPool* pool_ = nullptr;  // must outlive the permit
    size_t bytes_ = 0;
  };

  // Waits its turn: first come, first served, so a large part is not overtaken for ever by small
  // ones. What is larger than the whole pool goes alone. Only error: kCancelled.
  Result<Permit> acquire(size_t bytes, std::stop_token stop);

  // A buffer that was given back, or an empty one. Fresh memory costs the kernel's clearing it.
  PartBuffer take_buffer();
  void give_back(PartBuffer buffer);

  size_t capacity() const { return capacity_; }
  size_t in_flight() const;  // bytes

 private:
  void release(size_t bytes);

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any released_;
  size_t in_flight_ = 0;  // guarded, as the next four
  uint64_t last_ticket_ = 0;
  std::deque<uint64_t> waiting_;  // tickets, first served first
  size_t spare_bytes_ = 0;        // at most capacity_
  std::vector<PartBuffer> spare_;
};

}  // namespace sluice::s3
