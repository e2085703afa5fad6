// DISTINCT, and EXCEPT and INTERSECT with and without ALL: how often each row is in the inputs, and
// what that makes of it in the output.
#pragma once

#include <memory>
#include <vector>

#include "arrangement/arrangement.h"
#include "arrangement/row_bytes.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

// Rows that are equal to SQL are one; the output has one of them, always the same.
class CountingOperator final : public Operator {
 public:
  explicit CountingOperator(const Distinct& node);
  explicit CountingOperator(const SetOperation& node);
  Delta step(std::span<const Delta* const> inputs) override;
  void fill(size_t input, const BatchPtr& rows, const Emit& emit) override;
  void finish_fill(const Emit& emit) override;
  OperatorState state() const override;

 private:
  int64_t output(int64_t left, int64_t right) const;

  const std::vector<engine::LogicalType> types_;
  const arrangement::RowCodec codec_;
  const SetOperation* operation_ = nullptr;                        // null: DISTINCT
  std::vector<std::unique_ptr<arrangement::Arrangement>> counts_;  // of each input
};

}  // namespace sluice::dataflow
