#include "sql/lookups.h"

#include <algorithm>
#include <duckdb/parser/expression/list.hpp>

namespace sluice::sql {
namespace {

using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::ParsedExpression;
using engine::LogicalType;
using engine::LogicalTypeId;
using engine::Value;

// Each takes a query of its own.
constexpr size_t kMostEvaluated = 16;

// What has the same value for every row, and for whoever evaluates it.
bool is_constant(const ParsedExpression& expression) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::CONSTANT:
    case ExpressionClass::PARAMETER:
      return true;
    case ExpressionClass::CAST:
      return is_constant(*expression.Cast<duckdb::CastExpression>().child);
    case ExpressionClass::FUNCTION: {
      const auto& call = expression.Cast<duckdb::FunctionExpression>();
      return call.is_operator && call.function_name == "-" && call.children.size() == 1 &&
             is_constant(*call.children[0]);
    }
    default:
      return false;
  }
}

const duckdb::ColumnRefExpression* column_of(const ParsedExpression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::COLUMN_REF) return nullptr;
  return &expression.Cast<duckdb::ColumnRefExpression>();
}

void add_equality(const duckdb::ComparisonExpression& comparison, std::vector<KeyCondition>& out) {
  const ParsedExpression* value = comparison.right.get();
  const duckdb::ColumnRefExpression* column = column_of(*comparison.left);
  if (column == nullptr) {
    value = comparison.left.get();
    column = column_of(*comparison.right);
  }
  if (column != nullptr && is_constant(*value)) out.push_back({column->column_names, {value}});
}

void add_membership(const duckdb::OperatorExpression& in, std::vector<KeyCondition>& out) {
  const duckdb::ColumnRefExpression* const column = column_of(*in.children[0]);
  if (column == nullptr) return;
  KeyCondition condition{column->column_names, {}};
  for (size_t i = 1; i < in.children.size(); ++i) {
    if (!is_constant(*in.children[i])) return;
    condition.values.push_back(in.children[i].get());
  }
  out.push_back(std::move(condition));
}

void add_conditions(const ParsedExpression& where, std::vector<KeyCondition>& out) {
  switch (where.GetExpressionType()) {
    case ExpressionType::CONJUNCTION_AND:
      for (const auto& child : where.Cast<duckdb::ConjunctionExpression>().children) {
        add_conditions(*child, out);
      }
      return;
    case ExpressionType::COMPARE_EQUAL:
      if (where.GetExpressionClass() == ExpressionClass::COMPARISON) {
        add_equality(where.Cast<duckdb::ComparisonExpression>(), out);
      }
      return;
    case ExpressionType::COMPARE_IN:
      if (where.GetExpressionClass() == ExpressionClass::OPERATOR) {
        add_membership(where.Cast<duckdb::OperatorExpression>(), out);
      }
      return;
    default:
      return;
  }
}

bool is_quoted_literal(const ParsedExpression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::CONSTANT) return false;
  const Value& value = expression.Cast<duckdb::ConstantExpression>().value;
  return !value.IsNull() && value.type().id() == LogicalTypeId::VARCHAR;
}

// A value of a type of its own as a key: `never` where nothing of the column's type is equal to it.
struct Key {
  std::optional<Value> value;
  bool never = false;
};

// The same number in another type, and nothing where it has no room for it.
std::optional<Value> same_number(const Value& value, const LogicalType& type) {
  Value cast, back;
  std::string error;  // without one, it would be thrown
  if (!value.DefaultTryCastAs(type, cast, &error, true)) return std::nullopt;
  if (!cast.DefaultTryCastAs(value.type(), back, &error, true)) return std::nullopt;
  if (!Value::NotDistinctFrom(back, value)) return std::nullopt;
  return cast;
}

Key key_of(const Value& value, const LogicalType& column) {
  if (value.IsNull()) return {.value = {}, .never = true};
  if (value.type() == column) return {.value = value};
  const bool exact = column.IsIntegral() || column.id() == LogicalTypeId::DECIMAL;
  if (exact && value.type().IsIntegral()) {
    // As wide as it must be, the comparison is of integers or of decimals.
    auto same = same_number(value, column);
    const bool never = !same.has_value();
    return {.value = std::move(same), .never = never};
  }
  if (column.id() == LogicalTypeId::DECIMAL && value.type().id() == LogicalTypeId::DECIMAL) {
    return {.value = same_number(value, column)};
  }
  if (column.id() == LogicalTypeId::DOUBLE && value.type().IsNumeric()) {
    // Which is what the comparison makes of it.
    Value cast;
    std::string error;
    if (value.DefaultTryCastAs(column, cast, &error, true)) return {.value = std::move(cast)};
  }
  return {};
}

// Of a literal in quotes, which is read as the column's type, without a query for the commonest.
std::optional<Value> plain_literal(const std::string& text, const LogicalType& column) {
  if (column.id() == LogicalTypeId::VARCHAR) return Value(text);
  constexpr size_t kSafeDigits = 18;
  const bool digits =
      !text.empty() && text.size() <= kSafeDigits &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !column.IsIntegral()) return std::nullopt;
  return same_number(Value::BIGINT(std::stoll(text)), column);
}

class KeyReader {
 public:
  KeyReader(const LogicalType& column, const Constants& constants)
      : column_(column), constants_(constants) {}

  Key read(const ParsedExpression& expression) {
    if (is_quoted_literal(expression)) {
      const std::string text =
          duckdb::StringValue::Get(expression.Cast<duckdb::ConstantExpression>().value);
      if (auto value = plain_literal(text, column_)) return {.value = std::move(value)};
      return evaluated(duckdb::make_uniq<duckdb::CastExpression>(column_, expression.Copy()));
    }
    if (expression.GetExpressionClass() == ExpressionClass::CONSTANT) {
      return key_of(expression.Cast<duckdb::ConstantExpression>().value, column_);
    }
    const ParsedExpression* inner = &expression;
    if (expression.GetExpressionClass() == ExpressionClass::CAST) {
      inner = expression.Cast<duckdb::CastExpression>().child.get();
    }
    if (inner->GetExpressionClass() == ExpressionClass::PARAMETER) {
      const Value* const value = parameter(inner->Cast<duckdb::ParameterExpression>());
      if (value == nullptr) return {};
      const bool as_it_is = inner == &expression ||
                            value->type() == expression.Cast<duckdb::CastExpression>().cast_type;
      if (as_it_is) return key_of(*value, column_);
    }
    return evaluated(expression.Copy());
  }

 private:
  const Value* parameter(const duckdb::ParameterExpression& expression) const {
    if (constants_.parameters == nullptr) return nullptr;
    const size_t number = std::strtoul(expression.identifier.c_str(), nullptr, 10);
    if (number == 0 || number > constants_.parameters->size()) return nullptr;
    return &(*constants_.parameters)[number - 1];
  }
  // What is wrong with it, the query itself will tell.
  Key evaluated(duckdb::unique_ptr<ParsedExpression> expression) {
    if (!constants_.evaluate || ++evaluated_ > kMostEvaluated) return {};
    expression->alias.clear();
    auto value = constants_.evaluate(std::move(expression));
    return value.ok() ? key_of(*value, column_) : Key();
  }

  const LogicalType& column_;
  const Constants& constants_;
  size_t evaluated_ = 0;
};

}  // namespace

std::vector<KeyCondition> key_conditions(const ParsedExpression& where) {
  std::vector<KeyCondition> conditions;
  add_conditions(where, conditions);
  return conditions;
}

std::optional<std::vector<Value>> key_values(const KeyCondition& condition,
                                             const LogicalType& column,
                                             const Constants& constants) {
  KeyReader reader(column, constants);
  std::vector<Value> values;
  for (const ParsedExpression* const expression : condition.values) {
    Key key = reader.read(*expression);
    if (key.never) continue;
    if (!key.value) return std::nullopt;
    values.push_back(std::move(*key.value));
  }
  return values;
}

std::optional<std::vector<std::vector<Value>>> combinations(
    const std::vector<std::vector<Value>>& columns, size_t most) {
  std::vector<std::vector<Value>> rows(1);
  for (const std::vector<Value>& values : columns) {
    if (rows.size() * values.size() > most) return std::nullopt;
    std::vector<std::vector<Value>> longer;
    for (const auto& row : rows) {
      for (const Value& value : values) {
        longer.push_back(row);
        longer.back().push_back(value);
      }
    }
    rows = std::move(longer);
  }
  return rows;
}

bool is_indexable(const types::SqlType& type) {
  using types::TypeId;
  switch (type.id) {
    case TypeId::kBoolean:
    case TypeId::kSmallInt:
    case TypeId::kInteger:
    case TypeId::kBigInt:
    case TypeId::kUint2:
    case TypeId::kUint4:
    case TypeId::kUint8:
    case TypeId::kReal:
    case TypeId::kDouble:
    case TypeId::kNumeric:
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kText:
    case TypeId::kVarchar:
    case TypeId::kChar:
    case TypeId::kBytea:
    case TypeId::kUuid:
      return true;
    default:
      return false;
  }
}

}  // namespace sluice::sql
