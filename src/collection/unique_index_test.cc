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

}  // namespace
}  // namespace sluice::collection
