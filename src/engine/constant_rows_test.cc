// Rows that are evaluated as they are bound, beside the same query run by DuckDB as any other.
#include "engine/constant_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <duckdb.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/planner/expression/bound_parameter_data.hpp>
#include <sstream>
#include <thread>

namespace sluice::engine {
namespace {

class ConstantRowsTest : public testing::Test {
 protected:
  ConstantRowsTest() {
    engine_ = std::move(Engine::open({}, {})).value();
    connection_ = std::move(engine_->connect()).value();
    EXPECT_TRUE(connection_->set_time_zone("UTC").ok());
  }
  static Query parsed(const std::string& sql) {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    return Query(std::move(parser.statements[0]));
  }
  // Whether the query is one of those; fails the test if it throws.
  bool is_constant(const std::string& sql) {
    try {
      return constant_rows(connection_->context(), parsed(sql), {}).has_value();
    } catch (const std::exception& exception) {
      ADD_FAILURE() << sql << ": " << exception.what();
      return false;
    }
  }
  std::string streamed(const std::string& sql, std::vector<Value> parameters = {}) {
    auto rows = connection_->stream(parsed(sql), std::move(parameters), {});
    if (!rows.ok()) return rows.error().message;
    std::string text;
    while (true) {
      auto chunk = (*rows)->next({});
      if (!chunk.ok()) return chunk.error().message;
      if (*chunk == nullptr) return text;
      for (size_t row = 0; row < (*chunk)->size(); ++row) {
        for (size_t column = 0; column < (*chunk)->ColumnCount(); ++column) {
          const Value value = (*chunk)->GetValue(column, row);
          text += value.type().ToString() + " " + value.ToString() + "|";
        }
        text += "\n";
      }
    }
  }
  std::string judged(const std::string& sql) {
    auto rows = connection_->query(sql);
    if (!rows.ok()) return rows.error().message;
    std::string text;
    for (const auto& row : *rows) {
      for (const Value& value : row) text += value.type().ToString() + " " + value.ToString() + "|";
      text += "\n";
    }
    return text;
  }

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ConstantRowsTest, AreWhatDuckDBAnswers) {
  for (const std::string sql : {
           "SELECT 1",
           "SELECT 1 AS a, 'x' || 'y', NULL, 1.5::DECIMAL(9,3), [1, NULL], {'a': [1], 'b': NULL}",
           "SELECT repeat('long text ', 50), map(['k'], [repeat('v', 40)]), '\\xAA'::BLOB",
           "SELECT * FROM (VALUES (1, 'a'), (NULL, repeat('b', 30)), (3, NULL)) t(x, y)",
           "SELECT y || '!', x + 1, [x, x] FROM (VALUES (1, 'a'), (2, repeat('b', 30))) t(x, y)",
           "SELECT a FROM (SELECT b AS a FROM (SELECT 7 AS b)) t",
           "SELECT CASE WHEN x > 0 THEN 10 // x ELSE -1 END FROM (VALUES (0), (5)) t(x)",
           "SELECT coalesce(NULL, 2), TIMESTAMPTZ '2024-02-29 12:00:00+02', DATE 'infinity'",
       }) {
    EXPECT_TRUE(is_constant(sql)) << sql;
    EXPECT_EQ(streamed(sql), judged(sql)) << sql;
  }
}

TEST_F(ConstantRowsTest, OthersTakeTheWayOfAnyQuery) {
  for (const std::string sql : {
           "SELECT count(*)",
           "SELECT unnest([1, 2])",
           "SELECT (SELECT 1 + 1)",
           "SELECT x FROM (VALUES (1), (2)) t(x) WHERE x > 1",
           "SELECT x FROM (VALUES (2), (1)) t(x) ORDER BY x",
           "SELECT x FROM (VALUES (2), (1)) t(x) LIMIT 1",
           "SELECT DISTINCT x FROM (VALUES (1), (1)) t(x)",
           "SELECT sum(x) FROM (VALUES (1), (1)) t(x)",
           "SELECT x, count(*) FROM (VALUES (1), (1)) t(x) GROUP BY x",
           "SELECT row_number() OVER () FROM (VALUES (1)) t(x)",
           "WITH c AS (SELECT 1 AS x) SELECT x FROM c",
           "SELECT 1 UNION ALL SELECT 2",
           "SELECT i FROM range(2) r(i)",
           "SELECT * FROM (VALUES ((SELECT 3)), (4)) t(x)",
           "SELECT * FROM (SELECT i FROM range(2) r(i)) t",
       }) {
    EXPECT_FALSE(is_constant(sql)) << sql;
    EXPECT_EQ(streamed(sql), judged(sql)) << sql;
  }
}

// Two vectors of rows may come in either order: the engine keeps none where none is asked for.
std::vector<std::string> in_order(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_F(ConstantRowsTest, AreAtMostOneVectorOfThem) {
  for (const size_t count : {STANDARD_VECTOR_SIZE, STANDARD_VECTOR_SIZE + 1}) {
    std::string sql = "SELECT x * 2 FROM (VALUES (0)";
    for (size_t i = 1; i < count; ++i) sql += ", (" + std::to_string(i) + ")";
    sql += ") t(x)";
    EXPECT_EQ(is_constant(sql), count == STANDARD_VECTOR_SIZE);
    EXPECT_EQ(in_order(streamed(sql)), in_order(judged(sql)));
  }
}

TEST_F(ConstantRowsTest, HaveTheErrorsOfAnyQuery) {
  for (const std::string sql : {
           "SELECT 1 // CAST('x' AS INTEGER)",
           "SELECT CAST(300 AS TINYINT)",
           "SELECT missing",
           "SELECT x FROM (VALUES (1), ('a'::DATE)) t(x)",
           "SELECT no_such_function(1)",
           "SELECT error('told so')",
       }) {
    const std::string told = streamed(sql);
    EXPECT_EQ(told, judged(sql)) << sql;
    EXPECT_EQ(told.find('|'), std::string::npos) << sql << ": " << told;
  }
  EXPECT_EQ(streamed("SELECT 1"), "INTEGER 1|\n") << "an error leaves the connection as it was";
}

TEST_F(ConstantRowsTest, TakeParameters) {
  EXPECT_EQ(streamed("SELECT $1 + 1, $2", {Value::INTEGER(4), Value("text")}),
            "INTEGER 5|VARCHAR text|\n");
  EXPECT_EQ(streamed("SELECT * FROM (VALUES ($1::BIGINT, $2), (7, NULL)) t(x, y)",
                     {Value("12"), Value::DOUBLE(0.5)}),
            "BIGINT 12|DOUBLE 0.5|\nBIGINT 7|DOUBLE NULL|\n");
  EXPECT_NE(streamed("SELECT $1 + 1").find("parameter"), std::string::npos);
}

TEST_F(ConstantRowsTest, EndWhenTheyAreToStop) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(connection_->stream(parsed("SELECT 1"), {}, stop.get_token()).error().code,
            ErrorCode::kCancelled);
  auto rows = connection_->stream(parsed("SELECT 1"), {}, {});
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*rows)->next(stop.get_token()).error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace sluice::engine
