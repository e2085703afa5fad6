// CREATE, ALTER, DROP, TRUNCATE.
#include <duckdb/parser/expression/constant_expression.hpp>

#include "sql/front/rewrite.h"
#include "sql/front/statement_parser.h"

namespace sluice::sql {
namespace {

// Those of every type of connection, so that one of a wrong type can be told by its name.
constexpr std::string_view kConnectionOptions[] = {"ENDPOINT",
                                                   "REGION",
                                                   "ACCESS KEY ID",
                                                   "SECRET ACCESS KEY",
                                                   "SESSION TOKEN",
                                                   "ASSUME ROLE ARN",
                                                   "ASSUME ROLE SESSION NAME",
                                                   "AVAILABILITY ZONES",
                                                   "AWS CONNECTION",
                                                   "AWS PRIVATELINK",
                                                   "BROKER",
                                                   "BROKERS",
                                                   "BUCKET OWNER",
                                                   "CATALOG TYPE",
                                                   "CHECKSUM",
                                                   "CONDITIONAL PUT",
                                                   "CREDENTIAL",
                                                   "DATABASE",
                                                   "EQUAL PARTS",
                                                   "HOST",
                                                   "KMS KEY ID",
                                                   "MAX PARTS",
                                                   "PASSWORD",
                                                   "PATH STYLE",
                                                   "PORT",
                                                   "PROGRESS TOPIC",
                                                   "PUBLIC KEY 1",
                                                   "PUBLIC KEY 2",
                                                   "SASL MECHANISMS",
                                                   "SASL PASSWORD",
                                                   "SASL USERNAME",
                                                   "SIGNED PAYLOAD",
                                                   "SCOPE",
                                                   "SECURITY PROTOCOL",
                                                   "SERVICE NAME",
                                                   "SSE",
                                                   "SSH TUNNEL",
                                                   "SSL CERTIFICATE",
                                                   "SSL CERTIFICATE AUTHORITY",
                                                   "SSL KEY",
                                                   "SSL MODE",
                                                   "STORAGE CLASS",
                                                   "TOKEN",
                                                   "URL",
                                                   "USER",
                                                   "USERNAME",
                                                   "WAREHOUSE"};
constexpr std::string_view kWithOptions[] = {"VALIDATE"};
constexpr std::string_view kValidateOptions[] = {"S3 PATH"};

std::string upper(std::string_view word) {
  std::string text(word);
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return text;
}

}  // namespace

Result<StatementParser::Node> StatementParser::create() {
  TRY(cursor_.expect("create"));
  const bool or_replace = cursor_.take_all({"or", "replace"});
  const bool temporary = cursor_.take("temporary") || cursor_.take("temp");
  if (cursor_.take("view")) return create_view(or_replace, temporary);
  for (const std::string_view kind :
       {"cluster",     "database",    "domain", "extension", "function", "policy", "procedure",
        "publication", "replacement", "role",   "rule",      "sequence", "server", "sink",
        "source",      "trigger",     "type",   "unique",    "unlogged", "user"}) {
    if (!cursor_.is(kind)) continue;
    return unsupported("CREATE " + upper(kind) + (kind == "replacement" ? " VIEW" : ""));
  }
  if (!temporary && cursor_.take_all({"materialized", "view"})) {
    return create_materialized_view(or_replace);
  }
  if (or_replace) return cursor_.unexpected();
  if (!temporary && cursor_.take("index")) return create_index(false);
  if (!temporary && cursor_.take_all({"default", "index"})) return create_index(true);
  if (cursor_.take("table")) return create_table(temporary);
  if (temporary) return cursor_.unexpected();
  if (cursor_.take("schema")) return create_schema();
  if (cursor_.take("secret")) return create_secret();
  if (cursor_.take("connection")) return create_connection();
  return cursor_.unexpected();
}

Result<StatementParser::Node> StatementParser::create_schema() {
  CreateSchema create;
  create.if_not_exists = cursor_.take_if_not_exists();
  TRY_ASSIGN(create.name, cursor_.object_name());
  return Node(std::move(create));
}

Result<StatementParser::Node> StatementParser::create_table(bool temporary) {
  CreateTable create;
  create.temporary = temporary;
  create.if_not_exists = cursor_.take_if_not_exists();
  TRY_ASSIGN(create.name, cursor_.object_name());
  if (cursor_.take("from")) return unsupported("CREATE TABLE FROM SOURCE");
  const bool names_only = cursor_.is("(") && cursor_.tokens().is(cursor_.closing() + 1, "as") &&
                          cursor_.closing() + 1 < cursor_.end();
  if (!names_only && !cursor_.is("as")) {
    TRY(table_elements(create));
    if (cursor_.take("with")) TRY(table_options(create));
    return Node(std::move(create));
  }
  if (names_only) {
    TRY_ASSIGN(create.column_names, cursor_.names_in_parentheses());
  }
  TRY(cursor_.expect("as"));
  size_t end = cursor_.end();
  const Tokens& tokens = cursor_.tokens();
  if (end >= cursor_.index() + 2 && tokens.is(end - 1, "data")) {
    create.with_data = !tokens.is(end - 2, "no");
    const size_t with = create.with_data ? end - 2 : end - 3;
    if (tokens.is(with, "with")) {
      end = with;
    } else {
      create.with_data = true;
    }
  }
  create.query_text = cursor_.text({cursor_.index(), end});
  TRY_ASSIGN(create.query, query_until(end, nullptr));
  cursor_.go_to(cursor_.end());
  return Node(std::move(create));
}

// (RETAIN HISTORY [=] FOR 'interval')
Status StatementParser::table_options(CreateTable& table) {
  TRY(cursor_.expect("("));
  TRY(cursor_.expect_all({"retain", "history"}));
  TRY_ASSIGN(table.retain_history, history());
  return cursor_.expect(")");
}

Result<Interval> StatementParser::history() {
  cursor_.take("=");
  TRY(cursor_.expect("for"));
  Interval interval;
  interval.position = cursor_.position();
  TRY_ASSIGN(interval.text, cursor_.string());
  return interval;
}

Status StatementParser::table_elements(CreateTable& table) {
  TRY(cursor_.expect("("));
  if (cursor_.take(")")) return ok();
  do {
    TRY_ASSIGN(const bool constraint, table_constraint(table));
    if (!constraint) TRY(column(table));
  } while (cursor_.take(","));
  TRY(cursor_.expect(")"));
  return ok();
}

Result<bool> StatementParser::table_constraint(CreateTable& table) {
  const size_t begin = cursor_.index();
  KeyDefinition key;
  if (cursor_.take("constraint")) {
    TRY_ASSIGN(const Name name, cursor_.name());
    key.constraint_name = name.text;
  }
  if (cursor_.is("like") && !key.constraint_name.size()) return unsupported("LIKE in CREATE TABLE");
  for (const std::string_view kind : {"check", "foreign", "exclude"}) {
    // A column may be called `exclude`; what follows the word tells.
    if (cursor_.is(kind) && (kind == "foreign" || cursor_.is("(", 1))) {
      return unsupported("a " + upper(kind) + " constraint");
    }
  }
  if (cursor_.take_all({"primary", "key"})) {
    key.primary = true;
  } else if (!cursor_.take("unique")) {
    if (cursor_.index() != begin) return cursor_.unexpected();
    return false;
  }
  TRY_ASSIGN(key.columns, cursor_.names_in_parentheses());
  table.keys.push_back(std::move(key));
  return true;
}

Status StatementParser::column(CreateTable& table) {
  ColumnDefinition column;
  TRY_ASSIGN(column.name, cursor_.name());
  column.type_position = cursor_.position();
  TRY_ASSIGN(TypeName type, read_type(cursor_.tokens(), cursor_.index(), cursor_.end()));
  column.type = std::move(type.text);
  cursor_.go_to(type.end);
  for (;;) {
    TRY_ASSIGN(const bool more, column_constraint(column, table));
    if (!more) break;
  }
  table.columns.push_back(std::move(column));
  return ok();
}

Result<bool> StatementParser::column_constraint(ColumnDefinition& column, CreateTable& table) {
  std::string constraint_name;
  if (cursor_.take("constraint")) {
    TRY_ASSIGN(const Name name, cursor_.name());
    constraint_name = name.text;
  }
  if (cursor_.take_all({"not", "null"})) {
    column.not_null = true;
  } else if (cursor_.take("null")) {
    // The default.
  } else if (cursor_.is("primary") || cursor_.is("unique")) {
    const bool primary = cursor_.is("primary");
    cursor_.go_to(cursor_.index() + 1);
    if (primary) TRY(cursor_.expect("key"));
    table.keys.push_back({constraint_name, primary, {column.name}});
    column.not_null = column.not_null || primary;
  } else if (cursor_.take("default")) {
    column.default_position = cursor_.position();
    const size_t begin = cursor_.index();
    if (cursor_.at_end() || cursor_.is(",") || cursor_.is(")")) return cursor_.unexpected();
    // NULL may be the value itself.
    Cursor scan(cursor_.tokens(), {begin, cursor_.end()});
    if (!scan.is("(")) scan.go_to(begin + 1);
    const size_t end = scan.find({",", ")", "not", "null", "primary", "unique", "check",
                                  "references", "constraint", "generated", "collate"});
    cursor_.go_to(end);
    column.default_text = cursor_.text({begin, end});
    TRY_ASSIGN(column.default_value, engine_.expression({begin, end}));
  } else if (cursor_.is("check") || cursor_.is("references") || cursor_.is("generated")) {
    return unsupported(cursor_.is("check")        ? "a CHECK constraint"
                       : cursor_.is("references") ? "a FOREIGN KEY constraint"
                                                  : "a generated column");
  } else if (cursor_.is("collate")) {
    return unsupported("COLLATE in CREATE TABLE");
  } else {
    if (!constraint_name.empty()) return cursor_.unexpected();
    return false;
  }
  return true;
}

Result<StatementParser::Node> StatementParser::create_view(bool or_replace, bool temporary) {
  CreateView create;
  create.or_replace = or_replace;
  create.temporary = temporary;
  create.if_not_exists = cursor_.take_if_not_exists();
  TRY_ASSIGN(create.name, cursor_.object_name());
  if (cursor_.is("(")) {
    TRY_ASSIGN(create.column_names, cursor_.names_in_parentheses());
  }
  TRY(cursor_.expect("as"));
  create.query_text = cursor_.text(cursor_.rest());
  TRY_ASSIGN(create.query, query_until(cursor_.end(), nullptr));
  if (engine_.parameter_count() > 0) {
    return invalid("views cannot have parameters").with_sqlstate("42P02");
  }
  return Node(std::move(create));
}

// MATERIALIZED VIEW [IF NOT EXISTS] name [(columns)] [IN CLUSTER name] [WITH (options)] AS query
Result<StatementParser::Node> StatementParser::create_materialized_view(bool or_replace) {
  CreateMaterializedView create;
  create.or_replace = or_replace;
  create.if_not_exists = cursor_.take_if_not_exists();
  TRY_ASSIGN(create.name, cursor_.object_name());
  if (cursor_.is("(")) {
    TRY_ASSIGN(create.column_names, cursor_.names_in_parentheses());
  }
  // There is one cluster, and it is this server.
  if (cursor_.take_all({"in", "cluster"})) TRY(cursor_.name());
  if (cursor_.take("with")) TRY(materialized_view_options(create));
  TRY(cursor_.expect("as"));
  create.query_text = cursor_.text(cursor_.rest());
  TRY_ASSIGN(create.query, query_until(cursor_.end(), nullptr));
  if (engine_.parameter_count() > 0) {
    return invalid("views cannot have parameters").with_sqlstate("42P02");
  }
  return Node(std::move(create));
}

// Behind CREATE [DEFAULT] INDEX.
Result<StatementParser::Node> StatementParser::create_index(bool is_default) {
  CreateIndex create;
  create.if_not_exists = cursor_.take_if_not_exists();
  if (!cursor_.is("on") && !cursor_.is("in")) {
    TRY_ASSIGN(create.name, cursor_.name());
  }
  // There is one cluster, and it is this server.
  if (cursor_.take_all({"in", "cluster"})) TRY(cursor_.name());
  TRY(cursor_.expect("on"));
  TRY_ASSIGN(create.on, cursor_.object_name());
  if (cursor_.take("using")) {
    TRY_ASSIGN(const Name method, cursor_.name());
    if (method.text != "arrangement") {
      return error(ErrorCode::kNotFound, "access method \"{}\" does not exist", method.text)
          .with_sqlstate("42704")
          .with_hint("Say USING ARRANGEMENT, or leave it out.")
          .at(method.position);
    }
  }
  if (!is_default) TRY(index_key(create));
  if (cursor_.is("with")) return unsupported("WITH in CREATE INDEX");
  if (cursor_.is("where")) {
    return unsupported("WHERE in CREATE INDEX")
        .with_hint("Create a materialized view with that WHERE, and an index on it.");
  }
  return Node(std::move(create));
}

// (column, …)
Status StatementParser::index_key(CreateIndex& create) {
  TRY(cursor_.expect("("));
  do {
    if (cursor_.at_end() || cursor_.is(",") || cursor_.is(")")) return cursor_.unexpected();
    const bool is_name =
        cursor_.is_kind(Token::Kind::kWord) || cursor_.is_kind(Token::Kind::kQuotedWord);
    const bool is_alone = cursor_.is_any({",", ")"}, 1) || cursor_.index() + 1 >= cursor_.end();
    for (const std::string_view word : {"asc", "desc", "collate", "nulls"}) {
      if (is_name && cursor_.is(word, 1)) return unsupported(upper(word) + " in CREATE INDEX");
    }
    if (!is_name || !is_alone) {
      return unsupported("an expression in CREATE INDEX")
          .with_detail("The key of an index consists of columns.")
          .with_hint(
              "Create a materialized view that has the expression as a column, and an index "
              "on that.");
    }
    TRY_ASSIGN(Name column, cursor_.name());
    create.columns.push_back(std::move(column));
  } while (cursor_.take(","));
  return cursor_.expect(")");
}

// (ASSERT NOT NULL [=] column, REFRESH [=] ON COMMIT, …)
Status StatementParser::materialized_view_options(CreateMaterializedView& create) {
  TRY(cursor_.expect("("));
  do {
    const int32_t position = cursor_.position();
    if (cursor_.take_all({"assert", "not", "null"})) {
      cursor_.take("=");
      TRY_ASSIGN(Name column, cursor_.name());
      create.assert_not_null.push_back(std::move(column));
    } else if (cursor_.take_all({"retain", "history"})) {
      TRY_ASSIGN(create.retain_history, history());
    } else if (cursor_.take("refresh")) {
      cursor_.take("=");
      // Which every view is.
      if (!cursor_.take_all({"on", "commit"})) {
        return unsupported("REFRESH at times")
            .with_hint("Every materialized view is up to date at each commit.")
            .at(position);
      }
    } else if (cursor_.take_all({"partition", "by"})) {
      return unsupported("PARTITION BY of a materialized view").at(position);
    } else {
      return cursor_.unexpected();
    }
  } while (cursor_.take(","));
  return cursor_.expect(")");
}

// A plain string, as most are, is not shown to the engine's parser, which keeps texts in memory of
// its own.
Result<Expression> StatementParser::secret_value() {
  const Range rest = cursor_.rest();
  cursor_.go_to(cursor_.end());
  const bool is_plain = rest.end == rest.begin + 1 &&
                        cursor_.tokens().is_kind(rest.begin, Token::Kind::kString) &&
                        cursor_.tokens().source(rest.begin).starts_with('\'');
  if (!is_plain) return engine_.expression(rest);
  return Expression(duckdb::make_uniq<duckdb::ConstantExpression>(
      duckdb::Value(cursor_.tokens().string(rest.begin))));
}

Result<StatementParser::Node> StatementParser::create_secret() {
  CreateSecret create;
  create.if_not_exists = cursor_.take_if_not_exists();
  TRY_ASSIGN(create.name, cursor_.object_name());
  TRY(cursor_.expect("as"));
  TRY_ASSIGN(create.value, secret_value());
  return Node(std::move(create));
}

Result<StatementParser::Node> StatementParser::create_connection() {
  CreateConnection create;
  create.if_not_exists = cursor_.take_if_not_exists();
  TRY_ASSIGN(create.name, cursor_.object_name());
  TRY(cursor_.expect("to"));
  TRY_ASSIGN(Name type, cursor_.name());
  create.type = std::move(type.text);
  // AWS PRIVATELINK, CONFLUENT SCHEMA REGISTRY, …
  while (cursor_.is_kind(Token::Kind::kWord)) {
    create.type += ' ';
    create.type += cursor_.tokens().word(cursor_.index());
    cursor_.go_to(cursor_.index() + 1);
  }
  TRY_ASSIGN(create.options, cursor_.options(kConnectionOptions));
  if (cursor_.take("with")) {
    TRY_ASSIGN(create.with, cursor_.options(kWithOptions));
  }
  return Node(std::move(create));
}

Result<StatementParser::Node> StatementParser::alter() {
  TRY(cursor_.expect("alter"));
  if (cursor_.take("secret")) return alter_secret();
  if (cursor_.take("connection")) return alter_connection();
  if (cursor_.take("table")) return rename(ObjectKind::kTable);
  if (cursor_.take("view")) return rename(ObjectKind::kView);
  if (cursor_.take_all({"materialized", "view"})) return rename(ObjectKind::kMaterializedView);
  if (cursor_.take("index")) return rename(ObjectKind::kIndex);
  if (cursor_.take("schema")) return rename(ObjectKind::kSchema);
  if (cursor_.is_kind(Token::Kind::kWord)) {
    return unsupported("ALTER " + upper(cursor_.tokens().word(cursor_.index())));
  }
  return cursor_.unexpected();
}

// SET (RETAIN HISTORY [=] FOR 'interval'), RESET (RETAIN HISTORY)
Result<StatementParser::Node> StatementParser::alter_retain_history(Rename target, bool set) {
  AlterRetainHistory alter;
  alter.kind = target.kind;
  alter.name = std::move(target.name);
  alter.if_exists = target.if_exists;
  cursor_.go_to(cursor_.index() + 1);
  TRY(cursor_.expect_all({"(", "retain", "history"}));
  if (set) {
    TRY_ASSIGN(alter.history, history());
  }
  TRY(cursor_.expect(")"));
  return Node(std::move(alter));
}

Result<StatementParser::Node> StatementParser::rename(ObjectKind kind) {
  Rename rename;
  rename.kind = kind;
  rename.if_exists = cursor_.take_if_exists();
  TRY_ASSIGN(rename.name, cursor_.object_name());
  if (cursor_.at_end()) return cursor_.unexpected();
  const bool has_history = kind == ObjectKind::kTable || kind == ObjectKind::kMaterializedView;
  for (const std::string_view word : {"set", "reset"}) {
    if (!has_history || !cursor_.is(word) || !cursor_.is("(", 1)) continue;
    if (cursor_.is("retain", 2)) return alter_retain_history(std::move(rename), word == "set");
  }
  if (!cursor_.is("rename") || !cursor_.is("to", 1)) return unsupported("this form of ALTER");
  TRY(cursor_.expect_all({"rename", "to"}));
  TRY_ASSIGN(Name name, cursor_.name());
  rename.new_name = std::move(name.text);
  return Node(std::move(rename));
}

Result<StatementParser::Node> StatementParser::alter_secret() {
  AlterSecret alter;
  alter.if_exists = cursor_.take_if_exists();
  TRY_ASSIGN(alter.name, cursor_.object_name());
  if (cursor_.take_all({"rename", "to"})) {
    TRY_ASSIGN(Name name, cursor_.name());
    alter.new_name = std::move(name.text);
    return Node(std::move(alter));
  }
  if (cursor_.is("owner")) return unsupported("ALTER SECRET OWNER TO");
  TRY(cursor_.expect("as"));
  TRY_ASSIGN(alter.value, secret_value());
  return Node(std::move(alter));
}

// SET (name [=] value, …), DROP (name, …), RESET (name, …), in any order and number.
Result<StatementParser::Node> StatementParser::alter_connection() {
  AlterConnection alter;
  alter.if_exists = cursor_.take_if_exists();
  TRY_ASSIGN(alter.name, cursor_.object_name());
  if (cursor_.take_all({"rename", "to"})) {
    TRY_ASSIGN(Name name, cursor_.name());
    alter.new_name = std::move(name.text);
    return Node(std::move(alter));
  }
  if (cursor_.is("owner")) return unsupported("ALTER CONNECTION OWNER TO");
  if (cursor_.is("rotate")) return unsupported("ALTER CONNECTION ROTATE KEYS");
  do {
    if (cursor_.take("set")) {
      TRY_ASSIGN(auto options, cursor_.options(kConnectionOptions));
      for (auto& option : options) alter.set.push_back(std::move(option));
      continue;
    }
    if (!cursor_.take("reset") && !cursor_.take("drop")) return cursor_.unexpected();
    TRY(cursor_.expect("("));
    do {
      const int32_t position = cursor_.position();
      TRY_ASSIGN(std::string name, cursor_.option_name(kConnectionOptions));
      alter.reset.push_back({std::move(name), position});
    } while (cursor_.take(","));
    TRY(cursor_.expect(")"));
  } while (cursor_.take(","));
  if (cursor_.take("with")) {
    TRY_ASSIGN(alter.with, cursor_.options(kWithOptions));
  }
  return Node(std::move(alter));
}

Result<StatementParser::Node> StatementParser::validate_connection() {
  ValidateConnection validate;
  TRY_ASSIGN(validate.name, cursor_.object_name());
  if (cursor_.take("with")) {
    TRY_ASSIGN(validate.with, cursor_.options(kValidateOptions));
  }
  return Node(std::move(validate));
}

Result<StatementParser::Node> StatementParser::drop() {
  TRY(cursor_.expect("drop"));
  Drop drop;
  if (cursor_.take("schema")) {
    drop.kind = ObjectKind::kSchema;
  } else if (cursor_.take("table")) {
    drop.kind = ObjectKind::kTable;
  } else if (cursor_.take("view")) {
    drop.kind = ObjectKind::kView;
  } else if (cursor_.take_all({"materialized", "view"})) {
    drop.kind = ObjectKind::kMaterializedView;
  } else if (cursor_.take("index")) {
    drop.kind = ObjectKind::kIndex;
  } else if (cursor_.take("secret")) {
    drop.kind = ObjectKind::kSecret;
  } else if (cursor_.take("connection")) {
    drop.kind = ObjectKind::kConnection;
  } else if (cursor_.is_kind(Token::Kind::kWord)) {
    return unsupported("DROP " + upper(cursor_.tokens().word(cursor_.index())));
  } else {
    return cursor_.unexpected();
  }
  drop.if_exists = cursor_.take_if_exists();
  TRY_ASSIGN(drop.names, cursor_.object_names());
  drop.cascade = cursor_.take("cascade");
  if (!drop.cascade) cursor_.take("restrict");
  return Node(std::move(drop));
}

Result<StatementParser::Node> StatementParser::truncate() {
  TRY(cursor_.expect("truncate"));
  cursor_.take("table");
  cursor_.take("only");
  Truncate truncate;
  TRY_ASSIGN(truncate.tables, cursor_.object_names());
  cursor_.take_all({"continue", "identity"});
  truncate.cascade = cursor_.take("cascade");
  if (!truncate.cascade) cursor_.take("restrict");
  return Node(std::move(truncate));
}

}  // namespace sluice::sql
