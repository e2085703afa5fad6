// An operator as several of its kind, each for some of the keys, so that many rows are worked on by
// several threads.
//
//   rows ── by the hash of their key ──┬── shard 0: the operator, for its keys ──┬── out
//                                      └── shard 1: …                            ──┘
//
// Right for an operator whose output is the sum of what it is for the rows of each key alone: joins
// by key, groups, distinct rows, partitions. A shard's state is its own, so nothing is locked but
// where rows go out while a graph is filled.
//
// Threads: one at a time; it uses base/parallel.h itself.
#pragma once

#include <vector>

#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

// The columns of each input by which the node's rows can be told apart so, in an order that is the
// same for all inputs; empty: they can't.
std::vector<std::vector<size_t>> shard_columns(const Node& node);

// Whether several threads may read the node's inputs: vectors of nested values share others that
// readers change.
bool has_flat_inputs(const Node& node);

class ShardedOperator final : public Operator {
 public:
  // Two shards at least, all for the same node. Fewer rows than `parallel_from` are not worth other
  // threads.
  ShardedOperator(std::vector<std::unique_ptr<Operator>> shards,
                  std::vector<std::vector<size_t>> columns, size_t parallel_from);
  Delta start() override;
  Delta step(std::span<const Delta* const> inputs) override;
  void fill(size_t input, const BatchPtr& rows, const Emit& emit) override;
  void end_input(size_t input) override;
  void finish_fill(const Emit& emit) override;
  OperatorState state() const override;
  const Error* error() const override;
  size_t error_bytes() const override;

 private:
  // A batch for each shard, null where it has no row of it.
  std::vector<BatchPtr> split(size_t input, const BatchPtr& batch) const;
  // Tells of each row to which shard it belongs.
  template <typename Take>
  void route(size_t input, engine::Chunk& rows, const Take& take) const;
  size_t shard_of_only_row(std::span<const Delta* const> inputs) const;
  template <typename Work>
  void each(size_t rows, const Work& work);

  const std::vector<std::unique_ptr<Operator>> shards_;
  const std::vector<std::vector<size_t>> columns_;  // by input
  const size_t parallel_from_;
};

}  // namespace sluice::dataflow
