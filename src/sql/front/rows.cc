#include "sql/front/rows.h"

#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref/subqueryref.hpp>
#include <optional>

#include "sql/front/meaning.h"

namespace sluice::sql {
namespace {

using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::make_uniq;
using Expressions = duckdb::vector<ParsedExpressionPtr>;

constexpr const char* kRowsAlias = "sluice:rows";

const Expressions* fields_of(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::FUNCTION) return nullptr;
  const auto& call = expression.Cast<duckdb::FunctionExpression>();
  return call.function_name == "row" && call.schema.empty() ? &call.children : nullptr;
}

ParsedExpressionPtr comparison(ExpressionType type, ParsedExpressionPtr left,
                               ParsedExpressionPtr right) {
  return make_uniq<duckdb::ComparisonExpression>(type, std::move(left), std::move(right));
}

ParsedExpressionPtr all_or_any(ExpressionType type, Expressions parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  return make_uniq<duckdb::ConjunctionExpression>(type, std::move(parts));
}

ParsedExpressionPtr both(ExpressionType type, ParsedExpressionPtr one, ParsedExpressionPtr other) {
  Expressions parts;
  parts.push_back(std::move(one));
  parts.push_back(std::move(other));
  return all_or_any(type, std::move(parts));
}

ParsedExpressionPtr is_null(ParsedExpressionPtr value) {
  return make_uniq<duckdb::OperatorExpression>(ExpressionType::OPERATOR_IS_NULL, std::move(value));
}

ParsedExpressionPtr answer(duckdb::Value value) {
  return make_uniq<duckdb::ConstantExpression>(std::move(value));
}

// The one without "or equal" that decides where fields differ; nothing: the fields are independent.
std::optional<ExpressionType> strict(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_LESSTHAN:
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return ExpressionType::COMPARE_LESSTHAN;
    case ExpressionType::COMPARE_GREATERTHAN:
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return ExpressionType::COMPARE_GREATERTHAN;
    default:
      return std::nullopt;
  }
}

bool is_by_field(ExpressionType type) {
  return type == ExpressionType::COMPARE_EQUAL || type == ExpressionType::COMPARE_NOTEQUAL ||
         strict(type).has_value();
}

// Of two rows. A row that is a field is a value: PostgreSQL, too, compares records as wholes.
Result<ParsedExpressionPtr> compared(ExpressionType type, const duckdb::ParsedExpression& left,
                                     const duckdb::ParsedExpression& right) {
  const Expressions* const lefts = fields_of(left);
  const Expressions* const rights = fields_of(right);
  CHECK(lefts != nullptr && rights != nullptr);
  if (lefts->size() != rights->size()) {
    return invalid("unequal number of entries in row expressions").with_sqlstate("42601");
  }
  if (lefts->empty()) {
    return invalid("cannot compare rows of zero length").with_sqlstate("0A000");
  }
  const auto decides = strict(type);
  if (!decides) {
    Expressions parts;
    for (size_t i = 0; i < lefts->size(); ++i) {
      parts.push_back(comparison(type, (*lefts)[i]->Copy(), (*rights)[i]->Copy()));
    }
    return all_or_any(type == ExpressionType::COMPARE_EQUAL ? ExpressionType::CONJUNCTION_AND
                                                            : ExpressionType::CONJUNCTION_OR,
                      std::move(parts));
  }
  ParsedExpressionPtr result;
  for (size_t i = lefts->size(); i-- > 0;) {
    const duckdb::ParsedExpression &one = *(*lefts)[i].get(), &other = *(*rights)[i].get();
    if (result == nullptr) {
      result = comparison(type, one.Copy(), other.Copy());
      continue;
    }
    auto differs = comparison(*decides, one.Copy(), other.Copy());
    auto equal = comparison(ExpressionType::COMPARE_EQUAL, one.Copy(), other.Copy());
    result = both(ExpressionType::CONJUNCTION_OR, std::move(differs),
                  both(ExpressionType::CONJUNCTION_AND, std::move(equal), std::move(result)));
  }
  return result;
}

Result<ParsedExpressionPtr> between(duckdb::BetweenExpression& range) {
  if (fields_of(*range.input.get()) == nullptr || fields_of(*range.lower.get()) == nullptr ||
      fields_of(*range.upper.get()) == nullptr) {
    return ParsedExpressionPtr();
  }
  TRY_ASSIGN(auto from, compared(ExpressionType::COMPARE_GREATERTHANOREQUALTO, *range.input.get(),
                                 *range.lower.get()));
  TRY_ASSIGN(auto to, compared(ExpressionType::COMPARE_LESSTHANOREQUALTO, *range.input.get(),
                               *range.upper.get()));
  return both(ExpressionType::CONJUNCTION_AND, std::move(from), std::move(to));
}

Result<ParsedExpressionPtr> in_list(duckdb::OperatorExpression& in) {
  for (const auto& child : in.children) {
    if (fields_of(*child.get()) == nullptr) return ParsedExpressionPtr();
  }
  const bool is_in = in.GetExpressionType() == ExpressionType::COMPARE_IN;
  Expressions parts;
  for (size_t i = 1; i < in.children.size(); ++i) {
    TRY_ASSIGN(auto part,
               compared(is_in ? ExpressionType::COMPARE_EQUAL : ExpressionType::COMPARE_NOTEQUAL,
                        *in.children[0].get(), *in.children[i].get()));
    parts.push_back(std::move(part));
  }
  return all_or_any(is_in ? ExpressionType::CONJUNCTION_OR : ExpressionType::CONJUNCTION_AND,
                    std::move(parts));
}

// The subquery's columns as a row, under names that no user can have.
ParsedExpressionPtr row_of_columns(size_t count) {
  Expressions columns;
  for (size_t i = 0; i < count; ++i) {
    columns.push_back(
        make_uniq<duckdb::ColumnRefExpression>(fmt::format("sluice:{}", i), kRowsAlias));
  }
  return make_uniq<duckdb::FunctionExpression>("row", std::move(columns));
}

// EXISTS (SELECT 1 FROM (query) "sluice:rows"("sluice:0", …) WHERE condition)
ParsedExpressionPtr exists(const duckdb::SelectStatement& query, size_t columns,
                           ParsedExpressionPtr condition) {
  auto rows = make_uniq<duckdb::SubqueryRef>(
      duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(query.Copy()),
      kRowsAlias);
  for (size_t i = 0; i < columns; ++i)
    rows->column_name_alias.push_back(fmt::format("sluice:{}", i));
  auto node = make_uniq<duckdb::SelectNode>();
  node->select_list.push_back(answer(duckdb::Value::INTEGER(1)));
  node->from_table = std::move(rows);
  node->where_clause = std::move(condition);
  auto statement = make_uniq<duckdb::SelectStatement>();
  statement->node = std::move(node);
  auto result = make_uniq<duckdb::SubqueryExpression>();
  result->subquery_type = duckdb::SubqueryType::EXISTS;
  result->subquery = std::move(statement);
  return result;
}

ParsedExpressionPtr any_is_null(const Expressions& values) {
  Expressions parts;
  for (const auto& value : values) parts.push_back(is_null(value->Copy()));
  return all_or_any(ExpressionType::CONJUNCTION_OR, std::move(parts));
}

// Whether a row of the subquery may be it: its comparison is NULL. Without a NULL on either side
// none can be, which keeps this from comparing all rows with all: the engine has no other way.
Result<ParsedExpressionPtr> may_be_any(const duckdb::SelectStatement& query,
                                       const Expressions& fields, const Expressions& columns,
                                       const duckdb::ParsedExpression& condition) {
  const auto where = [&](ParsedExpressionPtr filter) {
    return exists(
        query, columns.size(),
        both(ExpressionType::CONJUNCTION_AND, std::move(filter), is_null(condition.Copy())));
  };
  return both(ExpressionType::CONJUNCTION_OR, where(any_is_null(columns)),
              where(any_is_null(fields)));
}

// Whether the query has so many columns; false: the text alone does not tell.
Result<bool> has_columns(const duckdb::QueryNode& query, size_t count) {
  if (query.type != duckdb::QueryNodeType::SELECT_NODE) return false;
  const auto& columns = query.Cast<duckdb::SelectNode>().select_list;
  for (const auto& column : columns) {
    if (holds_star(*column)) return false;
  }
  if (columns.size() == count) return true;
  return invalid("subquery has too {} columns", columns.size() < count ? "few" : "many")
      .with_sqlstate("42601");
}

Result<ParsedExpressionPtr> any_of_query(duckdb::SubqueryExpression& any, bool only_if_true) {
  const Expressions* const fields = any.child ? fields_of(*any.child.get()) : nullptr;
  if (any.subquery_type != duckdb::SubqueryType::ANY || fields == nullptr || fields->empty() ||
      !is_by_field(any.comparison_type)) {
    return ParsedExpressionPtr();
  }
  TRY_ASSIGN(const bool columns_fit, has_columns(*any.subquery->node.get(), fields->size()));
  if (only_if_true && any.comparison_type == ExpressionType::COMPARE_EQUAL) {
    return ParsedExpressionPtr();
  }
  const ParsedExpressionPtr row = row_of_columns(fields->size());
  const duckdb::SelectStatement& query = *any.subquery.get();
  TRY_ASSIGN(auto condition, compared(any.comparison_type, *any.child.get(), *row.get()));
  TRY_ASSIGN(auto may_be, may_be_any(query, *fields, *fields_of(*row.get()), *condition.get()));
  auto result = make_uniq<duckdb::CaseExpression>();
  duckdb::CaseCheck is, unknown;
  // True is true to the engine, too, and it counts the columns. But it can't where the query names
  // what is outside of it.
  if (any.comparison_type == ExpressionType::COMPARE_EQUAL && !columns_fit) {
    is.when_expr = any.Copy();
  } else {
    is.when_expr = exists(query, fields->size(), std::move(condition));
  }
  is.then_expr = answer(duckdb::Value::BOOLEAN(true));
  unknown.when_expr = std::move(may_be);
  unknown.then_expr = answer(duckdb::Value(duckdb::LogicalType::BOOLEAN));
  result->case_checks.push_back(std::move(is));
  result->case_checks.push_back(std::move(unknown));
  result->else_expr = answer(duckdb::Value::BOOLEAN(false));
  return ParsedExpressionPtr(std::move(result));
}

// A row is NULL where all of its fields are, and not NULL where none is.
ParsedExpressionPtr null_test(const duckdb::OperatorExpression& test) {
  const Expressions* const fields = fields_of(*test.children.at(0).get());
  if (fields == nullptr || fields->empty()) return nullptr;
  Expressions parts;
  for (const auto& field : *fields) {
    parts.push_back(make_uniq<duckdb::OperatorExpression>(test.GetExpressionType(), field->Copy()));
  }
  return all_or_any(ExpressionType::CONJUNCTION_AND, std::move(parts));
}

}  // namespace

Result<ParsedExpressionPtr> compared_rows(duckdb::ParsedExpression& expression, bool only_if_true) {
  const ExpressionType type = expression.GetExpressionType();
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::COMPARISON: {
      const auto& sides = expression.Cast<duckdb::ComparisonExpression>();
      if (!is_by_field(type) || fields_of(*sides.left.get()) == nullptr ||
          fields_of(*sides.right.get()) == nullptr) {
        return ParsedExpressionPtr();
      }
      return compared(type, *sides.left.get(), *sides.right.get());
    }
    case ExpressionClass::BETWEEN:
      return between(expression.Cast<duckdb::BetweenExpression>());
    case ExpressionClass::OPERATOR:
      if (type == ExpressionType::OPERATOR_IS_NULL ||
          type == ExpressionType::OPERATOR_IS_NOT_NULL) {
        return null_test(expression.Cast<duckdb::OperatorExpression>());
      }
      if (type != ExpressionType::COMPARE_IN && type != ExpressionType::COMPARE_NOT_IN) break;
      return in_list(expression.Cast<duckdb::OperatorExpression>());
    case ExpressionClass::SUBQUERY:
      return any_of_query(expression.Cast<duckdb::SubqueryExpression>(), only_if_true);
    default:
      break;
  }
  return ParsedExpressionPtr();
}

}  // namespace sluice::sql
