// min, max, median, arg_min and arg_max: the values of each group in order, so that the next one is
// at hand when the first goes, and those in the middle are found by counting. A change costs little
// more in a large group than in a small one.
//
// Of arg_min and arg_max the values are those to order by, each with what is to be given for it. Of
// rows that tie the one is taken whose argument comes first in the order of its bytes.
#pragma once

#include <memory>

#include "dataflow/operators/keyed_aggregate.h"

namespace sluice::dataflow {

// Which row's value of a group. Of an odd number of rows there is no second one in the middle.
enum class Choice : uint8_t { kLeast, kGreatest, kFirstMiddle, kSecondMiddle };

// The values of a call's arguments by group.
class OrderedValues {
 public:
  OrderedValues() = default;
  virtual ~OrderedValues() = default;
  OrderedValues(const OrderedValues&) = delete;
  OrderedValues& operator=(const OrderedValues&) = delete;
  virtual void add(const Batch& batch, const AggregateCall& call,
                   const std::vector<WideSum*>& slots) = 0;
  // Puts each group's chosen value into its row of `result`, or NULL.
  virtual void put(const std::vector<const WideSum*>& slots, Choice choice,
                   engine::Vector& result) const = 0;
  virtual void forget(WideSum& slot) = 0;
  virtual OperatorState state() const = 0;
};

class ExtremeAggregate final : public KeyedAggregate {
 public:
  // Whether the call is one of these, of values that can be kept in order.
  static bool can_do(const AggregateCall& call);
  // `other`: one over the same rows and values, whose state then does for both; must outlive this.
  ExtremeAggregate(const AggregateCall& call, const ExtremeAggregate* other);

  // Whether the state of this one does for the call, too.
  bool does_for(const AggregateCall& call) const;
  void add(const Batch& batch, const Groups& groups) override;
  void finish(const FinishedGroups& groups, engine::Vector& result,
              std::vector<Failure>& failed) const override;
  const KeyedAggregate* slot_owner() const override { return owner_; }
  void forget(WideSum& slot) override;
  OperatorState state() const override { return own_ ? own_->state() : OperatorState(); }

 private:
  // Those of the groups at `slots`, into result's rows from `begin` on.
  void median(const std::vector<const WideSum*>& slots, size_t begin, engine::Vector& result,
              std::vector<Failure>& failed) const;

  const AggregateCall& call_;
  const ExtremeAggregate* owner_;       // of the values: this, or another one
  std::unique_ptr<OrderedValues> own_;  // null: another one's
  const OrderedValues* values_;
};

}  // namespace sluice::dataflow
