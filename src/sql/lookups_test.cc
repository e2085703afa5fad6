#include "sql/lookups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/front/parse.h"

namespace sluice::sql {
namespace {

using engine::LogicalType;
using engine::Value;
using testing::ElementsAre;
using testing::IsEmpty;

// `k = 1; t.k = 2 3`: each condition with the texts of its values.
std::string conditions(const std::string& where) {
  const auto tree = std::move(parse_expression(where)).value();
  std::string text;
  for (const KeyCondition& condition : key_conditions(*tree)) {
    text += fmt::format("{}{} =", text.empty() ? "" : "; ", fmt::join(condition.column, "."));
    for (const auto* value : condition.values) text += " " + value->ToString();
  }
  return text;
}

TEST(Lookups, ConditionsThatMustHoldAreFound) {
  EXPECT_EQ(conditions("k = 1"), "k = 1");
  EXPECT_EQ(conditions("1 = k AND t.v = 'x' AND w > 3"), "k = 1; t.v = 'x'");
  EXPECT_EQ(conditions("k IN (1, 2) AND (a = 3 AND b = 4)"), "k = 1 2; a = 3; b = 4");
  EXPECT_EQ(conditions("k = $1 AND d = CAST('2024-01-01' AS date)"),
            "k = $1; d = CAST('2024-01-01' AS DATE)");
}

TEST(Lookups, NothingElseIs) {
  for (const char* where : {"k = 1 OR v = 2", "NOT k = 1", "k <> 1", "k > 1", "k = v", "k + 1 = 2",
                            "k NOT IN (1, 2)", "k IN (1, v)", "k = lower('A')", "k IS NULL",
                            "k = (SELECT 1)", "k IS NOT DISTINCT FROM 1"}) {
    EXPECT_EQ(conditions(where), "") << where;
  }
}

// The values of `k = …` or `k IN (…)` as texts, or `scan`.
std::string values(const std::string& where, const LogicalType& column,
                   const std::vector<Value>& parameters = {}) {
  const auto tree = std::move(parse_expression(where)).value();
  const auto found = key_conditions(*tree);
  EXPECT_EQ(found.size(), 1u) << where;
  Constants constants;
  constants.parameters = &parameters;
  const auto values = key_values(found.front(), column, constants);
  if (!values) return "scan";
  std::string text;
  for (const Value& value : *values) {
    EXPECT_EQ(value.type(), column) << where;
    text += (text.empty() ? "" : " ") + value.ToString();
  }
  return text;
}

TEST(Lookups, AValueIsUsedWhereItMeansTheSameInTheColumnsType) {
  const LogicalType cents = LogicalType::DECIMAL(10, 2);
  EXPECT_EQ(values("k = 5", LogicalType::BIGINT), "5");
  EXPECT_EQ(values("k IN (5, '6')", LogicalType::SMALLINT), "5 6");
  EXPECT_EQ(values("k = 'a '", LogicalType::VARCHAR), "a ");
  EXPECT_EQ(values("k IN (1, 2.5, 2.50)", cents), "1.00 2.50 2.50");
  EXPECT_EQ(values("k IN (1, 2.5)", LogicalType::DOUBLE), "1.0 2.5");
  EXPECT_EQ(
      values("k = $1", LogicalType::UUID, {Value::UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")}),
      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
}

TEST(Lookups, WhatNoRowCanBeEqualToIsLeftOut) {
  EXPECT_EQ(values("k = 100000000000", LogicalType::INTEGER), "");
  EXPECT_EQ(values("k = -1", LogicalType::UINTEGER), "");
  EXPECT_EQ(values("k IN (NULL, 3)", LogicalType::INTEGER), "3");
  EXPECT_EQ(values("k = $1", LogicalType::INTEGER, {Value(LogicalType::INTEGER)}), "");
}

TEST(Lookups, WhatMayMeanSomethingElseIsNotLookedUp) {
  const LogicalType cents = LogicalType::DECIMAL(10, 2);
  EXPECT_EQ(values("k = 5.5", LogicalType::INTEGER), "scan");
  EXPECT_EQ(values("k = 5.0", LogicalType::INTEGER), "scan");
  EXPECT_EQ(values("k = 1.234", cents), "scan");
  EXPECT_EQ(values("k = $1", LogicalType::INTEGER, {Value::DOUBLE(5)}), "scan");
  EXPECT_EQ(values("k = $1", LogicalType::VARCHAR, {Value::INTEGER(5)}), "scan");
  EXPECT_EQ(values("k = $1", LogicalType::TIMESTAMP, {Value::DATE(2024, 1, 1)}), "scan");
  EXPECT_EQ(values("k = 1.5", LogicalType::FLOAT), "scan");
  EXPECT_EQ(values("k = $2", LogicalType::INTEGER, {Value::INTEGER(5)}), "scan");
  EXPECT_EQ(values("k = '5 '", LogicalType::INTEGER), "scan");
}

TEST(Lookups, OtherConstantsAreEvaluated) {
  const auto tree = std::move(parse_expression("k IN ('2024-01-01', CAST('x' AS date))")).value();
  const auto found = key_conditions(*tree);
  std::vector<std::string> asked;
  Constants constants;
  constants.evaluate = [&](const auto& expression) -> Result<Value> {
    asked.push_back(expression->ToString());
    return Value::DATE(2024, 1, 1);
  };
  EXPECT_EQ(key_values(found.front(), LogicalType::DATE, constants)->size(), 2u);
  EXPECT_THAT(asked, ElementsAre("CAST('2024-01-01' AS DATE)", "CAST('x' AS DATE)"));
  constants.evaluate = [](const auto&) -> Result<Value> { return invalid("no date"); };
  EXPECT_FALSE(key_values(found.front(), LogicalType::DATE, constants).has_value());
}

TEST(Lookups, KeysOfSeveralColumnsAreAllCombinations) {
  const Value one = Value::INTEGER(1), two = Value::INTEGER(2), x("x");
  const auto rows = combinations({{one, two}, {x}}, 10);
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[1], (std::vector<Value>{two, x}));
  EXPECT_THAT(*combinations({{one, two}, {}}, 10), IsEmpty());
  EXPECT_FALSE(combinations({{one, two}, {one, two}}, 3).has_value());
}

}  // namespace
}  // namespace sluice::sql
