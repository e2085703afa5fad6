// An aggregate that keeps something of each row of a group, found by the group's key or by a slot
// that it has in the group.
//
// Threads: one at a time.
#pragma once

#include "arrangement/row_bytes.h"
#include "dataflow/evaluate.h"
#include "dataflow/operator.h"
#include "dataflow/operators/linear.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

class KeyedAggregate {
 public:
  KeyedAggregate() = default;
  virtual ~KeyedAggregate() = default;
  KeyedAggregate(const KeyedAggregate&) = delete;
  KeyedAggregate& operator=(const KeyedAggregate&) = delete;

  // The groups of the rows of a batch: keys in bytes with their hashes, and the aggregate's slot in
  // each group, which is its own to use and zeros at first. Slots are there if slot_owner() is.
  struct Groups {
    const arrangement::ByteRows& keys;
    const std::vector<uint64_t>& hashes;
    const std::vector<WideSum*>& slots;
  };
  struct FinishedGroups {
    const std::vector<std::string_view>& keys;
    const std::vector<const WideSum*>& slots;
  };
  // The one whose slot it uses: itself, or another one of the same operator; none: nullptr.
  virtual const KeyedAggregate* slot_owner() const { return nullptr; }
  virtual void add(const Batch& batch, const Groups& groups) = 0;
  // Fills result's row i for group i; those that cannot be computed are in `failed`.
  virtual void finish(const FinishedGroups& groups, engine::Vector& result,
                      std::vector<Failure>& failed) const = 0;
  // The group goes, and the slot with it.
  virtual void forget(WideSum& /*slot*/) {}
  virtual OperatorState state() const = 0;
};

// The batch's weights, 0 for rows that the call's filter leaves out.
std::vector<int64_t> counted_weights(const Batch& batch, const AggregateCall& call);

}  // namespace sluice::dataflow
