#include "dataflow/columns.h"

#include <algorithm>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>

#include "dataflow/batch.h"
#include "dataflow/first_rows.h"
#include "dataflow/same_plan.h"
#include "dataflow/time_conditions.h"

namespace sluice::dataflow {
namespace {

using duckdb::BoundColumnRefExpression;
using duckdb::BoundReferenceExpression;
using duckdb::ExpressionClass;

Result<ExpressionPtr> reference_for(const BoundColumnRefExpression& column, const Compiled& input) {
  const auto found = std::find(input.bindings.begin(), input.bindings.end(), column.binding);
  if (found == input.bindings.end()) {
    return internal("a view's plan lost column {} ({})", column.GetName(),
                    column.binding.ToString());
  }
  const auto index = static_cast<size_t>(found - input.bindings.begin());
  const auto& type = input.node->types[index];
  if (type != column.return_type) {
    return internal("a view's plan has column {} as {}, not as {}", column.GetName(),
                    type.ToString(), column.return_type.ToString());
  }
  return reference(*input.node, index);
}

std::vector<engine::LogicalType> types_of(const std::vector<ExpressionPtr>& expressions) {
  std::vector<engine::LogicalType> types;
  types.reserve(expressions.size());
  for (const ExpressionPtr& expression : expressions) types.push_back(expression->return_type);
  return types;
}

bool is_identity(const std::vector<size_t>& columns, size_t width) {
  if (columns.size() != width) return false;
  for (size_t i = 0; i < width; ++i) {
    if (columns[i] != i) return false;
  }
  return true;
}

// With what the time is compared with behind the columns, until it has been.
NodePtr filtered_by_time(NodePtr input, std::vector<ExpressionPtr> conditions) {
  const std::vector<size_t> kept = all_columns(input->types.size());
  Columns columns(std::move(input));
  auto node = std::make_shared<TemporalFilter>();
  for (ExpressionPtr& condition : conditions) {
    const TimeComparison comparison = *time_condition(*condition);
    node->bounds.push_back({comparison, columns.add(take_bound(std::move(condition)))});
  }
  columns.widen();
  for (TemporalFilter::Bound& bound : node->bounds) bound.column = columns.at(bound.column);
  node->types = columns.node()->types;
  node->inputs.push_back(columns.node());
  return pick(std::move(node), kept);
}

}  // namespace

Status resolve(ExpressionPtr& expression, const Compiled& input) {
  if (expression->GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF) {
    TRY_ASSIGN(expression, reference_for(expression->Cast<BoundColumnRefExpression>(), input));
    return ok();
  }
  Status status;
  duckdb::ExpressionIterator::EnumerateChildren(*expression, [&](ExpressionPtr& child) {
    if (status.ok()) status = resolve(child, input);
  });
  return status;
}

Result<ExpressionPtr> resolved(const duckdb::Expression& expression, const Compiled& input) {
  ExpressionPtr copy = expression.Copy();
  TRY(resolve(copy, input));
  return copy;
}

std::optional<size_t> plain_column(const duckdb::Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_REF) return std::nullopt;
  return expression.Cast<BoundReferenceExpression>().index;
}

ExpressionPtr reference(const Node& input, size_t column) {
  return duckdb::make_uniq<BoundReferenceExpression>(input.types[column], column);
}

Compiled side_by_side(const Compiled& left, const Compiled& right) {
  // Stands for the two in expressions only.
  auto both = std::make_shared<Constant>();
  both->types = left.node->types;
  both->types.insert(both->types.end(), right.node->types.begin(), right.node->types.end());
  Bindings bindings = left.bindings;
  bindings.insert(bindings.end(), right.bindings.begin(), right.bindings.end());
  return {std::move(both), std::move(bindings)};
}

std::shared_ptr<Project> project(NodePtr input, std::vector<ExpressionPtr> expressions) {
  auto node = std::make_shared<Project>();
  node->inputs.push_back(with_first_rows(std::move(input), expressions));
  node->types = types_of(expressions);
  node->expressions = std::move(expressions);
  return node;
}

NodePtr pick(NodePtr input, const std::vector<size_t>& columns) {
  if (is_identity(columns, input->types.size())) return input;
  std::vector<ExpressionPtr> expressions;
  expressions.reserve(columns.size());
  if (input->kind == NodeKind::kProject && input.use_count() == 1) {
    const auto& below = input->as<Project>();
    for (const size_t column : columns) expressions.push_back(below.expressions[column]->Copy());
    return project(below.inputs[0], std::move(expressions));
  }
  for (const size_t column : columns) expressions.push_back(reference(*input, column));
  return project(std::move(input), std::move(expressions));
}

NodePtr filtered(NodePtr input, std::vector<ExpressionPtr> conditions) {
  const auto on_time = std::stable_partition(
      conditions.begin(), conditions.end(),
      [](const ExpressionPtr& condition) { return !time_condition(*condition); });
  std::vector<ExpressionPtr> timed(std::make_move_iterator(on_time),
                                   std::make_move_iterator(conditions.end()));
  conditions.erase(on_time, conditions.end());
  if (!conditions.empty()) {
    auto node = std::make_shared<Filter>();
    node->types = input->types;
    node->conditions = std::move(conditions);
    node->inputs.push_back(std::move(input));
    input = std::move(node);
  }
  return timed.empty() ? input : filtered_by_time(std::move(input), std::move(timed));
}

size_t Columns::add(ExpressionPtr expression) {
  for (size_t i = 0; i < added_.size(); ++i) {
    if (same_expression(*added_[i], *expression)) return i;
  }
  added_.push_back(std::move(expression));
  return added_.size() - 1;
}

bool Columns::all_plain() const {
  return std::all_of(added_.begin(), added_.end(),
                     [](const ExpressionPtr& added) { return plain_column(*added).has_value(); });
}

void Columns::widen() {
  std::vector<ExpressionPtr> all;
  all.reserve(input_->types.size() + added_.size());
  for (size_t i = 0; i < input_->types.size(); ++i) all.push_back(reference(*input_, i));
  places_.reserve(added_.size());
  for (ExpressionPtr& added : added_) {
    const auto plain = plain_column(*added);
    places_.push_back(plain.value_or(all.size()));
    if (!plain) all.push_back(std::move(added));
  }
  output_ = all.size() == input_->types.size() ? input_ : project(input_, std::move(all));
}

void Columns::narrow() {
  if (added_.empty() || all_plain()) return widen();
  places_.reserve(added_.size());
  for (size_t i = 0; i < added_.size(); ++i) places_.push_back(i);
  output_ = project(input_, std::move(added_));
}

}  // namespace sluice::dataflow
