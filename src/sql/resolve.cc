#include "sql/resolve.h"

#include <algorithm>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/query_node/list.hpp>
#include <duckdb/parser/tableref/list.hpp>

#include "sql/declared_types.h"
#include "sql/front/statement.h"
#include "sql/resolver.h"

namespace sluice::sql {
namespace {

// A tree deeper than this would overflow the stack of whoever walks it after us.
constexpr int kMaxNestingDepth = 600;

// Counts how deep the walk is, for as long as it lives.
class Level {
 public:
  explicit Level(int& depth) : depth_(++depth) {}
  ~Level() { --depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  int& depth_;
};

// PostgreSQL's name of a comparison; null for what is none, or compares more than values.
const char* comparison_name(duckdb::ExpressionType type) {
  switch (type) {
    case duckdb::ExpressionType::COMPARE_EQUAL:
      return "=";
    case duckdb::ExpressionType::COMPARE_NOTEQUAL:
      return "<>";
    case duckdb::ExpressionType::COMPARE_LESSTHAN:
      return "<";
    case duckdb::ExpressionType::COMPARE_GREATERTHAN:
      return ">";
    case duckdb::ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return "<=";
    case duckdb::ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return ">=";
    default:
      return nullptr;
  }
}

// check(x, y, operator), in the place of `tree`: see engine/functions/checks.cc.
ExpressionPointer check_call(const char* check, ExpressionPointer left, ExpressionPointer right,
                             const char* operation, const duckdb::ParsedExpression& tree) {
  duckdb::vector<ExpressionPointer> arguments;
  arguments.push_back(std::move(left));
  arguments.push_back(std::move(right));
  arguments.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(engine::Value(operation)));
  for (auto& argument : arguments) argument->alias.clear();
  arguments.back()->SetQueryLocation(tree.GetQueryLocation());
  auto call = duckdb::make_uniq<duckdb::FunctionExpression>(check, std::move(arguments));
  call->alias = tree.alias;
  call->SetQueryLocation(tree.GetQueryLocation());
  return call;
}

template <typename... Arguments>
ExpressionPointer call_with(const char* function, Arguments... arguments) {
  std::vector<ExpressionPointer> all;
  (all.push_back(std::move(arguments)), ...);
  return call_of(function, std::move(all));
}

ExpressionPointer case_of(ExpressionPointer when, ExpressionPointer then,
                          ExpressionPointer otherwise) {
  auto result = duckdb::make_uniq<duckdb::CaseExpression>();
  duckdb::CaseCheck check;
  check.when_expr = std::move(when);
  check.then_expr = std::move(then);
  result->case_checks.push_back(std::move(check));
  result->else_expr = std::move(otherwise);
  return result;
}

// A number, true, 'x'::text, date '2020-01-01'; not 'x', which takes any type.
bool is_typed_constant(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::CAST)
    return expression.Cast<duckdb::CastExpression>().child->GetExpressionClass() ==
           duckdb::ExpressionClass::CONSTANT;
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::CONSTANT) return false;
  const auto& value = expression.Cast<duckdb::ConstantExpression>().value;
  return !value.IsNull() && value.type().id() != engine::LogicalTypeId::VARCHAR;
}

// The parameter or literal of SELECT unnest($1), alone; null for any other query.
const duckdb::ParsedExpression* untyped_list(const duckdb::SelectStatement& query) {
  if (query.node->type != duckdb::QueryNodeType::SELECT_NODE) return nullptr;
  const auto& select = query.node->Cast<duckdb::SelectNode>();
  if (select.select_list.size() != 1 ||
      select.select_list[0]->GetExpressionClass() != duckdb::ExpressionClass::FUNCTION ||
      (select.from_table && select.from_table->type != duckdb::TableReferenceType::EMPTY_FROM))
    return nullptr;
  const auto& call = select.select_list[0]->Cast<duckdb::FunctionExpression>();
  if (!duckdb::StringUtil::CIEquals(call.function_name, "unnest") || call.children.size() != 1)
    return nullptr;
  const auto kind = call.children[0]->GetExpressionClass();
  const bool literal =
      kind == duckdb::ExpressionClass::CONSTANT && !is_typed_constant(*call.children[0]);
  return kind == duckdb::ExpressionClass::PARAMETER || literal ? call.children[0].get() : nullptr;
}

// The engine's parser wraps a query of WITH that has a WITH itself once more in that one's tables:
// t would see t. A second wrapping has the same name and the same query.
void unwrap(duckdb::QueryNode& node) {
  if (node.type != duckdb::QueryNodeType::CTE_NODE) return;
  auto& with = node.Cast<duckdb::CTENode>();
  unwrap(*with.query);
  unwrap(*with.child);
  for (duckdb::QueryNode* next = with.child.get(); next->type == duckdb::QueryNodeType::CTE_NODE;) {
    auto& later = next->Cast<duckdb::CTENode>();
    if (later.ctename == with.ctename && later.query->Equals(with.query.get())) {
      auto rest = std::move(later.child);
      with.child = std::move(rest);
      return;
    }
    next = later.child.get();
  }
}

}  // namespace

Resolver::Resolver(const ResolveContext& context, std::vector<ExtraRelation> extra_relations)
    : context_(context),
      extra_(std::move(extra_relations)),
      root_{.parent = nullptr, .search_path = &context.search_path, .bound = context.bound} {}

Resolver::Scope Resolver::inside(const Scope& parent) {
  return {.parent = &parent,
          .search_path = parent.search_path,
          .in_view = parent.in_view,
          .bound = parent.bound};
}

void Resolver::fail(Error error, duckdb::optional_idx location) {
  if (failure_) return;
  if (error.position == 0 && view_depth_ == 0) error.position = position_of(location);
  failure_ = std::move(error);
}

Result<Resolved> Resolver::query(QueryPtr statement) {
  walk(*statement, root_, true);
  if (failure_) return std::move(*failure_);
  Resolved resolved;
  resolved.query = engine::Query(std::move(statement));
  for (const auto& relation : extra_)
    if (relation.keep) keep_.push_back(relation.keep);
  for (const auto& [id, rows] : system_rows_) keep_.push_back(rows);
  if (published_) keep_.push_back(published_->token);
  resolved.query.keep = std::move(keep_);
  resolved.reads.assign(reads_.begin(), reads_.end());
  resolved.tables.assign(tables_.begin(), tables_.end());
  resolved.rows_read = std::move(rows_read_);
  return resolved;
}

Result<ExpressionPointer> Resolver::expression(ExpressionPointer tree, bool columns_allowed) {
  subqueries_allowed_ = false;
  columns_allowed_ = columns_allowed;
  Scope scope = inside(root_);
  walk(tree, scope);
  if (failure_) return std::move(*failure_);
  return tree;
}

void Resolver::walk(duckdb::SelectStatement& statement, const Scope& parent, bool top) {
  walk(*statement.node, parent, top);
}

void Resolver::walk(duckdb::QueryNode& node, const Scope& parent, bool top, WithChain* outer) {
  if (failed()) return;
  if (outer == nullptr) unwrap(node);
  const Level level(nesting_);
  if (nesting_ > kMaxNestingDepth)
    return fail(invalid("the query is nested too deeply").with_sqlstate("54001"));
  WithChain own{.base = &parent, .names = {}};
  WithChain& chain = outer == nullptr ? own : *outer;
  Scope scope = inside(*chain.base);
  walk_common_tables(node, scope);
  scope.common_tables.insert(chain.names.begin(), chain.names.end());
  switch (node.type) {
    case duckdb::QueryNodeType::SELECT_NODE:
      walk_select(node.Cast<duckdb::SelectNode>(), scope, top);
      break;
    case duckdb::QueryNodeType::SET_OPERATION_NODE: {
      auto& operation = node.Cast<duckdb::SetOperationNode>();
      walk(*operation.left, scope, top);
      walk(*operation.right, scope);
      break;
    }
    case duckdb::QueryNodeType::RECURSIVE_CTE_NODE: {
      // Only the second half may name the table itself; in the first it would be looked up in the
      // engine's catalog.
      auto& recursive = node.Cast<duckdb::RecursiveCTENode>();
      walk(*recursive.left, scope);
      scope.common_tables.insert(recursive.ctename);
      walk(*recursive.right, scope);
      for (auto& key : recursive.key_targets) walk(key, scope);
      break;
    }
    case duckdb::QueryNodeType::CTE_NODE: {
      // WITH, as the engine nests it: one common table and the query that may name it. The table
      // itself sees only those before it, whatever the maps of the nodes around it hold.
      auto& with = node.Cast<duckdb::CTENode>();
      Scope before = inside(*chain.base);
      before.common_tables = chain.names;
      walk(*with.query, before);
      chain.names.insert(with.ctename);
      walk(*with.child, *chain.base, top, &chain);
      scope.common_tables.insert(with.ctename);
      break;
    }
    default:
      return fail(invalid("this form of query is not supported").with_sqlstate("0A000"));
  }
  walk_modifiers(node, scope);
}

void Resolver::walk_common_tables(duckdb::QueryNode& node, Scope& scope) {
  // Each sees those before it; itself only in the second half of a recursive one.
  for (auto& [name, table] : node.cte_map.map) {
    walk(*table->query, scope);
    for (auto& key : table->key_targets) walk(key, scope);
    scope.common_tables.insert(name);
  }
}

void Resolver::walk_select(duckdb::SelectNode& node, Scope& scope, bool top) {
  const Conditions conditions = conditions_of(node, scope);
  scope.conditions = conditions.all.empty() ? nullptr : &conditions;
  if (node.from_table) walk(node.from_table, scope);
  scope.conditions = nullptr;
  settings_change_ =
      top && !node.where_clause && !node.having &&
      (!node.from_table || node.from_table->type == duckdb::TableReferenceType::EMPTY_FROM);
  for (auto& item : node.select_list) walk_select_item(item, scope, top);
  settings_change_ = false;
  for (auto& group : node.groups.group_expressions) walk(group, scope);
  if (node.where_clause) walk(node.where_clause, scope);
  if (node.having) walk(node.having, scope);
  if (failed()) return;
  if (node.where_clause) need_boolean(node.where_clause, "WHERE");
  if (node.having) need_boolean(node.having, "HAVING");
  if (node.qualify) walk(node.qualify, scope);
  if (node.qualify && !failed()) need_boolean(node.qualify, "QUALIFY");
}

void Resolver::walk_modifiers(duckdb::QueryNode& node, Scope& scope) {
  duckdb::ParsedExpressionIterator::EnumerateQueryNodeModifiers(
      node, [&](ExpressionPointer& child) { walk(child, scope); });
}

void Resolver::walk_select_item(ExpressionPointer& item, Scope& scope, bool top) {
  // A regclass that a client gets to see is a name; anywhere else it is compared as a number.
  const std::string name = item->alias;
  if (top && is_registry_call(*item))
    item = duckdb::make_uniq<duckdb::CastExpression>(engine::LogicalType::VARCHAR, std::move(item));
  const std::string shown = item->GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF
                                ? item->Cast<duckdb::ColumnRefExpression>().GetColumnName()
                                : "";
  walk(item, scope);
  if (failed()) return;
  // What is replaced must not change the column's name.
  if (!name.empty()) {
    item->alias = name;
  } else if (!shown.empty() &&
             (item->GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF ||
              item->Cast<duckdb::ColumnRefExpression>().GetColumnName() != shown)) {
    item->alias = shown;
  }
}

static bool has_between(const duckdb::ParsedExpression& tree) {
  bool found = tree.GetExpressionClass() == duckdb::ExpressionClass::BETWEEN ||
               tree.GetExpressionClass() == duckdb::ExpressionClass::SUBQUERY;
  duckdb::ParsedExpressionIterator::EnumerateChildren(
      tree, [&](const duckdb::ParsedExpression& child) { found = found || has_between(child); });
  return found;
}

// x BETWEEN a AND b, with a logical time among them, as the two comparisons that it means: each
// finds out for itself how the time compares with the other side.
void Resolver::split_between_times(ExpressionPointer& tree) {
  if (tree->GetExpressionClass() != duckdb::ExpressionClass::BETWEEN) return;
  auto& between = tree->Cast<duckdb::BetweenExpression>();
  const auto is_time = [](const ExpressionPointer& side) {
    return side->GetExpressionClass() == duckdb::ExpressionClass::FUNCTION &&
           side->Cast<duckdb::FunctionExpression>().function_name == "mz_now";
  };
  if (!is_time(between.input) && !is_time(between.lower) && !is_time(between.upper)) return;
  // It is copied: not what may hold others that would be, too.
  if (!is_time(between.input) && has_between(*between.input)) return;
  using duckdb::ExpressionType;
  auto both = duckdb::make_uniq<duckdb::ConjunctionExpression>(ExpressionType::CONJUNCTION_AND);
  for (auto& [type, bound] :
       {std::pair(ExpressionType::COMPARE_GREATERTHANOREQUALTO, &between.lower),
        std::pair(ExpressionType::COMPARE_LESSTHANOREQUALTO, &between.upper)}) {
    both->children.push_back(duckdb::make_uniq<duckdb::ComparisonExpression>(
        type, between.input->Copy(), std::move(*bound)));
    both->children.back()->SetQueryLocation(tree->GetQueryLocation());
  }
  both->alias = tree->alias;
  tree = std::move(both);
}

void Resolver::walk(ExpressionPointer& tree, Scope& scope) {
  if (failed()) return;
  const Level level(nesting_);
  if (nesting_ > kMaxNestingDepth)
    return fail(invalid("the expression is nested too deeply").with_sqlstate("54001"));
  split_between_times(tree);
  switch (tree->GetExpressionClass()) {
    case duckdb::ExpressionClass::FUNCTION:
      return walk_function(tree, scope);
    case duckdb::ExpressionClass::WINDOW:
      return walk_window(tree, scope);
    case duckdb::ExpressionClass::CAST:
      return walk_cast(tree, scope);
    case duckdb::ExpressionClass::COLUMN_REF:
      return walk_column(tree, scope);
    case duckdb::ExpressionClass::SUBQUERY: {
      if (!subqueries_allowed_)
        return fail(invalid("cannot use subquery here").with_sqlstate("0A000"),
                    tree->GetQueryLocation());
      if (type_any_of(tree)) return walk(tree, scope);
      walk_children(*tree, scope);
      return walk(*tree->Cast<duckdb::SubqueryExpression>().subquery, scope);
    }
    case duckdb::ExpressionClass::DEFAULT:
      return fail(invalid("DEFAULT is not allowed in this context").with_sqlstate("42601"),
                  tree->GetQueryLocation());
    case duckdb::ExpressionClass::COLLATE: {
      // One collation, by bytes; so those that mean it have no effect, and there is no other.
      auto& collate = tree->Cast<duckdb::CollateExpression>();
      const std::string name = collate.collation;
      if (name != "default" && name != "C" && name != "c" && name != "POSIX" && name != "posix" &&
          name != "pg_catalog.default" && name != "ucs_basic")
        return fail(invalid("collation \"{}\" for encoding \"UTF8\" does not exist", name)
                        .with_sqlstate("42704"),
                    tree->GetQueryLocation());
      auto child = std::move(collate.child);
      if (child->alias.empty()) child->alias = tree->alias;
      tree = std::move(child);
      return walk(tree, scope);
    }
    case duckdb::ExpressionClass::BOUND_EXPRESSION:
      return fail(internal("a bound expression in a parse tree"));
    default:
      walk_children(*tree, scope);
      if (failed()) return;
      walk_conditions(*tree);
      check_comparison(tree);
      check_membership(*tree);
  }
}

// The engine makes x = ANY (SELECT unnest($1)) of it, where nothing tells the type of $1, or of a
// literal: it is a list of what x is. Elements that are NULL make the answer NULL where no other is
// equal.
bool Resolver::type_any_of(ExpressionPointer& tree) {
  auto& any = tree->Cast<duckdb::SubqueryExpression>();
  if (any.subquery_type != duckdb::SubqueryType::ANY ||
      any.comparison_type != duckdb::ExpressionType::COMPARE_EQUAL || any.child->HasSubquery())
    return false;
  const duckdb::ParsedExpression* const given = untyped_list(*any.subquery);
  if (given == nullptr) return false;
  const auto list = [&] { return call_with("sluice_list_like", given->Copy(), any.child->Copy()); };
  const auto null = [] { return constant(engine::Value(engine::LogicalType::BOOLEAN)); };
  auto no_nulls = duckdb::make_uniq<duckdb::ComparisonExpression>(
      duckdb::ExpressionType::COMPARE_EQUAL, call_with("list_count", list()),
      call_with("sluice_cardinality", list()));
  auto found = duckdb::make_uniq<duckdb::ConjunctionExpression>(
      duckdb::ExpressionType::CONJUNCTION_OR, call_with("list_contains", list(), any.child->Copy()),
      case_of(std::move(no_nulls), constant(engine::Value::BOOLEAN(false)), null()));
  auto answer = case_of(duckdb::make_uniq<duckdb::OperatorExpression>(
                            duckdb::ExpressionType::OPERATOR_IS_NULL, any.child->Copy()),
                        null(), std::move(found));
  // Nothing is equal to an element of an empty list, not even what is not known.
  answer =
      case_of(duckdb::make_uniq<duckdb::ComparisonExpression>(
                  duckdb::ExpressionType::COMPARE_EQUAL, call_with("sluice_cardinality", list()),
                  constant(engine::Value::INTEGER(0))),
              constant(engine::Value::BOOLEAN(false)), std::move(answer));
  answer->alias = tree->alias;
  answer->SetQueryLocation(tree->GetQueryLocation());
  tree = std::move(answer);
  return true;
}

void Resolver::check_comparison(ExpressionPointer& tree) {
  const char* name = comparison_name(tree->GetExpressionType());
  if (name == nullptr || tree->GetExpressionClass() != duckdb::ExpressionClass::COMPARISON) return;
  auto& comparison = tree->Cast<duckdb::ComparisonExpression>();
  tree = check_call("sluice_compare", std::move(comparison.left), std::move(comparison.right), name,
                    *tree);
}

// By the first of the list that has a type of its own.
void Resolver::check_membership(duckdb::ParsedExpression& operation) {
  const bool in = operation.GetExpressionType() == duckdb::ExpressionType::COMPARE_IN;
  if (!in && operation.GetExpressionType() != duckdb::ExpressionType::COMPARE_NOT_IN) return;
  auto& children = operation.Cast<duckdb::OperatorExpression>().children;
  for (size_t i = 1; i < children.size(); ++i) {
    if (!is_typed_constant(*children[i])) continue;
    children[0] = check_call("sluice_among", std::move(children[0]), children[i]->Copy(),
                             in ? "=" : "<>", operation);
    return;
  }
}

void Resolver::walk_conditions(duckdb::ParsedExpression& expression) {
  switch (expression.GetExpressionClass()) {
    case duckdb::ExpressionClass::CONJUNCTION: {
      const bool both = expression.GetExpressionType() == duckdb::ExpressionType::CONJUNCTION_AND;
      for (auto& child : expression.Cast<duckdb::ConjunctionExpression>().children)
        need_boolean(child, both ? "AND" : "OR");
      return;
    }
    case duckdb::ExpressionClass::OPERATOR:
      if (expression.GetExpressionType() == duckdb::ExpressionType::OPERATOR_NOT)
        need_boolean(expression.Cast<duckdb::OperatorExpression>().children[0], "NOT");
      return;
    case duckdb::ExpressionClass::CASE:
      for (auto& check : expression.Cast<duckdb::CaseExpression>().case_checks)
        need_boolean(check.when_expr, "CASE/WHEN");
      return;
    default:
      return;
  }
}

// The engine would take any type that casts. What is boolean by its form stays as it is.
void Resolver::need_boolean(ExpressionPointer& expression, const char* what) const {
  switch (expression->GetExpressionClass()) {
    case duckdb::ExpressionClass::COLUMN_REF:
    case duckdb::ExpressionClass::CONSTANT:
    case duckdb::ExpressionClass::CAST:
    case duckdb::ExpressionClass::FUNCTION:
    case duckdb::ExpressionClass::CASE:
    case duckdb::ExpressionClass::PARAMETER:
    case duckdb::ExpressionClass::WINDOW:
      break;
    case duckdb::ExpressionClass::SUBQUERY:
      if (expression->Cast<duckdb::SubqueryExpression>().subquery_type ==
          duckdb::SubqueryType::SCALAR)
        break;
      return;
    default:
      return;
  }
  const auto location = expression->GetQueryLocation();
  duckdb::vector<ExpressionPointer> arguments;
  arguments.push_back(std::move(expression));
  arguments.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(engine::Value(what)));
  arguments[0]->alias.clear();
  expression =
      duckdb::make_uniq<duckdb::FunctionExpression>("sluice_condition", std::move(arguments));
  expression->SetQueryLocation(location);
}

void Resolver::walk_children(duckdb::ParsedExpression& expression, Scope& scope) {
  duckdb::ParsedExpressionIterator::EnumerateChildren(
      expression, [&](ExpressionPointer& child) { walk(child, scope); });
}

void Resolver::walk_column(ExpressionPointer& tree, Scope& scope) {
  auto& column = tree->Cast<duckdb::ColumnRefExpression>();
  auto& names = column.column_names;
  if (!columns_allowed_)
    return fail(
        invalid("column \"{}\" does not exist", fmt::join(names, ".")).with_sqlstate("42703"),
        column.GetQueryLocation());
  if (walk_table_oid(tree, scope)) return;
  for (const Scope* each = &scope; each != nullptr && names.size() == 1; each = each->parent) {
    for (const auto& relation : each->relations) {
      if (relation.only_column.empty() || relation.alias != names[0]) continue;
      names = {relation.alias, relation.only_column};
      return;
    }
  }
  // public.t.a and materialize.public.t.a: relations go by their alias alone once they are scanned.
  for (const Scope* each = &scope; each != nullptr; each = each->parent) {
    for (const auto& relation : each->relations) {
      for (size_t skip = 0; skip + 1 < relation.name.size(); ++skip) {
        const size_t parts = relation.name.size() - skip;
        if (names.size() <= parts ||
            !std::equal(relation.name.begin() + static_cast<ptrdiff_t>(skip), relation.name.end(),
                        names.begin()))
          continue;
        names.erase(names.begin(), names.begin() + static_cast<ptrdiff_t>(parts));
        names.insert(names.begin(), relation.alias);
        return;
      }
    }
  }
}

bool Resolver::walk_table_oid(ExpressionPointer& tree, const Scope& scope) {
  const auto& names = tree->Cast<duckdb::ColumnRefExpression>().column_names;
  if (names.size() != 2 || names[1] != "tableoid") return false;
  for (const Scope* each = &scope; each != nullptr; each = each->parent) {
    for (const auto& relation : each->relations) {
      if (relation.alias != names[0]) continue;
      if (relation.oid == 0) return false;
      const auto type = types::to_engine(types::make(types::TypeId::kOid));
      auto number = case_of(
          duckdb::make_uniq<duckdb::OperatorExpression>(
              duckdb::ExpressionType::OPERATOR_IS_NULL,
              duckdb::make_uniq<duckdb::ColumnRefExpression>(relation.first_column, names[0])),
          constant(engine::Value(engine::LogicalType::BIGINT)),
          constant(engine::Value::BIGINT(relation.oid)));
      auto answer = duckdb::make_uniq<duckdb::CastExpression>(type, std::move(number));
      answer->alias = tree->alias.empty() ? names[1] : tree->alias;
      answer->SetQueryLocation(tree->GetQueryLocation());
      tree = std::move(answer);
      return true;
    }
  }
  return false;
}

Result<Resolved> resolve(QueryPtr statement, const ResolveContext& context,
                         std::vector<ExtraRelation> extra) {
  return Resolver(context, std::move(extra)).query(std::move(statement));
}

Result<Resolved> resolve(QueryPtr statement, const ResolveContext& context) {
  return resolve(std::move(statement), context, {});
}

Result<ExpressionPtr> resolve_expression(ExpressionPtr expression, const ResolveContext& context,
                                         bool columns_allowed) {
  TRY_ASSIGN(
      auto tree,
      Resolver(context, {}).expression(ExpressionPointer(expression.release()), columns_allowed));
  return tree;
}

Result<std::vector<Column>> columns_of(const Resolved& resolved, engine::Connection& connection,
                                       const std::vector<std::optional<types::SqlType>>& declared) {
  TRY_ASSIGN(const auto description, connection.describe(resolved.query));
  const engine::Shape& shape = description.shape;
  const bool known = declared.size() == shape.names.size();
  std::vector<Column> columns;
  for (size_t i = 0; i < shape.names.size(); ++i) {
    columns.push_back({.name = shape.names[i],
                       .type = result_type(shape.types[i], known ? declared[i] : std::nullopt)});
  }
  return columns;
}

}  // namespace sluice::sql
