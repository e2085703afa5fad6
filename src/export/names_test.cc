#include "export/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::exports {
namespace {

ExportSpec spec(std::string pattern = "") {
  ExportSpec spec;
  spec.id = "t7";
  spec.prefix = "a/b";
  spec.file_name_pattern = std::move(pattern);
  return spec;
}

TEST(Names, AreTheReferencesWithoutAPattern) {
  EXPECT_EQ(data_key(spec(), "", 3, 12), "a/b/mz-t7-batch-0003-0012.parquet");
  EXPECT_EQ(data_key(spec(), "flag=A/", 3, 12345), "a/b/flag=A/mz-t7-batch-0003-12345.parquet");
  EXPECT_EQ(run_key(spec(), kSentinelSuffix), "a/b/mz-t7-INCOMPLETE");
  EXPECT_EQ(run_key("", "t7", "-x"), "mz-t7-x");
}

TEST(Names, FillInAPattern) {
  EXPECT_EQ(data_key(spec("orders.{id}_{batch}_{index}"), "", 0, 1),
            "a/b/orders.t7_0000_0001.parquet");
}

TEST(Names, APatternKeepsFilesApart) {
  EXPECT_TRUE(check_file_name_pattern("orders-{id}-{batch}-{index}", false).ok());
  EXPECT_TRUE(check_file_name_pattern("orders-{id}", true).ok());
  for (const char* bad : {"", "orders", "{id}", "{id}-{batch}", "{batch}-{index}"}) {
    const Status checked = check_file_name_pattern(bad, false);
    ASSERT_FALSE(checked.ok()) << bad;
    EXPECT_EQ(checked.error().message, "FILE NAME PATTERN needs {id}, {batch} and {index} in it");
    EXPECT_EQ(checked.error().sqlstate, "22023");
  }
  EXPECT_EQ(check_file_name_pattern("orders", true).error().message,
            "FILE NAME PATTERN needs {id} in it");
}

TEST(Names, APatternIsANameAndNoPath) {
  for (const char* bad : {"a/", "..", "a b", "{time}", "a%", "é", "*"}) {
    const std::string pattern = std::string("x") + bad + "{id}{batch}{index}";
    if (std::string_view(bad) == "..") {
      EXPECT_TRUE(check_file_name_pattern(pattern, false).ok());
      continue;
    }
    EXPECT_FALSE(check_file_name_pattern(pattern, false).ok()) << bad;
  }
  EXPECT_FALSE(check_file_name_pattern(".{id}{batch}{index}", false).ok());
  EXPECT_FALSE(
      check_file_name_pattern(fmt::format("{:x>300}{{id}}{{batch}}{{index}}", ""), false).ok());
}

}  // namespace
}  // namespace sluice::exports
