#include "sql/front/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// The only statement of a text, as the kind it has to be.
template <typename Node>
Node parsed(std::string_view sql) {
  auto statements = parse(sql);
  if (!statements.ok()) {
    ADD_FAILURE() << sql << ": " << statements.error().message;
    return {};
  }
  if (statements->size() != 1 || !std::holds_alternative<Node>(statements->front().node)) {
    ADD_FAILURE() << sql << ": another statement";
    return {};
  }
  return std::get<Node>(statements->front().node);
}

Error error_of(std::string_view sql) {
  auto statements = parse(sql);
  return statements.ok() ? Error() : statements.error();
}

std::vector<std::string> texts(const std::vector<Name>& names) {
  std::vector<std::string> list;
  list.reserve(names.size());
  for (const auto& name : names) list.push_back(name.text);
  return list;
}

TEST(Parse, SplitsAtSemicolonsOutsideStringsAndComments) {
  const auto statements =
      parse(" select ';' ; -- ;\n select $$;$$ /* ; */ ;; insert into t values (1)");
  ASSERT_TRUE(statements.ok());
  ASSERT_EQ(statements->size(), 3u);
  EXPECT_EQ((*statements)[0].text, "select ';'");
  EXPECT_EQ((*statements)[1].text, "select $$;$$");
  EXPECT_EQ((*statements)[2].text, "insert into t values (1)");
  EXPECT_EQ((*statements)[0].position, 2);
  EXPECT_TRUE(parse(" ; -- nothing").value().empty());
}

TEST(Parse, PlacesCountInTheWholeText) {
  const std::string sql = "select 'ä'; select 'ö', nosuch from t";
  const auto statements = parse(sql);
  ASSERT_TRUE(statements.ok());
  const Statement& second = (*statements)[1];
  const auto& column = std::get<Select>(second.node).query->node->GetSelectList()[1];
  EXPECT_EQ(position_of(column->GetQueryLocation()), 25);
  EXPECT_EQ(position_of({}), 0);
  EXPECT_EQ(error_of("select 'ä'; drop tabel t").position, 18);
  EXPECT_EQ(error_of("select 1; drop table").position, 21);
}

TEST(Parse, CopiesOfAStatementAreIndependent) {
  auto statements = parse("select a / 2 from t where a > $2");
  ASSERT_TRUE(statements.ok());
  const Statement copy = statements->front();
  std::get<Select>(statements->front().node).query->node->modifiers.clear();
  statements->clear();
  EXPECT_THAT(std::get<Select>(copy.node).query->ToString(), HasSubstr("sluice_div(a, 2)"));
  EXPECT_EQ(copy.parameter_count, 2);
}

TEST(Parse, AsOfEndsAQuery) {
  const auto statement = parse("select * from t as of at least 5 + 1").value().front();
  ASSERT_TRUE(statement.as_of.has_value());
  EXPECT_TRUE(statement.as_of->at_least);
  EXPECT_EQ(statement.as_of->time->ToString(), "(5 + 1)");
  EXPECT_EQ(statement.as_of->position, 17);
  EXPECT_FALSE(parse("select 1 as of from t").value().front().as_of.has_value());
  EXPECT_FALSE(parse("select 1 as of").value().front().as_of.has_value());
  EXPECT_FALSE(parse("select 1 as of, 2").value().front().as_of.has_value());
  EXPECT_EQ(error_of("create view v as select 1 from t as of 5").sqlstate, "42601");
}

TEST(Parse, InsertUpdateDelete) {
  const auto insert = parsed<Insert>(
      "insert into s.t (a, \"B\") values (1, default) on conflict (a) do update set \"B\" = 2 "
      "returning a / 2");
  EXPECT_EQ(insert.table.text(), "s.t");
  EXPECT_THAT(texts(insert.columns), ElementsAre("a", "B"));
  EXPECT_EQ(insert.columns[1].position, 21);
  ASSERT_TRUE(insert.on_conflict.has_value());
  EXPECT_TRUE(insert.on_conflict->update);
  EXPECT_EQ(insert.returning.at(0)->GetAlias(), "?column?");
  EXPECT_FALSE(parsed<Insert>("insert into t default values").query);

  const auto update =
      parsed<Update>("update t as q set a = a + 1, b = default from u where q.x = u.x");
  EXPECT_EQ(update.alias, "q");
  ASSERT_EQ(update.set.size(), 2u);
  EXPECT_EQ(update.set[1].column.text, "b");
  EXPECT_EQ(update.set[1].column.position, 30);
  EXPECT_EQ(update.set[1].value->GetExpressionClass(), duckdb::ExpressionClass::DEFAULT);
  EXPECT_TRUE(update.from);
  EXPECT_TRUE(update.where);

  const auto deletion =
      parsed<Delete>("with w as (select 1) delete from t using u where t.a = u.a");
  EXPECT_EQ(deletion.with.size(), 1u);
  EXPECT_EQ(deletion.from.size(), 1u);
  for (const std::string_view sql :
       {"insert or replace into t values (1)", "insert into t by name select 1 as a", "delete t"}) {
    EXPECT_EQ(error_of(sql).sqlstate, "42601") << sql;
  }
}

TEST(Parse, CopyToAnExpression) {
  const auto copy = parsed<Copy>(
      "COPY (SELECT * FROM t AS OF 5) TO 's3://b/' || to_char(now(), 'YYYY') "
      "WITH (FORMAT = csv, AWS CONNECTION s.\"C\", MAX FILE SIZE = \"100MB\", HEADER)");
  EXPECT_TRUE(copy.as_of.has_value());
  EXPECT_THAT(copy.target->ToString(), HasSubstr("to_char"));
  ASSERT_EQ(copy.options.size(), 4u);
  EXPECT_EQ(copy.options[0].value, "csv");
  EXPECT_EQ(copy.options[1].name, "AWS CONNECTION");
  EXPECT_EQ(copy.options[1].object.text(), "s.C");
  EXPECT_EQ(copy.options[2].name, "MAX FILE SIZE");
  EXPECT_EQ(copy.options[2].value, "100MB");
  EXPECT_EQ(copy.options[3].kind, Option::Kind::kNone);
  EXPECT_EQ(parsed<Copy>("copy t to 's3://b' (format 'parquet')").options.size(), 1u);
  EXPECT_EQ(parsed<Copy>("copy t to f('x') (format 'parquet')").options.size(), 1u);
  EXPECT_TRUE(parsed<Copy>("copy t to stdin").object.has_value());
  EXPECT_THAT(error_of("copy t to 'x' ()").message, HasSubstr("Expected one of FORMAT"));
}

TEST(Parse, CopyStreamsTakeTheOldSyntaxToo) {
  const auto in =
      parsed<CopyFrom>(R"(COPY t ("A", b) FROM stdin WITH DELIMITER AS ',' NULL AS '\N')");
  EXPECT_FALSE(in.source);
  EXPECT_THAT(texts(in.columns), ElementsAre("A", "b"));
  ASSERT_EQ(in.options.size(), 2u);
  EXPECT_EQ(in.options[1].value, R"(\N)");
  const auto out = parsed<Copy>("copy t to stdout csv header");
  EXPECT_FALSE(out.target);
  EXPECT_EQ(out.options.at(0).name, "FORMAT");
  EXPECT_EQ(out.options.at(1).name, "HEADER");
}

TEST(Parse, CreateTable) {
  const auto table = parsed<CreateTable>(
      "create table if not exists s.t (id int primary key, n text not null default 'a' || 'b', "
      "\"V\" numeric(10, 2) default null, l int list, ts timestamp with time zone, "
      "constraint k unique (n, \"V\"))");
  EXPECT_TRUE(table.if_not_exists);
  ASSERT_EQ(table.columns.size(), 5u);
  EXPECT_TRUE(table.columns[0].not_null);
  EXPECT_EQ(table.columns[1].default_text, "'a' || 'b'");
  EXPECT_TRUE(table.columns[1].not_null);
  EXPECT_EQ(table.columns[2].name.text, "V");
  EXPECT_EQ(table.columns[2].type, "numeric(10,2)");
  EXPECT_EQ(table.columns[2].default_text, "null");
  EXPECT_EQ(table.columns[3].type, "int list");
  EXPECT_EQ(table.columns[4].type, "timestamp with time zone");
  ASSERT_EQ(table.keys.size(), 2u);
  EXPECT_TRUE(table.keys[0].primary);
  EXPECT_EQ(table.keys[1].constraint_name, "k");
  EXPECT_THAT(texts(table.keys[1].columns), ElementsAre("n", "V"));

  const auto copied = parsed<CreateTable>("create table t (a, b) as select 1, 2 with no data");
  EXPECT_FALSE(copied.with_data);
  EXPECT_EQ(copied.query_text, "select 1, 2");
  EXPECT_THAT(texts(copied.column_names), ElementsAre("a", "b"));
  EXPECT_EQ(error_of("create table t (a int check (a > 1))").sqlstate, "0A000");
  EXPECT_EQ(error_of("create table t (a int,)").message, "syntax error at or near \")\"");
}

TEST(Parse, CreateViewKeepsItsText) {
  const auto view =
      parsed<CreateView>("create or replace view s.v (x) as  select 1 -- one\n + 2 ;");
  EXPECT_TRUE(view.or_replace);
  EXPECT_EQ(view.query_text, "select 1 -- one\n + 2");
  EXPECT_TRUE(parse_query(view.query_text).ok());
  EXPECT_EQ(error_of("create view v as select $1").sqlstate, "42P02");
}

TEST(Parse, CreateMaterializedViewKeepsItsTextAndOptions) {
  const auto view = parsed<CreateMaterializedView>(
      "create or replace materialized view if not exists s.v (x, \"Y\") in cluster c with (assert "
      "not null x, ASSERT NOT NULL = \"Y\", refresh = on commit) as  select 1, 2;");
  EXPECT_TRUE(view.or_replace && view.if_not_exists);
  EXPECT_EQ(view.name.text(), "s.v");
  ASSERT_EQ(view.assert_not_null.size(), 2u);
  EXPECT_EQ(view.assert_not_null[1].text, "Y");
  EXPECT_EQ(view.column_names.size(), 2u);
  EXPECT_EQ(view.query_text, "select 1, 2");
  EXPECT_EQ(error_of("create materialized view v as select $1").sqlstate, "42P02");
  EXPECT_EQ(error_of("create temporary materialized view v as select 1").sqlstate, "42601");
}

TEST(Parse, OptionsOfMaterializedViewsThatAreNotThereAreRefused) {
  EXPECT_EQ(
      error_of("create materialized view v with (refresh every '1 day') as select 1").sqlstate,
      "0A000");
  EXPECT_EQ(error_of("create materialized view v with (nonsense) as select 1").sqlstate, "42601");
}

TEST(Parse, RetainHistoryOfTablesAndMaterializedViews) {
  const auto view = parsed<CreateMaterializedView>(
      "create materialized view v with (assert not null a, retain history for '1 day') as select "
      "1");
  ASSERT_TRUE(view.retain_history);
  EXPECT_EQ(view.retain_history->text, "1 day");
  EXPECT_EQ(view.retain_history->position, 72);
  const auto table = parsed<CreateTable>("create table t (a int) with (retain history = for '1h')");
  EXPECT_EQ(table.retain_history->text, "1h");
  EXPECT_EQ(table.columns.size(), 1u);
  const auto set = parsed<AlterRetainHistory>(
      "alter materialized view if exists s.v set (retain history for '2 days')");
  EXPECT_EQ(set.kind, ObjectKind::kMaterializedView);
  EXPECT_TRUE(set.if_exists);
  EXPECT_EQ(set.name.text(), "s.v");
  EXPECT_EQ(set.history->text, "2 days");
  EXPECT_FALSE(parsed<AlterRetainHistory>("alter table t reset (retain history)").history);
  EXPECT_EQ(error_of("create table t (a int) with (retain history '1h')").sqlstate, "42601");
  EXPECT_EQ(error_of("create table t (a int) with (nonsense)").sqlstate, "42601");
  EXPECT_EQ(error_of("alter view v set (retain history for '1h')").sqlstate, "0A000");
}

TEST(Parse, StatementsAboutMaterializedViews) {
  const auto drop = parsed<Drop>("drop materialized view if exists a, s.b cascade");
  EXPECT_EQ(drop.kind, ObjectKind::kMaterializedView);
  EXPECT_EQ(drop.names.size(), 2u);
  EXPECT_EQ(parsed<Rename>("alter materialized view a rename to b").kind,
            ObjectKind::kMaterializedView);
  EXPECT_EQ(parsed<Show>("show create materialized view a").what,
            Show::What::kCreateMaterializedView);
  EXPECT_EQ(parsed<Show>("show materialized views from s").what, Show::What::kMaterializedViews);
  const auto explain = parsed<Explain>("explain materialized view s.a");
  EXPECT_TRUE(explain.materialized && explain.view);
  EXPECT_FALSE(parsed<Explain>("explain view a").materialized);
}

TEST(Parse, Indexes) {
  const auto create = parsed<CreateIndex>(
      "create index if not exists i in cluster c on s.t using arrangement (a, \"B\")");
  EXPECT_TRUE(create.if_not_exists);
  EXPECT_EQ(create.name->text, "i");
  EXPECT_EQ(create.on.text(), "s.t");
  EXPECT_THAT(texts(create.columns), ElementsAre("a", "B"));
  EXPECT_FALSE(parsed<CreateIndex>("create index in cluster c on t (a)").name);
  const auto standard = parsed<CreateIndex>("create default index on t");
  EXPECT_TRUE(!standard.name && standard.columns.empty());
  EXPECT_EQ(parsed<Drop>("drop index a, s.b restrict").kind, ObjectKind::kIndex);
  EXPECT_EQ(parsed<Rename>("alter index a rename to b").kind, ObjectKind::kIndex);
  EXPECT_EQ(parsed<Show>("show create index a").what, Show::What::kCreateIndex);
  EXPECT_EQ(parsed<Show>("show indexes on s.t where name = 'x'").on->text(), "s.t");
  EXPECT_EQ(parsed<Show>("show indexes in cluster c").in, std::nullopt);
  EXPECT_EQ(parsed<Show>("show indexes in s").in->text(), "s");
  for (const char* refused :
       {"create index on t (a + 1)", "create index on t (f(a))", "create index on t ((a))",
        "create index on t (a desc)", "create index on t (a) where a > 1",
        "create index on t (a) with (retain history for '1h')", "create unique index on t (a)"}) {
    EXPECT_EQ(error_of(refused).sqlstate, "0A000") << refused;
  }
  for (const char* wrong : {"create index on t", "create index on t ()", "create index on t (a,)",
                            "create index i on t (a", "create temporary index on t (a)"}) {
    EXPECT_EQ(error_of(wrong).sqlstate, "42601") << wrong;
  }
}

TEST(Parse, Connections) {
  const auto create = parsed<CreateConnection>(
      "create connection if not exists c to aws (access key id = 'AK', secret access key = secret "
      "s.x, endpoint 'http://h', region = 'r') with (validate = false)");
  EXPECT_EQ(create.type, "aws");
  ASSERT_EQ(create.options.size(), 4u);
  EXPECT_EQ(create.options[0].name, "ACCESS KEY ID");
  EXPECT_EQ(create.options[1].name, "SECRET ACCESS KEY");
  EXPECT_EQ(create.options[1].kind, Option::Kind::kSecret);
  EXPECT_EQ(create.options[1].object.text(), "s.x");
  EXPECT_EQ(create.with.at(0).value, "false");
  const auto alter = parsed<AlterConnection>(
      "alter connection c set (region = 'x'), drop (session token), reset (endpoint)");
  EXPECT_EQ(alter.set.size(), 1u);
  EXPECT_THAT(texts(alter.reset), ElementsAre("SESSION TOKEN", "ENDPOINT"));
  EXPECT_EQ(parsed<ValidateConnection>("validate connection a.b").name.text(), "a.b");
  const auto validate =
      parsed<ValidateConnection>("validate connection c with (s3 path = 's3://b')");
  EXPECT_EQ(validate.with.at(0).name, "S3 PATH");
  EXPECT_EQ(validate.with.at(0).value, "s3://b");
  EXPECT_EQ(error_of("validate connection c to 's3://b'").sqlstate, "42601");
}

TEST(Parse, Policies) {
  const auto iam = parsed<Show>("show iam policy for connection s.c to 's3://b/p'");
  EXPECT_EQ(iam.what, Show::What::kIamPolicy);
  EXPECT_EQ(iam.name.text(), "s.c");
  EXPECT_EQ(iam.target.text, "s3://b/p");
  EXPECT_EQ(iam.target.position, 39);
  const auto trust = parsed<Show>("SHOW TRUST POLICY FOR CONNECTION c");
  EXPECT_EQ(trust.what, Show::What::kTrustPolicy);
  EXPECT_EQ(parsed<Show>("show trust").setting, "trust");
  EXPECT_EQ(error_of("show iam policy for connection c").sqlstate, "42601");
  EXPECT_EQ(error_of("show trust policy for connection c to 's3://b'").sqlstate, "42601");
}

TEST(Parse, NothingShowsASecret) {
  for (const std::string_view sql :
       {"create secret s as 'hunter2'", "alter secret s as E'hunter2'",
        "create secret s as $$hunter2$$", "create secret s as hunter2 || 'x'",
        "create connection c to aws (access key id = 'hunter2', endpoint \"hunter2\")",
        "alter connection c set (access key id = 'hunter2')",
        "select 1; create secret if not exists s as decode('hunter2', 'hex'); select 2",
        "create secret s 'hunter2'", "create secret s as 'hunter2' 'oops'",
        "create secret s as 'hunter2", "create connection c to aws ('hunter2')",
        "create secret s as 'a'::hunter2'"}) {
    EXPECT_THAT(redacted(sql), Not(HasSubstr("hunter2"))) << sql;
    const auto statements = parse(sql);
    if (!statements.ok() && sql.find("::") == std::string_view::npos) {
      EXPECT_THAT(statements.error().message, Not(HasSubstr("hunter2"))) << sql;
    }
  }
  EXPECT_EQ(redacted("select 'a'; drop table t"), "select 'a'; drop table t");
  EXPECT_EQ(redacted("create connection c to aws (region = 'x')"),
            "create connection c to aws (region = '<redacted>')");
}

TEST(Parse, ShowAndSet) {
  EXPECT_EQ(parsed<Show>("show tables from s like 'a%'").like, "a%");
  EXPECT_EQ(parsed<Show>("show columns from s.t").name.text(), "s.t");
  EXPECT_EQ(parsed<Show>("SHOW Search_Path").setting, "search_path");
  EXPECT_TRUE(parsed<Show>("show redacted create connection c").redacted);
  EXPECT_THAT(parsed<SetVariable>("set search_path to a, \"B\"").values, ElementsAre("a", "B"));
  EXPECT_EQ(parsed<SetVariable>("set session TimeZone = 'UTC'").name, "timezone");
  EXPECT_TRUE(parsed<SetVariable>("set local x = -1").local);
  EXPECT_TRUE(parsed<SetVariable>("set x to default").values.empty());
  EXPECT_EQ(
      parsed<SetTransaction>("set transaction isolation level read committed").modes.isolation,
      "read committed");
  EXPECT_EQ(parsed<Begin>("begin isolation level serializable, read only").modes.read_only, true);
}

TEST(Parse, PreparedStatementsAndCursors) {
  const auto prepare = parsed<Prepare>("prepare p (int, text list) as select $2");
  EXPECT_THAT(texts(prepare.types), ElementsAre("int", "text list"));
  ASSERT_NE(prepare.statement, nullptr);
  EXPECT_EQ(prepare.statement->text, "select $2");
  EXPECT_EQ(prepare.statement->parameter_count, 2);
  EXPECT_EQ(parsed<Execute>("execute p (1, 'a')").arguments.size(), 2u);
  EXPECT_EQ(parsed<DeclareCursor>("declare c cursor for select 1").statement->text, "select 1");
  EXPECT_FALSE(parsed<Fetch>("fetch all from c").count.has_value());
  EXPECT_EQ(parsed<Fetch>("fetch 10 c").count, 10);
  EXPECT_EQ(parsed<Fetch>("fetch next").cursor.text, "next");
}

TEST(Parse, RefusesTheEnginesStatements) {
  for (const std::string_view sql :
       {"attach 'x.db'", "detach x", "pragma version", "install httpfs", "load httpfs", "use x",
        "export database 'x'", "import database 'x'", "copy from database a to b",
        "create macro f(x) as x", "create secret (type s3)", "set variable x = 1"}) {
    EXPECT_EQ(error_of(sql).sqlstate, "42601") << sql << ": " << error_of(sql).message;
  }
  EXPECT_EQ(error_of("vacuum t").sqlstate, "0A000");
  EXPECT_EQ(error_of("call f()").sqlstate, "0A000");
  EXPECT_EQ(error_of("checkpoint").message, "CHECKPOINT is not supported");
}

TEST(Parse, TellsSyntaxErrorsInPostgresWords) {
  EXPECT_EQ(error_of("foo").message, "syntax error at or near \"foo\"");
  EXPECT_EQ(error_of("drop table").message, "syntax error at end of input");
  EXPECT_EQ(error_of("drop table;").message, "syntax error at or near \";\"");
  EXPECT_EQ(error_of("drop table t u").message, "syntax error at or near \"u\"");
  EXPECT_EQ(error_of("create table select (a int)").message, "syntax error at or near \"select\"");
  EXPECT_EQ(error_of("select $0").sqlstate, "42P02");
  EXPECT_EQ(error_of("drop table a.b.c.d").sqlstate, "42601");
}

}  // namespace
}  // namespace sluice::sql
