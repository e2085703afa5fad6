#include "sql/front/parse.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "sql/front/lexer.h"
#include "sql/front/statement_parser.h"

namespace sluice::sql {
namespace {

// The statements of a text: ranges of tokens between semicolons that stand outside brackets.
std::vector<Range> split(const Tokens& tokens) {
  std::vector<Range> ranges;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i <= tokens.size(); ++i) {
    if (tokens.is(i, "(") || tokens.is(i, "[")) ++depth;
    if (tokens.is(i, ")") || tokens.is(i, "]")) depth = std::max(0, depth - 1);
    if (i < tokens.size() && (depth > 0 || !tokens.is(i, ";"))) continue;
    if (i > begin) ranges.push_back({begin, i});
    begin = i + 1;
  }
  return ranges;
}

// CREATE or ALTER of a SECRET or CONNECTION: strings in it are not to be shown.
bool carries_secrets(const Tokens& tokens, Range range) {
  if (!tokens.is(range.begin, "create") && !tokens.is(range.begin, "alter")) return false;
  const size_t end = std::min(range.end, range.begin + 4);
  for (size_t i = range.begin + 1; i < end; ++i) {
    if (tokens.is(i, "secret") || tokens.is(i, "connection")) return true;
  }
  return false;
}

// The strings, and the quoted words inside parentheses, replaced.
std::string masked(const Tokens& tokens, Range range) {
  std::string out;
  size_t copied = tokens[range.begin].begin;
  int depth = 0;
  bool value = false;  // behind the AS of a secret
  const bool secret = !tokens.is(range.begin + 1, "connection");
  for (size_t i = range.begin; i < range.end; ++i) {
    const Token& token = tokens[i];
    if (tokens.is(i, "(")) ++depth;
    if (tokens.is(i, ")")) --depth;
    const bool hidden = value || token.kind == Token::Kind::kString ||
                        token.kind == Token::Kind::kBits ||
                        (token.kind == Token::Kind::kQuotedWord && depth > 0);
    if (hidden) {
      out += tokens.sql().substr(copied, token.begin - copied);
      out += "'<redacted>'";
      copied = token.end;
    }
    if (value) {  // nothing behind it is kept either
      copied = tokens[range.end - 1].end;
      break;
    }
    value = secret && tokens.is(i, "as");
  }
  return out += tokens.sql().substr(copied, tokens[range.end - 1].end - copied);
}

}  // namespace

Error StatementParser::unsupported(std::string_view what) const {
  return invalid("{} is not supported", what).with_sqlstate("0A000").at(cursor_.position());
}

// `SELECT … AS OF [AT LEAST] time`. A column may be called `of`: then no expression follows.
Result<Query> StatementParser::query_until(size_t end, std::optional<AsOf>* as_of) {
  const Tokens& tokens = cursor_.tokens();
  const Range all{cursor_.index(), end};
  Cursor scan(tokens, all);
  size_t found = end;
  for (;;) {
    const size_t as = scan.find({"as"});
    if (as + 2 >= end) break;
    scan.go_to(as + 1);
    if (!scan.take("of")) continue;
    const bool expression =
        !scan.is(",") && !scan.is(")") && !scan.is(";") &&
        !(scan.is_kind(Token::Kind::kWord) && is_reserved(tokens.word(scan.index())) &&
          !scan.is_any({"cast", "case", "null"}));
    if (expression) found = as;
  }
  cursor_.go_to(end);
  if (found == end || as_of == nullptr) return engine_.query(all);
  AsOf clause;
  clause.position = tokens.position(found);
  size_t time = found + 2;
  if (time + 1 < end && tokens.is(time, "at") && tokens.is(time + 1, "least")) {
    clause.at_least = true;
    time += 2;
  }
  TRY_ASSIGN(Query query, engine_.query({all.begin, found}));
  TRY_ASSIGN(clause.time, engine_.expression({time, end}));
  *as_of = std::move(clause);
  return query;
}

// DuckDB's trees don't tell where the columns of INSERT and SET stand; the tokens do.
void StatementParser::place(std::vector<Name>& columns, size_t begin) const {
  const Tokens& tokens = cursor_.tokens();
  size_t at = begin;
  for (auto& column : columns) {
    for (size_t i = at; i < cursor_.end(); ++i) {
      const bool is_name =
          tokens.is_kind(i, Token::Kind::kWord) || tokens.is_kind(i, Token::Kind::kQuotedWord);
      if (!is_name || tokens.word(i) != column.text) continue;
      column.position = tokens.position(i);
      at = i + 1;
      break;
    }
  }
}

Result<Insert> StatementParser::insert() {
  const Range all = cursor_.rest();
  const size_t keyword = cursor_.find({"insert"});
  cursor_.go_to(keyword + 1);
  TRY(cursor_.expect("into"));
  TRY_ASSIGN(const ObjectName table, cursor_.object_name());
  TRY_ASSIGN(Insert insert, engine_.insert(all));
  insert.table = table;
  place(insert.columns, cursor_.index());
  if (insert.on_conflict) {
    cursor_.go_to(cursor_.find({"conflict"}));
    place(insert.on_conflict->columns, cursor_.index());
  }
  cursor_.go_to(all.end);
  return insert;
}

Result<Update> StatementParser::update() {
  const Range all = cursor_.rest();
  TRY_ASSIGN(Update update, engine_.update(all));
  cursor_.go_to(cursor_.find({"update"}));
  size_t at = cursor_.find({"set"});
  for (auto& assignment : update.set) {
    std::vector<Name> one = {assignment.column};
    place(one, at);
    assignment.column = one.front();
    Cursor next(cursor_.tokens(), {at + 1, all.end});
    at = std::min(next.find({","}), all.end);
  }
  cursor_.go_to(all.end);
  return update;
}

Result<Delete> StatementParser::delete_() {
  const Range all = cursor_.rest();
  cursor_.go_to(all.end);
  return engine_.delete_(all);
}

// Null where it is another kind of statement.
Result<std::optional<StatementParser::Node>> StatementParser::rows_node() {
  std::string_view kind = "select";
  if (cursor_.is("with")) {
    // `WITH t AS (…) INSERT …`
    const size_t at = cursor_.find({"insert", "update", "delete", "select", "values"});
    for (const std::string_view change : {"insert", "update", "delete"}) {
      if (at < cursor_.end() && cursor_.tokens().is(at, change)) kind = change;
    }
  } else if (cursor_.is_any({"insert", "update", "delete"})) {
    kind = cursor_.is("insert") ? "insert" : cursor_.is("update") ? "update" : "delete";
  } else if (!cursor_.is_any({"select", "values", "table", "("})) {
    return std::optional<Node>();
  }
  if (kind == "insert") {
    TRY_ASSIGN(Insert insert_node, insert());
    return std::optional<Node>(std::move(insert_node));
  }
  if (kind == "update") {
    TRY_ASSIGN(Update update_node, update());
    return std::optional<Node>(std::move(update_node));
  }
  if (kind == "delete") {
    TRY_ASSIGN(Delete delete_node, delete_());
    return std::optional<Node>(std::move(delete_node));
  }
  Select select;
  TRY_ASSIGN(select.query, query_until(cursor_.end(), &as_of_));
  return std::optional<Node>(std::move(select));
}

Result<StatementParser::Node> StatementParser::node() {
  TRY_ASSIGN(auto rows, rows_node());
  if (rows) return std::move(*rows);
  if (cursor_.is("copy")) return copy();
  if (cursor_.is("create")) return create();
  if (cursor_.is("alter")) return alter();
  if (cursor_.is("drop")) return drop();
  if (cursor_.is("truncate")) return truncate();
  if (cursor_.take_all({"validate", "connection"})) {
    return validate_connection();
  }
  if (cursor_.is("show")) return show();
  if (cursor_.is("set")) return set();
  if (cursor_.is("reset")) return reset();
  if (cursor_.is("explain")) return explain();
  if (cursor_.is("prepare")) return prepare();
  if (cursor_.is("execute")) return execute();
  if (cursor_.is("deallocate")) return deallocate();
  if (cursor_.is("declare")) return declare_cursor();
  if (cursor_.take("fetch")) return fetch(false);
  if (cursor_.take("move")) return fetch(true);
  if (cursor_.is("close")) return close();
  if (cursor_.is("discard")) return discard();
  if (cursor_.is_any({"begin", "start", "commit", "end", "rollback", "abort"})) {
    return transaction();
  }
  for (const std::string_view known :
       {"analyze",   "call",    "checkpoint", "cluster", "comment",   "do",
        "grant",     "listen",  "lock",       "merge",   "notify",    "reassign",
        "refresh",   "reindex", "release",    "revoke",  "savepoint", "security",
        "subscribe", "tail",    "unlisten",   "vacuum"}) {
    if (!cursor_.is(known)) continue;
    std::string upper(known);
    for (char& c : upper) c = static_cast<char>(c - 32);
    return unsupported(upper);
  }
  return cursor_.unexpected();
}

Result<Statement> StatementParser::parse() {
  Statement statement;
  TRY_ASSIGN(statement.node, node());
  TRY(cursor_.expect_end());
  statement.as_of = std::move(as_of_);
  statement.parameter_count = engine_.parameter_count();
  return statement;
}

Result<Statement> StatementParser::parse_rows() {
  Statement statement;
  TRY_ASSIGN(auto rows, rows_node());
  if (!rows) return cursor_.unexpected();
  statement.node = std::move(*rows);
  statement.as_of = std::move(as_of_);
  statement.parameter_count = engine_.parameter_count();
  return statement;
}

Result<std::vector<Statement>> parse(std::string_view sql) {
  TRY_ASSIGN(Tokens tokens, Tokens::of(sql));
  std::vector<Statement> statements;
  // Characters are counted on from one statement to the next, or many would take quadratic time.
  size_t counted = 0;
  int32_t position = 1;
  for (const Range range : split(tokens)) {
    tokens.hide_strings(carries_secrets(tokens, range));
    const size_t first_byte = tokens[range.begin].begin;
    TRY_ASSIGN(Statement statement, StatementParser(tokens, range).parse());
    statement.text = Cursor(tokens, range).text(range);
    position += characters(sql.substr(counted, first_byte - counted));
    counted = first_byte;
    statement.position = position;
    statements.push_back(std::move(statement));
  }
  return statements;
}

Result<duckdb::unique_ptr<duckdb::SelectStatement>> parse_query(std::string_view sql) {
  TRY_ASSIGN(const Tokens tokens, Tokens::of(sql));
  const auto ranges = split(tokens);
  if (ranges.empty()) return tokens.syntax_error(tokens.size());
  if (ranges.size() > 1) return tokens.syntax_error(ranges[0].end);
  TRY_ASSIGN(Query query, EngineParser(tokens, true).query(ranges[0]));
  return query.release();
}

Result<duckdb::unique_ptr<duckdb::ParsedExpression>> parse_expression(std::string_view sql) {
  TRY_ASSIGN(const Tokens tokens, Tokens::of(sql));
  TRY_ASSIGN(Expression expression, EngineParser(tokens, true).expression({0, tokens.size()}));
  return expression.release();
}

std::string redacted(std::string_view sql) {
  const auto tokens = Tokens::of(sql);
  if (!tokens.ok()) return "<a statement that cannot be read>";
  std::string out;
  for (const Range range : split(*tokens)) {
    if (!out.empty()) out += "; ";
    out += carries_secrets(*tokens, range) ? masked(*tokens, range)
                                           : Cursor(*tokens, range).text(range);
  }
  return out;
}

std::string redacted(const Statement& statement) {
  return redacted(std::string_view(statement.text));
}

int32_t position_of(duckdb::optional_idx location) {
  return location.IsValid() ? static_cast<int32_t>(location.GetIndex()) + 1 : 0;
}

std::string ObjectName::text() const { return fmt::format("{}", fmt::join(parts, ".")); }

}  // namespace sluice::sql
