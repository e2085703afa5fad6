// Views over whole queries: TPC-H's, and random ones. After each tick the view equals DuckDB's
// answer of the same query from scratch.
//
// SLUICE_TEST_FACTOR multiplies the seeds; the seed of a failure is in its message.
#include <gtest/gtest.h>

#include <cstdlib>

#include "dataflow/testing/random_query.h"
#include "dataflow/testing/tpch.h"
#include "dataflow/testing/view_under_test.h"
#include "engine/functions/register.h"

namespace sluice::dataflow {
namespace {

using engine::LogicalType;
using testing::Beginning;
using testing::RandomOptions;
using testing::ViewUnderTest;

int seeds_wanted(int normally) {
  const char* factor = std::getenv("SLUICE_TEST_FACTOR");
  return factor == nullptr ? normally : normally * std::max(1, std::atoi(factor));
}

std::vector<SourceTable> tables_named_in(const std::string& sql) {
  std::vector<SourceTable> tables = testing::tpch_tables();
  std::erase_if(
      tables, [&](const SourceTable& table) { return sql.find(table.name) == std::string::npos; });
  return tables;
}

// The query with its ties ordered as a view orders them: by all columns.
std::string without_ties(std::string sql, size_t columns) {
  const size_t limit = sql.find(" LIMIT");
  if (limit == std::string::npos) return sql;
  std::string all;
  for (size_t i = 1; i <= columns; ++i) all += fmt::format(", {}", i);
  return sql.insert(limit, all);
}

TEST(Oracle, KeepsAllOfTpch) {
  Planner planner(engine::functions::register_functions);
  for (const auto& query : testing::tpch_queries()) {
    const auto tables = tables_named_in(query.sql);
    const auto plan = planner.compile(*engine::Query::parse(query.sql), tables);
    ASSERT_TRUE(plan.ok()) << query.name << plan.error().message;
    const std::string judge = without_ties(query.sql, plan->names.size());
    size_t rows_seen = 0;
    // With this one every query finds something.
    constexpr int kFirstSeed = 4;
    for (int seed = kFirstSeed; seed < kFirstSeed + seeds_wanted(1); ++seed) {
      SCOPED_TRACE(::testing::Message() << query.name << " seed " << seed);
      std::mt19937 random(static_cast<uint32_t>(seed));
      ViewUnderTest view(tables, query.sql, judge, Beginning::kFilled);
      if (!view.made()) break;
      RandomOptions options;
      options.make = testing::tpch_value;
      options.nulls = 0.02;
      options.rows = 40;
      options.deletes = 0;
      view.fill_random(random, options);
      ASSERT_EQ(view.difference(), "") << "filled";
      for (int tick = 0; tick < 7; ++tick) {
        view.apply_random(random, options);
        ASSERT_FALSE(::testing::Test::HasFatalFailure());
        ASSERT_EQ(view.difference(), "") << "tick " << tick;
        rows_seen += view.rows().size();
        options.rows = tick % 3 == 2 ? 15 : 4;
        options.deletes = tick == 4 ? 0.9 : 0.4;
      }
    }
    // A query that finds nothing proves nothing.
    EXPECT_GT(rows_seen, 0U) << query.name;
  }
}

TEST(Oracle, KeepsRandomQueries) {
  const std::vector<SourceTable> tables = testing::random_query_tables();
  int splits = 0;
  // Many ticks for each, since a plan takes longer to make than a tick.
  for (int seed = 1; seed <= seeds_wanted(140); ++seed) {
    std::mt19937 random(static_cast<uint32_t>(seed));
    const std::string sql = testing::random_query(random);
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << sql);
    const bool filled = seed % 2 == 0;
    ViewUnderTest view(tables, sql, "", filled ? Beginning::kFilled : Beginning::kEmpty);
    ASSERT_TRUE(view.made());
    RandomOptions options;
    options.values = 6;
    if (filled) {
      options.rows = 25;
      view.fill_random(random, options);
      ASSERT_EQ(view.difference(), "") << "filled";
    }
    for (int tick = 0; tick < 24; ++tick) {
      options.rows = tick == 0 ? 25 : 1 + random() % 6;
      options.deletes = tick % 7 == 6 ? 0.9 : 0.45;
      // In some, parts are other graphs' work before the end.
      if (seed % 3 == 0 && tick % 6 == 5) splits += view.split_random(random) ? 1 : 0;
      view.apply_random(random, options);
      ASSERT_FALSE(::testing::Test::HasFatalFailure());
      ASSERT_EQ(view.difference(), "") << "tick " << tick;
    }
  }
  EXPECT_GT(splits, 50);
}

}  // namespace
}  // namespace sluice::dataflow
