// What stands in FROM: each relation becomes what the engine can scan.
#include <algorithm>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/query_node/list.hpp>
#include <duckdb/parser/tableref/list.hpp>

#include "sql/allowed_functions.h"
#include "sql/front/parse.h"
#include "sql/resolver.h"
#include "sql/standing_query.h"
#include "sql/system/relations.h"

namespace sluice::sql {
namespace {

constexpr int kMaxViewDepth = 100;

NameParts parts_of(const duckdb::BaseTableRef& ref) {
  NameParts parts;
  if (!ref.catalog_name.empty()) parts.push_back(ref.catalog_name);
  if (!ref.schema_name.empty()) parts.push_back(ref.schema_name);
  parts.push_back(ref.table_name);
  return parts;
}

std::vector<std::string> names_of(std::span<const Column> columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

// What the user said about the relation (alias, names of columns, TABLESAMPLE) goes over to what
// takes its place. `columns`: the names it has without that.
void take_over(duckdb::TableRef& from, const std::string& name,
               const std::vector<std::string>& columns, duckdb::TableRef& to) {
  to.alias = from.alias.empty() ? name : from.alias;
  to.column_name_alias = from.column_name_alias;
  for (size_t i = to.column_name_alias.size(); i < columns.size(); ++i)
    to.column_name_alias.push_back(columns[i]);
  to.sample = std::move(from.sample);
  to.query_location = from.query_location;
}

// The names of a subquery's columns, where its text tells them.
std::vector<std::string> shown_names(const duckdb::SubqueryRef& ref) {
  if (ref.subquery->node->type != duckdb::QueryNodeType::SELECT_NODE || ref.sample) return {};
  std::vector<std::string> names;
  for (const auto& item : ref.subquery->node->Cast<duckdb::SelectNode>().select_list) {
    const bool is_column = item->GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF;
    names.push_back(!item->alias.empty() ? item->alias
                    : is_column          ? item->Cast<duckdb::ColumnRefExpression>().GetColumnName()
                                         : "");
  }
  for (size_t i = 0; i < std::min<size_t>(names.size(), ref.column_name_alias.size()); ++i)
    names[i] = ref.column_name_alias[i];
  return names;
}

bool is_small_integer(const ExpressionPointer& expression) {
  if (expression->GetExpressionClass() == duckdb::ExpressionClass::FUNCTION) {
    const auto& call = expression->Cast<duckdb::FunctionExpression>();
    return call.is_operator && call.function_name == "-" && call.children.size() == 1 &&
           is_small_integer(call.children[0]);
  }
  return expression->GetExpressionClass() == duckdb::ExpressionClass::CONSTANT &&
         expression->Cast<duckdb::ConstantExpression>().value.type().id() ==
             engine::LogicalTypeId::INTEGER;
}

// Whether the form of a generate_series() tells that it counts integers, which the engine's scan
// does without a list. The types of columns and calls are not known yet.
bool counts_integers(const duckdb::FunctionExpression& call) {
  return std::all_of(call.children.begin(), call.children.end(), [](const auto& argument) {
    switch (argument->GetExpressionClass()) {
      case duckdb::ExpressionClass::CONSTANT:
        return argument->template Cast<duckdb::ConstantExpression>().value.type().IsIntegral();
      case duckdb::ExpressionClass::CAST:
        return argument->template Cast<duckdb::CastExpression>().cast_type.IsIntegral();
      case duckdb::ExpressionClass::FUNCTION:
        return is_small_integer(argument);
      case duckdb::ExpressionClass::PARAMETER:
      case duckdb::ExpressionClass::SUBQUERY:
        return true;
      default:
        return false;
    }
  });
}

// unnest(generate_series(1, length of the longest list)): WITH ORDINALITY.
ExpressionPointer numbers_of(const std::vector<const duckdb::ParsedExpression*>& lists) {
  const auto call = [](const char* name, auto... given) {
    std::vector<ExpressionPointer> arguments;
    (arguments.push_back(std::move(given)), ...);
    return call_of(name, std::move(arguments));
  };
  std::vector<ExpressionPointer> lengths;
  lengths.reserve(lists.size());
  for (const auto* list : lists) lengths.push_back(call("len", list->Copy()));
  auto longest =
      lengths.size() == 1 ? std::move(lengths[0]) : call_of("greatest", std::move(lengths));
  auto rows = call("unnest",
                   call("generate_series", constant(engine::Value::BIGINT(1)), std::move(longest)));
  rows->alias = "ordinality";
  return rows;
}

}  // namespace

void Resolver::walk(TableRefPointer& ref, Scope& scope) {
  if (failed()) return;
  switch (ref->type) {
    case duckdb::TableReferenceType::BASE_TABLE:
      return walk_base_table(ref, scope);
    case duckdb::TableReferenceType::JOIN:
      return walk_join(ref->Cast<duckdb::JoinRef>(), scope);
    case duckdb::TableReferenceType::SUBQUERY:
      passed_on_ =
          passed_on(*ref->Cast<duckdb::SubqueryRef>().subquery,
                    shown_names(ref->Cast<duckdb::SubqueryRef>()), ref->alias, *ref, scope, scope);
      // The scope itself, not its parent: LATERAL, which the engine takes as said everywhere.
      walk(*ref->Cast<duckdb::SubqueryRef>().subquery, scope);
      scope.relations.push_back({.name = {}, .alias = ref->alias});
      return;
    case duckdb::TableReferenceType::TABLE_FUNCTION:
      return walk_table_function(ref, scope);
    case duckdb::TableReferenceType::EXPRESSION_LIST:
      for (auto& row : ref->Cast<duckdb::ExpressionListRef>().values)
        for (auto& value : row) walk(value, scope);
      return;
    case duckdb::TableReferenceType::EMPTY_FROM:
      return;
    case duckdb::TableReferenceType::PIVOT:
      return walk_pivot(ref->Cast<duckdb::PivotRef>(), scope);
    default:
      return fail(invalid("this is not supported in FROM").with_sqlstate("0A000"),
                  ref->query_location);
  }
}

void Resolver::walk_join(duckdb::JoinRef& join, Scope& scope) {
  const auto* const conditions = scope.conditions;
  // Which rows meet depends on all that are there.
  const bool by_place = join.ref_type == duckdb::JoinRefType::POSITIONAL ||
                        join.ref_type == duckdb::JoinRefType::ASOF || join.sample;
  if (by_place) scope.conditions = nullptr;
  walk(join.left, scope);
  walk(join.right, scope);
  scope.conditions = conditions;
  if (join.condition) walk(join.condition, scope);
  if (join.condition && !failed()) need_boolean(join.condition, "JOIN/ON");
}

void Resolver::walk_pivot(duckdb::PivotRef& pivot, Scope& scope) {
  scope.conditions = nullptr;  // they are asked of what comes out
  walk(pivot.source, scope);
  for (auto& aggregate : pivot.aggregates) walk(aggregate, scope);
  for (auto& column : pivot.pivots) {
    if (!column.pivot_enum.empty())
      return fail(invalid("PIVOT over an enumeration is not supported").with_sqlstate("0A000"),
                  pivot.query_location);
    for (auto& expression : column.pivot_expressions) walk(expression, scope);
    for (auto& entry : column.entries)
      if (entry.expr) walk(entry.expr, scope);
    if (column.subquery) walk(*column.subquery, scope);
  }
  scope.relations.push_back({.name = {}, .alias = pivot.alias});
}

const ExtraRelation* Resolver::extra(const std::string& name) const {
  for (const auto& relation : extra_)
    if (relation.name == name) return &relation;
  return nullptr;
}

// The first in the search path that the view was made to read: what was put in front of it since is
// another one.
const Object* Resolver::bound_relation(const NameParts& name, const Scope& scope) const {
  if (scope.bound == nullptr || name.size() != 1) return nullptr;
  for (const std::string& schema_name : *scope.search_path) {
    const Object* const schema = context_.catalog->find_schema(schema_name);
    const Object* const found =
        schema == nullptr ? nullptr : context_.catalog->find_in(*schema, name[0]);
    if (found == nullptr) continue;
    if (std::find(scope.bound->begin(), scope.bound->end(), found->id) != scope.bound->end()) {
      return found;
    }
  }
  return nullptr;
}

void Resolver::walk_base_table(TableRefPointer& ref, Scope& scope) {
  auto& base = ref->Cast<duckdb::BaseTableRef>();
  if (base.at_clause)
    return fail(invalid("AT is not supported, use AS OF").with_sqlstate("0A000"),
                base.query_location);
  const NameParts name = parts_of(base);
  if (name.size() == 1) {
    for (const Scope* each = &scope; each != nullptr; each = each->parent) {
      if (!each->common_tables.contains(name[0])) continue;
      scope.relations.push_back({.name = {}, .alias = base.alias.empty() ? name[0] : base.alias});
      return;  // the engine knows it by the tree
    }
    if (const ExtraRelation* own = scope.in_view ? nullptr : extra(name[0]); own != nullptr) {
      std::optional<std::string> rows;
      if (own->object != nullptr)
        rows = looked_up(*own->object, *own->snapshot, own->row_ids, base, scope);
      auto scanned = subquery_of_ours(rows.value_or(own->sql));
      if (failed()) return;
      take_over(base, name[0], {}, *scanned);
      scope.relations.push_back(
          {.name = {std::string(kDatabaseName), std::string(kDefaultSchema), name[0]},
           .alias = scanned->alias});
      ref = std::move(scanned);
      return;
    }
  }
  Result<const Object*> found = bound_relation(name, scope);
  if (*found == nullptr) found = context_.catalog->relation(name, *scope.search_path);
  if (!found.ok()) return fail(std::move(found).error(), base.query_location);
  const Object& object = **found;
  auto scanned = scan(object, base, scope);
  if (failed()) return;
  const auto columns = names_of(object.columns());
  take_over(base, object.name, columns, *scanned);
  // A name with its schema means the relation only where it has no alias.
  NameParts qualified;
  if (base.alias.empty())
    qualified = {std::string(kDatabaseName), context_.catalog->schema_of(object).name, object.name};
  scope.relations.push_back({.name = std::move(qualified), .alias = scanned->alias});
  if (object.id.system && object.view() == nullptr) {
    scope.relations.back().oid = object.oid();
    scope.relations.back().first_column = scanned->column_name_alias.front();
  }
  ref = std::move(scanned);
}

TableRefPointer Resolver::scan(const Object& object, const duckdb::BaseTableRef& ref,
                               const Scope& scope) {
  if (!scope.in_view && !object.id.system) reads_.insert(object.id);
  if (object.view() != nullptr) return scan_view(object, ref, scope);
  if (const auto rows = object.collection())
    return context_.standing ? scan_input(object) : scan_rows(object, *rows, ref, scope);
  if (context_.standing) {
    fail(invalid("materialized views cannot read the system relation {}",
                 context_.catalog->qualified_name(object))
             .with_sqlstate("0A000"));
    return nullptr;
  }
  return scan_system(object);
}

TableRefPointer Resolver::scan_rows(const Object& object, collection::CollectionId rows,
                                    const duckdb::BaseTableRef& ref, const Scope& scope) {
  const bool checked = object.materialized_view() != nullptr && context_.view_snapshot;
  const auto& snapshots = checked ? context_.view_snapshot : context_.snapshot;
  if (!snapshots) {
    fail(invalid("tables cannot be read here").with_sqlstate("0A000"));
    return nullptr;
  }
  auto snapshot = snapshots(rows);
  if (!snapshot.ok()) {
    fail(std::move(snapshot).error());
    return nullptr;
  }
  tables_.insert(object.id);
  keep_.push_back(*snapshot);
  if (const auto found = looked_up(object, **snapshot, std::nullopt, ref, scope))
    return subquery_of_ours(*found);
  rows_read_.push_back({.relation = object.id, .rows = (*snapshot)->row_count()});
  return subquery_of_ours((*snapshot)->table_sql(names_of(object.columns()), std::nullopt));
}

// With its schema, which no common table has that a user may call the same.
TableRefPointer Resolver::scan_input(const Object& object) {
  tables_.insert(object.id);
  auto ref = duckdb::make_uniq<duckdb::BaseTableRef>();
  ref->schema_name = DEFAULT_SCHEMA;
  ref->table_name = input_name(object.id);
  return ref;
}

TableRefPointer Resolver::scan_view(const Object& object, const duckdb::BaseTableRef& ref,
                                    const Scope& scope) {
  const View& view = *object.view();
  if (view_depth_ >= kMaxViewDepth) {
    fail(invalid("views are nested too deeply at \"{}\"", object.name).with_sqlstate("54001"));
    return nullptr;
  }
  auto query = parse_query(view.query_sql);
  if (!query.ok()) {
    fail(std::move(query).error().within(fmt::format("view \"{}\"", object.name)));
    return nullptr;
  }
  // Its own context: neither the user's common tables nor the user's search path reach into it.
  ++view_depth_;
  const Scope own{.parent = nullptr,
                  .search_path = &view.search_path,
                  .in_view = true,
                  .bound = &view.dependencies};
  auto names = names_of(object.columns());
  for (size_t i = 0; i < std::min<size_t>(names.size(), ref.column_name_alias.size()); ++i)
    names[i] = ref.column_name_alias[i];
  if (!ref.sample) {
    passed_on_ =
        passed_on(**query, names, ref.alias.empty() ? object.name : ref.alias, ref, scope, own);
  }
  walk(**query, own);
  --view_depth_;
  if (failed()) return nullptr;
  return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(*query));
}

TableRefPointer Resolver::scan_system(const Object& object) {
  auto& rows = system_rows_[object.id];
  if (!rows) rows = rows_of(*object.system_relation()->definition, context_);
  // Not owned by the tree, so that copies of it share the rows; `keep` holds them.
  duckdb::optionally_owned_ptr<duckdb::ColumnDataCollection> pointer(*rows);
  auto names = names_of(object.columns());
  auto data = duckdb::make_uniq<duckdb::ColumnDataRef>(
      std::move(pointer), duckdb::vector<std::string>(names.begin(), names.end()));
  data->alias = "rows";  // the engine needs one
  // Wrapped, since the engine ignores names of columns given to it.
  auto node = duckdb::make_uniq<duckdb::SelectNode>();
  node->select_list.push_back(duckdb::make_uniq<duckdb::StarExpression>());
  node->from_table = std::move(data);
  auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
  statement->node = std::move(node);
  return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement));
}

TableRefPointer Resolver::subquery_of_ours(const std::string& sql) {
  try {
    duckdb::Parser parser;
    parser.ParseQuery("SELECT * FROM " + sql);
    CHECK(parser.statements.size() == 1);
    auto& select = parser.statements[0]->Cast<duckdb::SelectStatement>();
    auto ref = std::move(select.node->Cast<duckdb::SelectNode>().from_table);
    if (ref->type == duckdb::TableReferenceType::SUBQUERY) return ref;
    auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
    auto node = duckdb::make_uniq<duckdb::SelectNode>();
    node->select_list.push_back(duckdb::make_uniq<duckdb::StarExpression>());
    node->from_table = std::move(ref);
    statement->node = std::move(node);
    return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement));
  } catch (const std::exception& exception) {
    fail(engine::engine_error(exception).within("scan of a relation"));
    return nullptr;
  }
}

void Resolver::walk_table_function(TableRefPointer& ref, Scope& scope) {
  auto& table = ref->Cast<duckdb::TableFunctionRef>();
  if (table.subquery) walk(*table.subquery, scope);
  if (failed()) return;
  if (table.function->GetExpressionClass() != duckdb::ExpressionClass::FUNCTION)
    return fail(invalid("this is not supported in FROM").with_sqlstate("0A000"),
                ref->query_location);
  auto& call = table.function->Cast<duckdb::FunctionExpression>();
  if (!check_function_schema(call.catalog, call.schema, ref->query_location)) return;
  const bool scanned = table_function_class(call.function_name) == FunctionClass::kAllowed &&
                       !(call.function_name == "generate_series" && !counts_integers(call));
  if (call.function_name == "unnest" && call.children.size() > 1)
    return walk_lists_in_from(ref, scope);
  if (call.function_name == "pg_options_to_table" && call.children.size() == 1)
    return walk_options_in_from(ref, scope);
  if (!scanned) return walk_call_in_from(ref, scope);
  const std::string alias = table.alias.empty() ? call.function_name : table.alias;
  walk_children(call, scope);
  const bool narrow = call.function_name == "generate_series" && !table.subquery &&
                      table.with_ordinality != duckdb::OrdinalityType::WITH_ORDINALITY &&
                      std::all_of(call.children.begin(), call.children.end(), is_small_integer);
  if (narrow) return narrow_series(ref, alias, scope);
  // A function's only column has the alias's name: SELECT g FROM generate_series(1, 3) AS g.
  if (table.column_name_alias.empty()) table.column_name_alias.push_back(alias);
  scope.relations.push_back({.name = {}, .alias = alias});
}

// The engine counts in bigints. Integers are what PostgreSQL makes of integers.
void Resolver::narrow_series(TableRefPointer& ref, const std::string& alias, Scope& scope) {
  auto& table = ref->Cast<duckdb::TableFunctionRef>();
  const std::string column =
      table.column_name_alias.empty() ? alias : table.column_name_alias.front();
  auto rows = duckdb::make_uniq<duckdb::TableFunctionRef>();
  rows->function = std::move(table.function);
  rows->column_name_alias = {column};
  auto node = duckdb::make_uniq<duckdb::SelectNode>();
  auto cast = duckdb::make_uniq<duckdb::CastExpression>(
      engine::LogicalType::INTEGER, duckdb::make_uniq<duckdb::ColumnRefExpression>(column));
  cast->alias = column;
  node->select_list.push_back(std::move(cast));
  node->from_table = std::move(rows);
  auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
  statement->node = std::move(node);
  auto subquery = duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement));
  take_over(table, alias, {}, *subquery);
  scope.relations.push_back({.name = {}, .alias = alias});
  ref = std::move(subquery);
}

// unnest(a, b): side by side, NULL where one has ended before the others.
void Resolver::walk_lists_in_from(TableRefPointer& ref, Scope& scope) {
  auto& table = ref->Cast<duckdb::TableFunctionRef>();
  auto& call = table.function->Cast<duckdb::FunctionExpression>();
  walk_children(call, scope);
  if (failed()) return;
  auto node = duckdb::make_uniq<duckdb::SelectNode>();
  node->from_table = duckdb::make_uniq<duckdb::EmptyTableRef>();
  std::vector<const duckdb::ParsedExpression*> lists;
  for (const auto& list : call.children) lists.push_back(list.get());
  ExpressionPointer numbers;
  if (table.with_ordinality == duckdb::OrdinalityType::WITH_ORDINALITY) numbers = numbers_of(lists);
  for (auto& list : call.children) {
    std::vector<ExpressionPointer> one;
    one.push_back(std::move(list));
    node->select_list.push_back(call_of("unnest", std::move(one)));
    node->select_list.back()->alias = "unnest";
  }
  if (numbers) node->select_list.push_back(std::move(numbers));
  auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
  statement->node = std::move(node);
  auto subquery = duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement));
  take_over(table, "unnest", {}, *subquery);
  scope.relations.push_back({.name = {}, .alias = subquery->alias});
  ref = std::move(subquery);
}

// pg_options_to_table(array['name=value'])
void Resolver::walk_options_in_from(TableRefPointer& ref, Scope& scope) {
  auto& table = ref->Cast<duckdb::TableFunctionRef>();
  auto& call = table.function->Cast<duckdb::FunctionExpression>();
  walk_children(call, scope);
  if (failed()) return;
  auto rows = subquery_of_ours(
      "(SELECT split_part(one, '=', 1) AS option_name, "
      "CASE WHEN contains(one, '=') THEN substr(one, strpos(one, '=') + 1) END AS option_value "
      "FROM (SELECT unnest(NULL) AS one))");
  if (failed()) return;
  const auto select_of = [](duckdb::TableRef& subquery) -> duckdb::SelectNode& {
    return subquery.Cast<duckdb::SubqueryRef>().subquery->node->Cast<duckdb::SelectNode>();
  };
  auto& unnest = select_of(*select_of(*rows).from_table).select_list.front();
  unnest->Cast<duckdb::FunctionExpression>().children.front() = std::move(call.children.front());
  take_over(table, call.function_name, {}, *rows);
  scope.relations.push_back({.name = {}, .alias = rows->alias});
  ref = std::move(rows);
}

// Any function may stand in FROM: a list that is unnested where it gives rows, else one row; one
// column, named after it.
void Resolver::walk_call_in_from(TableRefPointer& ref, Scope& scope) {
  auto& table = ref->Cast<duckdb::TableFunctionRef>();
  auto& call = table.function->Cast<duckdb::FunctionExpression>();
  const std::string name =
      call.function_name == "sluice_regexp_matches" ? "regexp_matches" : call.function_name;
  const std::string alias = table.alias.empty() ? name : table.alias;
  const bool pairs =
      name.find("json") != std::string::npos && name.find("_each") != std::string::npos;
  const bool values = name.find("_array_elements") != std::string::npos;
  auto node = duckdb::make_uniq<duckdb::SelectNode>();
  node->from_table = duckdb::make_uniq<duckdb::EmptyTableRef>();
  node->select_list.push_back(std::move(table.function));
  walk(node->select_list[0], scope);
  if (failed()) return;
  auto& item = node->select_list[0];
  const bool rows = item->GetExpressionClass() == duckdb::ExpressionClass::FUNCTION &&
                    item->Cast<duckdb::FunctionExpression>().function_name == "unnest";
  item->alias = values ? "value" : alias;
  if (table.with_ordinality == duckdb::OrdinalityType::WITH_ORDINALITY) {
    const bool missing = item->GetExpressionClass() == duckdb::ExpressionClass::FUNCTION &&
                         item->Cast<duckdb::FunctionExpression>().function_name == "sluice_missing";
    if (!rows && !missing)
      return fail(invalid("WITH ORDINALITY is not supported for {}()", name).with_sqlstate("0A000"),
                  ref->query_location);
    if (rows)
      node->select_list.push_back(
          numbers_of({item->Cast<duckdb::FunctionExpression>().children[0].get()}));
  }
  if (rows && pairs) {
    auto recursive = duckdb::make_uniq<duckdb::ConstantExpression>(engine::Value::BOOLEAN(true));
    recursive->alias = "recursive";
    node->select_list[0]->Cast<duckdb::FunctionExpression>().children.push_back(
        std::move(recursive));
    node->select_list[0]->alias.clear();
  }
  auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
  statement->node = std::move(node);
  auto subquery = duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement));
  take_over(table, name, {}, *subquery);
  std::string only_column;
  if (values && table.column_name_alias.empty()) only_column = "value";
  scope.relations.push_back(
      {.name = {}, .alias = subquery->alias, .only_column = std::move(only_column)});
  ref = std::move(subquery);
}

}  // namespace sluice::sql
