#include "sql/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <duckdb.hpp>

#include "engine/errors.h"
#include "engine/functions/register.h"
#include "sql/catalog_edit.h"
#include "sql/front/parse.h"
#include "sql/show.h"
#include "sql/standing_query.h"
#include "sql/system/catalog_functions.h"

namespace sluice::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Rows of a table, as SQL text.
class FakeSnapshot final : public collection::Snapshot {
 public:
  explicit FakeSnapshot(std::string values) : values_(std::move(values)) {}
  std::string table_sql(std::span<const std::string> names,
                        const std::optional<std::string>&) const override {
    std::vector<std::string> quoted;
    for (const auto& name : names) quoted.push_back("\"" + name + "\"");
    return fmt::format("(SELECT * FROM (VALUES {}) x({}))", values_, fmt::join(quoted, ", "));
  }
  uint64_t row_count() const override { return 2; }
  void keep_visible(std::vector<int64_t>&) const override {}
  Part rows_sql(std::span<const int64_t>, std::span<const std::string> names,
                const std::optional<std::string>& row_ids) const override {
    return {table_sql(names, row_ids), nullptr};
  }

 private:
  const std::string values_;
};

// materialize.public: table t(a integer PRIMARY KEY, b text DEFAULT 'x'), view v over it, secret k,
// connection c; schema s: another table t with one row.
class ResolveTest : public testing::Test {
 protected:
  ResolveTest() {
    engine::functions::register_functions(*database_.instance);
    system::register_functions(*database_.instance);
    auto catalog = Catalog::from_records({}, 1);
    CatalogEdit edit(*catalog);
    EXPECT_TRUE(edit.create_schema({"s"}, {}).ok());
    create(edit, {"t"},
           Table{.columns = {{.name = "a",
                              .type = types::make(types::TypeId::kInteger),
                              .not_null = true,
                              .comment = "the key"},
                             {.name = "b",
                              .type = types::make(types::TypeId::kText),
                              .default_sql = "'x'"}},
                 .keys = {{.name = "t_pkey", .columns = {0}, .primary = true}},
                 .collection = {1}});
    create(edit, {"s", "t"},
           Table{.columns = {{.name = "a", .type = types::make(types::TypeId::kInteger)}},
                 .keys = {},
                 .collection = {2}});
    create(edit, {"v"},
           View{.query_sql = "SELECT a + 1 AS next FROM t WHERE a > 1",
                .search_path = {"public"},
                .columns = {{.name = "renamed", .type = types::make(types::TypeId::kInteger)}},
                .dependencies = {}});
    const auto secret = create(edit, {"k"}, Secret{.value = "hunter2"});
    create(edit, {"c"},
           Connection{.type = "aws",
                      .options = {{.name = "ACCESS KEY ID", .value = std::string("AK")},
                                  {.name = "SECRET ACCESS KEY", .value = secret}}});
    context_.catalog = edit.catalog();
    context_.logical_time = collection::Time{1000};
    context_.setting = [](const std::string& name) -> std::optional<std::string> {
      if (name == "datestyle") return "ISO, MDY";
      return std::nullopt;
    };
    context_.snapshot =
        [](collection::CollectionId id) -> Result<std::shared_ptr<const collection::Snapshot>> {
      return std::shared_ptr<const collection::Snapshot>(
          std::make_shared<FakeSnapshot>(id.value == 1 ? "(1, 'one'), (2, 'two')" : "(7)"));
    };
  }

  template <typename Body>
  static ObjectId create(CatalogEdit& edit, const NameParts& name, Body body) {
    return **edit.create(name, {"public"}, std::move(body), {});
  }

  Result<Resolved> resolved(const std::string& sql) {
    auto query = parse_query(sql);
    if (!query.ok()) return std::move(query).error();
    return resolve(std::move(*query), context_);
  }

  // Rows as text: values parted by `|`.
  std::vector<std::string> run(engine::Query query) {
    auto result = connection_.Query(query.statement().Copy());
    if (result->HasError()) return {"error: " + result->GetError()};
    std::vector<std::string> rows;
    for (auto& row : result->Collection().GetRows()) {
      std::vector<std::string> values;
      for (size_t i = 0; i < result->ColumnCount(); ++i)
        values.push_back(row.GetValue(i).ToString());
      rows.push_back(fmt::format("{}", fmt::join(values, "|")));
    }
    return rows;
  }
  std::vector<std::string> rows(const std::string& sql) {
    auto query = resolved(sql);
    if (!query.ok()) return {"refused: " + query.error().message};
    return run(std::move(query->query));
  }
  // What a SHOW lists, or the SQLSTATE of its refusal.
  std::vector<std::string> shown(const std::string& sql) {
    const auto statements = parse(sql);
    if (!statements.ok()) return {statements.error().message};
    auto query = show_query(std::get<Show>(statements->at(0).node), context_);
    if (!query.ok()) return {query.error().sqlstate};
    auto made = resolve(std::move(*query), context_);
    if (!made.ok()) return {made.error().sqlstate};
    return run(std::move(made->query));
  }
  std::string refusal(const std::string& sql) {
    const auto query = resolved(sql);
    if (!query.ok()) return query.error().sqlstate;
    // A call of what does not exist is told by the engine, which knows the arguments' types.
    const auto result = connection_.Query(query->query.statement().Copy());
    if (!result->HasError()) return "accepted";
    return engine::engine_error(result->GetErrorObject()).sqlstate;
  }

  duckdb::DuckDB database_{nullptr};
  duckdb::Connection connection_{database_};
  ResolveContext context_;
};

TEST_F(ResolveTest, ScansTablesUnderTheNamesUsersGive) {
  EXPECT_THAT(rows("SELECT a, b FROM t ORDER BY a"), ElementsAre("1|one", "2|two"));
  EXPECT_THAT(rows("SELECT t.b FROM public.t WHERE t.a = 2"), ElementsAre("two"));
  EXPECT_THAT(rows("SELECT public.t.b FROM public.t WHERE materialize.public.t.a = 2"),
              ElementsAre("two"));
  EXPECT_THAT(rows("SELECT x.n FROM materialize.public.t AS x(n) ORDER BY 1"),
              ElementsAre("1", "2"));
  EXPECT_THAT(rows("SELECT x.a, s.t.a FROM t x, s.t ORDER BY 1"), ElementsAre("1|7", "2|7"));
}

TEST_F(ResolveTest, TellsWhatAQueryReads) {
  auto query = resolved("SELECT 1 FROM v, s.t, pg_class");
  ASSERT_TRUE(query.ok()) << query.error().message;
  EXPECT_EQ(query->reads.size(), 2U);   // v and s.t
  EXPECT_EQ(query->tables.size(), 2U);  // t and s.t
}

TEST_F(ResolveTest, InlinesViewsInTheirOwnContext) {
  EXPECT_THAT(rows("SELECT * FROM v"), ElementsAre("3"));
  EXPECT_THAT(rows("SELECT renamed FROM v AS w"), ElementsAre("3"));
  // Neither a common table nor the search path of the user changes what the view reads.
  EXPECT_THAT(rows("WITH t AS (SELECT 100 AS a) SELECT v.renamed, t.a FROM v, t"),
              ElementsAre("3|100"));
  context_.search_path = {"s", "public"};
  EXPECT_THAT(rows("SELECT renamed FROM v"), ElementsAre("3"));
  EXPECT_THAT(rows("SELECT a FROM t"), ElementsAre("7"));
}

// What was put in front of it in the search path since a view was made is another relation.
TEST_F(ResolveTest, ViewsGoOnReadingWhatTheyWereMadeToRead) {
  const ObjectId made_for = (*context_.catalog->lookup({"public", "t"}, {}))->id;
  const ObjectId in_front = (*context_.catalog->lookup({"s", "t"}, {}))->id;
  const auto path = [&](std::vector<ObjectId> dependencies) {
    return View{.query_sql = "SELECT count(*) AS n FROM t",
                .search_path = {"s", "public"},
                .columns = {{.name = "n", .type = types::make(types::TypeId::kBigInt)}},
                .dependencies = std::move(dependencies)};
  };
  CatalogEdit edit(context_.catalog);
  create(edit, {"w"}, path({made_for}));
  create(edit, {"x"}, path({in_front}));
  context_.catalog = edit.catalog();
  EXPECT_THAT(rows("SELECT n FROM w"), ElementsAre("2"));
  EXPECT_THAT(rows("SELECT n FROM x"), ElementsAre("1"));
  const MaterializedView view{
      .query_sql = "SELECT a FROM t",
      .search_path = {"s", "public"},
      .columns = {{.name = "a", .type = types::make(types::TypeId::kInteger)}},
      .dependencies = {made_for},
      .collection = {},
      .assert_not_null = {}};
  const auto standing = standing_query(context_.catalog, view);
  ASSERT_TRUE(standing.ok()) << standing.error().message;
  EXPECT_EQ(standing->inputs, std::vector<ObjectId>{made_for});
}

TEST_F(ResolveTest, CommonTablesShadowRelations) {
  EXPECT_THAT(rows("WITH t AS (SELECT a + 10 AS a FROM t) SELECT a FROM t ORDER BY 1"),
              ElementsAre("11", "12"));
  // Also within another one.
  EXPECT_THAT(rows("WITH q AS (WITH t AS (SELECT a + 10 AS a FROM t) SELECT a FROM t) "
                   "SELECT a FROM q ORDER BY 1"),
              ElementsAre("11", "12"));
  EXPECT_THAT(
      rows("WITH q AS (WITH t AS (SELECT a + 10 AS a FROM t), u AS (SELECT a + 1 AS a FROM t) "
           "SELECT t.a, u.a AS b FROM t, u) SELECT min(a), max(b) FROM q"),
      ElementsAre("11|13"));
  EXPECT_THAT(rows("WITH p AS (WITH q AS (WITH t AS (SELECT a + 10 AS a FROM t) SELECT a FROM t) "
                   "SELECT a + 100 AS a FROM q) SELECT a FROM p ORDER BY 1"),
              ElementsAre("111", "112"));
  EXPECT_THAT(rows("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) "
                   "SELECT n FROM r ORDER BY 1"),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(rows("WITH x AS (SELECT 1 AS n) SELECT (SELECT max(n) FROM x), (SELECT count(*) FROM "
                   "t WHERE a IN (SELECT n FROM x))"),
              ElementsAre("1|1"));
}

TEST_F(ResolveTest, WalksEveryCornerOfAQuery) {
  EXPECT_THAT(rows("SELECT a FROM t UNION SELECT a FROM s.t ORDER BY 1"),
              ElementsAre("1", "2", "7"));
  EXPECT_THAT(rows("SELECT t.a, l.n FROM t, LATERAL (SELECT t.a + 5 AS n) l ORDER BY 1"),
              ElementsAre("1|6", "2|7"));
  EXPECT_THAT(rows("SELECT a FROM t GROUP BY a HAVING a > (SELECT 1) ORDER BY (SELECT a) LIMIT "
                   "(SELECT 5)"),
              ElementsAre("2"));
  EXPECT_THAT(rows("SELECT n FROM generate_series(1, (SELECT max(a) FROM t)) g(n)"),
              ElementsAre("1", "2"));
  EXPECT_THAT(rows("SELECT sum(a) OVER (ORDER BY a) FROM t ORDER BY 1"), ElementsAre("1", "3"));
  EXPECT_THAT(rows("VALUES (1), ((SELECT max(a) FROM t))"), ElementsAre("1", "2"));
  EXPECT_THAT(rows("SELECT CASE WHEN EXISTS (SELECT 1 FROM s.t) THEN 'yes' END"),
              ElementsAre("yes"));
}

TEST_F(ResolveTest, RefusesRelationsThatAreNotOurs) {
  for (const auto* sql :
       {"SELECT * FROM nope", "SELECT * FROM duckdb_tables", "SELECT * FROM sqlite_master",
        "SELECT * FROM \"/etc/passwd\"", "SELECT * FROM \"x.csv\"", "SELECT * FROM main.t",
        "SELECT * FROM pg_catalog.pg_nope", "SELECT * FROM information_schema.character_sets",
        ("WITH RECURSIVE duckdb_tables AS (SELECT 1 FROM duckdb_tables UNION ALL SELECT 1 FROM "
         "duckdb_tables) SELECT * FROM duckdb_tables"),
        "WITH RECURSIVE \"x.csv\" AS (SELECT 1 FROM \"x.csv\" UNION ALL SELECT 1) SELECT 1",
        "WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
        "SELECT (SELECT count(*) FROM duckdb_settings)",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM nope)", "SELECT * FROM t JOIN nope ON true",
        "SELECT ARRAY(SELECT x FROM nope)"})
    EXPECT_EQ(refusal(sql), "42P01") << sql;
  EXPECT_EQ(refusal("SELECT * FROM other.public.t"), "3D000");
  EXPECT_EQ(refusal("SELECT * FROM system.main.duckdb_tables"), "3D000");
  EXPECT_EQ(refusal("SELECT * FROM k"), "42809");
}

TEST_F(ResolveTest, RefusesFunctionsThatAreNotAllowedEverywhere) {
  for (const auto* sql : {"SELECT getvariable('x')",
                          "SELECT * FROM read_csv('/etc/passwd')",
                          "SELECT * FROM query('SELECT 1')",
                          "SELECT * FROM query_table('t')",
                          "SELECT * FROM duckdb_tables()",
                          "SELECT * FROM glob('*')",
                          "SELECT * FROM sluice_rows(1)",
                          "SELECT sluice_live(1, 2)",
                          "SELECT typeof(1)",
                          "SELECT nope(1)",
                          "SELECT a FROM t ORDER BY nope(a)",
                          "SELECT count(*) FILTER (WHERE nope(a)) FROM t",
                          "SELECT sum(a) OVER (ORDER BY nope(a)) FROM t",
                          "SELECT nope(a) OVER () FROM t",
                          "WITH x AS (SELECT write_log('x')) SELECT 1 FROM x",
                          "SELECT json_serialize_plan('SELECT 1')",
                          "SELECT * FROM t WHERE a IN (SELECT nextval('s'))",
                          "SELECT * FROM checkpoint()",
                          "SELECT * FROM parquet_scan('x')",
                          "SELECT * FROM pragma_version()",
                          "SELECT sluice_catalog_text(1, 'viewdef', 1, 1)",
                          "SELECT * FROM histogram_values('t', 'a')"})
    EXPECT_EQ(refusal(sql), "42883") << sql;
  EXPECT_EQ(refusal("SELECT main.upper('x')"), "3F000");
}

TEST_F(ResolveTest, AnswersForTheSession) {
  EXPECT_THAT(rows("SELECT current_user, current_database(), current_schema(), session_user"),
              ElementsAre("materialize|materialize|public|materialize"));
  EXPECT_THAT(rows("SELECT mz_now()"), ElementsAre("1000"));
  EXPECT_THAT(rows("SELECT current_setting('DateStyle')"), ElementsAre("ISO, MDY"));
  EXPECT_THAT(rows("SELECT pg_catalog.version()"), ElementsAre(HasSubstr("PostgreSQL 9.5.0")));
  EXPECT_THAT(rows("SELECT now() = transaction_timestamp()"), ElementsAre("true"));
  EXPECT_THAT(rows("SELECT pg_typeof(a), pg_typeof(1.5) FROM t LIMIT 1"),
              ElementsAre("integer|numeric"));
  EXPECT_EQ(refusal("SELECT current_setting('nope')"), "42704");
  context_.logical_time.reset();
  EXPECT_EQ(refusal("SELECT mz_now()"), "0A000");
}

TEST_F(ResolveTest, LooksNamesUpInTheCatalog) {
  EXPECT_THAT(rows("SELECT 't'::regclass"), ElementsAre("t"));
  EXPECT_THAT(rows("SELECT 's.t'::regclass::text"), ElementsAre("s.t"));
  EXPECT_THAT(rows("SELECT c.oid::regclass FROM pg_class c WHERE c.oid = 'v'::regclass"),
              ElementsAre("v"));
  EXPECT_THAT(rows("SELECT relname FROM pg_class WHERE oid = 'public.t'::regclass::oid"),
              ElementsAre("t"));
  EXPECT_THAT(rows("SELECT to_regclass('nope') IS NULL, to_regclass('t') IS NOT NULL"),
              ElementsAre("true|true"));
  EXPECT_THAT(rows("SELECT pg_get_viewdef('v')"),
              ElementsAre(" SELECT a + 1 AS next FROM t WHERE a > 1;"));
  EXPECT_THAT(rows("SELECT col_description('t'::regclass, 1)"), ElementsAre("the key"));
  EXPECT_THAT(rows("SELECT format_type(23, NULL), format_type(1043, 14)"),
              ElementsAre("integer|character varying(10)"));
  EXPECT_EQ(refusal("SELECT 'nope'::regclass"), "42P01");
}

TEST_F(ResolveTest, ShowsTheCatalogInItsOwnRelations) {
  EXPECT_THAT(rows("SELECT name, type FROM mz_objects WHERE id LIKE 'u%' ORDER BY name, type"),
              ElementsAre("c|connection", "k|secret", "t|table", "t|table", "v|view"));
  EXPECT_THAT(rows("SELECT column_name, data_type, is_nullable FROM information_schema.columns "
                   "WHERE table_schema = 'public' AND table_name = 't'"),
              ElementsAre("a|integer|NO", "b|text|YES"));
  EXPECT_THAT(rows("SELECT access_key_id, access_key_id_secret_id, assume_role_arn FROM "
                   "mz_internal.mz_aws_connections"),
              ElementsAre("AK|NULL|NULL"));
  EXPECT_THAT(rows("SELECT count(*) FROM mz_secrets"), ElementsAre("1"));
}

TEST_F(ResolveTest, ShowListsByName) {
  EXPECT_THAT(shown("SHOW TABLES"), ElementsAre("t|"));
  EXPECT_THAT(shown("SHOW OBJECTS"),
              ElementsAre("c|connection|", "k|secret|", "t|table|", "v|view|"));
  EXPECT_THAT(shown("SHOW OBJECTS LIKE '%v%'"), ElementsAre("v|view|"));
  EXPECT_THAT(shown("SHOW TABLES FROM nope"), ElementsAre("3F000"));
  EXPECT_THAT(shown("SHOW TABLES FROM s"), ElementsAre("t|"));
  EXPECT_THAT(shown("SHOW COLUMNS FROM t"), ElementsAre("a|false|integer|the key", "b|true|text|"));
  EXPECT_THAT(shown("SHOW CONNECTIONS WHERE type = 'aws'"), ElementsAre("c|aws|"));
  EXPECT_THAT(shown("SHOW CONNECTIONS WHERE type = 'kafka'"), IsEmpty());
  EXPECT_THAT(shown("SHOW datestyle"), ElementsAre("ISO, MDY"));
  EXPECT_THAT(shown("SHOW nope"), ElementsAre("42704"));
  EXPECT_THAT(shown("SHOW CREATE CONNECTION c"),
              ElementsAre(HasSubstr("SECRET \"materialize\".\"public\".\"k\"")));
  EXPECT_THAT(shown("SHOW CREATE TABLE nope"), ElementsAre("42P01"));
}

TEST_F(ResolveTest, ExpressionsHaveNoRelations) {
  const auto check = [&](const char* sql) {
    auto made = resolve_expression(*parse_expression(sql), context_, false);
    if (!made.ok()) return made.error().sqlstate;
    const auto result = connection_.Query("SELECT " + (*made)->ToString());
    return result->HasError() ? engine::engine_error(result->GetErrorObject()).sqlstate
                              : std::string("ok");
  };
  EXPECT_EQ(check("'s3://b/' || upper('x')"), "ok");
  EXPECT_EQ(check("'s3://b/' || a"), "42703");
  EXPECT_EQ(check("(SELECT 'x')"), "0A000");
  EXPECT_EQ(check("getvariable('x')"), "42883");
}

// What a materialized view's query becomes; else the error's SQLSTATE and message.
std::string standing(const std::shared_ptr<const Catalog>& catalog, const std::string& sql,
                     std::vector<Column> columns, std::vector<size_t> required = {}) {
  const MaterializedView view{.query_sql = sql,
                              .search_path = {"public"},
                              .columns = std::move(columns),
                              .dependencies = {},
                              .collection = {},
                              .assert_not_null = std::move(required)};
  const auto made = standing_query(catalog, view);
  if (!made.ok()) return made.error().sqlstate + ": " + made.error().message;
  std::string inputs;
  for (const ObjectId id : made->inputs) inputs += " " + input_name(id);
  return made->query.statement().ToString() + inputs;
}

TEST_F(ResolveTest, StandingQueriesNameWhatTheyRead) {
  const Column a{.name = "x", .type = types::make(types::TypeId::kInteger)};
  const std::string table = (*context_.catalog->lookup({"t"}, {"public"}))->id.text();
  // A common table of that name doesn't come before it.
  const std::string query = standing(
      context_.catalog, "WITH " + table + " AS (SELECT 1) SELECT v.a FROM v, " + table, {a}, {0});
  EXPECT_THAT(query, HasSubstr("main." + table));
  EXPECT_THAT(query, HasSubstr("sluice_required(CAST("));
  EXPECT_TRUE(query.ends_with(" " + table)) << query;
}

TEST_F(ResolveTest, StandingQueriesDependOnNothingButRows) {
  const Column a{.name = "x", .type = types::make(types::TypeId::kText)};
  const auto refused = [&](const char* what) {
    return standing(context_.catalog, fmt::format("SELECT {}", what), {a});
  };
  EXPECT_EQ(refused("now()"), "0A000: materialized views do not support now()");
  EXPECT_EQ(refused("current_date"), "0A000: materialized views do not support current_date");
  EXPECT_EQ(refused("current_timestamp"),
            "0A000: materialized views do not support current_timestamp");
  EXPECT_EQ(refused("localtime"), "0A000: materialized views do not support localtime");
  EXPECT_EQ(refused("version()"), "0A000: materialized views do not support version()");
  EXPECT_EQ(refused("current_setting('timezone')"),
            "0A000: materialized views do not support current_setting()");
  EXPECT_EQ(refused("'t'::regclass"),
            "0A000: materialized views do not support a cast to regclass");
  EXPECT_EQ(refused("pg_get_userbyid(1)"),
            "0A000: materialized views do not support pg_get_userbyid()");
  EXPECT_EQ(refused("name FROM mz_tables"),
            "0A000: materialized views cannot read the system relation mz_catalog.mz_tables");
}

}  // namespace
}  // namespace sluice::sql
