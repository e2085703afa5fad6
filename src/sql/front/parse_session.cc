// SHOW, SET, RESET, transactions, EXPLAIN, prepared statements, cursors.
#include <algorithm>

#include "sql/front/rewrite.h"
#include "sql/front/statement_parser.h"

namespace sluice::sql {
namespace {

constexpr std::string_view kExplainOptions[] = {"ANALYZE", "FORMAT"};
constexpr std::string_view kFetchOptions[] = {"TIMEOUT"};
constexpr std::string_view kIsolationLevels[] = {
    "serializable", "repeatable read", "read committed", "read uncommitted", "strict serializable"};

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return text;
}

}  // namespace

Result<StatementParser::Node> StatementParser::show() {
  using What = Show::What;
  TRY(cursor_.expect("show"));
  const bool redacted = cursor_.take("redacted");
  if (cursor_.take("create")) return show_create(redacted);
  if (redacted) return cursor_.unexpected();
  Show show;
  if (cursor_.take("columns")) {
    if (!cursor_.take("from")) TRY(cursor_.expect("in"));
    show.what = What::kColumns;
    TRY_ASSIGN(show.name, cursor_.object_name());
    return show_list(std::move(show));
  }
  // A setting may be called `iam` or `trust`: the words behind tell.
  const bool iam = cursor_.take_all({"iam", "policy", "for"});
  if (iam || cursor_.take_all({"trust", "policy", "for"})) return show_policy(iam);
  if (cursor_.take_all({"materialized", "views"})) {
    show.what = What::kMaterializedViews;
    return show_list(std::move(show));
  }
  constexpr std::pair<std::string_view, What> kLists[] = {
      {"databases", What::kDatabases},     {"schemas", What::kSchemas}, {"objects", What::kObjects},
      {"tables", What::kTables},           {"views", What::kViews},     {"sources", What::kSources},
      {"connections", What::kConnections}, {"secrets", What::kSecrets}, {"sinks", What::kSinks},
      {"indexes", What::kIndexes},         {"types", What::kTypes},     {"roles", What::kRoles},
      {"clusters", What::kClusters},
  };
  for (const auto& [word, what] : kLists) {
    if (!cursor_.take(word)) continue;
    show.what = what;
    return show_list(std::move(show));
  }
  if (cursor_.take("all")) {
    show.what = What::kAllSettings;
    return Node(std::move(show));
  }
  if (cursor_.take_all({"time", "zone"})) {
    show.setting = "timezone";
  } else if (cursor_.take_all({"transaction", "isolation", "level"})) {
    show.setting = "transaction_isolation";
  } else if (cursor_.take_all({"session", "authorization"})) {
    show.setting = "session_authorization";
  } else {
    TRY_ASSIGN(const ObjectName name, cursor_.object_name());
    show.setting = name.text();
    for (char& c : show.setting) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return Node(std::move(show));
}

Result<StatementParser::Node> StatementParser::show_create(bool redacted) {
  Show show;
  show.redacted = redacted;
  if (cursor_.take("table")) {
    show.what = Show::What::kCreateTable;
  } else if (cursor_.take("view")) {
    show.what = Show::What::kCreateView;
  } else if (cursor_.take_all({"materialized", "view"})) {
    show.what = Show::What::kCreateMaterializedView;
  } else if (cursor_.take("index")) {
    show.what = Show::What::kCreateIndex;
  } else if (cursor_.take("connection")) {
    show.what = Show::What::kCreateConnection;
  } else if (cursor_.is_kind(Token::Kind::kWord)) {
    return unsupported("SHOW CREATE " + upper(cursor_.tokens().word(cursor_.index())));
  } else {
    return cursor_.unexpected();
  }
  TRY_ASSIGN(show.name, cursor_.object_name());
  return Node(std::move(show));
}

Result<StatementParser::Node> StatementParser::show_policy(bool iam) {
  Show show;
  show.what = iam ? Show::What::kIamPolicy : Show::What::kTrustPolicy;
  TRY(cursor_.expect("connection"));
  TRY_ASSIGN(show.name, cursor_.object_name());
  if (iam) {
    TRY(cursor_.expect("to"));
    show.target.position = cursor_.position();
    TRY_ASSIGN(show.target.text, cursor_.string());
  }
  return Node(std::move(show));
}

// … [FROM schema] [ON object, of indexes] [LIKE 'pattern' | WHERE condition]
Result<StatementParser::Node> StatementParser::show_list(Show show) {
  // There is one cluster, and it is this server.
  if (show.what == Show::What::kIndexes && cursor_.take_all({"in", "cluster"})) TRY(cursor_.name());
  if (show.what != Show::What::kColumns && (cursor_.take("from") || cursor_.take("in"))) {
    TRY_ASSIGN(ObjectName in, cursor_.object_name());
    show.in = std::move(in);
  }
  if (show.what == Show::What::kIndexes && cursor_.take("on")) {
    TRY_ASSIGN(ObjectName on, cursor_.object_name());
    show.on = std::move(on);
  }
  if (cursor_.take("like")) {
    TRY_ASSIGN(std::string pattern, cursor_.string());
    show.like = std::move(pattern);
  } else if (cursor_.take("where")) {
    TRY_ASSIGN(show.where, engine_.expression(cursor_.rest()));
    cursor_.go_to(cursor_.end());
  }
  return Node(std::move(show));
}

Result<StatementParser::Node> StatementParser::set() {
  TRY(cursor_.expect("set"));
  if (cursor_.take_all({"session", "characteristics", "as", "transaction"})) {
    SetTransaction set{{}, true};
    TRY_ASSIGN(set.modes, transaction_modes());
    return Node(std::move(set));
  }
  if (cursor_.is("transaction") && !cursor_.is("=", 1)) {
    cursor_.take("transaction");
    if (cursor_.at_end()) return cursor_.unexpected();
    SetTransaction set;
    TRY_ASSIGN(set.modes, transaction_modes());
    return Node(std::move(set));
  }
  const bool local = cursor_.take("local");
  if (!local && !cursor_.is_any({"=", "to", "."}, 1)) cursor_.take("session");
  return set_variable(local);
}

Result<StatementParser::Node> StatementParser::set_variable(bool local) {
  SetVariable set;
  set.local = local;
  set.position = cursor_.position();
  bool assigned = true;
  if (cursor_.take_all({"time", "zone"})) {
    set.name = "timezone";
    assigned = false;
    if (cursor_.take("local")) return Node(std::move(set));
  } else if (cursor_.is("names") && !cursor_.is_any({"=", "to"}, 1)) {
    cursor_.take("names");
    set.name = "client_encoding";
    assigned = false;
  } else if (cursor_.is("schema") && !cursor_.is_any({"=", "to"}, 1)) {
    cursor_.take("schema");
    set.name = "search_path";
    assigned = false;
  } else {
    TRY_ASSIGN(const ObjectName name, cursor_.object_name());
    set.name = name.text();
    for (char& c : set.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  if (assigned && !cursor_.take("=")) TRY(cursor_.expect("to"));
  if (cursor_.take("default")) return Node(std::move(set));
  if (set.name == "timezone" && cursor_.take("interval")) {
    TRY_ASSIGN(std::string offset, cursor_.string());
    set.values.push_back(std::move(offset));
    cursor_.take_all({"hour", "to", "minute"});
    return Node(std::move(set));
  }
  do {
    Option value;
    TRY(cursor_.option_value(value));
    if (value.kind == Option::Kind::kList || value.kind == Option::Kind::kStar ||
        value.kind == Option::Kind::kSecret) {
      return cursor_.unexpected();
    }
    set.values.push_back(std::move(value.value));
  } while (cursor_.take(","));
  return Node(std::move(set));
}

Result<StatementParser::Node> StatementParser::reset() {
  TRY(cursor_.expect("reset"));
  ResetVariable reset;
  reset.position = cursor_.position();
  if (cursor_.take("all")) return Node(std::move(reset));
  if (cursor_.take_all({"time", "zone"})) {
    reset.name = "timezone";
    return Node(std::move(reset));
  }
  TRY_ASSIGN(const ObjectName name, cursor_.object_name());
  reset.name = name.text();
  for (char& c : reset.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return Node(std::move(reset));
}

Result<TransactionModes> StatementParser::transaction_modes() {
  TransactionModes modes;
  while (!cursor_.at_end()) {
    if (cursor_.take_all({"isolation", "level"})) {
      TRY_ASSIGN(std::string level, cursor_.one_of(kIsolationLevels));
      modes.isolation = std::move(level);
    } else if (cursor_.take_all({"read", "only"})) {
      modes.read_only = true;
    } else if (cursor_.take_all({"read", "write"})) {
      modes.read_only = false;
    } else if (!cursor_.take_all({"not", "deferrable"}) && !cursor_.take("deferrable")) {
      return cursor_.unexpected();
    }
    cursor_.take(",");
  }
  return modes;
}

Result<StatementParser::Node> StatementParser::transaction() {
  const bool start = cursor_.take_all({"start", "transaction"});
  if (start || cursor_.take("begin")) {
    if (!start && !cursor_.take("work")) cursor_.take("transaction");
    Begin begin;
    begin.start = start;
    TRY_ASSIGN(begin.modes, transaction_modes());
    return Node(std::move(begin));
  }
  if (cursor_.is("start")) return cursor_.unexpected();
  const bool commit = cursor_.is_any({"commit", "end"});
  cursor_.go_to(cursor_.index() + 1);
  if (!cursor_.take("work")) cursor_.take("transaction");
  if (cursor_.is("prepared")) return unsupported("a prepared transaction");
  if (!commit && cursor_.is("to")) return unsupported("SAVEPOINT");
  cursor_.take_all({"and", "no", "chain"});
  if (cursor_.is("and")) return unsupported("AND CHAIN");
  if (commit) return Node(Commit{});
  return Node(Rollback{});
}

// EXPLAIN [ANALYZE] [(options)] [[stage] PLAN FOR | TIMESTAMP FOR] [AS format] query | VIEW name
Result<StatementParser::Node> StatementParser::explain() {
  TRY(cursor_.expect("explain"));
  Explain explain;
  explain.analyze = cursor_.take("analyze");
  cursor_.take("verbose");
  if (cursor_.is("(") && !cursor_.is_any({"select", "with", "values", "("}, 1)) {
    TRY_ASSIGN(const auto options, cursor_.options(kExplainOptions));
    for (const auto& option : options) {
      if (option.name == "ANALYZE") explain.analyze = option.value != "false";
      if (option.name == "FORMAT") explain.format = upper(option.value);
    }
  }
  std::string stage;
  while (cursor_.is_any(
      {"raw", "decorrelated", "locally", "optimized", "physical", "plan", "timestamp", "query"})) {
    if (!stage.empty()) stage += ' ';
    stage += upper(cursor_.tokens().word(cursor_.index()));
    cursor_.go_to(cursor_.index() + 1);
  }
  if (cursor_.take("as")) {
    TRY_ASSIGN(const Name format, cursor_.name());
    explain.format = upper(format.text);
  }
  if (!stage.empty()) TRY(cursor_.expect("for"));
  explain.stage = std::move(stage);
  explain.materialized = cursor_.take_all({"materialized", "view"});
  if (explain.materialized || cursor_.take("view")) {
    TRY_ASSIGN(ObjectName view, cursor_.object_name());
    explain.view = std::move(view);
    return Node(std::move(explain));
  }
  if (cursor_.is("copy") && explain.stage.empty() && !explain.analyze) {
    TRY_ASSIGN(Node inner, copy());
    if (auto* to = std::get_if<Copy>(&inner)) {
      explain.copy = std::make_shared<const Copy>(std::move(*to));
      return Node(std::move(explain));
    }
    return unsupported("EXPLAIN of this statement");
  }
  if (cursor_.is_any({"insert", "update", "delete", "create", "copy"})) {
    return unsupported("EXPLAIN of this statement");
  }
  if (!cursor_.is_any({"select", "with", "values", "table", "("})) return cursor_.unexpected();
  explain.query_text = cursor_.text(cursor_.rest());
  TRY_ASSIGN(explain.query, query_until(cursor_.end(), &as_of_));
  return Node(std::move(explain));
}

Result<std::shared_ptr<const Statement>> StatementParser::inner_statement() {
  const Tokens& tokens = cursor_.tokens();
  const Range range = cursor_.rest();
  if (range.begin >= range.end) return cursor_.unexpected();
  TRY_ASSIGN(Statement statement, StatementParser(tokens, range).parse_rows());
  statement.text = cursor_.text(range);
  statement.position = tokens.position(range.begin);
  cursor_.go_to(range.end);
  return std::shared_ptr<const Statement>(std::make_shared<Statement>(std::move(statement)));
}

Result<StatementParser::Node> StatementParser::prepare() {
  TRY(cursor_.expect("prepare"));
  Prepare prepare;
  TRY_ASSIGN(prepare.name, cursor_.name());
  if (cursor_.take("(")) {
    do {
      const int32_t position = cursor_.position();
      TRY_ASSIGN(TypeName type, read_type(cursor_.tokens(), cursor_.index(), cursor_.end()));
      cursor_.go_to(type.end);
      prepare.types.push_back({std::move(type.text), position});
    } while (cursor_.take(","));
    TRY(cursor_.expect(")"));
  }
  TRY(cursor_.expect("as"));
  TRY_ASSIGN(prepare.statement, inner_statement());
  return Node(std::move(prepare));
}

Result<StatementParser::Node> StatementParser::execute() {
  TRY(cursor_.expect("execute"));
  Execute execute;
  TRY_ASSIGN(execute.name, cursor_.name());
  if (cursor_.is("(")) {
    const size_t close = cursor_.closing();
    cursor_.take("(");
    TRY_ASSIGN(execute.arguments, engine_.expressions({cursor_.index(), close}));
    cursor_.go_to(close);
    TRY(cursor_.expect(")"));
  }
  return Node(std::move(execute));
}

Result<StatementParser::Node> StatementParser::deallocate() {
  TRY(cursor_.expect("deallocate"));
  cursor_.take("prepare");
  if (cursor_.take("all")) return Node(Deallocate{});
  TRY_ASSIGN(Name name, cursor_.name());
  return Node(Deallocate{std::move(name.text)});
}

Result<StatementParser::Node> StatementParser::declare_cursor() {
  TRY(cursor_.expect("declare"));
  DeclareCursor declare;
  TRY_ASSIGN(declare.name, cursor_.name());
  while (!cursor_.is("cursor")) {
    if (cursor_.take("binary")) {
      declare.binary = true;
    } else if (!cursor_.take_all({"no", "scroll"}) && !cursor_.take("insensitive") &&
               !cursor_.take("asensitive")) {
      if (cursor_.is("scroll")) return unsupported("a SCROLL cursor");
      return cursor_.unexpected();
    }
  }
  TRY(cursor_.expect("cursor"));
  declare.hold = cursor_.take_all({"with", "hold"});
  if (!declare.hold) cursor_.take_all({"without", "hold"});
  TRY(cursor_.expect("for"));
  if (cursor_.is("subscribe")) return unsupported("SUBSCRIBE");
  TRY_ASSIGN(declare.statement, inner_statement());
  return Node(std::move(declare));
}

// FETCH [FORWARD] [count | ALL | NEXT] [FROM | IN] cursor [WITH (…)]
Result<StatementParser::Node> StatementParser::fetch(bool move) {
  Fetch fetch;
  fetch.move = move;
  fetch.count = 1;
  const bool forward = cursor_.take("forward");
  if (cursor_.is_any({"backward", "prior", "first", "last", "absolute", "relative"}) &&
      !cursor_.is_kind(Token::Kind::kEnd, 1)) {
    if (cursor_.index() + 1 < cursor_.end()) return unsupported("fetching backwards");
  }
  if (cursor_.take("all")) {
    fetch.count.reset();
  } else if (cursor_.is_kind(Token::Kind::kNumber) || cursor_.is("-") || cursor_.is("+")) {
    TRY_ASSIGN(const int64_t count, cursor_.integer());
    if (count < 0) return unsupported("fetching backwards");
    fetch.count = count;
  } else if (!forward && cursor_.index() + 1 < cursor_.end()) {
    cursor_.take("next");
  }
  if (!cursor_.take("from")) cursor_.take("in");
  TRY_ASSIGN(fetch.cursor, cursor_.name());
  if (cursor_.take("with") || cursor_.is("(")) {
    TRY_ASSIGN(fetch.options, cursor_.options(kFetchOptions));
  }
  return Node(std::move(fetch));
}

Result<StatementParser::Node> StatementParser::close() {
  TRY(cursor_.expect("close"));
  if (cursor_.take("all")) return Node(Close{});
  TRY_ASSIGN(Name name, cursor_.name());
  return Node(Close{std::move(name.text)});
}

Result<StatementParser::Node> StatementParser::discard() {
  TRY(cursor_.expect("discard"));
  if (!cursor_.is_any({"all", "plans", "sequences", "temp", "temporary"})) {
    return cursor_.unexpected();
  }
  Discard discard{upper(cursor_.tokens().word(cursor_.index()))};
  cursor_.go_to(cursor_.index() + 1);
  return Node(std::move(discard));
}

}  // namespace sluice::sql
