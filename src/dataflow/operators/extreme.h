// min and max: the values of each group in order, so that the next one is at hand when the first
// goes. A change costs the logarithm of the group's size.
#pragma once

#include <memory>

#include "dataflow/operators/keyed_aggregate.h"

namespace sluice::dataflow {

// The values of a column by group.
class OrderedValues {
 public:
  OrderedValues() = default;
  virtual ~OrderedValues() = default;
  OrderedValues(const OrderedValues&) = delete;
  OrderedValues& operator=(const OrderedValues&) = delete;
  virtual void add(const Batch& batch, size_t column, const std::vector<int64_t>& weights,
                   const std::vector<uint32_t>& groups) = 0;
  // Puts the group's least or greatest value into a row of `result`, or NULL.
  virtual void put(uint32_t group, bool greatest, engine::Vector& result, size_t row) const = 0;
  virtual OperatorState state() const = 0;
};

class ExtremeAggregate final : public KeyedAggregate {
 public:
  // Whether the call is a min or max of values that can be kept in order.
  static bool can_do(const AggregateCall& call);
  // `other`: one over the same rows and values, whose state then does for both; must outlive this.
  ExtremeAggregate(const AggregateCall& call, const ExtremeAggregate* other);

  // Whether the state of this one does for the call, too.
  bool does_for(const AggregateCall& call) const;
  void add(const Batch& batch, const Groups& groups) override;
  void finish(std::span<const uint32_t> numbers, const std::vector<std::string_view>& keys,
              engine::Vector& result, std::vector<Failure>& failed) const override;
  OperatorState state() const override { return own_ ? own_->state() : OperatorState(); }

 private:
  const AggregateCall& call_;
  std::unique_ptr<OrderedValues> own_;  // null: another one's
  const OrderedValues* values_;
};

}  // namespace sluice::dataflow
