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

// The column that an expression is; nullptr if it is none, or not clear which.
const Column* column_of(const duckdb::ParsedExpression& item,
                        const std::vector<Relation>& relations) {
  if (item.GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) return nullptr;
  const auto& names = item.Cast<duckdb::ColumnRefExpression>().column_names;
  if (names.size() > 2) return nullptr;
  const Column* found = nullptr;
  for (const Relation& relation : relations) {
    if (names.size() == 2 && names[0] != relation.alias) continue;
    for (const Column& column : relation.columns) {
      if (column.name != names.back()) continue;
      if (found != nullptr) return nullptr;  // ambiguous: the engine says so
      found = &column;
    }
  }
  return found;
}

std::optional<types::SqlType> type_of(const duckdb::ParsedExpression& item,
                                      const std::vector<Relation>& relations) {
  if (const auto cast = type_of_cast(item)) return cast;
  const Column* const column = column_of(item, relations);
  if (column == nullptr) return {};
  return column->type;
}

// Outer joins make rows of NULLs.
bool has_only_inner_joins(const duckdb::TableRef& ref) {
  if (ref.type != duckdb::TableReferenceType::JOIN) return true;
  const auto& join = ref.Cast<duckdb::JoinRef>();
  const bool is_plain =
      join.ref_type == duckdb::JoinRefType::REGULAR || join.ref_type == duckdb::JoinRefType::CROSS;
  return is_plain && join.type == duckdb::JoinType::INNER && has_only_inner_joins(*join.left) &&
         has_only_inner_joins(*join.right);
}

bool is_never_null(const duckdb::ParsedExpression& item, const std::vector<Relation>& relations) {
  if (item.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT) {
    return !item.Cast<duckdb::ConstantExpression>().value.IsNull();
  }
  if (item.GetExpressionClass() == duckdb::ExpressionClass::FUNCTION) {
    const auto& call = item.Cast<duckdb::FunctionExpression>();
    return call.function_name == "count" || call.function_name == "count_star";
  }
  const Column* const column = column_of(item, relations);
  return column != nullptr && column->not_null;
}

// The relations of a SELECT; nothing when its shape is not followed.
std::optional<std::vector<Relation>> relations_of(const duckdb::SelectNode& node,
                                                  const Catalog& catalog, const SearchPath& path) {
  std::vector<Relation> relations;
  const bool none =
      !node.from_table || node.from_table->type == duckdb::TableReferenceType::EMPTY_FROM;
  if (!none && !gather(*node.from_table, node, catalog, path, relations)) return {};
  return relations;
}

// Calls `each` for each column of the result: with its expression, or with the column that a star
// stands for. False for stars that are not followed.
template <typename OfItem, typename OfColumn>
bool for_each_column(const duckdb::SelectNode& node, const std::vector<Relation>& relations,
                     const OfItem& of_item, const OfColumn& of_column) {
  for (const auto& item : node.select_list) {
    if (item->GetExpressionClass() != duckdb::ExpressionClass::STAR) {
      of_item(*item);
      continue;
    }
    const auto& star = item->Cast<duckdb::StarExpression>();
    if (!star.exclude_list.empty() || !star.replace_list.empty() || star.columns) return false;
    for (const Relation& relation : relations) {
      if (!star.relation_name.empty() && star.relation_name != relation.alias) continue;
      for (const Column& column : relation.columns) of_column(column);
    }
  }
  return true;
}

}  // namespace

std::vector<std::optional<types::SqlType>> declared_types(const duckdb::SelectStatement& query,
                                                          const Catalog& catalog,
                                                          const SearchPath& path) {
  if (query.node->type != duckdb::QueryNodeType::SELECT_NODE) return {};
  const auto& node = query.node->Cast<duckdb::SelectNode>();
  const auto relations = relations_of(node, catalog, path);
  if (!relations) return {};
  std::vector<std::optional<types::SqlType>> declared;
  const bool followed = for_each_column(
      node, *relations,
      [&](const duckdb::ParsedExpression& item) { declared.push_back(type_of(item, *relations)); },
      [&](const Column& column) { declared.emplace_back(column.type); });
  if (!followed) return {};
  return declared;
}

std::vector<bool> columns_without_null(const duckdb::SelectStatement& query, const Catalog& catalog,
                                       const SearchPath& path) {
  if (query.node->type != duckdb::QueryNodeType::SELECT_NODE) return {};
  const auto& node = query.node->Cast<duckdb::SelectNode>();
  const auto relations = relations_of(node, catalog, path);
  // Of grouping sets some leave columns out.
  if (!relations || node.groups.grouping_sets.size() > 1) return {};
  if (node.from_table && !has_only_inner_joins(*node.from_table)) return {};
  std::vector<bool> result;
  const bool followed = for_each_column(
      node, *relations,
      [&](const duckdb::ParsedExpression& item) {
        result.push_back(is_never_null(item, *relations));
      },
      [&](const Column& column) { result.push_back(column.not_null); });
  if (!followed) return {};
  return result;
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
