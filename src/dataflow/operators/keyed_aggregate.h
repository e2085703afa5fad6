// An aggregate that keeps rows of each group, found by the group's key.
//
// Threads: one at a time.
#pragma once

#include "arrangement/row_bytes.h"
#include "dataflow/evaluate.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

class KeyedAggregate {
 public:
  KeyedAggregate() = default;
  virtual ~KeyedAggregate() = default;
  KeyedAggregate(const KeyedAggregate&) = delete;
  KeyedAggregate& operator=(const KeyedAggregate&) = delete;

  // Takes a batch in; keys[i] is the group of row i.
  virtual void add(const Batch& batch, const arrangement::ByteRows& keys,
                   const std::vector<uint64_t>& hashes) = 0;
  // Fills result's row i for the group keys[i]; those that cannot be computed are in `failed`.
  virtual void finish(const std::vector<std::string_view>& keys, engine::Vector& result,
                      std::vector<Failure>& failed) const = 0;
  virtual OperatorState state() const = 0;
};

// The batch's weights, 0 for rows that the call's filter leaves out.
std::vector<int64_t> counted_weights(const Batch& batch, const AggregateCall& call);

}  // namespace sluice::dataflow
