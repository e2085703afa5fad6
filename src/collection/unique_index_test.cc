#include "collection/unique_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sluice::collection {
namespace {

TEST(UniqueIndex, AgreesWithAMap) {
  std::mt19937 random(3);
  UniqueIndex index;
  std::map<engine::RowKey, int64_t> model;
  for (int64_t i = 0; i < 20'000; ++i) {
    // Few homes, so that probes run into each other.
    const engine::RowKey key{random() % 20, random() % 64};
    if (random() % 3 == 0) {
      const auto found = model.find(key);
      const int64_t row = found == model.end() ? -1 : found->second;
      index.remove(key, row);
      if (found != model.end()) model.erase(found);
    } else {
      index.put(key, i);
      model[key] = i;
    }
  }
  EXPECT_EQ(index.size(), model.size());
  for (uint64_t high = 0; high < 20; ++high) {
    for (uint64_t low = 0; low < 64; ++low) {
      const auto found = model.find({high, low});
      EXPECT_EQ(index.find({high, low}),
                found == model.end() ? std::nullopt : std::optional(found->second));
    }
  }
}

TEST(UniqueIndex, KeepsAllKeysAsItGrowsAndTakesRowsOutInParts) {
  std::mt19937_64 random(5);
  UniqueIndex index;
  std::map<engine::RowKey, int64_t> model;
  for (int64_t row = 0; row < 200'000; ++row) {
    const engine::RowKey key{random(), random()};
    index.put(key, row);
    model[key] = row;
  }
  EXPECT_EQ(index.size(), model.size());
  EXPECT_GT(index.table_count(), 1u);
  EXPECT_LT(index.bytes(), model.size() * 24 * 3);
  for (size_t table = 0; table < index.table_count(); ++table) {
    index.remove_rows(table, [](int64_t row) { return row % 3 == 0; });
  }
  size_t left = 0;
  for (const auto& [key, row] : model) {
    EXPECT_EQ(index.find(key), row % 3 == 0 ? std::nullopt : std::optional(row));
    left += row % 3 == 0 ? 0 : 1;
  }
  EXPECT_EQ(index.size(), left);
  for (size_t table = 0; table < index.table_count(); ++table) {
    index.remove_rows(table, [](int64_t row) { return row >= 100; });
  }
  EXPECT_LT(index.bytes(), 300'000u) << "memory is given back";
  for (const auto& [key, row] : model) {
    EXPECT_EQ(index.find(key), row >= 100 || row % 3 == 0 ? std::nullopt : std::optional(row));
  }
}

}  // namespace
}  // namespace sluice::collection
