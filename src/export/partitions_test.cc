#include "export/partitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "export/names.h"

namespace sluice::exports {
namespace {

using engine::LogicalType;
using engine::Value;
using ::testing::ElementsAre;
using ::testing::Pair;

// n, and the values of the partitions; NULL is an empty optional.
using Row = std::vector<std::optional<std::string>>;

std::map<std::string, std::vector<int64_t>> split(const std::vector<std::string>& names,
                                                  const std::vector<Row>& rows) {
  engine::Chunk chunk;
  duckdb::vector<LogicalType> types{LogicalType::BIGINT};
  for (size_t i = 0; i < names.size(); ++i) types.push_back(LogicalType::VARCHAR);
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), types);
  for (size_t row = 0; row < rows.size(); ++row) {
    chunk.SetValue(0, row, Value::BIGINT(static_cast<int64_t>(row)));
    for (size_t i = 0; i < names.size(); ++i) {
      const auto& value = rows[row][i];
      chunk.SetValue(i + 1, row, value ? Value(*value) : Value(LogicalType::VARCHAR));
    }
  }
  chunk.SetCardinality(rows.size());
  std::map<std::string, std::vector<int64_t>> found;
  PartitionSplitter splitter(names);
  const Status done = splitter.split(chunk, [&](const std::string& folder, engine::Chunk& part) {
    EXPECT_EQ(part.ColumnCount(), 1U);
    EXPECT_FALSE(found.contains(folder));
    for (size_t row = 0; row < part.size(); ++row) {
      found[folder].push_back(part.GetValue(0, row).GetValue<int64_t>());
    }
    return Status();
  });
  EXPECT_TRUE(done.ok()) << done.error().message;
  return found;
}

TEST(Partitions, EachRowGoesIntoItsFolder) {
  EXPECT_THAT(split({"f"}, {{"A"}, {"B"}, {"A"}, {std::nullopt}, {"B"}}),
              ElementsAre(Pair("f=A/", ElementsAre(0, 2)), Pair("f=B/", ElementsAre(1, 4)),
                          Pair("f=__HIVE_DEFAULT_PARTITION__/", ElementsAre(3))));
}

TEST(Partitions, RowsOfOneFolderAreOnePart) {
  EXPECT_THAT(split({"f"}, {{"A"}, {"A"}}), ElementsAre(Pair("f=A/", ElementsAre(0, 1))));
}

TEST(Partitions, ValuesOfSeveralColumnsDoNotRunTogether) {
  EXPECT_THAT(split({"a", "b"}, {{"1", "12"}, {"11", "2"}, {"1:1", "2"}}),
              ElementsAre(Pair("a=1%3A1/b=2/", ElementsAre(2)), Pair("a=1/b=12/", ElementsAre(0)),
                          Pair("a=11/b=2/", ElementsAre(1))));
}

TEST(Partitions, FoldersAreNamedAsHiveDoes) {
  EXPECT_EQ(partition_folder("flag", "N/O"), "flag=N%2FO/");
  EXPECT_EQ(partition_folder("a=b", "50% of \"x\"\n"), "a%3Db=50%25 of %22x%22%0A/");
  EXPECT_EQ(partition_folder("flag", "ä b"), "flag=ä b/");
  EXPECT_EQ(partition_folder("flag", ""), "flag=__HIVE_DEFAULT_PARTITION__/");
}

TEST(Partitions, AFolderThatIsTooLongIsAnError) {
  engine::Chunk chunk;
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(),
                   {LogicalType::BIGINT, LogicalType::VARCHAR});
  chunk.SetValue(1, 0, Value(std::string(1000, 'x')));
  chunk.SetCardinality(1);
  const std::vector<std::string> names{"f"};
  PartitionSplitter splitter(names);
  const Status done =
      splitter.split(chunk, [](const std::string&, engine::Chunk&) { return Status(); });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().sqlstate, "22001");
}

}  // namespace
}  // namespace sluice::exports
