#include "engine/allocations.h"

#include <atomic>
#include <duckdb/common/exception.hpp>
#include <duckdb/main/database.hpp>
#include <duckdb/storage/buffer_manager.hpp>
#include <mutex>
#include <utility>

namespace sluice::engine {
namespace {

using duckdb::Allocator;
using duckdb::data_ptr_t;
using duckdb::idx_t;
using duckdb::PrivateAllocatorData;

constexpr idx_t kCountedBytes = idx_t{64} << 10;

std::atomic<uint64_t> most_bytes{UINT64_MAX};
std::atomic<uint64_t> used{0};
thread_local bool thread_may_fail = false;

idx_t counted(idx_t size) { return size < kCountedBytes ? 0 : size; }

bool take(idx_t size) {
  if (size == 0) return true;
  if (used.fetch_add(size, std::memory_order_relaxed) + size <= most_bytes || !thread_may_fail) {
    return true;
  }
  used.fetch_sub(size, std::memory_order_relaxed);
  return false;
}

void give_back(idx_t size) {
  if (size > 0) used.fetch_sub(size, std::memory_order_relaxed);
}

// DuckDB makes its error of a nullptr.
data_ptr_t allocate(PrivateAllocatorData* data, idx_t size) {
  if (!take(counted(size))) return nullptr;
  const data_ptr_t memory = Allocator::DefaultAllocate(data, size);
  if (memory == nullptr) give_back(counted(size));
  return memory;
}

void release(PrivateAllocatorData* data, data_ptr_t memory, idx_t size) {
  Allocator::DefaultFree(data, memory, size);
  give_back(counted(size));
}

data_ptr_t reallocate(PrivateAllocatorData* data, data_ptr_t memory, idx_t old_size, idx_t size) {
  if (!take(counted(size))) return nullptr;
  const data_ptr_t moved = Allocator::DefaultReallocate(data, memory, old_size, size);
  give_back(counted(moved == nullptr ? size : old_size));
  return moved;
}

// Our part of an instance's memory, in steps, so that its pool is asked rarely.
class Loan {
 public:
  void take_from(const duckdb::shared_ptr<duckdb::DatabaseInstance>& instance) {
    const std::lock_guard lock(mutex_);
    instance_ = instance;
    lent_ = 0;
  }

  void grow(uint64_t bytes) {
    const uint64_t needed = needed_ += bytes;
    if (needed <= lent_) return;
    const std::lock_guard lock(mutex_);
    const auto instance = instance_.lock();
    if (!instance || needed <= lent_) return;
    const uint64_t more = (needed - lent_ + kStep - 1) / kStep * kStep;
    try {
      duckdb::BufferManager::GetBufferManager(*instance).ReserveMemory(more);
    } catch (...) {
      needed_ -= bytes;
      throw;
    }
    lent_ += more;
  }

  void shrink(uint64_t bytes) {
    const uint64_t needed = needed_ -= bytes;
    if (lent_ < needed + 2 * kStep) return;
    const std::lock_guard lock(mutex_);
    const auto instance = instance_.lock();
    if (!instance || lent_ < needed + 2 * kStep) return;
    const uint64_t less = (lent_ - needed) / kStep * kStep;
    duckdb::BufferManager::GetBufferManager(*instance).FreeReservedMemory(less);
    lent_ -= less;
  }

 private:
  static constexpr uint64_t kStep = uint64_t{2} << 20;

  std::mutex mutex_;
  duckdb::weak_ptr<duckdb::DatabaseInstance> instance_;  // guarded by the above
  std::atomic<uint64_t> lent_ = 0;                       // written under it
  std::atomic<uint64_t> needed_ = 0;
};

Loan loan;

}  // namespace

void bound_allocations(uint64_t bytes) {
  most_bytes = bytes;
  // Kept for what it has allocated already.
  static const auto before =
      std::exchange(Allocator::DefaultAllocatorReference(),
                    duckdb::make_shared_ptr<Allocator>(allocate, release, reallocate, nullptr));
}

AllocationsMayFail::AllocationsMayFail() { thread_may_fail = true; }
AllocationsMayFail::~AllocationsMayFail() { thread_may_fail = false; }
void allocations_of_worker_may_fail() { thread_may_fail = true; }

duckdb::unique_ptr<Allocator> counting_allocator() {
  return duckdb::make_uniq<Allocator>(allocate, release, reallocate, nullptr);
}

uint8_t* resize_counted(uint8_t* memory, uint64_t old_size, uint64_t size) {
  loan.grow(size);
  uint8_t* const resized =
      memory == nullptr ? allocate(nullptr, size) : reallocate(nullptr, memory, old_size, size);
  loan.shrink(resized == nullptr ? size : old_size);
  if (resized == nullptr) {
    throw duckdb::OutOfMemoryException("could not allocate %llu bytes", size);
  }
  return resized;
}

void free_counted(uint8_t* memory, uint64_t size) {
  release(nullptr, memory, size);
  loan.shrink(size);
}

LentMemory::LentMemory(uint64_t bytes) : bytes_(bytes) {
  try {
    loan.grow(bytes_);
  } catch (const duckdb::OutOfMemoryException&) {
    bytes_ = 0;
  }
}
LentMemory::~LentMemory() { loan.shrink(bytes_); }

void lend_memory_of(const duckdb::shared_ptr<duckdb::DatabaseInstance>& instance) {
  loan.take_from(instance);
}

uint64_t allocated_bytes() { return used; }

}  // namespace sluice::engine
