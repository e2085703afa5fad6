#include "dataflow/scan_condition.h"

#include <fmt/ranges.h>

#include <duckdb/common/types/value.hpp>
#include <duckdb/planner/expression/bound_between_expression.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_conjunction_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/expression/bound_operator_expression.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>

namespace sluice::dataflow {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::LogicalTypeId;

// What is longer takes longer to parse than its rows to leave out.
constexpr size_t kMostListed = 200;

// Whether values compare by their type alone, without a collation or a name that means something
// else, and a constant is told by its text.
bool is_plain(const engine::LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::DATE:
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::VARCHAR:
      return type.AuxInfo() == nullptr;
    case LogicalTypeId::DECIMAL:
      return !type.HasAlias();
    default:
      return false;
  }
}

// Whether a date is written as PostgreSQL and DuckDB both read it: of a year of four digits, not
// before Christ.
bool is_common_date(const std::string& text) {
  const bool is_infinite = text.ends_with("infinity");
  return is_infinite || (text.find('-') == 4 && text.find('(') == std::string::npos);
}

std::optional<std::string> literal(const engine::Value& value) {
  const engine::LogicalType& type = value.type();
  if (value.IsNull() || !is_plain(type)) return std::nullopt;
  const std::string text = value.ToString();
  if (text.find('\0') != std::string::npos) return std::nullopt;
  const bool is_date = type.id() == LogicalTypeId::DATE || type.id() == LogicalTypeId::TIMESTAMP;
  if (is_date && !is_common_date(text)) return std::nullopt;
  engine::Value back;
  std::string error;
  if (!engine::Value(text).DefaultTryCastAs(type, back, &error) || back != value) {
    return std::nullopt;
  }
  return fmt::format("CAST({} AS {})", engine::Value(text).ToSQLString(), type.ToString());
}

// A column or a constant.
std::optional<std::string> operand(const Expression& expression, const ColumnName& name) {
  if (!is_plain(expression.return_type)) return std::nullopt;
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_REF:
      return name(expression.Cast<duckdb::BoundReferenceExpression>().index);
    case ExpressionClass::BOUND_CONSTANT:
      return literal(expression.Cast<duckdb::BoundConstantExpression>().value);
    default:
      return std::nullopt;
  }
}

const char* comparison_in_sql(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_EQUAL:
      return "=";
    case ExpressionType::COMPARE_NOTEQUAL:
      return "<>";
    case ExpressionType::COMPARE_LESSTHAN:
      return "<";
    case ExpressionType::COMPARE_GREATERTHAN:
      return ">";
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return "<=";
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return ">=";
    case ExpressionType::COMPARE_DISTINCT_FROM:
      return "IS DISTINCT FROM";
    case ExpressionType::COMPARE_NOT_DISTINCT_FROM:
      return "IS NOT DISTINCT FROM";
    default:
      return nullptr;
  }
}

std::optional<std::string> compared(const Expression& left, ExpressionType by,
                                    const Expression& right, const ColumnName& name) {
  const char* const comparison = comparison_in_sql(by);
  if (comparison == nullptr || left.return_type != right.return_type) return std::nullopt;
  const auto a = operand(left, name);
  const auto b = operand(right, name);
  if (!a || !b) return std::nullopt;
  return fmt::format("({} {} {})", *a, comparison, *b);
}

using Children = duckdb::vector<ExpressionPtr>;

// All of them, or nothing.
template <typename InSql>
std::optional<std::string> joined(Children::const_iterator begin, Children::const_iterator end,
                                  const char* by, const InSql& in_sql) {
  std::vector<std::string> parts;
  for (auto child = begin; child != end; ++child) {
    const auto part = in_sql(**child);
    if (!part) return std::nullopt;
    parts.push_back(*part);
  }
  return fmt::format("({})", fmt::join(parts, by));
}

std::optional<std::string> operator_in_sql(const duckdb::BoundOperatorExpression& expression,
                                           const ColumnName& name) {
  const Expression& first = *expression.children[0];
  switch (expression.GetExpressionType()) {
    case ExpressionType::OPERATOR_NOT:
      if (const auto inner = condition_in_sql(first, name)) return fmt::format("(NOT {})", *inner);
      return std::nullopt;
    case ExpressionType::OPERATOR_IS_NULL:
    case ExpressionType::OPERATOR_IS_NOT_NULL: {
      // Of any type: its values are not looked at.
      if (first.GetExpressionClass() != ExpressionClass::BOUND_REF) return std::nullopt;
      const bool negated = expression.GetExpressionType() == ExpressionType::OPERATOR_IS_NOT_NULL;
      return fmt::format("({} IS {}NULL)",
                         name(first.Cast<duckdb::BoundReferenceExpression>().index),
                         negated ? "NOT " : "");
    }
    case ExpressionType::COMPARE_IN:
    case ExpressionType::COMPARE_NOT_IN: {
      for (const ExpressionPtr& child : expression.children) {
        if (child->return_type != first.return_type) return std::nullopt;
      }
      const auto tested = operand(first, name);
      const auto among = joined(expression.children.begin() + 1, expression.children.end(), ", ",
                                [&](const Expression& child) { return operand(child, name); });
      if (!tested || !among || expression.children.size() < 2) return std::nullopt;
      if (expression.children.size() > kMostListed) return std::nullopt;
      const bool negated = expression.GetExpressionType() == ExpressionType::COMPARE_NOT_IN;
      return fmt::format("({} {}IN {})", *tested, negated ? "NOT " : "", *among);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> condition_in_sql(const Expression& expression, const ColumnName& name) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_REF:
    case ExpressionClass::BOUND_CONSTANT:
      if (expression.return_type.id() != LogicalTypeId::BOOLEAN) return std::nullopt;
      return operand(expression, name);
    case ExpressionClass::BOUND_COMPARISON: {
      const auto& comparison = expression.Cast<duckdb::BoundComparisonExpression>();
      return compared(*comparison.left, comparison.GetExpressionType(), *comparison.right, name);
    }
    case ExpressionClass::BOUND_BETWEEN: {
      const auto& between = expression.Cast<duckdb::BoundBetweenExpression>();
      const auto lower =
          compared(*between.input, between.LowerComparisonType(), *between.lower, name);
      const auto upper =
          compared(*between.input, between.UpperComparisonType(), *between.upper, name);
      if (!lower || !upper) return std::nullopt;
      return fmt::format("({} AND {})", *lower, *upper);
    }
    case ExpressionClass::BOUND_CONJUNCTION: {
      const auto& all = expression.Cast<duckdb::BoundConjunctionExpression>().children;
      const bool is_and = expression.GetExpressionType() == ExpressionType::CONJUNCTION_AND;
      return joined(all.begin(), all.end(), is_and ? " AND " : " OR ",
                    [&](const Expression& child) { return condition_in_sql(child, name); });
    }
    case ExpressionClass::BOUND_OPERATOR:
      return operator_in_sql(expression.Cast<duckdb::BoundOperatorExpression>(), name);
    default:
      return std::nullopt;
  }
}

std::optional<std::string> condition_in_sql(const Filter& filter, const ColumnName& name) {
  std::vector<std::string> conditions;
  for (const ExpressionPtr& condition : filter.conditions) {
    const auto told = condition_in_sql(*condition, name);
    if (!told) break;
    conditions.push_back(*told);
  }
  if (conditions.empty()) return std::nullopt;
  return fmt::format("({})", fmt::join(conditions, " AND "));
}

}  // namespace sluice::dataflow
