// The elements of lists as rows. Keeps nothing: each row's elements come and go with it.
#pragma once

#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

class UnnestOperator final : public Operator {
 public:
  explicit UnnestOperator(const Unnest& node) : node_(node) {}
  Delta step(std::span<const Delta* const> inputs) override;

 private:
  // Element `element` of each list of row `row`.
  struct Place {
    uint32_t row;
    uint64_t element;
  };
  BatchPtr rows_at(Batch& batch, const std::vector<Place>& places) const;

  const Unnest& node_;
};

}  // namespace sluice::dataflow
