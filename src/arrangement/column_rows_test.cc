#include "arrangement/column_rows.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

namespace sluice::arrangement {
namespace {

using engine::Chunk;
using engine::LogicalType;
using engine::Value;

// A row as text, which tells NULL from everything else.
using Row = std::vector<Value>;

std::string text_of(const Row& row, std::span<const size_t> columns) {
  std::string text;
  for (const size_t column : columns) {
    text += row[column].IsNull() ? "NULL|" : "'" + row[column].ToString() + "'|";
  }
  return text;
}

const std::vector<LogicalType> kTypes{LogicalType::BIGINT, LogicalType::VARCHAR,
                                      LogicalType::SMALLINT, LogicalType::HUGEINT,
                                      LogicalType::DOUBLE};
const std::vector<size_t> kAll{0, 1, 2, 3, 4};

// Rows with counts by their key's text and their own, as ColumnRows has them.
class Both {
 public:
  explicit Both(std::vector<size_t> key) : key_(std::move(key)), rows_(kTypes, key_) {}

  void add(const std::vector<Row>& rows, const std::vector<int64_t>& weights) {
    Chunk chunk;
    fill(chunk, rows);
    const auto vectors = ColumnRows::vectors_of(chunk, kAll);
    const auto keys = ColumnRows::keys_of(chunk, key_);
    for (size_t i = 0; i < rows.size(); ++i) {
      auto& of_key = model_[text_of(rows[i], key_)];
      const int64_t before = weight_of(of_key);
      const auto [first, key_weight_before] = rows_.add(vectors, keys, i, weights[i]);
      ASSERT_EQ(key_weight_before, before);
      const std::string text = text_of(rows[i], kAll);
      if ((of_key[text] += weights[i]) == 0) of_key.erase(text);
      ASSERT_EQ(rows_.key_weight(first), weight_of(of_key));
      ASSERT_EQ(first == 0, of_key.empty());
    }
  }

  // The same at once, without those that are left out.
  void add_all(const std::vector<Row>& rows, const std::vector<int64_t>& weights,
               const std::vector<uint32_t>& chosen) {
    Chunk chunk;
    fill(chunk, rows);
    rows_.add_all(ColumnRows::vectors_of(chunk, kAll), ColumnRows::keys_of(chunk, key_), weights,
                  chosen.size() == rows.size() ? nullptr : &chosen);
    for (const uint32_t i : chosen) {
      auto& of_key = model_[text_of(rows[i], key_)];
      const std::string text = text_of(rows[i], kAll);
      if ((of_key[text] += weights[i]) == 0) of_key.erase(text);
    }
  }

  // Compares what is found by the keys of these rows.
  void expect_found(const std::vector<Row>& rows) const {
    Chunk chunk;
    fill(chunk, rows);
    const auto keys = ColumnRows::keys_of(chunk, key_);
    std::vector<ColumnRows::Id> firsts;
    rows_.find(keys, firsts);
    ASSERT_EQ(firsts.size(), rows.size());
    std::set<std::string> seen;
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(firsts[i], rows_.find(keys, i));
      if (!seen.insert(text_of(rows[i], key_)).second) continue;
      const auto found = model_.find(text_of(rows[i], key_));
      const auto of_key = found == model_.end() ? std::map<std::string, int64_t>() : found->second;
      ASSERT_EQ(sums_of_key(firsts[i]), of_key) << text_of(rows[i], kAll);
      ASSERT_EQ(rows_.key_weight(firsts[i]), weight_of(of_key));
    }
  }
  void expect_all() const {
    std::vector<ColumnRows::Id> ids;
    rows_.for_each([&](ColumnRows::Id id) { ids.push_back(id); });
    ASSERT_EQ(ids.size(), rows_.rows());
    std::map<std::string, int64_t> all;
    for (const auto& [key, of_key] : model_) all.insert(of_key.begin(), of_key.end());
    ASSERT_EQ(sums(ids), all);
  }
  ColumnRows& rows() { return rows_; }

 private:
  static void fill(Chunk& chunk, const std::vector<Row>& rows) {
    engine_initialize(chunk, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t column = 0; column < kTypes.size(); ++column) {
        chunk.SetValue(column, i, rows[i][column]);
      }
    }
    chunk.SetCardinality(rows.size());
  }
  static void engine_initialize(Chunk& chunk, size_t rows) {
    chunk.Initialize(duckdb::Allocator::DefaultAllocator(), {kTypes.begin(), kTypes.end()},
                     std::max<size_t>(rows, 1));
  }
  static int64_t weight_of(const std::map<std::string, int64_t>& rows) {
    int64_t sum = 0;
    for (const auto& [row, weight] : rows) sum += weight;
    return sum;
  }
  // By the values that are read back. Entries of equal rows have counts of one sign.
  std::map<std::string, int64_t> sums(const std::vector<ColumnRows::Id>& ids) const {
    std::map<std::string, int64_t> sums;
    for (size_t begin = 0; begin < ids.size(); begin += 2048) {
      const size_t count = std::min<size_t>(2048, ids.size() - begin);
      Chunk chunk;
      engine_initialize(chunk, count);
      rows_.gather(std::span(ids).subspan(begin, count), chunk, 0);
      chunk.SetCardinality(count);
      for (size_t i = 0; i < count; ++i) {
        Row row;
        for (size_t column = 0; column < kTypes.size(); ++column) {
          row.push_back(chunk.GetValue(column, i));
        }
        int64_t& sum = sums[text_of(row, kAll)];
        const int64_t weight = rows_.weight(ids[begin + i]);
        EXPECT_TRUE(sum == 0 || (sum < 0) == (weight < 0));
        sum += weight;
      }
    }
    return sums;
  }
  std::map<std::string, int64_t> sums_of_key(ColumnRows::Id first) const {
    std::vector<ColumnRows::Id> ids;
    for (auto id = first; id != 0; id = rows_.next(id)) ids.push_back(id);
    return sums(ids);
  }

  const std::vector<size_t> key_;
  ColumnRows rows_;
  std::map<std::string, std::map<std::string, int64_t>> model_;
};

// Few values of each column, so that keys and rows meet; one in eight is NULL.
class RandomRows {
 public:
  RandomRows(uint32_t seed, uint32_t keys, uint32_t payloads)
      : random_(seed), keys_(keys), payloads_(payloads) {}
  uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  Row row() {
    const auto key = static_cast<int64_t>(number(keys_)) - 3;
    const auto payload = number(payloads_);
    Row row{Value::BIGINT(key),
            Value(std::string(payload * 7 % 40, static_cast<char>('a' + payload % 26))),
            Value::SMALLINT(static_cast<int16_t>(payload % 5)),
            Value::HUGEINT(duckdb::hugeint_t(payload % 3, payload)), Value::DOUBLE(payload / 2.0)};
    for (size_t column = 0; column < row.size(); ++column) {
      if (number(8) == 0) row[column] = Value(kTypes[column]);
    }
    return row;
  }

 private:
  std::mt19937 random_;
  const uint32_t keys_;
  const uint32_t payloads_;
};

TEST(ColumnRows, AgreeWithAMapUnderRandomChanges) {
  for (uint32_t seed = 1; seed <= 16; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomRows random(seed, seed % 2 == 0 ? 4 : 300, seed % 4 < 2 ? 30 : 2000);
    Both both(seed % 3 == 0   ? std::vector<size_t>{1, 0}
              : seed % 3 == 1 ? std::vector<size_t>{0}
                              : std::vector<size_t>{});
    std::vector<Row> known;
    for (int round = 0; round < 40; ++round) {
      std::vector<Row> rows;
      std::vector<int64_t> weights;
      for (uint32_t i = 0, count = 1 + random.number(60); i < count; ++i) {
        // Rounds that mostly take away, too, until little is left.
        const bool old = !known.empty() && random.number(10) < (round % 20 < 12 ? 3U : 9U);
        rows.push_back(old ? known[random.number(static_cast<uint32_t>(known.size()))]
                           : random.row());
        weights.push_back((old ? -1 : 1) * static_cast<int64_t>(1 + random.number(3)));
        if (!old) known.push_back(rows.back());
      }
      if (round % 3 == 0) {
        ASSERT_NO_FATAL_FAILURE(both.add(rows, weights));
      } else {
        // In every third round there are only rows that come.
        std::vector<uint32_t> chosen;
        for (uint32_t i = 0; i < rows.size(); ++i) {
          if (round % 3 == 1) weights[i] = std::abs(weights[i]);
          if (seed % 2 == 0 || random.number(4) > 0) chosen.push_back(i);
        }
        both.add_all(rows, weights, chosen);
      }
      if (round % 4 != 0) continue;
      ASSERT_NO_FATAL_FAILURE(both.expect_found(rows));
    }
    ASSERT_NO_FATAL_FAILURE(both.expect_all());
    ASSERT_NO_FATAL_FAILURE(both.expect_found(std::vector<Row>(
        known.begin(), known.begin() + std::min<std::ptrdiff_t>(
                                           2000, static_cast<std::ptrdiff_t>(known.size())))));
  }
}

TEST(ColumnRows, GrowOverManyPagesAndGiveTextsBack) {
  Both both({0});
  const auto row = [](int64_t key) {
    return Row{Value::BIGINT(key), Value(std::string(100, 'x') + std::to_string(key)),
               Value::SMALLINT(1), Value::HUGEINT(key), Value::DOUBLE(0)};
  };
  constexpr int64_t kRows = 10000;
  const std::vector<int64_t> ones(1000, 1);
  for (int64_t first = 0; first < kRows; first += 1000) {
    std::vector<Row> rows;
    for (int64_t key = first; key < first + 1000; ++key) rows.push_back(row(key));
    ASSERT_NO_FATAL_FAILURE(both.add(rows, ones));
  }
  const size_t full = both.rows().bytes();
  EXPECT_GT(full, kRows * (100 + 50));
  // Rows come and go in the places of others, and their texts do not add up.
  for (int64_t round = 1; round <= 5; ++round) {
    for (int64_t first = 0; first < kRows; first += 500) {
      std::vector<Row> rows;
      std::vector<int64_t> weights;
      for (int64_t key = first; key < first + 500; ++key) {
        rows.push_back(row((round - 1) * kRows + key));
        weights.push_back(-1);
        rows.push_back(row(round * kRows + key));
        weights.push_back(1);
      }
      ASSERT_NO_FATAL_FAILURE(both.add(rows, weights));
    }
  }
  EXPECT_EQ(both.rows().rows(), static_cast<size_t>(kRows));
  EXPECT_LT(both.rows().bytes(), 3 * full);
  ASSERT_NO_FATAL_FAILURE(both.expect_all());
}

TEST(ColumnRows, KeepFlatTypesByKeysThatAreEqualAsBytes) {
  const std::vector<LogicalType> types{LogicalType::BIGINT, LogicalType::DOUBLE,
                                       LogicalType::INTERVAL,
                                       LogicalType::LIST(LogicalType::BIGINT)};
  const auto can_keep = [&](size_t count, std::vector<size_t> key) {
    return ColumnRows::can_keep(std::span(types).first(count), key);
  };
  EXPECT_TRUE(can_keep(3, {0}));
  EXPECT_FALSE(can_keep(3, {0, 1})) << "0.0 and -0.0 are equal";
  EXPECT_FALSE(can_keep(3, {2})) << "a month is 30 days";
  EXPECT_FALSE(can_keep(4, {0}));
}

}  // namespace
}  // namespace sluice::arrangement
