// Queries by what DuckDB's tree says after the pass: the tree printed, and the names of its
// columns.
#include "sql/front/meaning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <duckdb/parser/expression/constant_expression.hpp>

#include "sql/front/parse.h"

namespace sluice::sql {
namespace {

using testing::ElementsAre;

std::string expression(std::string_view sql) {
  auto tree = parse_expression(sql);
  return tree.ok() ? (*tree)->ToString() : tree.error().sqlstate + " " + tree.error().message;
}

std::vector<std::string> column_names(std::string_view sql) {
  auto query = parse_query(sql);
  if (!query.ok()) return {query.error().message};
  std::vector<std::string> names;
  for (const auto& column : (*query)->node->GetSelectList()) names.push_back(column->GetName());
  return names;
}

Error query_error(std::string_view sql) {
  auto query = parse_query(sql);
  return query.ok() ? Error() : query.error();
}

TEST(Meaning, JsonOperatorsAreCallsAndBindLikeOtherOperators) {
  EXPECT_EQ(expression("j -> 'a' ->> 'b'"), "sluice_json_get_text(sluice_json_get(j, 'a'), 'b')");
  EXPECT_EQ(expression("j -> 'a' = k #>> p"),
            "(sluice_json_get(j, 'a') = sluice_json_path_text(k, p))");
  EXPECT_EQ(expression("j -> 1 + 2"), "sluice_json_get(j, (1 + 2))");
  EXPECT_EQ(expression("j <@ k"), "sluice_json_contains(k, j)");
  EXPECT_EQ(expression("j ?| k"), "sluice_json_has_any(j, k)");
  EXPECT_EQ(expression("'{}'::jsonb || j"), "sluice_json_concat(CAST('{}' AS JSON), j)");
  EXPECT_EQ(expression("a || b"), "sluice_concat(a, b)");
}

TEST(Meaning, DivisionIsOurs) {
  EXPECT_EQ(expression("a / b % c * d"), "sluice_mul(sluice_mod(sluice_div(a, b), c), d)");
  EXPECT_EQ(expression("mod(a, b)"), "sluice_mod(a, b)");
}

TEST(Meaning, RegularExpressionsSearchInsteadOfMatchingTheWhole) {
  EXPECT_EQ(expression("a ~ 'x'"), "regexp_matches(a, 'x')");
  EXPECT_EQ(expression("a !~* 'x'"), "(NOT regexp_matches(a, 'x', 'i'))");
  EXPECT_EQ(expression("a OPERATOR(pg_catalog.~) 'x' COLLATE pg_catalog.default"),
            "regexp_matches(a, 'x')");
}

TEST(Meaning, CastsGoThroughOurTypes) {
  EXPECT_EQ(expression(R"('\xAAAA'::bytea)"), R"(CAST('\xAAAA' AS BLOB))");
  EXPECT_EQ(expression(R"(bytea '\x00')"), R"(CAST('\x00' AS BLOB))");
  EXPECT_EQ(expression("a::varchar(3)"), "sluice_varchar(CAST(a AS VARCHAR), 3, true)");
  EXPECT_EQ(expression("a::numeric(10, 2)"), "sluice_numeric(a, 10, 2)");
  EXPECT_EQ(expression("'1.25'::numeric(10, 1)"), "CAST('1.25' AS DECIMAL(10,1))");
  EXPECT_EQ(expression("'{1}'::int list"), "CAST('{1}' AS INTEGER[])");
  EXPECT_EQ(expression("a::map[text=>int]"), "CAST(a AS MAP(VARCHAR, INTEGER))");
  EXPECT_EQ(expression("'t'::pg_catalog.regclass"), "sluice_regclass('t')");
  EXPECT_EQ(expression("interval '90' minute"), "CAST('90 minute' AS INTERVAL)");
  EXPECT_EQ(expression("a::nosuch"), "42704 type \"nosuch\" does not exist");
}

TEST(Meaning, NumbersStayExact) {
  const auto type_of = [](std::string_view sql) {
    auto tree = parse_expression(sql);
    if (!tree.ok()) return tree.error().sqlstate;
    return (*tree)->Cast<duckdb::ConstantExpression>().value.type().ToString();
  };
  EXPECT_EQ(type_of("2147483647"), "INTEGER");
  EXPECT_EQ(type_of("2147483648"), "BIGINT");
  EXPECT_EQ(type_of("9223372036854775808"), "DECIMAL(19,0)");
  EXPECT_EQ(type_of("12345678901234567890123456789012345678"), "DECIMAL(38,0)");
  EXPECT_EQ(type_of("123456789012345678901234567890123456789"), "22003");
  EXPECT_EQ(type_of("1.50"), "DECIMAL(3,2)");
  EXPECT_EQ(type_of("1.5e3"), "DECIMAL(4,0)");
  EXPECT_EQ(type_of("1e-3"), "DECIMAL(3,3)");
  EXPECT_EQ(type_of("1e100"), "DOUBLE");
}

TEST(Meaning, NamesColumnsAsPostgresDoes) {
  EXPECT_THAT(
      column_names("select 1, 'a', true, a, n.a, a + 1, count(*), lower(b) from n"),
      ElementsAre("?column?", "?column?", "?column?", "a", "a", "?column?", "count", "lower"));
  EXPECT_THAT(column_names("select a::text, '1'::int, '{1}'::int[], date '2020-01-01', (1)::text"),
              ElementsAre("a", "int4", "int4", "date", "text"));
  EXPECT_THAT(column_names("select case when a then b else c end, case when a then b end, "
                           "coalesce(a), exists(select 1), (select q), array(select 1), array[1]"),
              ElementsAre("c", "case", "coalesce", "exists", "q", "array", "array"));
  EXPECT_THAT(column_names("select extract(epoch from a), a at time zone 'UTC', trim(a), "
                           "position('a' in b), sum(a) over (), row_number() over ()"),
              ElementsAre("extract", "timezone", "btrim", "position", "sum", "row_number"));
  EXPECT_THAT(
      column_names("select j -> 'a', a[1], current_date, a = 1, -a, a like 'x', (a).b"),
      ElementsAre("?column?", "a", "current_date", "?column?", "?column?", "?column?", "b"));
}

TEST(Meaning, PutsNullsWherePostgresDoes) {
  auto query = parse_query("select a from t order by a, b desc, c desc nulls last");
  ASSERT_TRUE(query.ok());
  EXPECT_THAT((*query)->ToString(),
              testing::HasSubstr("a ASC NULLS LAST, b DESC NULLS FIRST, c DESC NULLS LAST"));
}

TEST(Meaning, FoldsNamesBeforeTheEngineSeesThem) {
  auto query = parse_query("select FOO, \"Foo\" from BAR");
  ASSERT_TRUE(query.ok());
  EXPECT_THAT(column_names("select FOO, \"Foo\" from BAR"), ElementsAre("foo", "Foo"));
}

TEST(Meaning, RefusesWhatOnlyTheEngineKnows) {
  for (const std::string_view sql : {"from t",
                                     "from t select a",
                                     "select * from 'file.csv'",
                                     "select {'a': 1}",
                                     "select [1, 2]",
                                     "pivot t on a using sum(b)",
                                     "summarize t",
                                     "describe t",
                                     "select a: 1 from t",
                                     "select * from (from t)",
                                     "select * from t at (version => 1)",
                                     "select try_cast(a as int) from t",
                                     "select 1 intersect by name select 2",
                                     "select [x for x in y]",
                                     "select #1 from t",
                                     "select a ! from t",
                                     "select * from t limit 10%",
                                     "select 1;;select 2",
                                     "with a as (from t) select 1",
                                     "select $foo"}) {
    EXPECT_EQ(query_error(sql).sqlstate.substr(0, 2), "42")
        << sql << ": " << query_error(sql).message;
  }
  for (const std::string_view sql :
       {"select list_x(l, lambda x: x) from t", "select list_x(l, lambda x, y: x) from t",
        "select columns(lambda c: c) from t", "select * from t pivot (sum(a) for b in (1))",
        "select * from t unpivot (a for b in (c, d))",
        "select * from t unpivot include nulls (a for b in (c, d))",
        "select * from (pivot t on a using sum(b))", "with p as (unpivot t on a, b) select 1",
        "select * from t tablesample bernoulli (10)"}) {
    EXPECT_EQ(query_error(sql).sqlstate, "0A000") << sql << ": " << query_error(sql).message;
    EXPECT_NE(query_error(sql).hint, "") << sql;
  }
  EXPECT_EQ(query_error("select a // b from t").sqlstate, "42883");
  EXPECT_EQ(query_error("select a == b from t").sqlstate, "42883");
  EXPECT_EQ(query_error("select try(a) from t").sqlstate, "42883");
  EXPECT_EQ(query_error("select B'101'").sqlstate, "0A000");
  EXPECT_EQ(query_error("select a similar to b escape '#'").sqlstate, "0A000");
}

TEST(Meaning, KeepsTheEnginesKeywordsUsableAsNames) {
  for (const std::string_view word :
       {"describe", "lambda", "pivot", "qualify_", "show", "struct", "summarize", "columns", "glob",
        "at", "semi", "anti", "asof", "map", "macro", "unpack", "positional"}) {
    EXPECT_THAT(column_names(std::string("select ") + std::string(word) + " from t"),
                ElementsAre(word));
  }
}

TEST(Meaning, KnowsTheEnginesKeywordsWhereNoNameCanStand) {
  for (const std::string_view sql :
       {"select * from t positional join u", "select * from t asof right join u on a > b",
        "select 1 union by name select 2", "select 1 union all by name select 2",
        "select columns(*) from t", "select 1, max(columns('a.*')) from t",
        "select a from t columns(a, b)", "with a as (select 1), columns (b) as (select 2) select b",
        "select lambda, pivot from t", "select lambda x, y from t", "select a from t pivot (a, b)",
        "select by from t"}) {
    EXPECT_TRUE(parse_query(sql).ok()) << sql << ": " << query_error(sql).message;
  }
  // No name is given: each of the columns has its own.
  EXPECT_THAT(column_names("select max(a), max(columns('a.*')) from t"),
              ElementsAre("max", "max(COLUMNS('a.*'))"));
}

TEST(Meaning, FollowsWindowsThatAreMadeOfOthers) {
  auto query = parse_query(
      "select sum(v) over (c rows 1 preceding) from t window a as (partition by k), "
      "\"B\" as (a), c as (\"B\" order by v)");
  ASSERT_TRUE(query.ok());
  EXPECT_THAT((*query)->ToString(), testing::HasSubstr("PARTITION BY k ORDER BY v"));
  // Which of the two is meant is not known there.
  const Error twice = query_error(
      "select (select sum(v) over (b) from u window a as (order by v), b as (a)), sum(v) over (b) "
      "from t window b as (order by k)");
  EXPECT_EQ(twice.sqlstate, "0A000");
  EXPECT_EQ(query_error("select sum(v) over (a rows 1 preceding) from t window a as (b), b as (a)")
                .sqlstate,
            "54001");
  EXPECT_EQ(query_error("select sum(v) over nosuch from t").sqlstate, "42704");
  EXPECT_EQ(
      query_error("select sum(v) over (a order by k) from t window a as (order by v)").sqlstate,
      "42P20");
}

TEST(Meaning, BoundsWhatWindowsBecome) {
  std::string sql = "select 1";
  for (int i = 0; i < 2000; ++i) sql += ", sum(v) over (b)";
  sql += " from t window a as (order by v), b as (a partition by k";
  for (int i = 0; i < 100; ++i) sql += ", k";
  EXPECT_EQ(query_error(sql + ")").sqlstate, "54001");
}

TEST(Meaning, PlacesPointIntoTheUsersText) {
  const std::string sql = "select  'ä'::text ,  j ->> 'x', nosuch from  t";
  const auto statements = parse(sql);
  ASSERT_TRUE(statements.ok());
  const auto& columns = std::get<Select>((*statements)[0].node).query->node->GetSelectList();
  EXPECT_EQ(position_of(columns[2]->GetQueryLocation()), sql.find("nosuch"));  // one byte of ä less
  const auto stored = parse_query(sql);
  ASSERT_TRUE(stored.ok());
  EXPECT_FALSE((*stored)->node->GetSelectList()[2]->GetQueryLocation().IsValid());
}

TEST(Meaning, SpeaksOfTheUsersTokenInErrors) {
  const Error failure = query_error("select j ->> 'x' from  t wher a = 1");
  EXPECT_EQ(failure.message, "syntax error at or near \"a\"");
  EXPECT_EQ(failure.position, 31);
  EXPECT_EQ(query_error("select a::int from").message, "syntax error at end of input");
  EXPECT_EQ(query_error("select (1").message, "syntax error at end of input");
}

TEST(Meaning, BoundsDepth) {
  const auto repeated = [](std::string_view text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  const int many = 20000;
  for (const std::string& sql :
       {"select " + repeated("(", many) + "1" + repeated(")", many),
        "select " + repeated("(select ", many) + "1" + repeated(")", many),
        "select " + repeated("array[", many) + "1" + repeated("]", many),
        "select " + repeated("- ", many) + "1", "select 1" + repeated(" + 1", many),
        "select " + repeated("not ", many) + "true", "select 1" + repeated("::int", many),
        "select 1" + repeated(" union select 1", many), "select a" + repeated("[1]", many),
        "select " + repeated("case when ", many) + "1",
        "select * from " + repeated("(select * from ", many) + "t" + repeated(")", many),
        "select 'x'::" + repeated("map[text=>", many) + "int" + repeated("]", many),
        "select 'x'::int" + repeated(" list", many),
        "select * from t" + repeated(" join t on true", many)}) {
    const Error failure = query_error(sql);
    EXPECT_TRUE(failure.sqlstate == "54001" || failure.sqlstate == "42601")
        << sql.substr(0, 60) << ": " << failure.sqlstate << " " << failure.message.substr(0, 100);
  }
  // But long lists are not deep.
  EXPECT_TRUE(parse_query("select 1 where a = 1" + repeated(" or a = 2", 2000)).ok());
  EXPECT_EQ(
      query_error("select 1 where a = 1" + repeated(" or a = 2", kMaxConditions + 1)).sqlstate,
      "54001");
  EXPECT_TRUE(parse_query("select 1" + repeated(", 1", many)).ok());
}

}  // namespace
}  // namespace sluice::sql
