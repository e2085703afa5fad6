// Plans as they are, against files of queries and what becomes of them. A file is a list of
//
//   -- query
//   the plan, or the refusal
//
// With SLUICE_WRITE_PLANS set, the files are written instead: look at the difference.
#include "dataflow/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "dataflow/testing/tpch.h"
#include "engine/functions/register.h"

namespace sluice::dataflow {
namespace {

using engine::LogicalType;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<SourceTable> planned_tables() {
  return {{"t",
           {{"k", "a", "b", "s", "l"},
            {LogicalType::INTEGER, LogicalType::INTEGER, LogicalType::DOUBLE, LogicalType::VARCHAR,
             LogicalType::LIST(LogicalType::INTEGER)}},
           {1},
           1000},
          {"u",
           {{"k", "x", "s"}, {LogicalType::INTEGER, LogicalType::INTEGER, LogicalType::VARCHAR}},
           {2},
           100}};
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string plans_file(const std::string& name) {
  return fmt::format("{}/{}", SLUICE_DATAFLOW_TESTING, name);
}

void expect_file(const std::string& name, const std::string& text) {
  if (std::getenv("SLUICE_WRITE_PLANS") != nullptr) {
    std::ofstream(plans_file(name)) << text;
    return;
  }
  EXPECT_EQ(read(plans_file(name)), text);
}

class PlannerTest : public ::testing::Test {
 protected:
  Result<Plan> plan(const std::string& sql, std::span<const SourceTable> sources) {
    TRY_ASSIGN(const engine::Query query, engine::Query::parse(sql));
    return planner_.compile(query, sources);
  }

  std::string explained(const std::string& sql, std::span<const SourceTable> sources) {
    const auto made = plan(sql, sources);
    if (made.ok()) return explain(*made);
    const Error& error = made.error();
    return fmt::format("{}: {}\n{}", error.sqlstate, error.message,
                       error.hint.empty() ? "" : error.hint + "\n");
  }

  Planner planner_{engine::functions::register_functions};
};

TEST_F(PlannerTest, PlansAllOfTpch) {
  const auto tables = testing::tpch_tables();
  std::string text;
  for (const auto& query : testing::tpch_queries()) {
    const std::string made = explained(query.sql, tables);
    EXPECT_THAT(made, Not(HasSubstr("0A000"))) << query.name;
    // As if an empty table were the last word on it.
    EXPECT_THAT(made, Not(HasSubstr("without rows"))) << query.name;
    text += fmt::format("-- {}\n{}\n", query.name, made);
  }
  expect_file("tpch_plans.txt", text);
}

TEST_F(PlannerTest, PlansOrRefusesByShape) {
  std::istringstream known(read(plans_file("shapes.txt")));
  const auto tables = planned_tables();
  std::string text;
  for (std::string line; std::getline(known, line);) {
    if (!line.starts_with("-- ")) continue;
    text += fmt::format("{}\n{}\n", line, explained(line.substr(3), tables));
  }
  expect_file("shapes.txt", text);
}

TEST_F(PlannerTest, OrdersJoinsByTheRowsThereAre) {
  auto tables = planned_tables();
  const std::string sql =
      "SELECT 1 FROM t, u, t AS v WHERE t.k = u.k AND t.a = v.a AND u.s = v.s AND u.x < 3";
  const std::string few_u = explained(sql, tables);
  tables[0].rows = 10;
  tables[1].rows = 1'000'000;
  EXPECT_NE(explained(sql, tables), few_u);
}

TEST_F(PlannerTest, NamesTheColumns) {
  const auto made =
      plan("SELECT k AS first, a + 1, count(*) OVER () AS n FROM t", planned_tables());
  ASSERT_TRUE(made.ok()) << made.error().message;
  ASSERT_EQ(made->names.size(), 3U);
  EXPECT_EQ(made->names[0], "first");
  EXPECT_EQ(made->names[2], "n");
  EXPECT_EQ(made->root->types[2], LogicalType::BIGINT);
}

TEST_F(PlannerTest, KeepsAPlanWholeWhenThePlannerIsGone) {
  std::optional<Plan> kept;
  {
    Planner gone(engine::functions::register_functions);
    const auto query = engine::Query::parse("SELECT lower(s), sum(a) FROM t GROUP BY 1");
    kept = std::move(gone.compile(*query, planned_tables())).value();
  }
  EXPECT_THAT(explain(*kept), HasSubstr("lower(#0)"));
  EXPECT_TRUE(kept->root->as<Aggregate>().calls[0].bound->Copy() != nullptr);
}

TEST_F(PlannerTest, PlansForManyThreads) {
  const std::string sql = "SELECT k, sum(x) FROM t JOIN u USING (k) GROUP BY k";
  const std::string alone = explained(sql, planned_tables());
  std::array<std::string, 4> made;
  {
    std::vector<std::jthread> threads;
    threads.reserve(made.size());
    for (std::string& one : made) {
      threads.emplace_back([&] { one = explained(sql, planned_tables()); });
    }
  }
  for (const std::string& one : made) EXPECT_EQ(one, alone);
}

TEST_F(PlannerTest, SharesWhatIsReadTwice) {
  const auto made = plan(
      "WITH c AS (SELECT k, sum(a) AS s FROM t GROUP BY k) "
      "SELECT * FROM c AS x JOIN c AS y ON x.s = y.s",
      planned_tables());
  ASSERT_TRUE(made.ok()) << made.error().message;
  size_t aggregates = 0;
  for (const Node* node : in_order(*made)) aggregates += node->kind == NodeKind::kAggregate;
  EXPECT_EQ(aggregates, 1U);
}

}  // namespace
}  // namespace sluice::dataflow
