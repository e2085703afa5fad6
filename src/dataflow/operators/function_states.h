// The states of one of DuckDB's aggregate functions for some groups, as its own code has them.
//
// All may throw what the function throws. Threads: one at a time.
#pragma once

#include <algorithm>
#include <duckdb/storage/arena_allocator.hpp>
#include <vector>

#include "dataflow/plan.h"
#include "engine/chunk.h"

namespace sluice::dataflow {

class FunctionStates {
 public:
  FunctionStates(const AggregateCall& call, size_t count)
      : function_(call.bound->function),
        arena_(duckdb::Allocator::DefaultAllocator()),
        input_(call.bound->bind_info.get(), arena_),
        size_((function_.state_size(function_) + 7) / 8 * 8),
        memory_(count * size_ / 8),
        pointers_(count) {
    for (size_t i = 0; i < count; ++i) {
      pointers_[i] = reinterpret_cast<duckdb::data_ptr_t>(memory_.data()) + i * size_;
      function_.initialize(function_, pointers_[i]);
    }
  }
  ~FunctionStates() {
    if (!function_.destructor) return;
    engine::Vector all = vector_of(pointers_);
    function_.destructor(all, input_, pointers_.size());
  }
  FunctionStates(const FunctionStates&) = delete;
  FunctionStates& operator=(const FunctionStates&) = delete;

  void update(engine::Chunk& arguments, const std::vector<duckdb::data_ptr_t>& states) {
    engine::Vector targets = vector_of(states);
    function_.update(arguments.data.data(), input_, arguments.ColumnCount(), targets,
                     states.size());
  }
  void finalize(engine::Vector& result, size_t offset) {
    engine::Vector all = vector_of(pointers_);
    function_.finalize(all, input_, result, pointers_.size(), offset);
  }
  duckdb::data_ptr_t at(size_t index) const { return pointers_[index]; }

 private:
  static engine::Vector vector_of(const std::vector<duckdb::data_ptr_t>& pointers) {
    engine::Vector result(engine::LogicalType::POINTER, std::max<size_t>(pointers.size(), 1));
    std::copy(pointers.begin(), pointers.end(),
              reinterpret_cast<duckdb::data_ptr_t*>(duckdb::FlatVector::GetData(result)));
    return result;
  }

  const duckdb::AggregateFunction& function_;
  duckdb::ArenaAllocator arena_;
  duckdb::AggregateInputData input_;
  const size_t size_;
  std::vector<uint64_t> memory_;
  std::vector<duckdb::data_ptr_t> pointers_;
};

}  // namespace sluice::dataflow
