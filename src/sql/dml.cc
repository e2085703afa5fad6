#include "sql/dml.h"

#include <duckdb/parser/expression/cast_expression.hpp>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/expression/default_expression.hpp>
#include <duckdb/parser/expression/function_expression.hpp>
#include <duckdb/parser/query_node/cte_node.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/parser/tableref/emptytableref.hpp>
#include <duckdb/parser/tableref/expressionlistref.hpp>
#include <duckdb/parser/tableref/joinref.hpp>
#include <duckdb/parser/tableref/subqueryref.hpp>
#include <set>

#include "sql/front/meaning.h"
#include "sql/front/parse.h"

namespace sluice::sql {
namespace {

using duckdb::make_uniq;
using duckdb::ParsedExpression;
using duckdb::SelectNode;
using duckdb::SelectStatement;

// Names that a user's query can't clash with by accident.
constexpr const char* kRows = "sluice_new_rows";
constexpr const char* kTarget = "sluice_target";
constexpr const char* kRowId = "sluice_row_id";

ExpressionPtr call(const char* function, ExpressionPtr argument,
                   std::initializer_list<duckdb::Value> constants) {
  duckdb::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(argument));
  for (const duckdb::Value& constant : constants) {
    arguments.push_back(make_uniq<duckdb::ConstantExpression>(constant));
  }
  return make_uniq<duckdb::FunctionExpression>(function, std::move(arguments));
}

// Whether a value's text alone tells that it fits the column's type: what is written most often
// needs no check.
bool is_plain(const ParsedExpression& value, const duckdb::LogicalType& type) {
  if (value.GetExpressionClass() == duckdb::ExpressionClass::PARAMETER) return true;
  if (value.GetExpressionClass() != duckdb::ExpressionClass::CONSTANT) return false;
  const auto& constant = value.Cast<duckdb::ConstantExpression>().value;
  return constant.IsNull() || constant.type().id() == duckdb::LogicalTypeId::VARCHAR ||
         (constant.type().IsNumeric() && type.IsNumeric());
}

// PostgreSQL's assignment cast: a text that is too long is an error, not cut, and nothing is read
// from a text that is not a literal.
ExpressionPtr assign(ExpressionPtr value, const Column& column, bool checked = true) {
  const types::SqlType& type = column.type;
  using types::TypeId;
  const auto as_text = [](ExpressionPtr child) {
    return make_uniq<duckdb::CastExpression>(duckdb::LogicalType::VARCHAR, std::move(child));
  };
  if ((type.id == TypeId::kVarchar || type.id == TypeId::kChar) && type.precision > 0) {
    return call(type.id == TypeId::kVarchar ? "sluice_varchar" : "sluice_char",
                as_text(std::move(value)),
                {duckdb::Value::INTEGER(type.precision), duckdb::Value::BOOLEAN(false)});
  }
  const duckdb::LogicalType target = types::to_engine(type);
  if (!checked || is_plain(*value, target)) {
    return make_uniq<duckdb::CastExpression>(target, std::move(value));
  }
  value->alias.clear();
  duckdb::vector<ExpressionPtr> arguments;
  arguments.push_back(std::move(value));
  arguments.push_back(make_uniq<duckdb::CastExpression>(
      target, make_uniq<duckdb::ConstantExpression>(duckdb::Value())));
  arguments.push_back(make_uniq<duckdb::ConstantExpression>(duckdb::Value(column.name)));
  // Behind the check, so that the type stays the column's own.
  return make_uniq<duckdb::CastExpression>(
      target, make_uniq<duckdb::FunctionExpression>("sluice_assign", std::move(arguments)));
}

// Which columns a query gives as literals in quotes, which take the column's type where they are
// stored; all of them where its text does not tell.
bool may_be_literal(const SelectStatement& query, size_t column) {
  if (query.node->type != duckdb::QueryNodeType::SELECT_NODE) return true;
  const auto& items = query.node->Cast<SelectNode>().select_list;
  for (const auto& item : items) {
    if (holds_star(*item)) return items.size() > 1;
  }
  return column >= items.size() ||
         items[column]->GetExpressionClass() == duckdb::ExpressionClass::CONSTANT ||
         items[column]->GetExpressionClass() == duckdb::ExpressionClass::PARAMETER;
}

duckdb::unique_ptr<SelectStatement> statement_of(duckdb::unique_ptr<SelectNode> node) {
  auto statement = make_uniq<SelectStatement>();
  statement->node = std::move(node);
  return statement;
}

// The VALUES list if the query is one, and nothing else.
duckdb::ExpressionListRef* values_list(SelectStatement& query) {
  if (query.node->type != duckdb::QueryNodeType::SELECT_NODE) return nullptr;
  auto& node = query.node->Cast<SelectNode>();
  if (!node.from_table || node.from_table->type != duckdb::TableReferenceType::EXPRESSION_LIST) {
    return nullptr;
  }
  return &node.from_table->Cast<duckdb::ExpressionListRef>();
}

Status check_count(size_t values, size_t columns, bool columns_named) {
  if (values > columns) {
    return invalid("INSERT has more expressions than target columns").with_sqlstate("42601");
  }
  if (values < columns && columns_named) {
    return invalid("INSERT has more target columns than expressions").with_sqlstate("42601");
  }
  return ok();
}

// VALUES: each value is cast where it stands, so that '{1,2}' or $1 is read as the column's type,
// and DEFAULT is replaced.
Status cast_values(duckdb::ExpressionListRef& list, const std::vector<size_t>& targets,
                   const Object& table, bool columns_named) {
  for (auto& row : list.values) {
    TRY(check_count(row.size(), targets.size(), columns_named));
    for (size_t i = 0; i < row.size(); ++i) {
      const Column& column = table.columns()[targets[i]];
      if (row[i]->GetExpressionType() == duckdb::ExpressionType::VALUE_DEFAULT) {
        TRY_ASSIGN(row[i], default_of(column));
      } else {
        row[i] = assign(std::move(row[i]), column);
      }
    }
  }
  return ok();
}

// The number of columns that a query gives, where its text tells; nothing for a `*`.
std::optional<size_t> width_of(const SelectStatement& query) {
  const duckdb::QueryNode* node = query.node.get();
  if (node->type != duckdb::QueryNodeType::SELECT_NODE) return {};
  const auto& select = node->Cast<SelectNode>();
  for (const auto& item : select.select_list) {
    if (holds_star(*item)) return {};
  }
  return select.select_list.size();
}

duckdb::unique_ptr<SelectStatement> default_values() {
  auto node = make_uniq<SelectNode>();
  node->from_table = make_uniq<duckdb::EmptyTableRef>();
  return statement_of(std::move(node));
}

// WITH in front of a query, as the engine's parser nests it: the first table outermost, and all of
// them in the map of every node.
duckdb::unique_ptr<SelectStatement> with_tables(const CommonTables& with,
                                                duckdb::unique_ptr<SelectStatement> query) {
  const auto copy_of = [](const auto& table) {
    return Tree<duckdb::CommonTableExpressionInfo>(table).release();
  };
  const auto add_all = [&](duckdb::QueryNode& node) {
    for (const auto& [name, table] : with) node.cte_map.map[name] = copy_of(table);
  };
  if (!with.empty()) add_all(*query->node);
  for (size_t i = with.size(); i-- > 0;) {
    const auto table = copy_of(with[i].second);
    auto node = make_uniq<duckdb::CTENode>();
    node->ctename = with[i].first;
    node->aliases = table->aliases;
    node->materialized = table->materialized;
    node->query = std::move(table->query->node);
    node->child = std::move(query->node);
    add_all(*node);
    query->node = std::move(node);
  }
  return query;
}

duckdb::unique_ptr<duckdb::TableRef> target_ref(const std::string& alias, const Object& table) {
  auto ref = make_uniq<duckdb::BaseTableRef>();
  ref->table_name = kTarget;
  ref->alias = alias.empty() ? table.name : alias;
  return ref;
}

ExpressionPtr target_column(const std::string& alias, const Object& table,
                            const std::string& column) {
  return make_uniq<duckdb::ColumnRefExpression>(column, alias.empty() ? table.name : alias);
}

duckdb::unique_ptr<duckdb::TableRef> cross(duckdb::unique_ptr<duckdb::TableRef> left,
                                           const TableRef& right) {
  auto join = make_uniq<duckdb::JoinRef>(duckdb::JoinRefType::CROSS);
  join->left = std::move(left);
  join->right = TableRef(right).release();
  return join;
}

std::vector<ExtraRelation> target_relation(const Object& table,
                                           std::shared_ptr<const collection::Snapshot> snapshot) {
  std::vector<std::string> names;
  for (const Column& column : table.columns()) names.push_back(column.name);
  ExtraRelation relation;
  relation.name = kTarget;
  relation.sql = snapshot->table_sql(names, kRowId);
  relation.object = &table;
  relation.snapshot = snapshot;
  relation.row_ids = kRowId;
  relation.keep = std::move(snapshot);
  std::vector<ExtraRelation> relations;
  relations.push_back(std::move(relation));
  return relations;
}

}  // namespace

Result<ExpressionPtr> default_of(const Column& column) {
  if (column.default_sql) {
    TRY_ASSIGN(ExpressionPtr value, parse_expression(*column.default_sql));
    return assign(std::move(value), column, false);
  }
  return ExpressionPtr(make_uniq<duckdb::CastExpression>(
      types::to_engine(column.type), make_uniq<duckdb::ConstantExpression>(duckdb::Value())));
}

Result<std::vector<size_t>> target_columns(const std::vector<Name>& names, const Object& table) {
  std::vector<size_t> targets;
  const std::span<const Column> columns = table.columns();
  if (names.empty()) {
    for (size_t i = 0; i < columns.size(); ++i) targets.push_back(i);
    return targets;
  }
  std::set<size_t> seen;
  for (const Name& name : names) {
    size_t index = 0;
    while (index < columns.size() && columns[index].name != name.text) ++index;
    if (index == columns.size()) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("column \"{}\" of relation \"{}\" does not exist", name.text,
                               table.name))
          .with_sqlstate("42703")
          .at(name.position);
    }
    if (!seen.insert(index).second) {
      return invalid("column \"{}\" specified more than once", name.text)
          .with_sqlstate("42701")
          .at(name.position);
    }
    targets.push_back(index);
  }
  return targets;
}

duckdb::unique_ptr<SelectStatement> query_of_unknown_width(const Insert& insert) {
  if (!insert.query) return nullptr;
  sql::Query source = insert.query;
  auto query = source.release();
  if (values_list(*query) != nullptr || width_of(*query)) return nullptr;
  return with_tables(insert.with, std::move(query));
}

Result<Resolved> insert_rows(const Insert& insert, const Object& table,
                             const ResolveContext& context, std::optional<size_t> width) {
  TRY_ASSIGN(std::vector<size_t> targets, target_columns(insert.columns, table));
  sql::Query source = insert.query;
  duckdb::unique_ptr<SelectStatement> query;
  if (source) {
    query = source.release();
  } else {
    query = default_values();
  }
  if (!insert.query) targets.clear();
  const bool columns_named = !insert.columns.empty();
  bool cast_above = true;
  if (duckdb::ExpressionListRef* list = values_list(*query)) {
    TRY(cast_values(*list, targets, table, columns_named));
    width = list->values.empty() ? 0 : list->values[0].size();
    cast_above = false;
  } else if (insert.query) {
    if (const auto told = width_of(*query)) width = told;
  }
  if (width) {
    TRY(check_count(*width, targets.size(), columns_named));
    targets.resize(*width);
  }
  std::vector<bool> literal;
  literal.reserve(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) literal.push_back(may_be_literal(*query, i));
  auto node = make_uniq<SelectNode>();
  auto rows = make_uniq<duckdb::SubqueryRef>(std::move(query), kRows);
  if (!insert.query) {
    node->from_table = make_uniq<duckdb::EmptyTableRef>();
  } else {
    for (size_t i = 0; i < targets.size(); ++i) {
      rows->column_name_alias.push_back(fmt::format("c{}", i));
    }
    node->from_table = std::move(rows);
  }
  for (size_t i = 0; i < table.columns().size(); ++i) {
    const Column& column = table.columns()[i];
    const auto found = std::find(targets.begin(), targets.end(), i);
    if (found == targets.end()) {
      TRY_ASSIGN(ExpressionPtr value, default_of(column));
      node->select_list.push_back(std::move(value));
      continue;
    }
    ExpressionPtr value =
        make_uniq<duckdb::ColumnRefExpression>(fmt::format("c{}", found - targets.begin()), kRows);
    const size_t place = static_cast<size_t>(found - targets.begin());
    if (cast_above) value = assign(std::move(value), column, !literal[place]);
    node->select_list.push_back(std::move(value));
  }
  return resolve(with_tables(insert.with, statement_of(std::move(node))), context);
}

Result<Resolved> update_rows(const Update& update, const Object& table,
                             std::shared_ptr<const collection::Snapshot> snapshot,
                             const ResolveContext& context) {
  std::vector<Name> names;
  for (const Assignment& assignment : update.set) names.push_back(assignment.column);
  TRY_ASSIGN(const std::vector<size_t> assigned, target_columns(names, table));
  auto node = make_uniq<SelectNode>();
  node->from_table = target_ref(update.alias, table);
  if (update.from) node->from_table = cross(std::move(node->from_table), update.from);
  if (update.where) node->where_clause = Expression(update.where).release();
  for (size_t i = 0; i < table.columns().size(); ++i) {
    const Column& column = table.columns()[i];
    const auto found = std::find(assigned.begin(), assigned.end(), i);
    if (found == assigned.end()) {
      node->select_list.push_back(target_column(update.alias, table, column.name));
      continue;
    }
    Expression value = update.set[static_cast<size_t>(found - assigned.begin())].value;
    if (value->GetExpressionType() == duckdb::ExpressionType::VALUE_DEFAULT) {
      TRY_ASSIGN(ExpressionPtr standard, default_of(column));
      node->select_list.push_back(std::move(standard));
    } else {
      node->select_list.push_back(assign(value.release(), column));
    }
  }
  node->select_list.push_back(target_column(update.alias, table, kRowId));
  return resolve(with_tables(update.with, statement_of(std::move(node))), context,
                 target_relation(table, std::move(snapshot)));
}

Result<Resolved> delete_rows(const Delete& statement, const Object& table,
                             std::shared_ptr<const collection::Snapshot> snapshot,
                             const ResolveContext& context) {
  auto node = make_uniq<SelectNode>();
  node->from_table = target_ref(statement.alias, table);
  for (const TableRef& other : statement.from) {
    node->from_table = cross(std::move(node->from_table), other);
  }
  if (statement.where) node->where_clause = Expression(statement.where).release();
  node->select_list.push_back(target_column(statement.alias, table, kRowId));
  return resolve(with_tables(statement.with, statement_of(std::move(node))), context,
                 target_relation(table, std::move(snapshot)));
}

}  // namespace sluice::sql
