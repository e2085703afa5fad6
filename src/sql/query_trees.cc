#include "sql/query_trees.h"

#include <algorithm>
#include <duckdb/parser/expression/cast_expression.hpp>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/expression/function_expression.hpp>
#include <duckdb/parser/expression/parameter_expression.hpp>
#include <duckdb/parser/expression/star_expression.hpp>
#include <duckdb/parser/expression/subquery_expression.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/statement/explain_statement.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/parser/tableref/emptytableref.hpp>
#include <duckdb/parser/tableref/expressionlistref.hpp>
#include <duckdb/parser/tableref/subqueryref.hpp>
#include <functional>

namespace sluice::sql {
namespace {

using duckdb::make_uniq;
using duckdb::SelectNode;
using duckdb::SelectStatement;

// A name that a user's query can't clash with by accident.
constexpr const char* kRows = "sluice_rows_of";

QueryPtr statement_of(duckdb::unique_ptr<SelectNode> node) {
  auto statement = make_uniq<SelectStatement>();
  statement->node = std::move(node);
  return statement;
}

constexpr int kMostDigits = 38;

ExpressionPtr exact_numeric(ExpressionPtr number, const engine::LogicalType& type) {
  duckdb::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(number));
  arguments.push_back(make_uniq<duckdb::ConstantExpression>(
      duckdb::Value::INTEGER(duckdb::DecimalType::GetScale(type))));
  return make_uniq<duckdb::FunctionExpression>("sluice_numeric_exact", std::move(arguments));
}

}  // namespace

QueryPtr with_column_types(QueryPtr query, const std::vector<std::string>& names,
                           const std::vector<engine::LogicalType>& types, Digits digits) {
  auto node = make_uniq<SelectNode>();
  auto rows = make_uniq<duckdb::SubqueryRef>(std::move(query), kRows);
  for (size_t i = 0; i < names.size(); ++i) {
    rows->column_name_alias.push_back(fmt::format("c{}", i));
    ExpressionPtr column =
        make_uniq<duckdb::ColumnRefExpression>(rows->column_name_alias.back(), kRows);
    // A number of fewer digits is of its column's own type, so that the cast changes nothing.
    const bool exact = digits == Digits::kExact &&
                       types[i].id() == engine::LogicalTypeId::DECIMAL &&
                       duckdb::DecimalType::GetWidth(types[i]) == kMostDigits;
    ExpressionPtr cast = exact ? exact_numeric(std::move(column), types[i])
                               : make_uniq<duckdb::CastExpression>(types[i], std::move(column));
    cast->SetAlias(names[i]);
    node->select_list.push_back(std::move(cast));
  }
  node->from_table = std::move(rows);
  return statement_of(std::move(node));
}

QueryPtr with_texts(QueryPtr query, std::vector<ExpressionPtr> expressions) {
  auto node = make_uniq<SelectNode>();
  node->select_list.push_back(make_uniq<duckdb::StarExpression>());
  for (ExpressionPtr& expression : expressions) {
    node->select_list.push_back(
        make_uniq<duckdb::CastExpression>(engine::LogicalType::VARCHAR, std::move(expression)));
  }
  node->from_table = make_uniq<duckdb::SubqueryRef>(std::move(query), kRows);
  return statement_of(std::move(node));
}

namespace {

// `query` with its columns called c0, c1, …
duckdb::unique_ptr<duckdb::SubqueryRef> numbered(QueryPtr query, size_t columns) {
  auto rows = make_uniq<duckdb::SubqueryRef>(std::move(query), kRows);
  for (size_t i = 0; i < columns; ++i) rows->column_name_alias.push_back(fmt::format("c{}", i));
  return rows;
}

ExpressionPtr numbered_column(size_t i) {
  return make_uniq<duckdb::ColumnRefExpression>(fmt::format("c{}", i), kRows);
}

ExpressionPtr number(size_t value) {
  return make_uniq<duckdb::ConstantExpression>(duckdb::Value::BIGINT(static_cast<int64_t>(value)));
}

}  // namespace

QueryPtr distinct_rows(QueryPtr query, size_t columns, const std::vector<size_t>& of, size_t most) {
  auto node = make_uniq<SelectNode>();
  for (const size_t column : of) node->select_list.push_back(numbered_column(column));
  node->from_table = numbered(std::move(query), columns);
  node->modifiers.push_back(make_uniq<duckdb::DistinctModifier>());
  auto limit = make_uniq<duckdb::LimitModifier>();
  limit->limit = number(most);
  node->modifiers.push_back(std::move(limit));
  return statement_of(std::move(node));
}

QueryPtr clustered(QueryPtr query, size_t columns, const std::vector<size_t>& dropped,
                   size_t keys) {
  if (keys > 0) {
    auto order = make_uniq<duckdb::OrderModifier>();
    for (size_t i = columns - keys; i < columns; ++i) {
      // By its place in the list.
      order->orders.emplace_back(duckdb::OrderType::ASCENDING, duckdb::OrderByNullType::NULLS_LAST,
                                 number(i + 1));
    }
    query->node->modifiers.push_back(std::move(order));
  }
  auto node = make_uniq<SelectNode>();
  for (size_t i = 0; i < columns; ++i) {
    if (std::find(dropped.begin(), dropped.end(), i) != dropped.end()) continue;
    node->select_list.push_back(numbered_column(i));
  }
  node->from_table = numbered(std::move(query), columns);
  // So the order is not the last word: threads may share the rows out.
  node->where_clause = make_uniq<duckdb::ConstantExpression>(duckdb::Value::BOOLEAN(true));
  return statement_of(std::move(node));
}

duckdb::unique_ptr<duckdb::SQLStatement> explained(const duckdb::SQLStatement& statement) {
  return make_uniq<duckdb::ExplainStatement>(
      statement.Copy(), duckdb::ExplainType::EXPLAIN_STANDARD, duckdb::ExplainFormat::JSON);
}

QueryPtr copied_select(const SelectStatement& query) {
  return duckdb::unique_ptr_cast<duckdb::SQLStatement, SelectStatement>(query.Copy());
}

QueryPtr copied_select(const engine::Query& query) {
  return copied_select(query.statement().Cast<SelectStatement>());
}

QueryPtr select_all(const ObjectName& name) {
  auto ref = make_uniq<duckdb::BaseTableRef>();
  ref->table_name = name.parts.back();
  if (name.parts.size() > 1) ref->schema_name = name.parts[name.parts.size() - 2];
  if (name.parts.size() > 2) ref->catalog_name = name.parts[0];
  auto node = make_uniq<SelectNode>();
  node->select_list.push_back(make_uniq<duckdb::StarExpression>());
  node->from_table = std::move(ref);
  return statement_of(std::move(node));
}

void declare_parameters(SelectStatement& query, const std::vector<types::SqlType>& types) {
  const std::function<void(ExpressionPtr&)> visit = [&](ExpressionPtr& expression) {
    if (expression->GetExpressionClass() == duckdb::ExpressionClass::PARAMETER) {
      const auto& parameter = expression->Cast<duckdb::ParameterExpression>();
      const size_t number =
          static_cast<size_t>(std::strtoul(parameter.identifier.c_str(), nullptr, 10));
      if (number >= 1 && number <= types.size() &&
          types[number - 1].id != types::TypeId::kUnknown) {
        expression = make_uniq<duckdb::CastExpression>(types::to_engine(types[number - 1]),
                                                       std::move(expression));
      }
      return;
    }
    duckdb::ParsedExpressionIterator::EnumerateChildren(*expression, visit);
    if (expression->GetExpressionClass() == duckdb::ExpressionClass::SUBQUERY) {
      auto& subquery = expression->Cast<duckdb::SubqueryExpression>();
      duckdb::ParsedExpressionIterator::EnumerateQueryNodeChildren(*subquery.subquery->node, visit);
    }
  };
  duckdb::ParsedExpressionIterator::EnumerateQueryNodeChildren(*query.node, visit);
}

QueryPtr select_expression(ExpressionPtr expression) {
  // A list of VALUES and not a SELECT's: no aggregate, window or function that gives rows fits.
  auto list = make_uniq<duckdb::ExpressionListRef>();
  list->alias = "valueslist";
  list->values.emplace_back();
  list->values[0].push_back(std::move(expression));
  auto node = make_uniq<SelectNode>();
  node->select_list.push_back(make_uniq<duckdb::StarExpression>());
  node->from_table = std::move(list);
  return statement_of(std::move(node));
}

bool has_order_by(const SelectStatement& query) {
  for (const auto& modifier : query.node->modifiers) {
    if (modifier->type == duckdb::ResultModifierType::ORDER_MODIFIER) return true;
  }
  return false;
}

bool is_null_constant(const duckdb::ParsedExpression& expression) {
  return expression.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT &&
         expression.Cast<duckdb::ConstantExpression>().value.IsNull();
}

std::optional<std::string> constant_text(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::CONSTANT) return {};
  const duckdb::Value& value = expression.Cast<duckdb::ConstantExpression>().value;
  if (value.IsNull() || value.type().id() != duckdb::LogicalTypeId::VARCHAR) return {};
  return duckdb::StringValue::Get(value);
}

}  // namespace sluice::sql
