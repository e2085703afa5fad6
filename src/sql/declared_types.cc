#include "sql/declared_types.h"

#include <duckdb/parser/expression/cast_expression.hpp>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/expression/function_expression.hpp>
#include <duckdb/parser/expression/star_expression.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/parser/tableref/joinref.hpp>

namespace sluice::sql {
namespace {

struct Relation {
  std::string alias;
  std::span<const Column> columns;
};

// The relations of FROM, in order; false when something else stands there.
bool gather(const duckdb::TableRef& ref, const duckdb::SelectNode& node, const Catalog& catalog,
            const SearchPath& path, std::vector<Relation>& relations) {
  if (ref.type == duckdb::TableReferenceType::JOIN) {
    const auto& join = ref.Cast<duckdb::JoinRef>();
    if (!join.using_columns.empty() || join.ref_type == duckdb::JoinRefType::NATURAL) return false;
    return gather(*join.left, node, catalog, path, relations) &&
           gather(*join.right, node, catalog, path, relations);
  }
  if (ref.type != duckdb::TableReferenceType::BASE_TABLE || !ref.column_name_alias.empty()) {
    return false;
  }
  const auto& base = ref.Cast<duckdb::BaseTableRef>();
  NameParts name;
  if (!base.catalog_name.empty()) name.push_back(base.catalog_name);
  if (!base.schema_name.empty()) name.push_back(base.schema_name);
  name.push_back(base.table_name);
  if (name.size() == 1 && node.cte_map.map.contains(name[0])) return false;
  const auto found = catalog.lookup(name, path);
  if (!found.ok() || *found == nullptr || !(*found)->is_relation()) return false;
  relations.push_back({base.alias.empty() ? base.table_name : base.alias, (*found)->columns()});
  return true;
}

int constant_argument(const duckdb::FunctionExpression& call, size_t index) {
  if (index >= call.children.size()) return -1;
  const duckdb::ParsedExpression& argument = *call.children[index];
  if (argument.GetExpressionClass() != duckdb::ExpressionClass::CONSTANT) return -1;
  return argument.Cast<duckdb::ConstantExpression>().value.GetValue<int32_t>();
}

// What a cast says: 'x'::varchar(3), 1::numeric(38, 0). The parser's front makes calls of ours of
// types that have a length.
std::optional<types::SqlType> type_of_cast(const duckdb::ParsedExpression& item) {
  if (item.GetExpressionClass() == duckdb::ExpressionClass::CAST) {
    const engine::LogicalType& type = item.Cast<duckdb::CastExpression>().cast_type;
    if (type.id() == engine::LogicalTypeId::DECIMAL) return types::from_engine(type);
    return {};
  }
  if (item.GetExpressionClass() != duckdb::ExpressionClass::FUNCTION) return {};
  const auto& call = item.Cast<duckdb::FunctionExpression>();
  types::SqlType type;
  if (call.function_name == "sluice_varchar") {
    type = types::make(types::TypeId::kVarchar);
  } else if (call.function_name == "sluice_char") {
    type = types::make(types::TypeId::kChar);
  } else if (call.function_name == "sluice_numeric") {
    type = types::make(types::TypeId::kNumeric);
    type.scale = constant_argument(call, 2);
  } else {
    return {};
  }
  type.precision = constant_argument(call, 1);
  return type;
}

std::optional<types::SqlType> type_of(const duckdb::ParsedExpression& item,
                                      const std::vector<Relation>& relations) {
  if (const auto cast = type_of_cast(item)) return cast;
  if (item.GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) return {};
  const auto& names = item.Cast<duckdb::ColumnRefExpression>().column_names;
  if (names.size() > 2) return {};
  std::optional<types::SqlType> found;
  for (const Relation& relation : relations) {
    if (names.size() == 2 && names[0] != relation.alias) continue;
    for (const Column& column : relation.columns) {
      if (column.name != names.back()) continue;
      if (found) return {};  // ambiguous: the engine says so
      found = column.type;
    }
  }
  return found;
}

}  // namespace

std::vector<std::optional<types::SqlType>> declared_types(const duckdb::SelectStatement& query,
                                                          const Catalog& catalog,
                                                          const SearchPath& path) {
  if (query.node->type != duckdb::QueryNodeType::SELECT_NODE) return {};
  const auto& node = query.node->Cast<duckdb::SelectNode>();
  std::vector<Relation> relations;
  const bool no_relations =
      !node.from_table || node.from_table->type == duckdb::TableReferenceType::EMPTY_FROM;
  if (!no_relations && !gather(*node.from_table, node, catalog, path, relations)) return {};
  std::vector<std::optional<types::SqlType>> declared;
  for (const auto& item : node.select_list) {
    if (item->GetExpressionClass() != duckdb::ExpressionClass::STAR) {
      declared.push_back(type_of(*item, relations));
      continue;
    }
    const auto& star = item->Cast<duckdb::StarExpression>();
    if (!star.exclude_list.empty() || !star.replace_list.empty() || star.columns) return {};
    for (const Relation& relation : relations) {
      if (!star.relation_name.empty() && star.relation_name != relation.alias) continue;
      for (const Column& column : relation.columns) declared.emplace_back(column.type);
    }
  }
  return declared;
}

types::SqlType result_type(const engine::LogicalType& type,
                           const std::optional<types::SqlType>& declared) {
  if (declared && types::to_engine(*declared).InternalType() == type.InternalType()) {
    return *declared;
  }
  const types::SqlType found = types::from_engine(type);
  if (found.id == types::TypeId::kNumeric && found.scale <= types::kBareNumericScale) {
    return types::numeric();
  }
  return found;
}

}  // namespace sluice::sql
