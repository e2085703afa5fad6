// Operators on each row for itself: sources, constants, filters, projections, unions.
#pragma once

#include "dataflow/evaluate.h"
#include "dataflow/operator.h"

namespace sluice::dataflow {

// The columns of a collection's changes that the plan wants.
class SourceOperator final : public Operator {
 public:
  explicit SourceOperator(const Source& node) : node_(node) {}
  Delta step(std::span<const Delta* const> inputs) override;

 private:
  const Source& node_;
};

class ConstantOperator final : public Operator {
 public:
  explicit ConstantOperator(const Constant& node) : node_(node) {}
  Delta start() override;
  Delta step(std::span<const Delta* const>) override { return {}; }

 private:
  const Constant& node_;
};

class FilterOperator final : public Operator {
 public:
  FilterOperator(duckdb::ClientContext& context, const Filter& node);
  Delta step(std::span<const Delta* const> inputs) override;

 private:
  Condition condition_;
};

class ProjectOperator final : public Operator {
 public:
  ProjectOperator(duckdb::ClientContext& context, const Project& node);
  Delta step(std::span<const Delta* const> inputs) override;

 private:
  Projector projector_;
};

class UnionOperator final : public Operator {
 public:
  Delta step(std::span<const Delta* const> inputs) override;
};

}  // namespace sluice::dataflow
