#include "dataflow/first_rows.h"

#include <algorithm>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>

#include "dataflow/columns.h"

namespace sluice::dataflow {
namespace {

using duckdb::ExpressionType;

bool reads(const duckdb::Expression& expression, size_t column) {
  bool found = false;
  duckdb::ExpressionIterator::VisitExpression<duckdb::BoundReferenceExpression>(
      expression, [&](const duckdb::BoundReferenceExpression& reference) {
        found = found || reference.index == column;
      });
  return found;
}

// How many first rows a condition on the row number lets through.
std::optional<uint64_t> most_rows(const duckdb::Expression& condition, size_t number) {
  if (condition.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COMPARISON) {
    return std::nullopt;
  }
  const auto& comparison = condition.Cast<duckdb::BoundComparisonExpression>();
  if (plain_column(*comparison.left) != number ||
      comparison.right->GetExpressionClass() != duckdb::ExpressionClass::BOUND_CONSTANT) {
    return std::nullopt;
  }
  const auto& value = comparison.right->Cast<duckdb::BoundConstantExpression>().value;
  if (value.IsNull() || value.type() != engine::LogicalType::BIGINT) return std::nullopt;
  const int64_t bound = value.GetValue<int64_t>();
  switch (condition.GetExpressionType()) {
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return static_cast<uint64_t>(std::max<int64_t>(bound, 0));
    case ExpressionType::COMPARE_LESSTHAN:
      return bound > 0 ? static_cast<uint64_t>(bound - 1) : 0;
    case ExpressionType::COMPARE_EQUAL:
      if (bound != 1) return std::nullopt;
      return 1;
    default:
      return std::nullopt;
  }
}

const duckdb::BoundWindowExpression* row_number_of(const Window& window) {
  if (window.calls.size() != 1) return nullptr;
  const auto& call = *window.calls[0];
  if (call.GetExpressionType() != ExpressionType::WINDOW_ROW_NUMBER || call.filter_expr ||
      !call.arg_orders.empty()) {
    return nullptr;
  }
  const bool plain = std::all_of(call.orders.begin(), call.orders.end(), [](const auto& order) {
    return plain_column(*order.expression).has_value();
  });
  return plain ? &call : nullptr;
}

NodePtr first_rows(const Window& window, const duckdb::BoundWindowExpression& call,
                   uint64_t limit) {
  auto node = std::make_shared<TopK>();
  node->inputs = window.inputs;
  node->types = window.inputs[0]->types;
  node->partition = window.partition;
  for (const auto& order : call.orders) {
    node->order.push_back({plain_column(*order.expression).value_or(0),
                           order.type == duckdb::OrderType::DESCENDING,
                           order.null_order == duckdb::OrderByNullType::NULLS_FIRST});
  }
  node->limit = limit;
  return node;
}

}  // namespace

NodePtr with_first_rows(NodePtr input, const std::vector<ExpressionPtr>& readers) {
  if (input->kind != NodeKind::kFilter || input->inputs[0]->kind != NodeKind::kWindow) return input;
  const auto& filter = input->as<Filter>();
  const auto& window = filter.inputs[0]->as<Window>();
  const auto* call = row_number_of(window);
  if (call == nullptr) return input;
  const size_t number = window.types.size() - 1;
  const auto wants = [&](const ExpressionPtr& reader) { return reads(*reader, number); };
  if (std::any_of(readers.begin(), readers.end(), wants)) return input;
  std::optional<uint64_t> limit;
  auto rest = std::make_shared<Filter>();
  for (const ExpressionPtr& condition : filter.conditions) {
    if (const auto most = most_rows(*condition, number)) {
      limit = std::min(limit.value_or(*most), *most);
    } else if (wants(condition)) {
      return input;
    } else {
      rest->conditions.push_back(condition->Copy());
    }
  }
  if (!limit) return input;
  NodePtr first = first_rows(window, *call, *limit);
  if (rest->conditions.empty()) return first;
  rest->types = first->types;
  rest->inputs.push_back(std::move(first));
  return rest;
}

}  // namespace sluice::dataflow
