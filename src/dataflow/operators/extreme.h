// min and max: the values of each group in order, so that the next one is at hand when the first
// goes. A change costs the logarithm of the group's size.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "dataflow/operators/keyed_aggregate.h"

namespace sluice::dataflow {

class ExtremeAggregate final : public KeyedAggregate {
 public:
  // Whether the call is a min or max of values that can be kept in order.
  static bool can_do(const AggregateCall& call);
  explicit ExtremeAggregate(const AggregateCall& call);

  void add(const Batch& batch, const arrangement::ByteRows& keys,
           const std::vector<uint64_t>& hashes) override;
  void finish(const std::vector<std::string_view>& keys, engine::Vector& result,
              std::vector<Failure>& failed) const override;
  OperatorState state() const override;

 private:
  // Sort keys of values with counts; the result is the first.
  using Values = std::map<std::string, int64_t>;

  const AggregateCall& call_;
  const OrderKey order_;
  std::unordered_map<std::string, Values> groups_;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

}  // namespace sluice::dataflow
