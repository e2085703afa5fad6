// What a scan may leave out is what the filters above it drop, and nothing else.
#include "dataflow/scan_condition.h"

#include <gtest/gtest.h>

#include "dataflow/graph.h"
#include "dataflow/planner.h"
#include "dataflow/testing/view_under_test.h"
#include "engine/functions/register.h"

namespace sluice::dataflow {
namespace {

using engine::LogicalType;
using testing::Beginning;
using testing::ViewUnderTest;

std::vector<SourceTable> tables() {
  return {
      {"t",
       {{"k", "n", "d", "s", "f", "b", "ts"},
        {LogicalType::INTEGER, LogicalType::INTEGER, LogicalType::DECIMAL(12, 2),
         LogicalType::VARCHAR, LogicalType::DOUBLE, LogicalType::BOOLEAN, LogicalType::TIMESTAMP}},
       {1},
       1000}};
}

// What a scan of t for this query asks; empty: all rows.
std::string asked(const std::string& sql) {
  static Planner planner(engine::functions::register_functions);
  auto plan = planner.compile(*engine::Query::parse(sql), tables());
  if (!plan.ok()) return "error: " + plan.error().message;
  const auto graph = Graph::make(std::move(*plan));
  const auto names = tables()[0].shape.names;
  return (*graph)->scan_condition({1}, [&](size_t column) { return names[column]; }).value_or("");
}

std::string asked_where(const std::string& condition) {
  return asked("SELECT k, s FROM t WHERE " + condition);
}

TEST(ScanCondition, IsWhatComparesColumnsAndConstants) {
  EXPECT_EQ(asked_where("n > 5"), "((n > CAST('5' AS INTEGER)))");
  EXPECT_EQ(asked_where("d <= 1.5"), "((d <= CAST('1.50' AS DECIMAL(12,2))))");
  EXPECT_EQ(asked_where("s = 'it''s'"), "((s = CAST('it''s' AS VARCHAR)))");
  EXPECT_EQ(asked_where("ts >= '2020-01-02 03:04:05.000006'"),
            "((ts >= CAST('2020-01-02 03:04:05.000006' AS TIMESTAMP)))");
  EXPECT_EQ(asked_where("ts < 'infinity'"), "((ts < CAST('infinity' AS TIMESTAMP)))");
  EXPECT_EQ(asked_where("k < n"), "((k < n))");
  EXPECT_EQ(asked_where("f IS NOT NULL"), "((f IS NOT NULL))");
  EXPECT_EQ(asked_where("b"), "(b)");
  EXPECT_EQ(asked_where("n = 1 OR (k = 2 AND NOT b)"),
            "(((n = CAST('1' AS INTEGER)) OR ((k = CAST('2' AS INTEGER)) AND (NOT b))))");
  EXPECT_EQ(asked_where("n IN (7, 9, 12)"),
            "((n IN (CAST('7' AS INTEGER), CAST('9' AS INTEGER), CAST('12' AS INTEGER))))");
}

TEST(ScanCondition, IsNothingWhereSqlMightMeanSomethingElse) {
  for (const char* condition :
       {"ts > TIMESTAMP '0044-03-15 10:00:00 (BC)'", "ts < TIMESTAMP '10000-01-01 00:00:00'",
        "f > 0.5", "n * n > 5", "upper(s) = 'A'", "cast(s AS INTEGER) > 1",
        "s COLLATE nocase = 'a'", "n = 1 OR cast(s AS INTEGER) > 1"}) {
    EXPECT_EQ(asked_where(condition), "") << condition;
  }
}

TEST(ScanCondition, EndsBeforeWhatMayFail) {
  // That is asked only about rows for which n is greater, so others have no error to keep.
  EXPECT_EQ(asked_where("n > 5 AND cast(s AS INTEGER) > 1"), "((n > CAST('5' AS INTEGER)))");
  EXPECT_EQ(asked_where("cast(s AS INTEGER) > 1 AND n > 5"), "");
}

TEST(ScanCondition, HoldsForAllThatReadTheSource) {
  EXPECT_EQ(asked("SELECT k FROM t WHERE n = 1 UNION ALL SELECT k FROM t WHERE n = 2"),
            "((n = CAST('1' AS INTEGER))) OR ((n = CAST('2' AS INTEGER)))");
  EXPECT_EQ(asked("SELECT k FROM t WHERE n = 1 UNION ALL SELECT k FROM t"), "");
  EXPECT_EQ(asked("SELECT n FROM t"), "");
}

TEST(ScanCondition, WhatIsLeftOutMakesNoDifference) {
  const size_t before = ViewUnderTest::conditions();
  std::vector<SourceTable> sources = tables();
  sources[0].shape.names.pop_back();
  sources[0].shape.types.pop_back();
  for (const char* sql :
       {"SELECT k, n FROM t WHERE n > 1 AND cast(s AS INTEGER) > 1",
        "SELECT k, s FROM t WHERE s = 'b' OR (k IN (1, 2) AND NOT d < 2.5)",
        "SELECT a.k, b.n FROM t a JOIN t b ON a.k = b.k WHERE a.n > 2 AND b.n < 3",
        "SELECT n, count(*), sum(d) FROM t WHERE k BETWEEN 1 AND 3 AND n IS DISTINCT FROM 2 "
        "GROUP BY n"}) {
    for (uint32_t seed = 1; seed <= 12; ++seed) {
      SCOPED_TRACE(::testing::Message() << sql << ", seed " << seed);
      std::mt19937 random(seed);
      ViewUnderTest view(sources, sql, "", Beginning::kFilled);
      ASSERT_TRUE(view.made());
      view.fill_random(random, {.rows = 60, .nulls = 0.3, .values = 6});
      ASSERT_FALSE(::testing::Test::HasFatalFailure());
      ASSERT_EQ(view.difference(), "") << "filled";
      for (int tick = 0; tick < 6; ++tick) {
        view.apply_random(random, {.rows = 20, .deletes = 0.9, .nulls = 0.3, .values = 6});
        ASSERT_FALSE(::testing::Test::HasFatalFailure());
        ASSERT_EQ(view.difference(), "") << "tick " << tick;
      }
    }
  }
  EXPECT_GT(ViewUnderTest::conditions(), before + 10);
}

}  // namespace
}  // namespace sluice::dataflow
