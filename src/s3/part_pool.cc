#include "s3/part_pool.h"

#include <algorithm>
#include <cstring>

namespace sluice::s3 {
namespace {

constexpr size_t kFirstCapacity = 64 << 10;
constexpr size_t kGrowth = 4;

}  // namespace

size_t PartBuffer::fill(std::span<const std::byte> bytes, size_t limit) {
  const size_t taken = std::min(bytes.size(), limit - std::min(limit, size_));
  if (taken == 0) return 0;
  if (size_ + taken > capacity_) grow(size_ + taken, limit);
  std::memcpy(memory_.get() + size_, bytes.data(), taken);
  size_ += taken;
  return taken;
}

void PartBuffer::grow(size_t needed, size_t limit) {
  size_t capacity = std::max(capacity_, kFirstCapacity);
  while (capacity < needed) capacity *= kGrowth;
  capacity = std::max(needed, std::min(capacity, limit));
  auto memory = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (size_ > 0) std::memcpy(memory.get(), memory_.get(), size_);
  memory_ = std::move(memory);
  capacity_ = capacity;
}

Result<PartPool::Permit> PartPool::acquire(size_t bytes, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const uint64_t ticket = ++last_ticket_;
  waiting_.push_back(ticket);
  const bool served = released_.wait(lock, stop, [&] {
    return waiting_.front() == ticket && (in_flight_ == 0 || in_flight_ + bytes <= capacity_);
  });
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), ticket));
  if (served) in_flight_ += bytes;
  lock.unlock();
  // The next in line may fit as well; or it was behind one that has given up.
  released_.notify_all();
  if (!served) return cancelled();
  return Permit(*this, bytes);
}

void PartPool::release(size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    in_flight_ -= bytes;
  }
  released_.notify_all();
}

PartBuffer PartPool::take_buffer() {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) return {};
  PartBuffer buffer = std::move(spare_.back());
  spare_.pop_back();
  spare_bytes_ -= buffer.capacity();
  return buffer;
}

void PartPool::give_back(PartBuffer buffer) {
  buffer.clear();
  const std::lock_guard lock(mutex_);
  if (spare_bytes_ + buffer.capacity() > capacity_) return;
  spare_bytes_ += buffer.capacity();
  spare_.push_back(std::move(buffer));
}

size_t PartPool::in_flight() const {
  const std::lock_guard lock(mutex_);
  return in_flight_;
}

}  // namespace sluice::s3
