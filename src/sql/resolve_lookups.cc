// Where an index fits what WHERE says of a relation, only the rows with the key are read:
// lookups.h.
#include <algorithm>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/tableref/list.hpp>
#include <utility>

#include "sql/front/meaning.h"
#include "sql/resolver.h"

namespace sluice::sql {
namespace {

// More are not read by id: a scan is as cheap.
constexpr size_t kMostRows = 1000;
constexpr size_t kMostKeys = 1000;

// A relation's columns as the query names them.
std::vector<std::string> shown_names(const Object& object, const duckdb::BaseTableRef& ref) {
  std::vector<std::string> names;
  for (const Column& column : object.columns()) names.push_back(column.name);
  for (size_t i = 0; i < std::min<size_t>(names.size(), ref.column_name_alias.size()); ++i)
    names[i] = ref.column_name_alias[i];
  return names;
}

Result<std::optional<std::vector<int64_t>>> find(
    const collection::KeyIndex& index, const std::vector<engine::LogicalType>& types,
    const std::vector<std::vector<engine::Value>>& keys) {
  engine::Chunk chunk;
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), {types.begin(), types.end()},
                   std::max<size_t>(keys.size(), 1));
  for (size_t row = 0; row < keys.size(); ++row)
    for (size_t i = 0; i < types.size(); ++i) chunk.SetValue(i, row, keys[row][i]);
  chunk.SetCardinality(keys.size());
  return index.find(chunk);
}

// Whether each row that a SELECT gives comes of rows with the same values in its plain columns, so
// that those that nobody wants can be left out before it is run.
bool is_row_by_row(const duckdb::SelectNode& node) {
  if (node.qualify || node.sample || !node.cte_map.map.empty() ||
      node.aggregate_handling != duckdb::AggregateHandling::STANDARD_HANDLING ||
      node.groups.grouping_sets.size() > 1)
    return false;
  for (const auto& modifier : node.modifiers) {
    if (modifier->type == duckdb::ResultModifierType::ORDER_MODIFIER) continue;
    if (modifier->type != duckdb::ResultModifierType::DISTINCT_MODIFIER) return false;
    if (!modifier->Cast<duckdb::DistinctModifier>().distinct_on_targets.empty()) return false;
  }
  return std::none_of(node.select_list.begin(), node.select_list.end(),
                      [](const auto& item) { return item->IsWindow(); });
}

bool is_star(const duckdb::ParsedExpression& item) {
  if (item.GetExpressionClass() != duckdb::ExpressionClass::STAR) return false;
  const auto& star = item.Cast<duckdb::StarExpression>();
  return star.relation_name.empty() && star.exclude_list.empty() && star.replace_list.empty() &&
         star.rename_list.empty() && !star.expr && !star.columns;
}

// The column that an item of a SELECT is, as it is written; empty where it is none, or isn't one of
// those that make the groups.
std::vector<std::string> plain_column(const duckdb::SelectNode& node, size_t number) {
  const auto& items = node.select_list;
  const bool counted =
      std::none_of(items.begin(), items.end(), [](const auto& item) { return holds_star(*item); });
  const duckdb::ParsedExpression& item = *items[number];
  if (!counted || item.GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) return {};
  const auto& groups = node.groups.group_expressions;
  const bool grouped = std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
    if (group->GetExpressionClass() != duckdb::ExpressionClass::CONSTANT)
      return group->Equals(item);
    const engine::Value& place = group->template Cast<duckdb::ConstantExpression>().value;
    return place.type().IsIntegral() && place == engine::Value::BIGINT(int64_t(number) + 1);
  });
  if (!groups.empty() && !grouped) return {};
  return item.Cast<duckdb::ColumnRefExpression>().column_names;
}

}  // namespace

Resolver::Conditions Resolver::conditions_of(const duckdb::SelectNode& node, const Scope& scope) {
  Conditions conditions;
  conditions.all = std::exchange(passed_on_, {});
  // A sample is taken of what is in FROM, not of what fulfils the WHERE.
  if (!context_.index || !node.from_table || node.sample) return {};
  if (node.where_clause) {
    for (auto& condition : key_conditions(*node.where_clause))
      conditions.all.push_back(std::move(condition));
  }
  conditions.from = node.from_table.get();
  if (!conditions.all.empty() && !add_relations(*node.from_table, scope, conditions))
    conditions.relations.clear();
  return conditions;
}

// False: there is one whose columns are not known.
bool Resolver::add_relations(const duckdb::TableRef& from, const Scope& scope,
                             Conditions& to) const {
  if (from.type == duckdb::TableReferenceType::JOIN) {
    const auto& join = from.Cast<duckdb::JoinRef>();
    return add_relations(*join.left, scope, to) && add_relations(*join.right, scope, to);
  }
  if (from.type != duckdb::TableReferenceType::BASE_TABLE) return false;
  const auto& ref = from.Cast<duckdb::BaseTableRef>();
  const Object* const object = relation_of(ref, scope);
  if (object == nullptr) return false;
  to.relations.emplace_back(&from, shown_names(*object, ref));
  return true;
}

const Object* Resolver::relation_of(const duckdb::BaseTableRef& ref, const Scope& scope) const {
  NameParts name;
  if (!ref.catalog_name.empty()) name.push_back(ref.catalog_name);
  if (!ref.schema_name.empty()) name.push_back(ref.schema_name);
  name.push_back(ref.table_name);
  if (name.size() == 1) {
    for (const Scope* each = &scope; each != nullptr; each = each->parent)
      if (each->common_tables.contains(name[0])) return nullptr;
    if (const ExtraRelation* own = scope.in_view ? nullptr : extra(name[0])) return own->object;
  }
  if (const Object* const bound = bound_relation(name, scope)) return bound;
  const auto found = context_.catalog->relation(name, *scope.search_path);
  return found.ok() ? *found : nullptr;
}

bool Resolver::means(const std::vector<std::string>& written, const std::string& column,
                     const std::string& alias, const duckdb::TableRef& ref,
                     const Conditions& conditions) {
  if (written.back() != column) return false;
  if (written.size() == 2) return written[0] == alias;
  if (written.size() != 1) return false;
  if (conditions.from == &ref) return true;
  // What has no qualifier may be another relation's column.
  size_t owners = 0;
  bool own = false;
  for (const auto& [relation, columns] : conditions.relations) {
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) continue;
    ++owners;
    own = own || relation == &ref;
  }
  return own && owners == 1;
}

std::vector<KeyCondition> Resolver::passed_on(const duckdb::SelectStatement& inner,
                                              std::vector<std::string> names,
                                              const std::string& alias, const duckdb::TableRef& ref,
                                              const Scope& scope, const Scope& inner_scope) const {
  std::vector<KeyCondition> passed;
  if (scope.conditions == nullptr || inner.node->type != duckdb::QueryNodeType::SELECT_NODE)
    return passed;
  const auto& node = inner.node->Cast<duckdb::SelectNode>();
  if (!is_row_by_row(node)) return passed;
  const std::vector<std::string> all = everything_of(node, inner_scope);
  if (!all.empty() && names == std::vector<std::string>{""}) names = all;
  for (const KeyCondition& condition : scope.conditions->all) {
    for (size_t i = 0; i < names.size() && i < std::max(all.size(), node.select_list.size()); ++i) {
      if (names[i].empty() || !means(condition.column, names[i], alias, ref, *scope.conditions))
        continue;
      if (!all.empty()) {
        passed.push_back({{all[i]}, condition.values});
      } else if (const auto column = plain_column(node, i); !column.empty()) {
        passed.push_back({column, condition.values});
      }
      break;
    }
  }
  return passed;
}

// The columns of SELECT * FROM relation; empty for any other query.
std::vector<std::string> Resolver::everything_of(const duckdb::SelectNode& node,
                                                 const Scope& scope) const {
  if (node.select_list.size() != 1 || !is_star(*node.select_list[0]) || !node.from_table ||
      node.from_table->type != duckdb::TableReferenceType::BASE_TABLE)
    return {};
  const auto& ref = node.from_table->Cast<duckdb::BaseTableRef>();
  const Object* const object = relation_of(ref, scope);
  return object == nullptr ? std::vector<std::string>() : shown_names(*object, ref);
}

// Ids of rows that may have what WHERE asks of the index's columns; nothing: it doesn't fit.
std::optional<std::vector<int64_t>> Resolver::candidates(const Object& object, const Object& index,
                                                         const duckdb::BaseTableRef& ref,
                                                         const Scope& scope) const {
  const auto rows = context_.index(index.id);
  if (!rows) return std::nullopt;
  const std::vector<std::string> names = shown_names(object, ref);
  const std::string& alias = ref.alias.empty() ? object.name : ref.alias;
  const Conditions& conditions = *scope.conditions;
  std::vector<engine::LogicalType> types;
  std::vector<std::vector<engine::Value>> values;
  for (const size_t column : index.index()->columns) {
    const auto condition =
        std::find_if(conditions.all.begin(), conditions.all.end(), [&](const KeyCondition& each) {
          return means(each.column, names[column], alias, ref, conditions);
        });
    if (condition == conditions.all.end()) return std::nullopt;
    types.push_back(types::to_engine(object.columns()[column].type));
    auto keys = key_values(*condition, types.back(), context_.constants);
    if (!keys) return std::nullopt;
    values.push_back(std::move(*keys));
  }
  const auto keys = combinations(values, kMostKeys);
  if (!keys) return std::nullopt;
  auto found = find(*rows, types, *keys);
  return found.ok() ? std::move(*found) : std::nullopt;
}

std::optional<std::string> Resolver::looked_up(const Object& object,
                                               const collection::Snapshot& snapshot,
                                               const std::optional<std::string>& row_ids,
                                               const duckdb::BaseTableRef& ref,
                                               const Scope& scope) {
  if (scope.conditions == nullptr || ref.sample) return std::nullopt;
  const Object* best = nullptr;
  std::vector<int64_t> fewest;
  for (const Object* const index : context_.catalog->indexes_of(object.id)) {
    auto ids = candidates(object, *index, ref, scope);
    if (!ids) continue;
    snapshot.keep_visible(*ids);
    if (ids->size() > kMostRows || (best != nullptr && ids->size() >= fewest.size())) continue;
    best = index;
    fewest = std::move(*ids);
  }
  if (best == nullptr) return std::nullopt;
  std::vector<std::string> names;
  for (const Column& column : object.columns()) names.push_back(column.name);
  collection::Snapshot::Part part = snapshot.rows_sql(fewest, names, row_ids);
  if (part.keep) keep_.push_back(std::move(part.keep));
  rows_read_.push_back({.relation = object.id, .index = best->id, .rows = fewest.size()});
  return std::move(part.sql);
}

}  // namespace sluice::sql
