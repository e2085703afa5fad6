// Groups of sums, filled by several threads: each takes some rows of every batch, whatever their
// groups are, into groups of its own, which are added up at the end.
//
// Sums are not told apart by key as other operators are (sharded.h), since adding a row to them
// takes no longer than to tell whose it is. While a graph is filled an average or a count of a
// group is there once for each thread, so groups that become many are added up at once, and the
// rest of the filling is one thread's. So is every step: what changes at once is not worth other
// threads.
//
// Threads: one at a time; it uses base/parallel.h itself.
#pragma once

#include <vector>

#include "dataflow/operators/aggregate.h"

namespace sluice::dataflow {

class SlicedAggregate final : public Operator {
 public:
  // Whether it may keep the node: sums alone, of inputs whose vectors several threads may read.
  static bool can_keep(const Aggregate& node);

  // As many slices as threads are to work, two at least. Fewer rows than `parallel_from` are not
  // worth other threads.
  SlicedAggregate(const Aggregate& node, size_t slices, size_t parallel_from);
  Delta start() override { return slices_[0]->start(); }
  Delta step(std::span<const Delta* const> inputs) override { return slices_[0]->step(inputs); }
  void fill(size_t input, const BatchPtr& rows, const Emit& emit) override;
  void finish_fill(const Emit& emit) override;
  OperatorState state() const override;
  const Error* error() const override { return slices_[0]->error(); }
  size_t error_bytes() const override { return slices_[0]->error_bytes(); }

 private:
  void add_up();

  std::vector<std::unique_ptr<AggregateOperator>> slices_;  // only the first is left in the end
  const size_t parallel_from_;
};

}  // namespace sluice::dataflow
