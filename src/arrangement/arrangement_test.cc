#include "arrangement/arrangement.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>

namespace sluice::arrangement {
namespace {

using Model = std::map<std::string, std::map<std::string, int64_t>>;

int64_t weight_of(const std::map<std::string, int64_t>& rows) {
  int64_t sum = 0;
  for (const auto& [payload, weight] : rows) sum += weight;
  return sum;
}

std::map<std::string, int64_t> rows_of(const Arrangement& state, const std::string& key) {
  std::map<std::string, int64_t> rows;
  for (const auto row : state.find(key)) {
    EXPECT_EQ(row.key, key);
    EXPECT_TRUE(rows.emplace(row.payload, row.weight).second);
  }
  return rows;
}

void apply_both(Arrangement& state, Model& model, const std::string& key,
                const std::string& payload, int64_t weight) {
  auto& rows = model[key];
  const auto before = rows;
  const int64_t had = rows.contains(payload) ? rows[payload] : 0;
  if (had + weight == 0) {
    rows.erase(payload);
  } else {
    rows[payload] = had + weight;
  }
  const auto change = state.apply(key, payload, weight);
  ASSERT_EQ(change.before, had);
  ASSERT_EQ(change.after, had + weight);
  ASSERT_EQ(change.key_rows_before, before.size());
  ASSERT_EQ(change.key_rows_after, rows.size());
  ASSERT_EQ(change.key_weight_before, weight_of(before));
  ASSERT_EQ(change.key_weight_after, weight_of(rows));
  if (rows.empty()) model.erase(key);
}

void expect_equal(const Arrangement& state, const Model& model) {
  size_t rows = 0;
  size_t negative = 0;
  for (const auto& [key, of_key] : model) {
    ASSERT_EQ(rows_of(state, key), of_key);
    ASSERT_EQ(state.find(key).rows(), of_key.size());
    ASSERT_EQ(state.find(key).weight(), weight_of(of_key));
    rows += of_key.size();
    for (const auto& [payload, weight] : of_key) {
      negative += weight < 0 ? 1 : 0;
      ASSERT_EQ(state.weight(key, payload), weight);
    }
  }
  ASSERT_EQ(state.rows(), rows);
  ASSERT_EQ(state.keys(), model.size());
  ASSERT_EQ(state.negative_rows(), negative);
  size_t seen = 0;
  state.for_each([&](const Arrangement::RowView& row) {
    ++seen;
    ASSERT_EQ(model.at(std::string(row.key)).at(std::string(row.payload)), row.weight);
  });
  ASSERT_EQ(seen, rows);
}

TEST(Arrangement, AgreesWithAMapUnderRandomChanges) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    Arrangement state;
    Model model;
    const size_t keys = 1 + random() % 200;
    const size_t payloads = 1 + random() % 30;
    for (int tick = 0; tick < 12; ++tick) {
      // Ticks that grow and ticks that shrink, so that tables do both.
      const int up = static_cast<int>(random() % 10);
      for (int i = 0; i < 500; ++i) {
        // One key has half of all rows.
        const std::string key = random() % 2 == 0 ? "hot" : std::to_string(random() % keys);
        std::string payload(random() % payloads, 'p');
        if (random() % 50 == 0) payload.append(3000, 'x');
        int64_t weight = static_cast<int>(random() % 10) < up ? 1 : -1;
        if (random() % 7 == 0) weight *= static_cast<int64_t>(random() % 4);
        // Often what is there goes.
        const int64_t there = state.weight(key, payload);
        if (there != 0 && random() % 2 == 0) weight = -there;
        ASSERT_NO_FATAL_FAILURE(apply_both(state, model, key, payload, weight));
      }
      ASSERT_NO_FATAL_FAILURE(expect_equal(state, model));
    }
  }
}

TEST(Arrangement, OfKeysAloneAgreesWithAMap) {
  std::mt19937 random(3);
  Arrangement state({.keys_only = true});
  Model model;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = std::to_string(random() % 700);
    const int64_t there = state.weight(key, "");
    const int64_t weight = random() % 2 == 0 && there != 0 ? -there : 1;
    ASSERT_NO_FATAL_FAILURE(apply_both(state, model, key, "", weight));
  }
  expect_equal(state, model);
}

TEST(Arrangement, ChangeTellsWhenRowsAndKeysComeAndGo) {
  Arrangement state;
  auto change = state.apply("k", "a", 2);
  EXPECT_TRUE(change.key_appeared());
  change = state.apply("k", "b", 1);
  EXPECT_FALSE(change.key_appeared());
  change = state.apply("k", "a", -2);
  EXPECT_EQ(change.after, 0);
  EXPECT_FALSE(change.key_vanished());
  change = state.apply("k", "b", -3);
  EXPECT_EQ(change.after, -2);
  EXPECT_EQ(state.negative_rows(), 1u);
  change = state.apply("k", "b", 2);
  EXPECT_TRUE(change.key_vanished());
  EXPECT_EQ(state.negative_rows(), 0u);
  EXPECT_TRUE(state.find("k").empty());
  EXPECT_EQ(state.apply("k", "b", 0).after, 0);
  EXPECT_EQ(state.rows(), 0u);
}

TEST(Arrangement, TakesAtMost64BytesARowBeyondTheRow) {
  for (const size_t rows_per_key : {1U, 2U, 10U, 100'000U}) {
    Arrangement state;
    const size_t rows = 100'000;
    const size_t row_bytes = 8 + 21;
    for (size_t i = 0; i < rows; ++i) {
      const uint64_t key = i / rows_per_key;
      std::string payload(21, 'p');
      std::memcpy(payload.data(), &i, sizeof i);
      state.apply({reinterpret_cast<const char*>(&key), sizeof key}, payload, 1);
    }
    EXPECT_LE(state.bytes(), rows * (row_bytes + 64)) << rows_per_key << " rows a key";
  }
}

TEST(Arrangement, GivesMemoryBack) {
  Arrangement state;
  const size_t empty = state.bytes();
  for (int round = 0; round < 2; ++round) {
    const int sign = round == 0 ? 1 : -1;
    for (int i = 0; i < 50'000; ++i) {
      state.apply(std::to_string(i / 3), std::string(100, static_cast<char>(i)), sign);
    }
    if (round == 0) {
      EXPECT_GT(state.bytes(), empty + 50'000u * 100 / 3);
    }
  }
  // The table of its pages stays.
  EXPECT_LT(state.bytes(), empty + 50'000);
}

}  // namespace
}  // namespace sluice::arrangement
