// A bound on all memory that DuckDB allocates. Its own limit covers its buffers only: vectors of
// large texts, arenas and the pages that its writers encode come on top of it, without any bound.
//
//   memory_limit    what DuckDB plans with: it spills, or says that it is out of memory
//   this bound      above it: the allocation fails, and the statement with `out of memory` (53200)
//
// Allocations fail only on threads that say that they can take it: DuckDB turns the exception into
// its query's error, while much else would end the process. All are counted.
//
// Only large allocations are counted and refused, since small ones are many, add up to little, and
// happen where a failure would hit somebody else.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <duckdb/common/allocator.hpp>
#include <duckdb/common/shared_ptr.hpp>
#include <duckdb/common/unique_ptr.hpp>

namespace duckdb {
class DatabaseInstance;
}

namespace sluice::engine {

// Sets the process's bound, and counts from now on what DuckDB allocates outside an instance. To be
// called before the first instance is made.
void bound_allocations(uint64_t bytes);

// While it lives, allocations of this thread may fail: whatever throws here is caught by somebody.
class AllocationsMayFail {
 public:
  AllocationsMayFail();
  ~AllocationsMayFail();
  AllocationsMayFail(const AllocationsMayFail&) = delete;
  AllocationsMayFail& operator=(const AllocationsMayFail&) = delete;
};

// For threads of DuckDB's own, which do nothing but its tasks: says so for the thread's life,
// unless an AllocationsMayFail lives on it.
void allocations_of_worker_may_fail();

// For an instance's configuration: counts, under the bound if one was set.
duckdb::unique_ptr<duckdb::Allocator> counting_allocator();

// Memory of ours that counts as DuckDB's does: resized, or new where `memory` is nullptr. It is a
// part of the memory limit of the instance last given to lend_memory_of(), which gives up blocks
// that it only keeps for the next reader to make room. Throws the engine's out of memory (53200).
uint8_t* resize_counted(uint8_t* memory, uint64_t old_size, uint64_t size);
void free_counted(uint8_t* memory, uint64_t size);

// Memory counted from now on is taken of this instance's, as long as it lives.
void lend_memory_of(const duckdb::shared_ptr<duckdb::DatabaseInstance>& instance);

// While it lives, the lending instance uses so much less: for another instance beside it. Where
// that is not to be had, nothing is lent, and only the bound on all allocations holds.
class LentMemory {
 public:
  explicit LentMemory(uint64_t bytes);
  ~LentMemory();
  LentMemory(const LentMemory&) = delete;
  LentMemory& operator=(const LentMemory&) = delete;

 private:
  uint64_t bytes_;
};

// What is allocated and counted now.
uint64_t allocated_bytes();

}  // namespace sluice::engine
