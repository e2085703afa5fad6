#include "dataflow/time_conditions.h"

#include <array>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/logical_filter.hpp>

#include "dataflow/compile.h"
#include "engine/functions/raise.h"

namespace sluice::dataflow {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;

constexpr std::array<std::pair<TimeComparison, const char*>, 4> kMarks = {{
    {TimeComparison::kAtLeast, "mz_now() >="},
    {TimeComparison::kGreater, "mz_now() >"},
    {TimeComparison::kAtMost, "mz_now() <="},
    {TimeComparison::kLess, "mz_now() <"},
}};

Error misplaced() {
  return unsupported("mz_now() here",
                     "Compare it, as it is, with an expression without it, in WHERE or HAVING: "
                     "WHERE mz_now() <= added_at + INTERVAL '5 minutes'. Conditions may be joined "
                     "by AND, not by OR.");
}

bool is_time(const Expression& expression) {
  return expression.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION &&
         expression.Cast<duckdb::BoundFunctionExpression>().function.name == "sluice_logical_time";
}

bool has_time(const Expression& expression) {
  bool found = is_time(expression);
  duckdb::ExpressionIterator::EnumerateChildren(
      expression, [&](const Expression& child) { found = found || has_time(child); });
  return found;
}

// The optimizer may look for the value of what reads no column, to learn what a missing row would
// give: of NULL there is one, else it must not find any.
void no_value(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  if (arguments.data[0].GetVectorType() != duckdb::VectorType::CONSTANT_VECTOR ||
      !duckdb::ConstantVector::IsNull(arguments.data[0])) {
    engine::functions::raise(
        unsupported("mz_now() compared with what may be the same without any row",
                    "Compare it with a column that is NULL where a join found no row."));
  }
  result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  duckdb::ConstantVector::SetNull(result, true);
}

ExpressionPtr marked(TimeComparison comparison, ExpressionPtr bound) {
  const char* name = nullptr;
  for (const auto& [known, its_name] : kMarks) {
    if (known == comparison) name = its_name;
  }
  duckdb::ScalarFunction function(name, {bound->return_type}, engine::LogicalType::BOOLEAN,
                                  no_value);
  function.errors = duckdb::FunctionErrors::CAN_THROW_RUNTIME_ERROR;
  // Of a constant, DuckDB would compute it at once otherwise.
  if (bound->IsFoldable()) function.stability = duckdb::FunctionStability::VOLATILE;
  duckdb::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(bound));
  return duckdb::make_uniq<duckdb::BoundFunctionExpression>(
      engine::LogicalType::BOOLEAN, std::move(function), std::move(arguments), nullptr);
}

std::optional<TimeComparison> comparison_of(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return TimeComparison::kAtLeast;
    case ExpressionType::COMPARE_GREATERTHAN:
      return TimeComparison::kGreater;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return TimeComparison::kAtMost;
    case ExpressionType::COMPARE_LESSTHAN:
      return TimeComparison::kLess;
    default:
      return std::nullopt;
  }
}

// Appends what `condition`, one with the time in it, means.
Status mark(ExpressionPtr condition, duckdb::vector<ExpressionPtr>& out) {
  if (condition->GetExpressionClass() != ExpressionClass::BOUND_COMPARISON) return misplaced();
  auto& comparison = condition->Cast<duckdb::BoundComparisonExpression>();
  ExpressionType type = comparison.GetExpressionType();
  if (!is_time(*comparison.left)) {
    std::swap(comparison.left, comparison.right);
    type = duckdb::FlipComparisonExpression(type);
  }
  if (!is_time(*comparison.left) || has_time(*comparison.right)) return misplaced();
  if (comparison.right->return_type.InternalType() != duckdb::PhysicalType::UINT64) {
    return misplaced();
  }
  if (type == ExpressionType::COMPARE_EQUAL) {
    out.push_back(marked(TimeComparison::kAtLeast, comparison.right->Copy()));
    out.push_back(marked(TimeComparison::kAtMost, std::move(comparison.right)));
    return ok();
  }
  const auto known = comparison_of(type);
  if (!known) return misplaced();
  out.push_back(marked(*known, std::move(comparison.right)));
  return ok();
}

Status mark_filter(duckdb::LogicalOperator& filter) {
  duckdb::LogicalFilter::SplitPredicates(filter.expressions);
  duckdb::vector<ExpressionPtr> out;
  for (ExpressionPtr& condition : filter.expressions) {
    if (has_time(*condition)) {
      TRY(mark(std::move(condition), out));
    } else {
      out.push_back(std::move(condition));
    }
  }
  filter.expressions = std::move(out);
  return ok();
}

}  // namespace

Status mark_time_conditions(duckdb::LogicalOperator& bound) {
  if (bound.type == duckdb::LogicalOperatorType::LOGICAL_FILTER) TRY(mark_filter(bound));
  Status status;
  duckdb::LogicalOperatorVisitor::EnumerateExpressions(bound, [&](ExpressionPtr* expression) {
    if (status.ok() && has_time(**expression)) status = misplaced();
  });
  TRY(std::move(status));
  for (auto& child : bound.children) TRY(mark_time_conditions(*child));
  return ok();
}

std::optional<TimeComparison> time_condition(const Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_FUNCTION) return std::nullopt;
  const auto& name = expression.Cast<duckdb::BoundFunctionExpression>().function.name;
  for (const auto& [known, its_name] : kMarks) {
    if (name == its_name) return known;
  }
  return std::nullopt;
}

ExpressionPtr take_bound(ExpressionPtr condition) {
  return std::move(condition->Cast<duckdb::BoundFunctionExpression>().children[0]);
}

}  // namespace sluice::dataflow
