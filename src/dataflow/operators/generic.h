// Aggregates that cannot take a row back: their rows are kept, and what a tick touches is computed
// again by DuckDB's own function. Rows come in the call's order; without one, in that of their
// bytes, so that the same rows always give the same result, floating point and lists included.
//
// Threads: one at a time.
#pragma once

#include "arrangement/arrangement.h"
#include "arrangement/row_bytes.h"
#include "dataflow/evaluate.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

class GenericAggregate {
 public:
  // `types`: of the input's columns. The call must outlive it.
  GenericAggregate(const AggregateCall& call, const std::vector<engine::LogicalType>& types);

  // Takes a batch in; keys[i] is the group of row i.
  void add(const Batch& batch, const arrangement::ByteRows& keys,
           const std::vector<uint64_t>& hashes);

  // Fills result's row i for the group keys[i]; of those that cannot be computed in `failed`.
  void finish(const std::vector<std::string_view>& keys, engine::Vector& result,
              std::vector<Failure>& failed) const;

  size_t rows() const { return rows_.rows(); }
  size_t bytes() const { return rows_.bytes(); }

 private:
  // A row that a group's function is to see, so many times.
  struct Seen {
    uint32_t group;
    std::string_view payload;
    int64_t count;
  };
  void gather(uint32_t group, std::string_view key, std::vector<Seen>& seen) const;
  void sort(std::vector<Seen>& seen, size_t begin) const;
  void count_distinct(const std::vector<std::string_view>& keys, engine::Vector& result) const;
  void compute(const std::vector<std::string_view>& keys, size_t begin, size_t count,
               engine::Vector& result, std::vector<Failure>& failed) const;

  const AggregateCall& call_;
  std::vector<size_t> columns_;  // of the input, that rows are kept of: arguments, then order
  arrangement::RowCodec codec_;
  arrangement::Arrangement rows_;
  bool counts_distinct_ = false;
};

}  // namespace sluice::dataflow
