#include "engine/constant_rows.h"

#include <duckdb.hpp>
#include <duckdb/execution/column_binding_resolver.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref/expressionlistref.hpp>
#include <duckdb/parser/tableref/subqueryref.hpp>
#include <duckdb/planner/operator/logical_expression_get.hpp>
#include <duckdb/planner/planner.hpp>

namespace sluice::engine {
namespace {

using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

bool reads_nothing(const duckdb::QueryNode& node);

bool reads_nothing(const duckdb::TableRef& from) {
  switch (from.type) {
    case duckdb::TableReferenceType::EMPTY_FROM:
      return true;
    case duckdb::TableReferenceType::EXPRESSION_LIST:
      return from.Cast<duckdb::ExpressionListRef>().values.size() <= STANDARD_VECTOR_SIZE;
    case duckdb::TableReferenceType::SUBQUERY:
      return !from.sample && reads_nothing(*from.Cast<duckdb::SubqueryRef>().subquery->node);
    default:
      return false;
  }
}

// As far as the text tells: an expression may still be an aggregate or hold a subquery.
bool reads_nothing(const duckdb::QueryNode& node) {
  if (node.type != duckdb::QueryNodeType::SELECT_NODE || !node.modifiers.empty()) return false;
  const auto& select = node.Cast<duckdb::SelectNode>();
  return node.cte_map.map.empty() && !select.where_clause && !select.having && !select.qualify &&
         !select.sample && select.groups.group_expressions.empty() &&
         select.groups.grouping_sets.empty() && reads_nothing(*select.from_table);
}

// What is left to do is what evaluate() knows.
bool is_of_constants(const LogicalOperator& plan) {
  switch (plan.type) {
    case LogicalOperatorType::LOGICAL_DUMMY_SCAN:
      return true;
    case LogicalOperatorType::LOGICAL_EXPRESSION_GET:
    case LogicalOperatorType::LOGICAL_PROJECTION:
      return plan.children.size() == 1 && is_of_constants(*plan.children[0]);
    default:
      return false;
  }
}

std::unique_ptr<Chunk> evaluate(duckdb::ClientContext& context, const LogicalOperator& plan);

void evaluate(duckdb::ClientContext& context,
              const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& expressions,
              Chunk& from, Chunk& to) {
  duckdb::ExpressionExecutor executor(context, expressions);
  executor.Execute(from, to);
}

std::unique_ptr<Chunk> evaluate(duckdb::ClientContext& context, const LogicalOperator& plan) {
  auto rows = std::make_unique<Chunk>();
  if (plan.type == LogicalOperatorType::LOGICAL_DUMMY_SCAN) {
    rows->SetCardinality(1);
    return rows;
  }
  const std::unique_ptr<Chunk> from = evaluate(context, *plan.children[0]);
  auto& allocator = duckdb::Allocator::Get(context);
  rows->Initialize(allocator, plan.types);
  if (plan.type == LogicalOperatorType::LOGICAL_PROJECTION) {
    evaluate(context, plan.expressions, *from, *rows);
    return rows;
  }
  for (const auto& row : plan.Cast<duckdb::LogicalExpressionGet>().expressions) {
    Chunk one;
    one.Initialize(allocator, plan.types);
    evaluate(context, row, *from, one);
    rows->Append(one);
  }
  return rows;
}

}  // namespace

std::optional<ConstantRows> constant_rows(
    duckdb::ClientContext& context, const Query& query,
    const duckdb::case_insensitive_map_t<duckdb::BoundParameterData>& values) {
  const duckdb::SQLStatement& statement = query.statement();
  if (statement.type != duckdb::StatementType::SELECT_STATEMENT ||
      !reads_nothing(*statement.Cast<duckdb::SelectStatement>().node)) {
    return std::nullopt;
  }
  std::optional<ConstantRows> result;
  context.RunFunctionInTransaction([&] {
    duckdb::Planner planner(context);
    planner.parameter_data = values;
    planner.CreatePlan(statement.Copy());
    if (!planner.plan || !planner.properties.bound_all_parameters) return;
    if (!is_of_constants(*planner.plan)) return;
    duckdb::ColumnBindingResolver().VisitOperator(*planner.plan);
    planner.plan->ResolveOperatorTypes();
    result.emplace();
    result->rows = evaluate(context, *planner.plan);
    result->rows->Flatten();
    result->shape.names.assign(planner.names.begin(), planner.names.end());
    result->shape.types = result->rows->GetTypes();
  });
  return result;
}

}  // namespace sluice::engine
