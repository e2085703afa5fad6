#include "sql/front/engine_parser.h"

#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/statement/delete_statement.hpp>
#include <duckdb/parser/statement/insert_statement.hpp>
#include <duckdb/parser/statement/update_statement.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/parser/tableref/list.hpp>

#include "sql/front/meaning.h"
#include "sql/front/rewrite.h"

namespace sluice::sql {
namespace {

Error too_complex() { return invalid("statement too complex").with_sqlstate("54001"); }

// The SQLSTATE of a complaint about a query that is not of its grammar alone.
std::string_view state_of(const std::string& message) {
  const bool of_window = message.find("indow \"") != std::string::npos;
  if (of_window && message.ends_with("does not exist")) return "42704";
  if (of_window || message.starts_with("frame ")) return "42P20";
  return "42601";
}

// DuckDB's complaint in PostgreSQL's words, at the user's own token.
Error translated(const duckdb::ErrorData& failure, const Rewritten& text, const Tokens& tokens,
                 size_t end) {
  std::string message = failure.RawMessage();
  if (message.find("expression depth") != std::string::npos ||
      message.find("memory exhausted") != std::string::npos ||
      message.find("recursion depth") != std::string::npos) {
    return too_complex();
  }
  size_t token = end;
  bool placed = false;
  const auto& info = failure.ExtraInfo();
  if (const auto at = info.find("position"); at != info.end()) {
    token = text.token_at(std::strtoull(at->second.c_str(), nullptr, 10), end);
    placed = true;
  }
  if (message.find("syntax error") != std::string::npos) return tokens.syntax_error(token);
  message.resize(std::min(message.find('\n'), message.size()));
  while (!message.empty() && (message.back() == '!' || message.back() == '.')) message.pop_back();
  if (message.empty()) return tokens.syntax_error(token);
  const bool missing = failure.Type() == duckdb::ExceptionType::NOT_IMPLEMENTED ||
                       message.find("upported") != std::string::npos;
  return invalid("{}", message)
      .with_sqlstate(missing ? "0A000" : state_of(message))
      .at(placed ? tokens.position(token) : 0);
}

ObjectName name_of(const duckdb::BaseTableRef& table) {
  ObjectName name;
  for (const auto& part : {table.catalog_name, table.schema_name, table.table_name}) {
    if (!part.empty()) name.parts.push_back(part);
  }
  return name;
}

}  // namespace

struct EngineParser::Parsed {
  duckdb::unique_ptr<duckdb::SQLStatement> statement;
  Rewritten text;
};

Result<EngineParser::Parsed> EngineParser::parse(Range range, bool as_expression) {
  TRY_ASSIGN(Rewritten text, as_expression ? rewrite_expression(tokens_, range.begin, range.end)
                                           : rewrite(tokens_, range.begin, range.end));
  parameter_count_ = std::max(parameter_count_, text.parameter_count);
  try {
    duckdb::Parser parser;
    parser.ParseQuery(text.text);
    if (parser.statements.size() != 1) return tokens_.syntax_error(range.end);
    return Parsed{std::move(parser.statements.front()), std::move(text)};
  } catch (const std::exception& exception) {
    return translated(duckdb::ErrorData(exception), text, tokens_, range.end);
  }
}

Result<Query> EngineParser::query(Range range) {
  TRY_ASSIGN(Parsed parsed, parse(range, false));
  if (parsed.statement->type != duckdb::StatementType::SELECT_STATEMENT) {
    return tokens_.syntax_error(range.begin);
  }
  auto select = duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(
      std::move(parsed.statement));
  TRY(postgres_meaning(*select, {tokens_, parsed.text, range.end, stored_}));
  return Query(std::move(select));
}

Result<std::vector<Expression>> EngineParser::expressions(Range range) {
  TRY_ASSIGN(Parsed parsed, parse(range, true));
  const Error unexpected = tokens_.syntax_error(range.begin);
  if (parsed.statement->type != duckdb::StatementType::SELECT_STATEMENT) return unexpected;
  auto& node = *parsed.statement->Cast<duckdb::SelectStatement>().node;
  if (node.type != duckdb::QueryNodeType::SELECT_NODE) return unexpected;
  // `1 FROM t` or `1 LIMIT 2` is no expression.
  auto& select = node.Cast<duckdb::SelectNode>();
  if (!node.modifiers.empty() ||
      select.from_table->type != duckdb::TableReferenceType::EMPTY_FROM || select.where_clause ||
      select.having || select.qualify || select.sample ||
      !select.groups.group_expressions.empty()) {
    return unexpected;
  }
  std::vector<Expression> expressions;
  for (auto& expression : select.select_list) {
    if (expression->HasAlias()) return unexpected;
    TRY(postgres_meaning(expression, {tokens_, parsed.text, range.end, stored_}));
    expressions.emplace_back(std::move(expression));
  }
  return expressions;
}

Result<Expression> EngineParser::expression(Range range) {
  TRY_ASSIGN(auto list, expressions(range));
  if (list.size() != 1 || list.front()->GetExpressionClass() == duckdb::ExpressionClass::STAR) {
    return tokens_.syntax_error(range.begin);
  }
  return std::move(list.front());
}

namespace {

// What INSERT, UPDATE and DELETE have in common: parts of their trees get their meaning one by one.
class Parts {
 public:
  explicit Parts(const Source& source) : source_(source) {}

  Result<Expression> expression(duckdb::unique_ptr<duckdb::ParsedExpression> tree) const {
    if (tree) TRY(postgres_meaning(tree, source_));
    return Expression(std::move(tree));
  }

  // What is asked of or stored in a row of the table, where the engine's own columns stand as well.
  Result<Expression> of_row(duckdb::unique_ptr<duckdb::ParsedExpression> tree) const {
    if (!tree || !holds_star(*tree)) return expression(std::move(tree));
    return invalid("COLUMNS is not supported in UPDATE and DELETE")
        .with_sqlstate("0A000")
        .at(source_.tokens.position(source_.token_of(tree->GetQueryLocation())));
  }

  Result<CommonTables> common_tables(duckdb::CommonTableExpressionMap& map) const {
    CommonTables tables;
    for (auto& [name, info] : map.map) {
      TRY(postgres_meaning(*info->query, source_));
      tables.emplace_back(name, std::move(info));
    }
    return tables;
  }

  Result<std::vector<Expression>> returning(
      duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>>& list) const {
    std::vector<Expression> columns;
    for (auto& column : list) {
      const auto kind = column->GetExpressionClass();
      if (!column->HasAlias() && kind != duckdb::ExpressionClass::STAR &&
          kind != duckdb::ExpressionClass::COLUMN_REF) {
        column->SetAlias(result_name(*column, source_));
      }
      TRY_ASSIGN(Expression tree, expression(std::move(column)));
      columns.push_back(std::move(tree));
    }
    return columns;
  }

  Result<std::vector<Assignment>> assignments(duckdb::UpdateSetInfo& info) const {
    std::vector<Assignment> set;
    for (size_t i = 0; i < info.columns.size(); ++i) {
      TRY_ASSIGN(Expression value, of_row(std::move(info.expressions[i])));
      set.push_back({{info.columns[i], 0}, std::move(value)});
    }
    return set;
  }

  // The table that a statement changes: its name, alias and place.
  Result<ObjectName> target(duckdb::TableRef& table, std::string& alias) const {
    const size_t token = source_.token_of(table.query_location);
    if (table.type != duckdb::TableReferenceType::BASE_TABLE) {
      return source_.tokens.syntax_error(token);
    }
    alias = table.alias;
    ObjectName name = name_of(table.Cast<duckdb::BaseTableRef>());
    name.position = source_.tokens.position(token);
    return name;
  }

 private:
  const Source source_;
};

}  // namespace

Result<Insert> EngineParser::insert(Range range) {
  TRY_ASSIGN(Parsed parsed, parse(range, false));
  if (parsed.statement->type != duckdb::StatementType::INSERT_STATEMENT) {
    return tokens_.syntax_error(range.begin);
  }
  auto& tree = parsed.statement->Cast<duckdb::InsertStatement>();
  const Source source{tokens_, parsed.text, range.end, stored_};
  const Parts parts(source);
  Insert insert;
  for (const auto& part : {tree.catalog, tree.schema, tree.table}) {
    if (!part.empty()) insert.table.parts.push_back(part);
  }
  if (tree.table_ref) insert.alias = tree.table_ref->alias;
  for (const auto& column : tree.columns) insert.columns.push_back({column, 0});
  if (tree.column_order == duckdb::InsertColumnOrder::INSERT_BY_NAME) {
    return tokens_.syntax_error(range.begin);
  }
  if (!tree.default_values && tree.select_statement) {
    TRY(postgres_meaning(*tree.select_statement, source));
    insert.query = std::move(tree.select_statement);
  }
  TRY_ASSIGN(insert.with, parts.common_tables(tree.cte_map));
  TRY_ASSIGN(insert.returning, parts.returning(tree.returning_list));
  if (!tree.on_conflict_info) return insert;
  auto& conflict = *tree.on_conflict_info;
  if (conflict.action_type == duckdb::OnConflictAction::REPLACE) {
    return tokens_.syntax_error(range.begin + 1);
  }
  OnConflict on_conflict;
  on_conflict.update = conflict.action_type == duckdb::OnConflictAction::UPDATE;
  for (const auto& column : conflict.indexed_columns) on_conflict.columns.push_back({column, 0});
  if (conflict.condition) {
    return invalid("ON CONFLICT with a predicate is not supported").with_sqlstate("0A000");
  }
  if (conflict.set_info) {
    TRY_ASSIGN(on_conflict.set, parts.assignments(*conflict.set_info));
    TRY_ASSIGN(on_conflict.where, parts.expression(std::move(conflict.set_info->condition)));
  }
  insert.on_conflict = std::move(on_conflict);
  return insert;
}

Result<Update> EngineParser::update(Range range) {
  TRY_ASSIGN(Parsed parsed, parse(range, false));
  if (parsed.statement->type != duckdb::StatementType::UPDATE_STATEMENT) {
    return tokens_.syntax_error(range.begin);
  }
  auto& tree = parsed.statement->Cast<duckdb::UpdateStatement>();
  const Source source{tokens_, parsed.text, range.end, stored_};
  const Parts parts(source);
  Update update;
  TRY_ASSIGN(update.table, parts.target(*tree.table, update.alias));
  TRY_ASSIGN(update.set, parts.assignments(*tree.set_info));
  if (tree.from_table) {
    TRY(postgres_meaning(*tree.from_table, source));
    update.from = std::move(tree.from_table);
  }
  TRY_ASSIGN(update.where, parts.of_row(std::move(tree.set_info->condition)));
  TRY_ASSIGN(update.with, parts.common_tables(tree.cte_map));
  TRY_ASSIGN(update.returning, parts.returning(tree.returning_list));
  return update;
}

Result<Delete> EngineParser::delete_(Range range) {
  TRY_ASSIGN(Parsed parsed, parse(range, false));
  if (parsed.statement->type != duckdb::StatementType::DELETE_STATEMENT) {
    return tokens_.syntax_error(range.begin);
  }
  auto& tree = parsed.statement->Cast<duckdb::DeleteStatement>();
  const Source source{tokens_, parsed.text, range.end, stored_};
  const Parts parts(source);
  Delete result;
  TRY_ASSIGN(result.table, parts.target(*tree.table, result.alias));
  for (auto& table : tree.using_clauses) {
    TRY(postgres_meaning(*table, source));
    result.from.emplace_back(std::move(table));
  }
  TRY_ASSIGN(result.where, parts.of_row(std::move(tree.condition)));
  TRY_ASSIGN(result.with, parts.common_tables(tree.cte_map));
  TRY_ASSIGN(result.returning, parts.returning(tree.returning_list));
  return result;
}

}  // namespace sluice::sql
