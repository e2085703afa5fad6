#include "sql/declared_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/statement/select_statement.hpp>

#include "sql/catalog_edit.h"

namespace sluice::sql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// public.t(id integer NOT NULL, c char(5), l integer list, m integer list), and a view v of the
// same columns.
class DeclaredTypes : public testing::Test {
 protected:
  DeclaredTypes() {
    types::SqlType letters = types::make(types::TypeId::kChar);
    letters.precision = 5;
    const auto numbers = types::parse_type_name("int list").value();
    const std::vector<Column> columns = {
        {.name = "id", .type = types::make(types::TypeId::kInteger), .not_null = true},
        {.name = "c", .type = letters},
        {.name = "l", .type = numbers},
        {.name = "m", .type = numbers}};
    CatalogEdit edit(*Catalog::from_records({}, 1));
    EXPECT_TRUE(
        edit.create({"t"}, {"public"}, Table{.columns = columns, .keys = {}, .collection = {1}}, {})
            .ok());
    catalog_ = edit.catalog();
  }

  static duckdb::unique_ptr<duckdb::SQLStatement> parsed(const std::string& sql) {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    return std::move(parser.statements.at(0));
  }

  // Names of the types, `?` where nothing is declared.
  std::vector<std::string> types_of(const std::string& sql) {
    std::vector<std::string> names;
    const auto statement = parsed(sql);
    for (const auto& type :
         declared_types(statement->Cast<duckdb::SelectStatement>(), *catalog_, {"public"})) {
      names.push_back(type ? types::name(*type) : "?");
    }
    return names;
  }
  std::vector<bool> without_null(const std::string& sql) {
    const auto statement = parsed(sql);
    return columns_without_null(statement->Cast<duckdb::SelectStatement>(), *catalog_, {"public"});
  }

  std::shared_ptr<const Catalog> catalog_;
};

TEST_F(DeclaredTypes, AreFollowedThroughQueriesWithinQueries) {
  for (const char* const query : {
           "SELECT c, l, 1 + id FROM t",
           "SELECT * FROM (SELECT c, l, 1 + id FROM t) q",
           "SELECT q.* FROM (SELECT * FROM (SELECT c, l, id + 1 FROM t)) q",
           "SELECT a, b, d FROM (SELECT c, l, id + 1 FROM t) q(a, b, d)",
           "WITH q AS (SELECT * FROM t) SELECT c, l, id + 1 FROM q",
           ("WITH q(a, b) AS (SELECT c, l FROM t), r AS (SELECT b, a FROM q) "
            "SELECT a, b, 1 + 1 FROM r"),
           "WITH q AS MATERIALIZED (SELECT * FROM t) SELECT c, l, id + 1 FROM q x",
           "WITH t AS (SELECT * FROM t) SELECT c, l, id + 1 FROM t",
           "SELECT c, l, id + 1 FROM t UNION ALL (SELECT c, m, id FROM t ORDER BY id LIMIT 3)",
           ("SELECT CASE WHEN id = 1 THEN c END, coalesce(l, m, NULL), "
            "CASE id WHEN 1 THEN id ELSE c END FROM t"),
           "SELECT q.c, t.l, t.id + 1 FROM t JOIN (SELECT c, id AS n FROM t) q ON n = t.id",
       }) {
    EXPECT_THAT(types_of(query), ElementsAre("character(5)", "integer list", "?")) << query;
  }
}

TEST_F(DeclaredTypes, AreNotGuessed) {
  for (const char* const query : {
           "SELECT c FROM t UNION SELECT id::VARCHAR FROM t",
           "SELECT CASE WHEN id = 1 THEN c ELSE 'x' END FROM t",
           "SELECT coalesce(c, upper(c)) FROM t",
           "SELECT c FROM (SELECT upper(c) AS c FROM t) q",
           "SELECT c FROM t JOIN (SELECT 1 AS c) q ON true",
       }) {
    EXPECT_THAT(types_of(query), ElementsAre("?")) << query;
  }
  for (const char* const query : {
           "WITH RECURSIVE q AS (SELECT c FROM t UNION ALL SELECT c FROM q) SELECT c FROM q",
           "SELECT c FROM t JOIN t u USING (c)",
           "SELECT c FROM (VALUES ('a')) q(c)",
           "SELECT c FROM t UNION BY NAME SELECT l, c FROM t",
           "SELECT x.* RENAME (c AS l, l AS c) FROM t x",
           "SELECT y.* FROM t x",
           ("WITH q AS (WITH t AS (SELECT l AS c FROM t) SELECT c FROM t), t AS (SELECT 1) "
            "SELECT c FROM t, q"),
       }) {
    EXPECT_THAT(types_of(query), IsEmpty()) << query;
  }
}

// A view's column is kept by its type's name, and a record's says nothing of its fields.
TEST_F(DeclaredTypes, OfRecordsWithoutTheirFieldsGiveWayToTheEngines) {
  const types::SqlType record = types::make(types::TypeId::kRecord);
  const auto fields = engine::LogicalType::STRUCT({{"f1", engine::LogicalType::INTEGER}});
  for (const auto& [type, declared] :
       {std::pair(fields, record),
        std::pair(engine::LogicalType::LIST(fields), types::array_of(record))}) {
    EXPECT_EQ(result_type(type, declared), types::from_engine(type)) << types::name(declared);
  }
}

TEST_F(DeclaredTypes, OfTablesOfWithAreTheirOwn) {
  // The second is not seen by the first.
  EXPECT_THAT(
      types_of(
          "WITH a AS (SELECT l AS x FROM t), t AS (SELECT c AS l FROM t) SELECT x, l FROM a, t"),
      ElementsAre("integer list", "character(5)"));
  EXPECT_THAT(types_of("WITH t AS (SELECT l AS c, c AS l FROM t) SELECT c, l FROM t"),
              ElementsAre("integer list", "character(5)"));
  EXPECT_THAT(without_null("WITH t AS (SELECT c AS id, id AS c FROM t) SELECT id, c FROM t"),
              ElementsAre(false, true));
}

TEST_F(DeclaredTypes, TakeNoLongerThanTheQueryIsLong) {
  std::string nested = "c";
  for (int i = 0; i < 200; ++i) nested = fmt::format("coalesce({}, c)", nested);
  EXPECT_THAT(types_of("SELECT " + nested + " FROM t"), ElementsAre("character(5)"));
  std::string doubled = "WITH q0 AS (SELECT * FROM t)";
  for (int i = 1; i < 40; ++i) {
    doubled += fmt::format(", q{} AS (SELECT * FROM q{} a, q{} b)", i, i - 1, i - 1);
  }
  EXPECT_THAT(types_of(doubled + " SELECT 1 FROM q39"), IsEmpty());
}

TEST_F(DeclaredTypes, OfDeeplyNestedQueriesAreGivenUp) {
  std::string query = "SELECT c FROM t";
  for (int i = 0; i < 30; ++i) query = fmt::format("SELECT c FROM ({}) q", query);
  EXPECT_THAT(types_of(query), ElementsAre("character(5)"));
  for (int i = 0; i < 80; ++i) query = fmt::format("SELECT c FROM ({}) q", query);
  EXPECT_THAT(types_of(query), IsEmpty());
}

TEST_F(DeclaredTypes, TellWhichColumnsHoldNoNull) {
  EXPECT_THAT(without_null("SELECT id, c, 1, NULL, count(*) FROM t GROUP BY ALL"),
              ElementsAre(true, false, true, false, true));
  EXPECT_THAT(without_null("WITH q AS (SELECT id, c FROM t) SELECT * FROM (SELECT * FROM q) r"),
              ElementsAre(true, false));
  for (const char* const query : {
           "SELECT id FROM t UNION ALL SELECT id FROM t",
           "SELECT id FROM (SELECT id FROM t GROUP BY ROLLUP (id)) q",
           "SELECT id FROM (SELECT u.id FROM t LEFT JOIN t u ON false) q",
           "SELECT u.id FROM t LEFT JOIN (SELECT id FROM t) u ON false",
       }) {
    EXPECT_THAT(without_null(query), ElementsAre(false)) << query;
  }
}

}  // namespace
}  // namespace sluice::sql
