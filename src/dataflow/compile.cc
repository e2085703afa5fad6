#include "dataflow/compile.h"

#include <algorithm>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/common/enum_util.hpp>
#include <duckdb/common/types/column/column_data_collection.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/list.hpp>
#include <map>

#include "dataflow/compile_join.h"
#include "dataflow/compile_rows.h"
#include "dataflow/same_plan.h"
#include "dataflow/shells.h"
#include "dataflow/time_conditions.h"

namespace sluice::dataflow {
namespace {

using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

Error refusal_of(LogicalOperatorType type) {
  switch (type) {
    case LogicalOperatorType::LOGICAL_RECURSIVE_CTE:
      return unsupported("WITH RECURSIVE");
    case LogicalOperatorType::LOGICAL_SAMPLE:
      return unsupported("SAMPLE and TABLESAMPLE", "Choose rows by a condition on their columns.");
    case LogicalOperatorType::LOGICAL_POSITIONAL_JOIN:
      return unsupported("POSITIONAL JOIN", "Join on a column that both sides have.");
    case LogicalOperatorType::LOGICAL_ASOF_JOIN:
      return unsupported("ASOF JOIN");
    case LogicalOperatorType::LOGICAL_PIVOT:
      return unsupported("PIVOT", "Write an aggregate with FILTER for each column.");
    default:
      return unsupported(fmt::format("this form of query ({})", duckdb::EnumUtil::ToString(type)));
  }
}

Status check_expression(const duckdb::Expression& expression) {
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::BOUND_FUNCTION) {
    const auto& function = expression.Cast<duckdb::BoundFunctionExpression>().function;
    // The binder's own error() stands behind the condition under which a row is wrong; conditions
    // on time do not get as far as being evaluated.
    const bool is_ours = function.name == "error" || time_condition(expression);
    if (function.stability != duckdb::FunctionStability::CONSISTENT && !is_ours) {
      return unsupported(
          fmt::format("{}, which gives another value each time it is asked", expression.ToString()),
          "Keep the value in a column of a table.");
    }
  }
  Status status;
  duckdb::ExpressionIterator::EnumerateChildren(expression, [&](const duckdb::Expression& child) {
    if (status.ok()) status = check_expression(child);
  });
  return status;
}

Status check_scan(const duckdb::LogicalGet& scan) {
  for (const duckdb::ColumnIndex& column : scan.GetColumnIds()) {
    if (column.IsVirtualColumn()) {
      return unsupported(fmt::format("the column {}", scan.GetColumnName(column)),
                         "Use a key of the table.");
    }
  }
  return ok();
}

Bindings bindings_of(duckdb::idx_t table, size_t count) {
  Bindings bindings;
  for (size_t i = 0; i < count; ++i) bindings.emplace_back(table, i);
  return bindings;
}

// What DuckDB's operator promises to its reader: these columns in this order.
Result<Compiled> fitted(Compiled made, const Bindings& wanted) {
  std::vector<size_t> columns;
  columns.reserve(wanted.size());
  for (const duckdb::ColumnBinding& binding : wanted) {
    const auto found = std::find(made.bindings.begin(), made.bindings.end(), binding);
    if (found == made.bindings.end()) {
      return internal("a view's plan lost column {}", binding.ToString());
    }
    columns.push_back(static_cast<size_t>(found - made.bindings.begin()));
  }
  if (made.bindings.size() != made.node->types.size()) {
    return internal("a view's plan names {} of {} columns", made.bindings.size(),
                    made.node->types.size());
  }
  return Compiled{pick(std::move(made.node), columns), wanted};
}

NodePtr constant_node(std::vector<engine::LogicalType> types,
                      std::vector<std::vector<engine::Value>> rows) {
  auto node = std::make_shared<Constant>();
  node->types = std::move(types);
  node->rows = std::move(rows);
  return node;
}

class Compiler {
 public:
  explicit Compiler(duckdb::ClientContext& context) : context_(context) {}

  Result<Compiled> compile(LogicalOperator& op) {
    TRY_ASSIGN(Compiled made, unfitted(op));
    return fitted(std::move(made), op.GetColumnBindings());
  }

 private:
  Result<Compiled> unfitted(LogicalOperator& op) {
    switch (op.type) {
      case LogicalOperatorType::LOGICAL_GET:
        return source(op.Cast<duckdb::LogicalGet>());
      case LogicalOperatorType::LOGICAL_DUMMY_SCAN:
      case LogicalOperatorType::LOGICAL_EMPTY_RESULT:
        return constant(op);
      case LogicalOperatorType::LOGICAL_CHUNK_GET:
        return rows(op.Cast<duckdb::LogicalColumnDataGet>());
      case LogicalOperatorType::LOGICAL_EXPRESSION_GET:
        return values(op.Cast<duckdb::LogicalExpressionGet>());
      case LogicalOperatorType::LOGICAL_FILTER:
        return filter(op);
      case LogicalOperatorType::LOGICAL_PROJECTION:
        return projection(op.Cast<duckdb::LogicalProjection>());
      case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
      case LogicalOperatorType::LOGICAL_ANY_JOIN:
      case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
      case LogicalOperatorType::LOGICAL_DELIM_JOIN:
        return join(op);
      case LogicalOperatorType::LOGICAL_DELIM_GET:
        return delim_scan(op.Cast<duckdb::LogicalDelimGet>());
      case LogicalOperatorType::LOGICAL_MATERIALIZED_CTE:
        return cte(op.Cast<duckdb::LogicalMaterializedCTE>());
      case LogicalOperatorType::LOGICAL_CTE_REF:
        return cte_scan(op.Cast<duckdb::LogicalCTERef>());
      case LogicalOperatorType::LOGICAL_UNION:
      case LogicalOperatorType::LOGICAL_EXCEPT:
      case LogicalOperatorType::LOGICAL_INTERSECT:
        return set_operation(op.Cast<duckdb::LogicalSetOperation>());
      default:
        return unfitted_rows(op);
    }
  }

  // The operators that see many rows at once.
  Result<Compiled> unfitted_rows(LogicalOperator& op) {
    if (op.children.size() != 1) return refusal_of(op.type);
    if (op.type == LogicalOperatorType::LOGICAL_LIMIT) {
      return limit(op.Cast<duckdb::LogicalLimit>(), Order::kNeeded);
    }
    if (op.type == LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) {
      return aggregate(op.Cast<duckdb::LogicalAggregate>());
    }
    switch (op.type) {
      case LogicalOperatorType::LOGICAL_ORDER_BY:
        // A collection has no order.
        return compile(*op.children[0]);
      case LogicalOperatorType::LOGICAL_DISTINCT: {
        TRY_ASSIGN(Compiled input, compile(*op.children[0]));
        return compile_distinct(op.Cast<duckdb::LogicalDistinct>(), std::move(input));
      }
      case LogicalOperatorType::LOGICAL_WINDOW: {
        TRY_ASSIGN(Compiled input, compile(*op.children[0]));
        return compile_window(op.Cast<duckdb::LogicalWindow>(), std::move(input));
      }
      case LogicalOperatorType::LOGICAL_UNNEST: {
        TRY_ASSIGN(Compiled input, compile(*op.children[0]));
        return compile_unnest(op.Cast<duckdb::LogicalUnnest>(), std::move(input));
      }
      default:
        return refusal_of(op.type);
    }
  }

  Result<Compiled> source(duckdb::LogicalGet& scan);
  Result<Compiled> list_function(duckdb::LogicalGet& scan);
  Result<Compiled> constant(LogicalOperator& op);
  Result<Compiled> rows(const duckdb::LogicalColumnDataGet& scan);
  Result<Compiled> values(duckdb::LogicalExpressionGet& values);
  Result<Compiled> filter(LogicalOperator& op);
  Result<Compiled> projection(duckdb::LogicalProjection& op);
  Result<Compiled> join(LogicalOperator& op);
  Result<Compiled> delim_scan(const duckdb::LogicalDelimGet& scan);
  Result<Compiled> cte(duckdb::LogicalMaterializedCTE& op);
  Result<Compiled> cte_scan(const duckdb::LogicalCTERef& scan);
  Result<Compiled> set_operation(duckdb::LogicalSetOperation& op);
  Result<Compiled> aggregate(duckdb::LogicalAggregate& op);
  enum class Order : uint8_t { kNeeded, kIndifferent };
  Result<Compiled> limit(duckdb::LogicalLimit& op, Order order);

  duckdb::ClientContext& context_;
  std::map<duckdb::idx_t, NodePtr> ctes_;
  std::vector<NodePtr> delims_;  // of the delim joins around, innermost last
};

Result<Compiled> Compiler::source(duckdb::LogicalGet& scan) {
  const auto id = source_of(scan);
  if (!id) return list_function(scan);
  if (!scan.table_filters.filters.empty() || !scan.children.empty() || scan.dynamic_filters) {
    return internal("a view's scan of {} has filters", scan.GetTable()->name);
  }
  // None: nobody wants a column, only that there are rows.
  std::vector<size_t> columns;
  if (scan.GetColumnIds().empty()) columns.push_back(0);
  for (const duckdb::ColumnIndex& column : scan.GetColumnIds()) {
    if (column.GetPrimaryIndex() >= scan.returned_types.size()) {
      return internal("a view's scan reads column {}", column.GetPrimaryIndex());
    }
    columns.push_back(column.GetPrimaryIndex());
  }
  auto node = std::make_shared<Source>();
  node->id = *id;
  node->name = scan.GetTable()->name;
  for (const size_t column : columns) {
    node->types.push_back(scan.returned_types[column]);
    node->names.push_back(scan.names[column]);
  }
  node->columns = columns;
  return Compiled{std::move(node), bindings_of(scan.table_index, columns.size())};
}

// A table function whose rows are the elements of a list.
Result<Compiled> Compiler::list_function(duckdb::LogicalGet& scan) {
  if (!is_list_function(scan)) {
    return unsupported(fmt::format("the table function {}", scan.function.name),
                       "Keep its rows in a table.");
  }
  if (!scan.children.empty()) {
    TRY_ASSIGN(Compiled input, compile(*scan.children[0]));
    return compile_list_function(context_, scan, std::move(input));
  }
  std::vector<engine::LogicalType> types;
  types.reserve(scan.parameters.size());
  for (const engine::Value& parameter : scan.parameters) types.push_back(parameter.type());
  NodePtr arguments =
      constant_node(std::move(types), {{scan.parameters.begin(), scan.parameters.end()}});
  // Nothing else refers to the arguments, so their name does not matter.
  return compile_list_function(
      context_, scan,
      Compiled{std::move(arguments),
               bindings_of(duckdb::DConstants::INVALID_INDEX, scan.parameters.size())});
}

// No row, or the one that a SELECT without FROM is computed from.
Result<Compiled> Compiler::constant(LogicalOperator& op) {
  op.ResolveOperatorTypes();
  const std::vector<engine::LogicalType> types(op.types.begin(), op.types.end());
  std::vector<std::vector<engine::Value>> rows;
  if (op.type == LogicalOperatorType::LOGICAL_DUMMY_SCAN) {
    rows.emplace_back();
    for (const auto& type : types) rows.back().emplace_back(type);
  }
  return Compiled{constant_node(types, std::move(rows)), op.GetColumnBindings()};
}

Result<Compiled> Compiler::rows(const duckdb::LogicalColumnDataGet& scan) {
  std::vector<std::vector<engine::Value>> rows;
  rows.reserve(scan.collection->Count());
  for (auto& row : scan.collection->Rows()) {
    auto& values = rows.emplace_back();
    for (size_t i = 0; i < scan.chunk_types.size(); ++i) values.push_back(row.GetValue(i));
  }
  const std::vector<engine::LogicalType> types(scan.chunk_types.begin(), scan.chunk_types.end());
  return Compiled{constant_node(types, std::move(rows)),
                  bindings_of(scan.table_index, types.size())};
}

Result<Compiled> Compiler::values(duckdb::LogicalExpressionGet& values) {
  const bool constant =
      std::all_of(values.expressions.begin(), values.expressions.end(), [](const auto& row) {
        return std::all_of(row.begin(), row.end(), [](const auto& e) { return e->IsFoldable(); });
      });
  const Bindings bindings = bindings_of(values.table_index, values.expr_types.size());
  if (constant) {
    std::vector<std::vector<engine::Value>> rows;
    rows.reserve(values.expressions.size());
    for (const auto& row : values.expressions) {
      auto& made = rows.emplace_back();
      for (const auto& expression : row) {
        made.push_back(duckdb::ExpressionExecutor::EvaluateScalar(context_, *expression));
      }
    }
    return Compiled{
        constant_node({values.expr_types.begin(), values.expr_types.end()}, std::move(rows)),
        bindings};
  }
  TRY_ASSIGN(const Compiled input, compile(*values.children[0]));
  auto node = std::make_shared<SetOperation>();
  node->types.assign(values.expr_types.begin(), values.expr_types.end());
  for (const auto& row : values.expressions) {
    std::vector<ExpressionPtr> expressions;
    expressions.reserve(row.size());
    for (const auto& expression : row) {
      TRY_ASSIGN(ExpressionPtr made, resolved(*expression, input));
      expressions.push_back(std::move(made));
    }
    node->inputs.push_back(project(input.node, std::move(expressions)));
  }
  if (node->inputs.size() == 1) return Compiled{node->inputs[0], bindings};
  return Compiled{std::move(node), bindings};
}

Result<Compiled> Compiler::filter(LogicalOperator& op) {
  TRY_ASSIGN(Compiled input, compile(*op.children[0]));
  if (op.expressions.empty()) return input;
  std::vector<ExpressionPtr> conditions;
  conditions.reserve(op.expressions.size());
  for (const auto& condition : op.expressions) {
    TRY_ASSIGN(ExpressionPtr made, resolved(*condition, input));
    conditions.push_back(std::move(made));
  }
  return Compiled{filtered(std::move(input.node), std::move(conditions)),
                  std::move(input.bindings)};
}

Result<Compiled> Compiler::projection(duckdb::LogicalProjection& op) {
  TRY_ASSIGN(Compiled input, compile(*op.children[0]));
  std::vector<ExpressionPtr> expressions;
  expressions.reserve(op.expressions.size());
  std::vector<size_t> columns;
  columns.reserve(op.expressions.size());
  for (const auto& expression : op.expressions) {
    TRY_ASSIGN(ExpressionPtr made, resolved(*expression, input));
    if (const auto column = plain_column(*made)) columns.push_back(*column);
    expressions.push_back(std::move(made));
  }
  Bindings bindings = bindings_of(op.table_index, expressions.size());
  if (columns.size() == expressions.size()) {
    return Compiled{pick(std::move(input.node), columns), std::move(bindings)};
  }
  return Compiled{project(std::move(input.node), std::move(expressions)), std::move(bindings)};
}

Result<Compiled> Compiler::join(LogicalOperator& op) {
  TRY_ASSIGN(Compiled left, compile(*op.children[0]));
  if (op.type != LogicalOperatorType::LOGICAL_DELIM_JOIN) {
    TRY_ASSIGN(Compiled right, compile(*op.children[1]));
    return compile_join(op, std::move(left), std::move(right));
  }
  const auto& delim = static_cast<const duckdb::LogicalComparisonJoin&>(op);
  if (delim.delim_flipped) return unsupported("this form of correlated subquery");
  TRY_ASSIGN(NodePtr distinct, duplicate_free(delim, left));
  delims_.push_back(std::move(distinct));
  auto right = compile(*op.children[1]);
  delims_.pop_back();
  TRY_ASSIGN(Compiled compiled, std::move(right));
  return compile_join(op, std::move(left), std::move(compiled));
}

Result<Compiled> Compiler::delim_scan(const duckdb::LogicalDelimGet& scan) {
  if (delims_.empty()) return internal("a view's plan has a delim scan outside of a delim join");
  const NodePtr& node = delims_.back();
  if (!std::equal(node->types.begin(), node->types.end(), scan.chunk_types.begin(),
                  scan.chunk_types.end())) {
    return internal("a view's delim scan has other columns than its join");
  }
  return Compiled{node, bindings_of(scan.table_index, node->types.size())};
}

Result<Compiled> Compiler::cte(duckdb::LogicalMaterializedCTE& op) {
  TRY_ASSIGN(Compiled shared, compile(*op.children[0]));
  ctes_[op.table_index] = std::move(shared.node);
  return compile(*op.children[1]);
}

Result<Compiled> Compiler::cte_scan(const duckdb::LogicalCTERef& scan) {
  const auto found = ctes_.find(scan.cte_index);
  if (found == ctes_.end()) return refusal_of(LogicalOperatorType::LOGICAL_RECURSIVE_CTE);
  const NodePtr& node = found->second;
  if (!std::equal(node->types.begin(), node->types.end(), scan.chunk_types.begin(),
                  scan.chunk_types.end())) {
    return internal("a view's plan reads a WITH query with other columns than it has");
  }
  return Compiled{node, bindings_of(scan.table_index, node->types.size())};
}

Result<Compiled> Compiler::set_operation(duckdb::LogicalSetOperation& op) {
  auto node = std::make_shared<SetOperation>();
  for (const auto& child : op.children) {
    TRY_ASSIGN(Compiled input, compile(*child));
    if (!node->inputs.empty() && input.node->types != node->types) {
      return internal("a view's set operation has inputs of different types");
    }
    node->types = input.node->types;
    node->inputs.push_back(std::move(input.node));
  }
  const bool is_union = op.type == LogicalOperatorType::LOGICAL_UNION;
  if (op.type == LogicalOperatorType::LOGICAL_EXCEPT) node->operation = SetOperationKind::kExcept;
  if (op.type == LogicalOperatorType::LOGICAL_INTERSECT) {
    node->operation = SetOperationKind::kIntersect;
  }
  node->all = op.setop_all || is_union;
  Bindings bindings = bindings_of(op.table_index, node->types.size());
  if (op.setop_all || !is_union) return Compiled{std::move(node), std::move(bindings)};
  auto distinct = std::make_shared<Distinct>();
  distinct->types = node->types;
  distinct->inputs.push_back(std::move(node));
  return Compiled{std::move(distinct), std::move(bindings)};
}

Result<Compiled> Compiler::aggregate(duckdb::LogicalAggregate& op) {
  LogicalOperator& child = *op.children[0];
  // EXISTS is a count of at most one row: which one is all the same.
  const bool any_rows = child.type == LogicalOperatorType::LOGICAL_LIMIT && only_counts(op);
  TRY_ASSIGN(
      const Compiled input,
      any_rows ? limit(child.Cast<duckdb::LogicalLimit>(), Order::kIndifferent) : compile(child));
  return compile_aggregate(op, input);
}

Result<Compiled> Compiler::limit(duckdb::LogicalLimit& op, Order needed) {
  LogicalOperator& child = *op.children[0];
  if (child.type == LogicalOperatorType::LOGICAL_ORDER_BY) {
    TRY_ASSIGN(Compiled input, compile(*child.children[0]));
    return compile_limit(op, &child.Cast<duckdb::LogicalOrder>(), std::move(input));
  }
  if (needed == Order::kNeeded) {
    return unsupported("LIMIT and OFFSET without ORDER BY",
                       "Say which rows are meant: ORDER BY … LIMIT ….");
  }
  TRY_ASSIGN(Compiled input, compile(child));
  return compile_limit(op, nullptr, std::move(input));
}

}  // namespace

Error unsupported(std::string_view what, std::string_view hint) {
  return invalid("materialized views do not support {}", what)
      .with_sqlstate("0A000")
      .with_hint(std::string(hint));
}

Status check_bound(LogicalOperator& bound) {
  if (bound.type == LogicalOperatorType::LOGICAL_RECURSIVE_CTE) return refusal_of(bound.type);
  if (bound.type == LogicalOperatorType::LOGICAL_GET) {
    TRY(check_scan(bound.Cast<duckdb::LogicalGet>()));
  }
  Status status;
  duckdb::LogicalOperatorVisitor::EnumerateExpressions(bound, [&](ExpressionPtr* expression) {
    if (status.ok()) status = check_expression(**expression);
  });
  TRY(std::move(status));
  for (auto& child : bound.children) TRY(check_bound(*child));
  return ok();
}

Result<NodePtr> compile(duckdb::ClientContext& context, LogicalOperator& plan) {
  TRY_ASSIGN(Compiled made, Compiler(context).compile(plan));
  return with_same_nodes_once(made.node);
}

}  // namespace sluice::dataflow
