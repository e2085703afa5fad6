// Changes of a collection: rows, each with how often it came (+) or went (-).
//
// Threads: one at a time. A batch is shared among the nodes of one graph, which do not change it;
// it is not const only because DuckDB's readers take chunks that are not.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "arrangement/row_bytes.h"
#include "engine/chunk.h"

namespace sluice::dataflow {

// What an executor takes at a time.
inline constexpr size_t kBatchRows = 2048;

struct Batch {
  engine::Chunk rows;            // at most kBatchRows
  std::vector<int64_t> weights;  // one for each row, none is 0

  size_t size() const { return weights.size(); }
};

using BatchPtr = std::shared_ptr<Batch>;  // shared by all nodes that pass it on as it is
// No order, and a row may be in it more than once; never an empty batch.
using Delta = std::vector<BatchPtr>;

size_t row_count(const Delta& delta);

// The rows of `batch` that are chosen, as references to it.
BatchPtr select_rows(Batch& batch, const std::vector<uint32_t>& chosen);

// So that references to the batch's rows have nothing left to compute when they are read, and
// several threads can do that.
void settle(Batch& batch);

// Rows as bytes with the sums of their weights.
class Sums {
 public:
  void add(std::string_view row, int64_t weight);
  size_t size() const { return weights_.size(); }  // rows that were ever added
  std::string_view row(size_t index) const { return rows_[index]; }
  int64_t weight(size_t index) const { return weights_[index]; }  // may be 0

 private:
  void grow();

  arrangement::ByteRows rows_;
  std::vector<int64_t> weights_;
  std::vector<uint64_t> hashes_;
  std::vector<uint32_t> slots_;  // index + 1; 0: free
};

// The rows of which the sum is not 0, from the bytes that `codec` made of them.
Delta rows_from(const Sums& sums, const arrangement::RowCodec& codec);

// The same changes with each row at most once: rows are equal here when all their bytes are.
Delta consolidate(const Delta& delta, const std::vector<engine::LogicalType>& types);

// 0, 1, … count - 1.
std::vector<size_t> all_columns(size_t count);

}  // namespace sluice::dataflow
