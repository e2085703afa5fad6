#include "collection/key_rows.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace sluice::collection {
namespace {

engine::RowKey key_of(uint64_t number) {
  // Few different low bits, so that probing meets others.
  return {number * 0x9e3779b97f4a7c15ULL, number % 16384 * 4};
}

std::set<int64_t> found(const KeyRows& rows, uint64_t key) {
  const auto ids = rows.find(key_of(key));
  EXPECT_TRUE(ids.has_value());
  return {ids->begin(), ids->end()};
}

TEST(KeyRows, AgreesWithAMapThroughChanges) {
  for (const uint32_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    KeyRows rows;
    std::map<uint64_t, std::set<int64_t>> expected;
    int64_t next = 1;
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < 6'000; ++i) {
        // Half of the rows share few keys.
        const uint64_t key = random() % 2 == 0 ? random() % 100 : random();
        rows.put(key_of(key), next);
        expected[key].insert(next++);
      }
      DeletionSet gone;
      size_t left = 0;
      for (auto at = expected.begin(); at != expected.end();) {
        std::erase_if(at->second,
                      [&](int64_t row) { return random() % 3 == 0 && (gone.insert(row), true); });
        left += at->second.size();
        at = at->second.empty() ? expected.erase(at) : std::next(at);
      }
      for (size_t i = 0; i < rows.table_count(); ++i) rows.remove_rows(i, gone);
      ASSERT_EQ(rows.rows(), left);
      for (const auto& [key, ids] : expected) ASSERT_EQ(found(rows, key), ids);
      EXPECT_TRUE(found(rows, 1'000'000'000'000).empty());
    }
  }
}

TEST(KeyRows, RowsOfAKeyThatHasTooManyAreNotCounted) {
  KeyRows rows;
  rows.put(key_of(7), 1);
  for (size_t row = 2; row < KeyRows::kMostRows + 10; ++row) {
    rows.put(key_of(8), static_cast<int64_t>(row));
  }
  EXPECT_FALSE(rows.find(key_of(8)).has_value());
  EXPECT_EQ(found(rows, 7), std::set<int64_t>{1});
  EXPECT_EQ(rows.rows(), 1U);
}

TEST(KeyRows, GivesBackTheMemoryOfWhatIsTakenOut) {
  KeyRows rows;
  DeletionSet gone;
  for (int64_t row = 1; row <= 200'000; ++row) {
    rows.put(key_of(static_cast<uint64_t>(row) / 2), row);
    gone.insert(row);
  }
  const size_t full = rows.bytes();
  for (size_t i = 0; i < rows.table_count(); ++i) rows.remove_rows(i, gone);
  EXPECT_EQ(rows.rows(), 0u);
  EXPECT_LT(rows.bytes(), full / 4);
}

TEST(KeyRows, DoesNotRememberWhichRowsHaveAKeyThatVeryManyHave) {
  KeyRows rows;
  for (size_t i = 0; i <= KeyRows::kMostRows; ++i) rows.put(key_of(7), static_cast<int64_t>(i + 1));
  rows.put(key_of(8), 5'000'000);
  EXPECT_FALSE(rows.find(key_of(7)).has_value());
  EXPECT_EQ(found(rows, 8), std::set<int64_t>{5'000'000});
  EXPECT_LT(rows.bytes(), 10'000u);
}

}  // namespace
}  // namespace sluice::collection
