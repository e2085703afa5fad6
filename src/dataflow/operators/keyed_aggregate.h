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

  // The groups of the rows of a batch: a number that a group has as long as it has rows, and its
  // key in bytes with its hash.
  struct Groups {
    const std::vector<uint32_t>& numbers;
    const arrangement::ByteRows& keys;
    const std::vector<uint64_t>& hashes;
  };
  virtual void add(const Batch& batch, const Groups& groups) = 0;
  // Fills result's row i for the group numbers[i], whose key is keys[i]; those that cannot be
  // computed are in `failed`.
  virtual void finish(std::span<const uint32_t> numbers, const std::vector<std::string_view>& keys,
                      engine::Vector& result, std::vector<Failure>& failed) const = 0;
  virtual OperatorState state() const = 0;
};

// The batch's weights, 0 for rows that the call's filter leaves out.
std::vector<int64_t> counted_weights(const Batch& batch, const AggregateCall& call);

}  // namespace sluice::dataflow
