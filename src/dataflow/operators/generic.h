// Aggregates that cannot take a row back: their rows are kept, and what a tick touches is computed
// again by DuckDB's own function. Rows come in the call's order; without one, in that of their
// bytes, so that the same rows always give the same result, floating point and lists included.
//
// Threads: one at a time.
#pragma once

#include "arrangement/arrangement.h"
#include "dataflow/operators/keyed_aggregate.h"

namespace sluice::dataflow {

class GenericAggregate final : public KeyedAggregate {
 public:
  // `types`: of the input's columns. The call must outlive it.
  GenericAggregate(const AggregateCall& call, const std::vector<engine::LogicalType>& types);

  void add(const Batch& batch, const Groups& groups) override;
  void finish(const FinishedGroups& groups, engine::Vector& result,
              std::vector<Failure>& failed) const override;
  OperatorState state() const override { return {rows_.rows(), rows_.bytes()}; }

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
  void prefetch_groups(const std::vector<std::string_view>& keys) const;
  void compute(const std::vector<std::string_view>& keys, size_t begin, size_t count,
               engine::Vector& result, std::vector<Failure>& failed) const;

  const AggregateCall& call_;
  std::vector<size_t> columns_;  // of the input, that rows are kept of: arguments, then order
  arrangement::RowCodec codec_;
  arrangement::Arrangement rows_;
  bool counts_distinct_ = false;
};

}  // namespace sluice::dataflow
