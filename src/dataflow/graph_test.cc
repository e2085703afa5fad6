// The law of every operator: after each tick the view equals its query over the rows that are left.
#include "dataflow/graph.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "dataflow/testing/tpch.h"
#include "dataflow/testing/view_under_test.h"
#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

using engine::LogicalType;
using engine::Value;
using testing::Beginning;
using testing::RandomOptions;
using testing::Row;
using testing::ViewUnderTest;

std::vector<SourceTable> two_tables() {
  return {
      {"t",
       {{"k", "a", "b", "s", "d", "l"},
        {LogicalType::INTEGER, LogicalType::BIGINT, LogicalType::DOUBLE, LogicalType::VARCHAR,
         LogicalType::DECIMAL(12, 2), LogicalType::LIST(LogicalType::INTEGER)}},
       {1},
       1000},
      {"u",
       {{"k", "x", "y", "w"},
        {LogicalType::INTEGER, LogicalType::INTEGER, LogicalType::DOUBLE, LogicalType::VARCHAR}},
       {2},
       100}};
}

// More of it where somebody asks.
int factor() {
  const char* wanted = std::getenv("SLUICE_TEST_FACTOR");
  return wanted == nullptr ? 1 : std::max(1, std::atoi(wanted));
}

void expect_law(const std::string& sql, const std::string& judge = "", int seeds = 4,
                int ticks = 18) {
  SCOPED_TRACE(sql);
  for (int seed = 1; seed <= seeds * factor(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937 random(static_cast<uint32_t>(seed));
    const bool filled = seed % 2 == 0;
    ViewUnderTest view(two_tables(), sql, judge, filled ? Beginning::kFilled : Beginning::kEmpty);
    if (!view.made()) return;
    if (filled) view.fill_random(random, {.rows = random() % 3 == 0 ? 0U : 40U, .values = 6});
    ASSERT_FALSE(::testing::Test::HasFatalFailure());
    ASSERT_EQ(view.difference(), "") << "before any tick";
    for (int tick = 0; tick < ticks; ++tick) {
      RandomOptions options;
      options.rows = random() % 4 == 0 ? 60 : 1 + random() % 8;
      options.deletes = tick % 6 == 5 ? 0.95 : 0.4;
      options.values = seed % 2 == 0 ? 4 : 12;
      view.apply_random(random, options);
      ASSERT_FALSE(::testing::Test::HasFatalFailure());
      ASSERT_EQ(view.difference(), "") << "tick " << tick;
    }
  }
}

void expect_laws(std::initializer_list<const char*> queries) {
  for (const char* sql : queries) {
    expect_law(sql);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Graph, KeepsFiltersAndProjections) {
  expect_laws({"SELECT * FROM t", "SELECT k + 1, upper(s), b FROM t WHERE a > 1 AND k IS NOT NULL",
               "SELECT l, list_extract(l, 1), s FROM t WHERE k = 1 OR b > 0.5 OR s IS NULL",
               "SELECT 1 AS one, 'x' AS two", "SELECT k FROM t UNION ALL SELECT x FROM u",
               "SELECT * FROM (VALUES (1, 'a'), (2, NULL), (1, 'a')) v(n, m)"});
}

TEST(Graph, KeepsInnerJoins) {
  expect_laws({"SELECT t.k, a, x, w FROM t JOIN u ON t.k = u.k",
               "SELECT t.*, u.* FROM t JOIN u ON t.k = u.k AND t.a < u.x",
               "SELECT t.a, u.x FROM t, u WHERE t.a < u.x", "SELECT t.a, u.x FROM t, u",
               "SELECT t.a, u.x FROM t JOIN u ON t.b = u.y",
               "SELECT t.a, u.x FROM t JOIN u ON t.k IS NOT DISTINCT FROM u.k AND t.s = u.w",
               "SELECT a.k, b.k FROM t a JOIN t b ON a.k = b.a"});
}

TEST(Graph, KeepsOuterJoins) {
  expect_laws({"SELECT t.k, a, x, w FROM t LEFT JOIN u ON t.k = u.k",
               "SELECT t.k, a, x, w FROM t RIGHT JOIN u ON t.k = u.k",
               "SELECT t.k, a, x, w FROM t FULL JOIN u ON t.k = u.k",
               "SELECT t.k, a, x, w FROM t LEFT JOIN u ON t.k = u.k AND t.a < u.x",
               "SELECT t.k, a, x, w FROM t RIGHT JOIN u ON t.k = u.k AND t.a < u.x",
               "SELECT t.k, a, x, w FROM t FULL JOIN u ON t.k = u.k AND t.a + u.x > 3",
               "SELECT t.k, a, x, w FROM t LEFT JOIN u ON t.a < u.x",
               "SELECT t.k, b, x, y FROM t FULL JOIN u ON t.b = u.y"});
}

TEST(Graph, KeepsSemiAntiAndMarkJoins) {
  expect_laws(
      {"SELECT * FROM t WHERE k IN (SELECT k FROM u)",
       "SELECT * FROM t WHERE k NOT IN (SELECT k FROM u)",
       "SELECT * FROM t WHERE k NOT IN (SELECT k FROM u WHERE k IS NOT NULL)",
       "SELECT k, k IN (SELECT k FROM u) FROM t",
       "SELECT k, a IN (SELECT x FROM u WHERE u.k = t.k) FROM t",
       "SELECT k, k > ANY (SELECT x FROM u) FROM t", "SELECT k, k >= ALL (SELECT x FROM u) FROM t",
       "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.x > t.a)",
       "SELECT * FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.x > t.a)",
       "SELECT * FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.k = t.k)",
       "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k) OR a = 1",
       "SELECT * FROM t SEMI JOIN u ON t.k = u.k", "SELECT * FROM t ANTI JOIN u ON t.b = u.y"});
}

TEST(Graph, ComparesRowsOfManyColumnsInThreeValues) {
  // DuckDB says NULL as soon as any row of the subquery has one; SQL asks each row.
  expect_law("SELECT k, s, (k, s) IN (SELECT k, w FROM u) FROM t",
             "SELECT k, s, CASE WHEN EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.w = t.s) "
             "THEN true WHEN EXISTS (SELECT 1 FROM u WHERE (u.k = t.k AND u.w = t.s) IS NULL) "
             "THEN NULL ELSE false END FROM t");
}

TEST(Graph, KeepsScalarSubqueries) {
  expect_laws({"SELECT k, (SELECT max(x) FROM u WHERE u.k = t.k) FROM t",
               "SELECT k, (SELECT count(*) FROM u WHERE u.k = t.k) FROM t",
               "SELECT k, a > (SELECT avg(x) FROM u) FROM t",
               "SELECT k FROM t WHERE a = (SELECT min(x) FROM u WHERE u.k = t.k)"});
}

TEST(Graph, KeepsLinearAggregates) {
  expect_laws(
      {"SELECT count(*), count(a), sum(a), sum(d), avg(d), avg(k) FROM t",
       "SELECT k, count(*), sum(a), avg(a), sum(d) FROM t GROUP BY k",
       "SELECT s, b, count(*) FILTER (WHERE a > 1), sum(k) FILTER (WHERE a IS NULL) FROM t "
       "GROUP BY s, b",
       "SELECT k, sluice_sum(k), sluice_avg(k), sluice_sum(a), sluice_avg(d), sluice_sum(d) "
       "FROM t GROUP BY k",
       "SELECT k FROM t GROUP BY k", "SELECT k, sum(a) FROM t GROUP BY k HAVING count(*) > 2",
       "SELECT l, count(*) FROM t GROUP BY l"});
}

TEST(Graph, KeepsOtherAggregates) {
  expect_laws({"SELECT k, min(a), max(b), min(s), max(d) FROM t GROUP BY k",
               "SELECT min(b), max(b), min(s), max(k) FILTER (WHERE a > 2) FROM t",
               "SELECT min(a), max(s) FROM t",
               "SELECT k, median(a), sum(b), avg(b) FROM t GROUP BY k",
               "SELECT k, count(DISTINCT s), count(DISTINCT b), sum(DISTINCT a) FROM t GROUP BY k",
               "SELECT k, string_agg(s, ',' ORDER BY s, a) FROM t GROUP BY k",
               "SELECT k, array_agg(a ORDER BY a DESC NULLS LAST) FROM t GROUP BY k",
               "SELECT bool_and(a > 0), bool_or(k = 1), stddev_pop(k) IS NULL FROM t",
               "SELECT k, arg_max(s, a * 100 + length(s)) IS NULL, max(l) FROM t GROUP BY k"});
}

// DuckDB takes casts of one value to different types for equal.
TEST(Graph, KeepsDifferentCastsApart) {
  expect_laws({"SELECT k, max(a::double), max(a::integer), min(a::text) FROM t GROUP BY k",
               "SELECT count(*) FROM t GROUP BY a::double, a::text, a::hugeint",
               "SELECT k, sum(b::bigint), sum(b) FROM t GROUP BY k ORDER BY 1"});
}

// What is to be given follows from what is ordered by, so that ties leave no choice.
TEST(Graph, KeepsArgumentsOfExtremes) {
  expect_laws(
      {"SELECT k, arg_max(a, a * 3), arg_min(a, -a), arg_max(s, s), arg_min(s, s || 'x') FROM t "
       "GROUP BY k",
       "SELECT arg_max(b, b), arg_min(b, b), max_by(a, b) IS NULL, min_by(d, d) FROM t",
       "SELECT k, arg_max([a, k], a), arg_min({'s': s, 'n': NULL}, s), arg_max(d::text, d) FROM t "
       "GROUP BY k",
       "SELECT k, arg_max(CASE WHEN a < 3 THEN a END, a), arg_min(s, CASE WHEN s > 'b' THEN s END) "
       "FROM t GROUP BY k",
       "SELECT k, arg_max(a, a) FILTER (WHERE b > 0), arg_min(a, a) FILTER (WHERE s < 'c'), "
       "arg_max(DISTINCT a, a), arg_max_null(a, a), arg_max(a, a, 2) FROM t GROUP BY k",
       "SELECT arg_max(a::tinyint, a), arg_max(a::hugeint, a), arg_min(a::float, a::hugeint), "
       "arg_max(a > 1, a), arg_max(a, a::numeric(30,3)), arg_max(a, to_days(a::integer)) FROM t",
       "SELECT k, arg_min(x, (a, x)), arg_max(max_a, k) FROM (SELECT k, a, s AS x, max(a) OVER "
       "(PARTITION BY k) AS max_a FROM t) GROUP BY k"});
}

TEST(Graph, KeepsMedians) {
  expect_laws(
      {"SELECT k, median(a), min(a), max(a), median(a) FILTER (WHERE b > 0) FROM t GROUP BY k",
       "SELECT k, median(DISTINCT a), median(s), median(d), median(a > 1) FROM t GROUP BY k",
       "SELECT median(b), median(a::hugeint), median(a::tinyint), median(a::float) FROM t",
       "SELECT k, median(date '2020-01-01' + a::integer), median(to_timestamp(a * 7)), "
       "median(time '01:00:00' + to_seconds(a)), median(to_days(a::integer)) FROM t GROUP BY k",
       "SELECT k, median(CASE a WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' WHEN 3 THEN '-Infinity' "
       "WHEN 0 THEN '-0' ELSE a::text END::double) FROM t GROUP BY k",
       "SELECT median(CASE WHEN a > 2 THEN 'infinity'::date ELSE date '2020-01-01' END), "
       "median(CASE WHEN a > 1 THEN 9223372036854775807 ELSE -9223372036854775807 END) FROM t"});
}

// So many different values that they lie in many pieces, which come, are divided and go again.
TEST(Graph, KeepsExtremesOfLargeGroups) {
  for (int seed = 1; seed <= 2 * factor(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937 random(static_cast<uint32_t>(seed));
    ViewUnderTest view(
        two_tables(),
        "SELECT k % 2, min(a), max(a), min(s), max(b), median(a), median(b), arg_max(a, a + 1), "
        "arg_min(s || 'tail', s), "
        "median(s), median(k) FILTER (WHERE a > 9) FROM t GROUP BY 1");
    ASSERT_TRUE(view.made());
    RandomOptions options;
    options.nulls = 0.02;
    options.make = [](std::mt19937& from, const std::string& column) {
      const auto number = static_cast<int64_t>(from() % 4000);
      if (column == "s") return engine::Value(fmt::format("a text of some length {}", number));
      if (column == "b") return engine::Value::DOUBLE(static_cast<double>(number) / 4 - 500);
      if (column == "l") return engine::Value::LIST(LogicalType::INTEGER, {});
      if (column == "k") return engine::Value::INTEGER(static_cast<int32_t>(number));
      if (column == "d") return engine::Value::BIGINT(1).DefaultCastAs(LogicalType::DECIMAL(12, 2));
      return engine::Value::BIGINT(number);
    };
    for (const double deletes : {0.0, 0.1, 0.3, 0.9, 0.95, 0.2, 1.0}) {
      options.rows = deletes == 1 ? 3000 : 900;
      options.deletes = deletes;
      view.apply_random(random, options);
      ASSERT_EQ(view.difference(), "") << "deletes " << deletes;
    }
  }
}

TEST(Graph, KeepsGroupingSets) {
  expect_laws(
      {"SELECT k, s, count(*), sum(a), grouping(k), grouping(k, s) FROM t "
       "GROUP BY ROLLUP (k, s)",
       "SELECT k, s, min(a) FROM t GROUP BY CUBE (k, s)",
       "SELECT k, s, count(*) FROM t GROUP BY GROUPING SETS ((k), (s), ())"});
}

TEST(Graph, KeepsDistinctAndSetOperations) {
  expect_laws({"SELECT DISTINCT k, b FROM t", "SELECT DISTINCT l FROM t",
               "SELECT k FROM t UNION SELECT x FROM u", "SELECT k FROM t EXCEPT SELECT x FROM u",
               "SELECT k FROM t EXCEPT ALL SELECT x FROM u",
               "SELECT b FROM t INTERSECT SELECT y FROM u",
               "SELECT k FROM t INTERSECT ALL SELECT x FROM u"});
}

TEST(Graph, KeepsFirstRows) {
  expect_laws({"SELECT * FROM t ORDER BY k DESC, a, b, s, d, l LIMIT 3",
               "SELECT k, a FROM t ORDER BY a NULLS FIRST, k LIMIT 4 OFFSET 2",
               "SELECT k, a FROM t ORDER BY a, k OFFSET 5",
               "SELECT DISTINCT ON (k) k, a, s, d FROM t ORDER BY k, a DESC, s, d"});
}

TEST(Graph, KeepsElementsOfLists) {
  expect_laws({"SELECT k, unnest(l) FROM t", "SELECT k, e FROM t, unnest(t.l) AS x(e) WHERE e > 1",
               "SELECT k, unnest(l), unnest([k, a]) FROM t",
               "SELECT e, count(*) FROM (SELECT unnest(l) AS e FROM t) GROUP BY e"});
}

TEST(Graph, KeepsWindowFunctions) {
  expect_laws({"SELECT k, a, rank() OVER (PARTITION BY k ORDER BY a) FROM t",
               "SELECT *, row_number() OVER (PARTITION BY s ORDER BY k, a, b, d, l) FROM t",
               "SELECT k, a, sum(a) OVER (PARTITION BY k), count(*) OVER () FROM t",
               "SELECT k, a, sum(a) OVER (PARTITION BY b ORDER BY k) FROM t",
               ("SELECT k, a, lag(a) OVER (PARTITION BY k ORDER BY a), "
                "max(a) OVER (PARTITION BY k ORDER BY a ROWS 1 PRECEDING) FROM t"),
               "SELECT k, a FROM t QUALIFY dense_rank() OVER (PARTITION BY k ORDER BY a DESC) <= 2",
               "SELECT k, ntile(k) OVER (PARTITION BY k ORDER BY k, a, b, s, d, l) FROM t"});
}

TEST(Graph, KeepsCommonTablesOnce) {
  expect_laws(
      {"WITH c AS MATERIALIZED (SELECT k, sum(a) AS n FROM t GROUP BY k) "
       "SELECT * FROM c WHERE n = (SELECT max(n) FROM c)",
       "SELECT x.k, y.n FROM t x JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) y "
       "ON x.k = y.k"});
}

// Writes `mz_now() operation bound`, for a view or for its judge.
using Compare = std::function<std::string(const char* operation, const char* bound)>;

void expect_law_in_time(const std::function<std::string(const Compare&)>& sql) {
  const std::string view_sql = sql([](const char* operation, const char* bound) {
    return fmt::format("sluice_compare(sluice_logical_time(), {}, '{}')", bound, operation);
  });
  const std::string judge = sql([](const char* operation, const char* bound) {
    return fmt::format("($1::BIGINT {} {})", operation, bound);
  });
  SCOPED_TRACE(judge);
  for (int seed = 1; seed <= 6 * factor(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937 random(static_cast<uint32_t>(seed));
    const bool filled = seed % 2 == 0;
    ViewUnderTest view(two_tables(), view_sql, judge,
                       filled ? Beginning::kFilled : Beginning::kEmpty);
    if (!view.made()) return;
    RandomOptions options{.rows = 40, .values = 14};
    view.set_time(random() % 4);
    if (filled) view.fill_random(random, options);
    for (int tick = 0; tick < 20; ++tick) {
      options.rows = random() % 4 == 0 ? 40 : 1 + random() % 8;
      // At times many milliseconds pass at once, at times none.
      view.set_time(view.time() + (random() % 5 == 0 ? random() % 12 : random() % 2));
      if (random() % 3 == 0) {
        view.apply({});
      } else {
        view.apply_random(random, options);
      }
      ASSERT_FALSE(::testing::Test::HasFatalFailure());
      ASSERT_EQ(view.difference(), "") << "tick " << tick;
      // It stays so until something is due.
      const auto due = view.graph().next_due();
      const uint64_t until = due ? *due - 1 : view.time() + 30;
      ASSERT_LE(view.time(), until);
      ASSERT_EQ(view.difference_at(until), "") << "tick " << tick << " until " << until;
    }
  }
}

TEST(Graph, RowsComeAndGoWithTime) {
  expect_law_in_time([](const Compare& now) {
    return "SELECT k, s FROM t WHERE a < 12 AND " + now("<=", "a + 3");
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT k, a FROM t WHERE " + now(">=", "a") + " AND " + now("<", "a + k");
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT k, a, s FROM t WHERE " + now(">", "a") + " AND " + now("<=", "k + 4") + " AND " +
           now("<", "a + 6");
  });
  expect_law_in_time([](const Compare& now) { return "SELECT s FROM t WHERE " + now("=", "a"); });
}

TEST(Graph, WhatReadsRowsThatComeAndGoFollows) {
  expect_law_in_time([](const Compare& now) {
    return "SELECT k, count(*), sum(a), max(s) FROM t WHERE " + now("<", "a + 5") + " GROUP BY k";
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT k, max(a) FROM t GROUP BY k HAVING " + now(">=", "max(a)");
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT t.k, t.a, u.x FROM t JOIN u USING (k) WHERE " + now("<=", "t.a + u.x");
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT t.k, t.a, u.x FROM t LEFT JOIN u ON t.k = u.k WHERE " + now("<=", "t.a + 2");
  });
  // A condition that no missing row can meet.
  expect_law_in_time([](const Compare& now) {
    return "SELECT t.k, t.a, u.x FROM t LEFT JOIN u ON t.k = u.k WHERE " + now("<=", "u.x + 2");
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT k, a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND " +
           now("<", "u.x + 3") + ")";
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT k FROM t WHERE " + now("<", "a + 3") + " UNION SELECT k FROM u WHERE " +
           now(">", "x");
  });
  expect_law_in_time([](const Compare& now) {
    return "WITH now_there AS (SELECT k, a FROM t WHERE " + now("<", "a + 4") +
           ") SELECT one.k, other.a FROM now_there one JOIN now_there other USING (k)";
  });
}

TEST(Graph, ConstantsComeAndGoWithTime) {
  expect_law_in_time([](const Compare& now) {
    return "SELECT count(*) FROM (VALUES (3), (7), (NULL)) v (x) WHERE " + now(">=", "x");
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT k FROM t WHERE " + now(">=", "5") + " AND " + now("<", "25");
  });
  expect_law_in_time([](const Compare& now) {
    return "SELECT t.k, u.x FROM t LEFT JOIN u USING (k) WHERE " + now("<", "25");
  });
}

TEST(Graph, KeepsOfRowsWithATimeThoseThatHaveOneLeft) {
  const std::vector<SourceTable> tables = {{"t", {{"a"}, {LogicalType::BIGINT}}, {1}, 10}};
  const auto now = [](const char* operation) {
    return fmt::format("sluice_compare(sluice_logical_time(), a, '{}')", operation);
  };
  const auto kept = [](ViewUnderTest& view) {
    size_t rows = 0;
    for (const Graph::NodeState& state : view.graph().states()) rows += state.state.rows;
    return rows;
  };
  ViewUnderTest view(tables, "SELECT a FROM t WHERE " + now(">="), "SELECT a FROM t WHERE a <= $1");
  view.set_time(10);
  view.apply({{"t", {{{Value::BIGINT(5)}, 1}, {{Value::BIGINT(20)}, 1}}}});
  EXPECT_EQ(kept(view), 1);
  EXPECT_EQ(view.graph().next_due(), 20);
  view.set_time(20);
  view.apply({});
  EXPECT_EQ(view.difference(), "");
  EXPECT_EQ(kept(view), 0);
  EXPECT_EQ(view.graph().next_due(), std::nullopt);
}

TEST(Graph, ErrorsComeAndGoWithTheirRows) {
  expect_laws({"SELECT cast(s AS INTEGER) FROM t WHERE k = 3",
               "SELECT k, (a * 4611686018427387904)::BIGINT FROM t",
               "SELECT sum(cast(w AS INTEGER)) FROM u WHERE x = 2"});
}

// As in SELECT: what is NULL already cannot become true, so nothing more is asked.
TEST(Graph, NoConditionIsAskedAfterOneThatIsNull) {
  for (const char* sql : {"SELECT k FROM u WHERE x > 1 AND cast(w AS INTEGER) > 1",
                          "SELECT k FROM u WHERE k = 7 OR (x > 1 AND cast(w AS INTEGER) > 1)"}) {
    SCOPED_TRACE(sql);
    ViewUnderTest view(two_tables(), sql);
    ASSERT_TRUE(view.made());
    const Row row = {Value::INTEGER(1), Value(LogicalType::INTEGER), Value::DOUBLE(3), Value("x")};
    view.apply({{"u", {{row, 1}}}});
    EXPECT_EQ(view.difference(), "");
    EXPECT_FALSE(view.graph().error());
  }
}

TEST(Graph, ARowThatCannotBeEvaluatedIsAnErrorUntilItGoes) {
  ViewUnderTest view(two_tables(), "SELECT cast(w AS INTEGER) AS n FROM u");
  ASSERT_TRUE(view.made());
  const auto row = [](const char* text) {
    return Row{engine::Value::INTEGER(1), engine::Value::INTEGER(2), engine::Value::DOUBLE(3),
               engine::Value(text)};
  };
  // The bad one is in the middle of a batch, and there twice.
  view.apply({{"u", {{row("7"), 1}, {row("x"), 2}, {row("8"), 1}}}});
  ASSERT_TRUE(view.graph().error());
  EXPECT_EQ(view.graph().error()->sqlstate, "22P02");
  EXPECT_EQ(view.rows().size(), 2u);
  view.apply({{"u", {{row("x"), -1}, {row("9"), 1}}}});
  EXPECT_TRUE(view.graph().error());
  EXPECT_EQ(view.rows().size(), 3u);
  view.apply({{"u", {{row("x"), -1}, {row("7"), -1}}}});
  EXPECT_FALSE(view.graph().error());
  EXPECT_EQ(view.rows().size(), 2u);
}

TEST(Graph, AScalarSubqueryWithTwoRowsIsAnErrorUntilOneGoes) {
  ViewUnderTest view(two_tables(), "SELECT k, (SELECT x FROM u WHERE u.k = t.k) FROM t");
  ASSERT_TRUE(view.made());
  const auto integer = [](int value) { return engine::Value::INTEGER(value); };
  const Row t = {integer(1),
                 engine::Value::BIGINT(1),
                 engine::Value::DOUBLE(1),
                 engine::Value("s"),
                 engine::Value::BIGINT(1).DefaultCastAs(LogicalType::DECIMAL(12, 2)),
                 engine::Value::LIST(LogicalType::INTEGER, {})};
  const Row u = {integer(1), integer(7), engine::Value::DOUBLE(1), engine::Value("w")};
  const Row v = {integer(1), integer(8), engine::Value::DOUBLE(1), engine::Value("w")};
  view.apply({{"u", {{u, 1}, {v, 1}}}});
  EXPECT_FALSE(view.graph().error());
  view.apply({{"t", {{t, 1}}}});
  ASSERT_TRUE(view.graph().error());
  EXPECT_EQ(view.graph().error()->sqlstate, "21000");
  view.apply({{"u", {{v, -1}}}});
  EXPECT_FALSE(view.graph().error());
  ASSERT_EQ(view.rows().size(), 1u);
  EXPECT_EQ(view.rows().begin()->second, 1);
}

Row row_of_u(int k, const char* text = "w") {
  return {engine::Value::INTEGER(k), engine::Value::INTEGER(2), engine::Value::DOUBLE(3),
          engine::Value(text)};
}

Delta rows_of_u(int count) {
  auto batch = std::make_shared<Batch>();
  engine::initialize(batch->rows, two_tables()[1].shape.types, static_cast<size_t>(count));
  batch->rows.SetCardinality(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const Row row = row_of_u(i);
    for (size_t column = 0; column < row.size(); ++column) {
      batch->rows.SetValue(column, static_cast<size_t>(i), row[column]);
    }
  }
  batch->weights.assign(static_cast<size_t>(count), 1);
  return {batch};
}

TEST(Graph, AFillingEndsWhenItIsStoppedAndWhenItsSinkFails) {
  for (const bool stopped : {true, false}) {
    ViewUnderTest view(two_tables(), "SELECT k, count(*) FROM u GROUP BY k", "",
                       Beginning::kFilled);
    ASSERT_TRUE(view.made());
    std::stop_source stop;
    const auto sink = [](const Delta&) -> Status {
      return error(ErrorCode::kUnavailable, "the sink is full");
    };
    ASSERT_TRUE(view.graph().begin_fill(sink, stop.get_token()).ok());
    ASSERT_TRUE(view.graph().fill({2}, rows_of_u(5)).ok());
    if (stopped) stop.request_stop();
    const Status status = view.graph().finish_fill();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, stopped ? ErrorCode::kCancelled : ErrorCode::kUnavailable);
    // What is left of it is no view.
    EXPECT_EQ(view.graph().tick({}).error().code, status.error().code);
    ASSERT_TRUE(view.graph().error());
    EXPECT_TRUE(view.graph().states().empty());
  }
}

TEST(Graph, EndsWithAnErrorWhereItsRowsTakeMoreThanTheyMay) {
  ViewUnderTest view(two_tables(), "SELECT DISTINCT k FROM u");
  ASSERT_TRUE(view.made());
  view.apply({{"u", {{row_of_u(1), 1}}}});
  const size_t before = view.graph().bytes();
  ASSERT_GT(before, 0U);
  view.graph().set_limit(before + 10000);
  EXPECT_TRUE(view.graph().tick({{SourceId{2}, rows_of_u(20)}}).ok());
  const auto full = view.graph().tick({{SourceId{2}, rows_of_u(2000)}});
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().sqlstate, "53200");
  ASSERT_TRUE(view.graph().error());
  EXPECT_EQ(view.graph().bytes(), 0U);
}

TEST(Graph, ErrorsCountAsWhatItKeeps) {
  ViewUnderTest view(two_tables(), "SELECT cast(w AS INTEGER) AS n FROM u");
  ASSERT_TRUE(view.made());
  EXPECT_EQ(view.graph().bytes(), 0U);
  view.apply({{"u", {{row_of_u(1, "x"), 1}, {row_of_u(1, "y"), 1}}}});
  EXPECT_GT(view.graph().bytes(), 0U);
  view.apply({{"u", {{row_of_u(1, "x"), -1}, {row_of_u(1, "y"), -1}}}});
  EXPECT_EQ(view.graph().bytes(), 0U);
}

TEST(Graph, SaysWhatEachOperatorCosts) {
  for (const bool filled : {true, false}) {
    ViewUnderTest view(two_tables(), "SELECT k, count(*) FROM u WHERE k < 3 GROUP BY k", "",
                       filled ? Beginning::kFilled : Beginning::kEmpty);
    ASSERT_TRUE(view.made());
    if (filled) {
      ASSERT_TRUE(view.graph().begin_fill([](const Delta&) -> Status { return {}; }).ok());
      ASSERT_TRUE(view.graph().fill({2}, rows_of_u(5)).ok());
      ASSERT_TRUE(view.graph().finish_fill().ok());
    } else {
      ASSERT_TRUE(view.graph().tick({{SourceId{2}, rows_of_u(5)}}).ok());
    }
    size_t bytes = 0;
    for (const Graph::NodeState& state : view.graph().states()) {
      bytes += state.state.bytes;
      EXPECT_GT(state.total.count(), 0);
      EXPECT_EQ(state.last_tick.count() > 0, !filled);
      if (state.node->kind == NodeKind::kFilter) {
        EXPECT_EQ(state.rows_in, 5U);
        EXPECT_EQ(state.rows_out, 3U);
      } else if (state.node->kind == NodeKind::kAggregate) {
        EXPECT_EQ(state.rows_in, 3U);
        EXPECT_EQ(state.rows_out, 3U);
        EXPECT_EQ(state.state.rows, 3U);
      }
    }
    EXPECT_EQ(view.graph().bytes(), bytes);
    ASSERT_TRUE(view.graph().tick({}).ok());
    for (const Graph::NodeState& state : view.graph().states()) {
      EXPECT_EQ(state.last_tick.count(), 0);
    }
  }
}

TEST(Graph, KeepsAllOfTpch) {
  for (const auto& query : testing::tpch_queries()) {
    SCOPED_TRACE(query.name);
    // Ties are decided by the other columns here; DuckDB has to be told.
    std::string judge = query.sql;
    const size_t limit = judge.find(" LIMIT ");
    if (limit != std::string::npos) {
      const size_t columns =
          ViewUnderTest(testing::tpch_tables(), query.sql).graph().types().size();
      std::string positions;
      for (size_t i = 1; i <= columns; ++i) positions += fmt::format(", {}", i);
      judge.insert(limit, positions);
    }
    ViewUnderTest view(testing::tpch_tables(), query.sql, judge);
    if (!view.made()) continue;
    std::mt19937 random(7);
    RandomOptions options;
    options.rows = 80;
    options.deletes = 0.3;
    options.values = 8;
    options.nulls = 0.05;
    for (int tick = 0; tick < 5; ++tick) {
      view.apply_random(random, options);
      EXPECT_EQ(view.difference(), "") << "tick " << tick;
    }
  }
}

}  // namespace
}  // namespace sluice::dataflow
