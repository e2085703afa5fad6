// Holds the allow-list against what a real instance has: a name that is in neither list fails, so
// a new version of the engine cannot bring a function in unseen.
#include "sql/allowed_functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <duckdb.hpp>
#include <set>
#include <string>

#include "engine/functions/register.h"
#include "sql/system/catalog_functions.h"

namespace sluice::sql {
namespace {

using testing::IsEmpty;

struct EngineFunction {
  std::string name;
  bool is_table = false;
};

class AllowedFunctions : public testing::Test {
 protected:
  AllowedFunctions() {
    engine::functions::register_functions(*database_.instance);
    system::register_functions(*database_.instance);
  }

  std::vector<std::string> column(const std::string& sql) {
    auto result = connection_.Query(sql);
    EXPECT_FALSE(result->HasError()) << result->GetError();
    std::vector<std::string> values;
    for (size_t row = 0; row < result->RowCount(); ++row)
      values.push_back(result->GetValue(0, row).ToString());
    return values;
  }

  duckdb::DuckDB database_{nullptr};
  duckdb::Connection connection_{database_};
};

TEST_F(AllowedFunctions, EveryScalarFunctionIsListed) {
  std::vector<std::string> unlisted;
  for (const auto& name : column("SELECT DISTINCT function_name FROM duckdb_functions() "
                                 "WHERE function_type IN ('scalar', 'aggregate', 'macro')"))
    if (!scalar_function_class(name)) unlisted.push_back(name);
  EXPECT_THAT(unlisted, IsEmpty());
}

TEST_F(AllowedFunctions, EveryTableFunctionIsListed) {
  std::vector<std::string> unlisted;
  for (const auto& name : column("SELECT DISTINCT function_name FROM duckdb_functions() "
                                 "WHERE function_type IN ('table', 'table_macro')"))
    if (!table_function_class(name)) unlisted.push_back(name);
  EXPECT_THAT(unlisted, IsEmpty());
}

// PRAGMA is no statement of ours, and no function of that kind may be called in a query.
TEST_F(AllowedFunctions, NoPragmaIsAllowed) {
  std::vector<std::string> allowed;
  for (const auto& name : column("SELECT DISTINCT function_name FROM duckdb_functions() "
                                 "WHERE function_type = 'pragma'"))
    if (table_function_class(name) == FunctionClass::kAllowed) allowed.push_back(name);
  EXPECT_THAT(allowed, IsEmpty());
}

TEST_F(AllowedFunctions, NothingThatNamesFilesOrTheEngineIsAllowed) {
  for (const auto name : allowed_table_functions()) {
    for (const auto* part :
         {"read_", "parquet", "csv", "glob", "duckdb", "pragma", "query", "scan"})
      EXPECT_EQ(name.find(part), std::string_view::npos) << name;
  }
  for (const auto name : allowed_scalar_functions()) {
    for (const auto* part : {"__internal", "duckdb", "execute", "icu_", "getenv"})
      EXPECT_EQ(name.find(part), std::string_view::npos) << name;
  }
}

TEST_F(AllowedFunctions, KnownDangersAreRefused) {
  for (const auto* name : {"query", "query_table", "read_csv", "read_text", "read_blob", "glob",
                           "json_execute_serialized_sql", "duckdb_tables", "duckdb_secrets",
                           "checkpoint", "sluice_rows", "histogram_values", "seq_scan"}) {
    const auto function_class = table_function_class(name);
    ASSERT_TRUE(function_class) << name;
    EXPECT_NE(*function_class, FunctionClass::kAllowed) << name;
  }
  for (const auto* name : {"getvariable", "json_serialize_plan", "write_log", "nextval",
                           "sluice_live", "typeof", "current_setting", "current_user"}) {
    const auto function_class = scalar_function_class(name);
    ASSERT_TRUE(function_class) << name;
    EXPECT_NE(*function_class, FunctionClass::kAllowed) << name;
  }
}

// Unknown names have no class, so the resolver refuses them like everything that is not allowed.
TEST_F(AllowedFunctions, WhatIsNotListedHasNoClass) {
  EXPECT_FALSE(scalar_function_class("getenv"));
  EXPECT_FALSE(scalar_function_class(""));
  EXPECT_FALSE(table_function_class("sqlite_scan"));
  EXPECT_EQ(scalar_function_class("UPPER"), FunctionClass::kAllowed);
}

// Macros are expanded by the engine behind the resolver's back: what allowed ones call is checked
// here, word by word, against tables and functions that are refused.
TEST_F(AllowedFunctions, AllowedMacrosReachNothingRefused) {
  auto result = connection_.Query(
      "SELECT DISTINCT function_name, macro_definition FROM duckdb_functions() "
      "WHERE function_type = 'macro'");
  ASSERT_FALSE(result->HasError());
  for (size_t row = 0; row < result->RowCount(); ++row) {
    const std::string name = result->GetValue(0, row).ToString();
    if (scalar_function_class(name) != FunctionClass::kAllowed) continue;
    const std::string body = result->GetValue(1, row).ToString();
    for (const auto* part : {"duckdb_", "pragma_", "read_", "query(", "sqlite_", "information_"})
      EXPECT_EQ(body.find(part), std::string::npos) << name << ": " << body;
  }
}

}  // namespace
}  // namespace sluice::sql
