#include "sql/declared_types.h"

#include <algorithm>
#include <duckdb/parser/expression/case_expression.hpp>
#include <duckdb/parser/expression/cast_expression.hpp>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/expression/function_expression.hpp>
#include <duckdb/parser/expression/operator_expression.hpp>
#include <duckdb/parser/expression/star_expression.hpp>
#include <duckdb/parser/query_node/cte_node.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/query_node/set_operation_node.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/parser/tableref/joinref.hpp>
#include <duckdb/parser/tableref/subqueryref.hpp>

#include "sql/front/meaning.h"

namespace sluice::sql {
namespace {

// What is known of a column of a relation, or of a query's result.
struct Known {
  std::string name;
  std::optional<types::SqlType> type;
  bool is_never_null = false;
};
// Nothing: it is of a shape that this does not follow.
using KnownColumns = std::optional<std::vector<Known>>;

struct Relation {
  std::string alias;
  std::vector<Known> columns;
};

// Queries within queries, deeper than anybody writes them.
constexpr int kDeepest = 100;
// Each star may double them.
constexpr size_t kMostColumns = 10'000;

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
const Known* column_of(const duckdb::ParsedExpression& item,
                       const std::vector<Relation>& relations) {
  if (item.GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) return nullptr;
  const auto& names = item.Cast<duckdb::ColumnRefExpression>().column_names;
  if (names.size() > 2) return nullptr;
  const Known* found = nullptr;
  for (const Relation& relation : relations) {
    if (names.size() == 2 && names[0] != relation.alias) continue;
    for (const Known& column : relation.columns) {
      if (column.name != names.back()) continue;
      if (found != nullptr) return nullptr;  // ambiguous: the engine says so
      found = &column;
    }
  }
  return found;
}

bool is_null(const duckdb::ParsedExpression& item) {
  return item.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT &&
         item.Cast<duckdb::ConstantExpression>().value.IsNull();
}

// The expressions of which one is the value: of CASE and coalesce.
std::vector<const duckdb::ParsedExpression*> choices_of(const duckdb::ParsedExpression& item) {
  std::vector<const duckdb::ParsedExpression*> choices;
  if (item.GetExpressionClass() == duckdb::ExpressionClass::CASE) {
    const auto& cases = item.Cast<duckdb::CaseExpression>();
    for (const auto& check : cases.case_checks) choices.push_back(check.then_expr.get());
    if (cases.else_expr) choices.push_back(cases.else_expr.get());
  } else if (item.GetExpressionType() == duckdb::ExpressionType::OPERATOR_COALESCE) {
    for (const auto& child : item.Cast<duckdb::OperatorExpression>().children) {
      choices.push_back(child.get());
    }
  }
  std::erase_if(choices, [](const auto* choice) { return is_null(*choice); });
  return choices;
}

std::optional<types::SqlType> type_of(const duckdb::ParsedExpression& item,
                                      const std::vector<Relation>& relations) {
  if (auto cast = type_of_cast(item)) return cast;
  if (const Known* const column = column_of(item, relations)) return column->type;
  const auto choices = choices_of(item);
  std::optional<types::SqlType> type;
  for (const auto* const choice : choices) {
    // Each is looked at once: they may be nested deeply.
    const auto one = type_of(*choice, relations);
    if (!one || (type && *type != *one)) return {};
    type = one;
  }
  return type;
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
  if (item.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT) return !is_null(item);
  if (item.GetExpressionClass() == duckdb::ExpressionClass::FUNCTION) {
    const auto& call = item.Cast<duckdb::FunctionExpression>();
    return call.function_name == "count" || call.function_name == "count_star";
  }
  const Known* const column = column_of(item, relations);
  return column != nullptr && column->is_never_null;
}

// Names that FROM or WITH gives to columns: t(a, b).
void rename(std::vector<Known>& columns, const duckdb::vector<std::string>& names) {
  for (size_t i = 0; i < std::min(columns.size(), names.size()); ++i) columns[i].name = names[i];
}

// Goes through one query from its parts to its result.
class Follower {
 public:
  Follower(const Catalog& catalog, const SearchPath& path) : catalog_(catalog), path_(path) {}

  KnownColumns columns_of(const duckdb::QueryNode& node) {
    if (depth_ == kDeepest) return {};
    ++depth_;
    const size_t outer_tables = with_.size();
    KnownColumns columns;
    switch (node.type) {
      case duckdb::QueryNodeType::SELECT_NODE:
        columns = columns_of_select(node.Cast<duckdb::SelectNode>());
        break;
      case duckdb::QueryNodeType::SET_OPERATION_NODE:
        columns = columns_of_both(node.Cast<duckdb::SetOperationNode>());
        break;
      case duckdb::QueryNodeType::CTE_NODE:
        // Each table of a WITH is a node around the rest; what the maps of names say besides is not
        // in their order.
        columns = columns_with(node.Cast<duckdb::CTENode>());
        break;
      default:
        break;
    }
    with_.resize(outer_tables);
    --depth_;
    return columns;
  }

 private:
  // A table of WITH, which those behind it can see. One that hides another is not followed: the
  // parser wraps some queries twice.
  KnownColumns columns_with(const duckdb::CTENode& node) {
    if (defined(node.ctename) != nullptr) return {};
    KnownColumns table = columns_of(*node.query);
    if (table) rename(*table, node.aliases);
    with_.emplace_back(node.ctename, std::move(table));
    return columns_of(*node.child);
  }
  const KnownColumns* defined(const std::string& name) const {
    const auto found = std::ranges::find(with_, name, [](const auto& one) { return one.first; });
    return found == with_.end() ? nullptr : &found->second;
  }

  KnownColumns columns_of_both(const duckdb::SetOperationNode& node) {
    if (node.setop_type == duckdb::SetOperationType::UNION_BY_NAME) return {};
    KnownColumns left = columns_of(*node.left);
    const KnownColumns right = columns_of(*node.right);
    if (!left || !right || left->size() != right->size()) return {};
    for (size_t i = 0; i < left->size(); ++i) {
      Known& column = (*left)[i];
      if (column.type != (*right)[i].type) column.type.reset();
      column.is_never_null = false;
    }
    return left;
  }

  KnownColumns columns_of_select(const duckdb::SelectNode& node) {
    std::vector<Relation> relations;
    const bool none =
        !node.from_table || node.from_table->type == duckdb::TableReferenceType::EMPTY_FROM;
    if (!none && !gather(*node.from_table, relations)) return {};
    // Of grouping sets some leave columns out.
    const bool adds_nulls = node.groups.grouping_sets.size() > 1 ||
                            (node.from_table && !has_only_inner_joins(*node.from_table));
    std::vector<Known> columns;
    for (const auto& item : node.select_list) {
      const bool is_star = item->GetExpressionClass() == duckdb::ExpressionClass::STAR;
      if (!is_star && holds_star(*item)) return {};
      if (!is_star) {
        columns.push_back(
            {item->GetName(), type_of(*item, relations), is_never_null(*item, relations)});
        continue;
      }
      const auto& star = item->Cast<duckdb::StarExpression>();
      if (!star.exclude_list.empty() || !star.replace_list.empty() || !star.rename_list.empty() ||
          star.columns) {
        return {};
      }
      bool found = false;
      for (const Relation& relation : relations) {
        if (!star.relation_name.empty() && star.relation_name != relation.alias) continue;
        columns.insert(columns.end(), relation.columns.begin(), relation.columns.end());
        found = true;
      }
      if (!found || columns.size() > kMostColumns) return {};
    }
    for (Known& column : columns) column.is_never_null = column.is_never_null && !adds_nulls;
    return columns;
  }

  // The relations of FROM, in order; false when something else stands there.
  bool gather(const duckdb::TableRef& ref, std::vector<Relation>& relations) {
    if (ref.type == duckdb::TableReferenceType::JOIN) {
      const auto& join = ref.Cast<duckdb::JoinRef>();
      if (!join.using_columns.empty() || join.ref_type == duckdb::JoinRefType::NATURAL) {
        return false;
      }
      return gather(*join.left, relations) && gather(*join.right, relations);
    }
    Relation relation{ref.alias, {}};
    KnownColumns columns;
    if (ref.type == duckdb::TableReferenceType::SUBQUERY) {
      columns = columns_of(*ref.Cast<duckdb::SubqueryRef>().subquery->node);
    } else if (ref.type == duckdb::TableReferenceType::BASE_TABLE) {
      const auto& base = ref.Cast<duckdb::BaseTableRef>();
      if (relation.alias.empty()) relation.alias = base.table_name;
      columns = columns_of_table(base);
    }
    if (!columns) return false;
    rename(*columns, ref.column_name_alias);
    relation.columns = *std::move(columns);
    relations.push_back(std::move(relation));
    return true;
  }

  KnownColumns columns_of_table(const duckdb::BaseTableRef& base) const {
    NameParts name;
    if (!base.catalog_name.empty()) name.push_back(base.catalog_name);
    if (!base.schema_name.empty()) name.push_back(base.schema_name);
    name.push_back(base.table_name);
    if (name.size() == 1) {
      if (const KnownColumns* const table = defined(name[0])) return *table;
    }
    const auto found = catalog_.lookup(name, path_);
    if (!found.ok() || *found == nullptr || !(*found)->is_relation()) return {};
    std::vector<Known> columns;
    for (const Column& column : (*found)->columns()) {
      columns.push_back({column.name, column.type, column.not_null});
    }
    return columns;
  }

  const Catalog& catalog_;
  const SearchPath& path_;
  std::vector<std::pair<std::string, KnownColumns>> with_;  // in reach, the innermost last
  int depth_ = 0;
};

// Whether a record is in it whose fields nobody has kept: a view's column of that type says only
// `record`.
bool lacks_fields(const types::SqlType& type) {
  if (type.id == types::TypeId::kRecord && type.arguments.empty()) return true;
  return std::any_of(type.arguments.begin(), type.arguments.end(), lacks_fields);
}

}  // namespace

std::vector<std::optional<types::SqlType>> declared_types(const duckdb::SelectStatement& query,
                                                          const Catalog& catalog,
                                                          const SearchPath& path) {
  std::vector<std::optional<types::SqlType>> declared;
  const KnownColumns columns = Follower(catalog, path).columns_of(*query.node);
  if (!columns) return declared;
  for (const Known& column : *columns) declared.push_back(column.type);
  return declared;
}

std::vector<bool> columns_without_null(const duckdb::SelectStatement& query, const Catalog& catalog,
                                       const SearchPath& path) {
  std::vector<bool> result;
  const KnownColumns columns = Follower(catalog, path).columns_of(*query.node);
  if (!columns) return result;
  for (const Known& column : *columns) result.push_back(column.is_never_null);
  return result;
}

types::SqlType result_type(const engine::LogicalType& type,
                           const std::optional<types::SqlType>& declared) {
  if (declared && !lacks_fields(*declared) &&
      types::to_engine(*declared).InternalType() == type.InternalType()) {
    return *declared;
  }
  types::SqlType found = types::from_engine(type);
  if (found.id == types::TypeId::kNumeric && found.scale <= types::kBareNumericScale) {
    return types::numeric();
  }
  return found;
}

}  // namespace sluice::sql
