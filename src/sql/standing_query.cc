#include "sql/standing_query.h"

#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/expression/function_expression.hpp>
#include <duckdb/parser/query_node/select_node.hpp>

#include "sql/front/parse.h"
#include "sql/query_trees.h"
#include "sql/resolve.h"

namespace sluice::sql {
namespace {

// An item of the outermost SELECT, as a row's error where it is NULL.
void require(duckdb::unique_ptr<duckdb::ParsedExpression>& item, const std::string& column) {
  duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>> arguments;
  item->alias.clear();
  arguments.push_back(std::move(item));
  arguments.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(engine::Value(column)));
  item = duckdb::make_uniq<duckdb::FunctionExpression>("sluice_required", std::move(arguments));
  item->alias = column;
}

}  // namespace

std::string input_name(ObjectId id) { return id.text(); }

Result<StandingQuery> standing_query(std::shared_ptr<const Catalog> catalog,
                                     const MaterializedView& view) {
  TRY_ASSIGN(auto parsed, parse_query(view.query_sql));
  ResolveContext context;
  context.catalog = std::move(catalog);
  context.search_path = view.search_path;
  context.standing = true;
  context.bound = &view.dependencies;
  TRY_ASSIGN(Resolved resolved, resolve(std::move(parsed), context));
  std::vector<std::string> names;
  std::vector<engine::LogicalType> types;
  for (const Column& column : view.columns) {
    names.push_back(column.name);
    types.push_back(types::to_engine(column.type));
  }
  auto typed = with_column_types(copied_select(resolved.query), names, types);
  auto& items = typed->node->Cast<duckdb::SelectNode>().select_list;
  for (const size_t column : view.assert_not_null) require(items[column], names[column]);
  StandingQuery standing;
  standing.query = engine::Query(std::move(typed));
  standing.query.keep = std::move(resolved.query.keep);
  standing.inputs = std::move(resolved.tables);
  return standing;
}

}  // namespace sluice::sql
