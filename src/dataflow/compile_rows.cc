#include "dataflow/compile_rows.h"

#include <algorithm>
#include <duckdb/function/function_binder.hpp>
#include <duckdb/planner/expression/bound_aggregate_expression.hpp>
#include <duckdb/planner/expression/bound_unnest_expression.hpp>
#include <duckdb/planner/expression/bound_window_expression.hpp>
#include <duckdb/planner/operator/logical_aggregate.hpp>
#include <duckdb/planner/operator/logical_distinct.hpp>
#include <duckdb/planner/operator/logical_get.hpp>
#include <duckdb/planner/operator/logical_limit.hpp>
#include <duckdb/planner/operator/logical_order.hpp>
#include <duckdb/planner/operator/logical_unnest.hpp>
#include <duckdb/planner/operator/logical_window.hpp>

#include "dataflow/compile.h"

namespace sluice::dataflow {
namespace {

using duckdb::BoundAggregateExpression;
using duckdb::BoundOrderByNode;
using duckdb::BoundWindowExpression;

// An order's columns by their numbers in a Columns.
Result<std::vector<OrderKey>> add_orders(const duckdb::vector<BoundOrderByNode>& orders,
                                         const Compiled& input, Columns& columns) {
  std::vector<OrderKey> keys;
  keys.reserve(orders.size());
  for (const BoundOrderByNode& order : orders) {
    TRY_ASSIGN(ExpressionPtr expression, resolved(*order.expression, input));
    keys.push_back({columns.add(std::move(expression)), order.type == duckdb::OrderType::DESCENDING,
                    order.null_order == duckdb::OrderByNullType::NULLS_FIRST});
  }
  return keys;
}

void place(std::vector<OrderKey>& keys, const Columns& columns) {
  for (OrderKey& key : keys) key.column = columns.at(key.column);
}

void place(std::vector<size_t>& numbers, const Columns& columns) {
  for (size_t& number : numbers) number = columns.at(number);
}

// A call whose columns are numbers in a Columns still.
Result<AggregateCall> add_call(const BoundAggregateExpression& bound, const Compiled& input,
                               Columns& columns) {
  AggregateCall call;
  ExpressionPtr copy = bound.Copy();
  call.bound =
      duckdb::unique_ptr_cast<duckdb::Expression, BoundAggregateExpression>(std::move(copy));
  call.distinct = bound.IsDistinct();
  for (const auto& child : bound.children) {
    TRY_ASSIGN(ExpressionPtr argument, resolved(*child, input));
    call.arguments.push_back(columns.add(std::move(argument)));
  }
  if (bound.filter) {
    TRY_ASSIGN(ExpressionPtr filter, resolved(*bound.filter, input));
    call.filter = columns.add(std::move(filter));
  }
  if (bound.order_bys) {
    TRY_ASSIGN(call.order, add_orders(bound.order_bys->orders, input, columns));
  }
  return call;
}

void place(AggregateCall& call, const Columns& columns) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    call.bound->children[i] = columns.reference_to(call.arguments[i]);
  }
  if (call.filter) call.bound->filter = columns.reference_to(*call.filter);
  for (size_t i = 0; i < call.order.size(); ++i) {
    call.bound->order_bys->orders[i].expression = columns.reference_to(call.order[i].column);
  }
  place(call.arguments, columns);
  if (call.filter) call.filter = columns.at(*call.filter);
  place(call.order, columns);
}

std::vector<std::vector<size_t>> sets_of(const duckdb::LogicalAggregate& aggregate) {
  std::vector<std::vector<size_t>> sets;
  sets.reserve(aggregate.grouping_sets.size() + 1);
  for (const auto& set : aggregate.grouping_sets) sets.emplace_back(set.begin(), set.end());
  if (sets.empty()) {
    sets.emplace_back(aggregate.groups.size());
    for (size_t i = 0; i < sets[0].size(); ++i) sets[0][i] = i;
  }
  return sets;
}

Bindings bindings_of(const duckdb::LogicalAggregate& aggregate) {
  Bindings bindings;
  const auto add = [&](duckdb::idx_t table, size_t count) {
    for (size_t i = 0; i < count; ++i) bindings.emplace_back(table, i);
  };
  add(aggregate.group_index, aggregate.groups.size());
  add(aggregate.aggregate_index, aggregate.expressions.size());
  add(aggregate.groupings_index, aggregate.grouping_functions.size());
  return bindings;
}

// Groups that nothing is computed for.
NodePtr distinct_groups(const NodePtr& input, const std::vector<size_t>& groups) {
  auto node = std::make_shared<Distinct>();
  node->inputs.push_back(pick(input, groups));
  node->types = node->inputs[0]->types;
  return node;
}

bool needs_order(const BoundWindowExpression& call) {
  switch (call.GetExpressionType()) {
    case duckdb::ExpressionType::WINDOW_ROW_NUMBER:
    case duckdb::ExpressionType::WINDOW_NTILE:
    case duckdb::ExpressionType::WINDOW_LEAD:
    case duckdb::ExpressionType::WINDOW_LAG:
    case duckdb::ExpressionType::WINDOW_FIRST_VALUE:
    case duckdb::ExpressionType::WINDOW_LAST_VALUE:
    case duckdb::ExpressionType::WINDOW_NTH_VALUE:
      return call.orders.empty() && call.arg_orders.empty();
    default:
      return false;
  }
}

using WindowCallPtr = duckdb::unique_ptr<BoundWindowExpression>;

// A call, and the partition it is over as numbers in a Columns.
struct WindowCall {
  WindowCallPtr bound;
  std::vector<size_t> partition;
  size_t position = 0;  // among the calls as they were written
};

Result<std::vector<WindowCall>> add_calls(const duckdb::LogicalWindow& window,
                                          const Compiled& input, Columns& columns) {
  std::vector<WindowCall> calls;
  calls.reserve(window.expressions.size());
  for (const auto& expression : window.expressions) {
    const auto& written = expression->Cast<BoundWindowExpression>();
    if (needs_order(written)) {
      return unsupported(fmt::format("{} without an order of its rows", written.ToString()),
                         "Say which row comes first: OVER (… ORDER BY …).");
    }
    TRY_ASSIGN(ExpressionPtr copy, resolved(written, input));
    WindowCall call;
    call.bound =
        duckdb::unique_ptr_cast<duckdb::Expression, BoundWindowExpression>(std::move(copy));
    call.bound->partitions_stats.clear();
    call.bound->expr_stats.clear();
    call.position = calls.size();
    for (const auto& by : call.bound->partitions) {
      call.partition.push_back(columns.add(by->Copy()));
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

// Takes the calls that have the first one's partition.
std::vector<WindowCall> take_alike(std::vector<WindowCall>& calls) {
  const std::vector<size_t> partition = calls.front().partition;
  std::vector<WindowCall> alike;
  std::vector<WindowCall> others;
  alike.reserve(calls.size());
  others.reserve(calls.size());
  for (WindowCall& call : calls) {
    (call.partition == partition ? alike : others).push_back(std::move(call));
  }
  calls = std::move(others);
  return alike;
}

NodePtr window_node(NodePtr input, std::vector<WindowCall>& calls, const Columns& columns) {
  auto node = std::make_shared<Window>();
  node->types = input->types;
  node->inputs.push_back(std::move(input));
  node->partition = calls.front().partition;
  place(node->partition, columns);
  for (WindowCall& call : calls) {
    call.bound->partitions.clear();
    for (const size_t number : call.partition) {
      call.bound->partitions.push_back(columns.reference_to(number));
    }
    node->types.push_back(call.bound->return_type);
    node->calls.push_back(std::move(call.bound));
  }
  return node;
}

Result<std::optional<uint64_t>> constant_of(const duckdb::BoundLimitNode& node) {
  switch (node.Type()) {
    case duckdb::LimitNodeType::UNSET:
      return std::optional<uint64_t>();
    case duckdb::LimitNodeType::CONSTANT_VALUE:
      return std::optional<uint64_t>(node.GetConstantValue());
    case duckdb::LimitNodeType::CONSTANT_PERCENTAGE:
    case duckdb::LimitNodeType::EXPRESSION_PERCENTAGE:
      return unsupported("a LIMIT in percent");
    case duckdb::LimitNodeType::EXPRESSION_VALUE:
      break;
  }
  return unsupported(
      fmt::format("LIMIT or OFFSET by an expression: {}", node.GetValueExpression().ToString()),
      "Write a number.");
}

std::vector<size_t> first_columns(size_t count) {
  std::vector<size_t> columns(count);
  for (size_t i = 0; i < count; ++i) columns[i] = i;
  return columns;
}

}  // namespace

bool only_counts(const duckdb::LogicalAggregate& aggregate) {
  return aggregate.groups.empty() &&
         std::all_of(aggregate.expressions.begin(), aggregate.expressions.end(),
                     [](const auto& expression) {
                       const auto& call = expression->template Cast<BoundAggregateExpression>();
                       return call.function.name == "count_star" && !call.filter;
                     });
}

Result<Compiled> compile_aggregate(duckdb::LogicalAggregate& aggregate, const Compiled& input) {
  Columns columns(input.node);
  auto node = std::make_shared<Aggregate>();
  for (const auto& group : aggregate.groups) {
    TRY_ASSIGN(ExpressionPtr made, resolved(*group, input));
    node->groups.push_back(columns.add(std::move(made)));
  }
  for (const auto& expression : aggregate.expressions) {
    TRY_ASSIGN(AggregateCall call,
               add_call(expression->Cast<BoundAggregateExpression>(), input, columns));
    node->calls.push_back(std::move(call));
  }
  columns.narrow();
  place(node->groups, columns);
  node->sets = sets_of(aggregate);
  for (const auto& grouping : aggregate.grouping_functions) {
    node->groupings.emplace_back(grouping.begin(), grouping.end());
  }
  const bool plain = node->sets.size() == 1 && node->sets[0].size() == node->groups.size();
  if (plain && node->calls.empty() && node->groupings.empty() && !node->groups.empty()) {
    return Compiled{distinct_groups(columns.node(), node->groups), bindings_of(aggregate)};
  }
  for (const size_t group : node->groups) node->types.push_back(columns.node()->types[group]);
  for (AggregateCall& call : node->calls) {
    place(call, columns);
    node->types.push_back(call.type());
  }
  node->types.insert(node->types.end(), node->groupings.size(), engine::LogicalType::BIGINT);
  node->inputs.push_back(columns.node());
  return Compiled{std::move(node), bindings_of(aggregate)};
}

Result<Compiled> compile_window(duckdb::LogicalWindow& window, Compiled input) {
  Columns columns(input.node);
  TRY_ASSIGN(std::vector<WindowCall> calls, add_calls(window, input, columns));
  columns.widen();
  const size_t width = input.node->types.size();
  std::vector<size_t> kept = first_columns(width);
  kept.resize(width + calls.size());
  NodePtr node = columns.node();
  while (!calls.empty()) {
    std::vector<WindowCall> alike = take_alike(calls);
    for (size_t i = 0; i < alike.size(); ++i) {
      kept[width + alike[i].position] = node->types.size() + i;
    }
    node = window_node(std::move(node), alike, columns);
  }
  Bindings bindings = std::move(input.bindings);
  for (size_t i = width; i < kept.size(); ++i) {
    bindings.emplace_back(window.window_index, i - width);
  }
  return Compiled{pick(std::move(node), kept), std::move(bindings)};
}

Result<Compiled> compile_distinct(const duckdb::LogicalDistinct& distinct, Compiled input) {
  Columns columns(input.node);
  std::vector<size_t> targets;
  targets.reserve(distinct.distinct_targets.size());
  for (const auto& target : distinct.distinct_targets) {
    TRY_ASSIGN(ExpressionPtr made, resolved(*target, input));
    targets.push_back(columns.add(std::move(made)));
  }
  std::vector<OrderKey> order;
  if (distinct.order_by) {
    TRY_ASSIGN(order, add_orders(distinct.order_by->orders, input, columns));
  }
  columns.widen();
  place(targets, columns);
  place(order, columns);
  const size_t width = input.node->types.size();
  if (distinct.distinct_type == duckdb::DistinctType::DISTINCT) {
    std::vector<size_t> sorted = targets;
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    if (sorted != first_columns(width)) return unsupported("this form of DISTINCT");
    auto node = std::make_shared<Distinct>();
    node->types = input.node->types;
    node->inputs.push_back(std::move(input.node));
    return Compiled{std::move(node), std::move(input.bindings)};
  }
  auto node = std::make_shared<TopK>();
  node->types = columns.node()->types;
  node->inputs.push_back(columns.node());
  node->partition = std::move(targets);
  node->order = std::move(order);
  node->limit = 1;
  return Compiled{pick(std::move(node), first_columns(width)), std::move(input.bindings)};
}

Result<Compiled> compile_unnest(duckdb::LogicalUnnest& unnest, Compiled input) {
  Columns columns(input.node);
  auto node = std::make_shared<Unnest>();
  for (const auto& expression : unnest.expressions) {
    if (expression->GetExpressionClass() != duckdb::ExpressionClass::BOUND_UNNEST) {
      return unsupported(fmt::format("{} among unnested columns", expression->ToString()));
    }
    const auto& list = expression->Cast<duckdb::BoundUnnestExpression>().child;
    if (list->return_type.id() != engine::LogicalTypeId::LIST) {
      return unsupported(fmt::format("unnest of {}", list->return_type.ToString()));
    }
    TRY_ASSIGN(ExpressionPtr made, resolved(*list, input));
    node->lists.push_back(columns.add(std::move(made)));
  }
  columns.widen();
  place(node->lists, columns);
  node->types = columns.node()->types;
  const size_t width = input.node->types.size();
  std::vector<size_t> kept = first_columns(width);
  Bindings bindings = std::move(input.bindings);
  for (size_t i = 0; i < unnest.expressions.size(); ++i) {
    kept.push_back(node->types.size());
    node->types.push_back(unnest.expressions[i]->return_type);
    bindings.emplace_back(unnest.unnest_index, i);
  }
  node->inputs.push_back(columns.node());
  return Compiled{pick(std::move(node), kept), std::move(bindings)};
}

bool is_list_function(const duckdb::LogicalGet& scan) {
  const std::string& name = scan.function.name;
  return (name == "unnest" || name == "range" || name == "generate_series") &&
         scan.returned_types.size() == 1 && !scan.ordinality_idx.IsValid();
}

Result<Compiled> compile_list_function(duckdb::ClientContext& context,
                                       const duckdb::LogicalGet& scan, Compiled input) {
  ExpressionPtr list;
  if (scan.function.name == "unnest") {
    list = reference(*input.node, 0);
  } else {
    duckdb::vector<ExpressionPtr> arguments;
    for (size_t i = 0; i < scan.input_table_types.size(); ++i) {
      arguments.push_back(reference(*input.node, i));
    }
    // The scalar function of the same name makes a list of what the table function makes rows of.
    duckdb::ErrorData error;
    duckdb::FunctionBinder binder(context);
    list =
        binder.BindScalarFunction(DEFAULT_SCHEMA, scan.function.name, std::move(arguments), error);
    if (!list) error.Throw();
  }
  if (list->return_type != engine::LogicalType::LIST(scan.returned_types[0])) {
    return unsupported(fmt::format("{} over {}", scan.function.name, list->return_type.ToString()));
  }
  Columns columns(input.node);
  const size_t number = columns.add(std::move(list));
  columns.widen();
  auto node = std::make_shared<Unnest>();
  node->lists = {columns.at(number)};
  node->inputs.push_back(columns.node());
  node->types = columns.node()->types;
  node->types.push_back(scan.returned_types[0]);
  std::vector<size_t> kept = first_columns(input.node->types.size());
  kept.push_back(node->types.size() - 1);
  Bindings bindings = std::move(input.bindings);
  bindings.emplace_back(scan.table_index, 0);
  return Compiled{pick(std::move(node), kept), std::move(bindings)};
}

Result<Compiled> compile_limit(const duckdb::LogicalLimit& limit, const duckdb::LogicalOrder* order,
                               Compiled input) {
  auto node = std::make_shared<TopK>();
  TRY_ASSIGN(node->limit, constant_of(limit.limit_val));
  TRY_ASSIGN(const std::optional<uint64_t> offset, constant_of(limit.offset_val));
  node->offset = offset.value_or(0);
  Columns columns(input.node);
  if (order != nullptr) {
    TRY_ASSIGN(node->order, add_orders(order->orders, input, columns));
  }
  columns.widen();
  place(node->order, columns);
  node->types = columns.node()->types;
  node->inputs.push_back(columns.node());
  return Compiled{pick(std::move(node), first_columns(input.node->types.size())),
                  std::move(input.bindings)};
}

}  // namespace sluice::dataflow
