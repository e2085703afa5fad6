// For tests: a collection of (k BIGINT, v VARCHAR) that has those rows of another whose k is even.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "collection/derivation.h"

namespace sluice::collection {

class EvenRows final : public Derivation {
 public:
  using Row = std::pair<int64_t, std::string>;

  EvenRows(CollectionId from, CollectionId to, const engine::Shape& shape)
      : from_(from), to_(to), shape_(shape) {}

  bool reads(CollectionId id) const override { return id == from_; }
  Derived step(Time time, std::span<const SourceChange> changes, const Reserve& reserve) override {
    EXPECT_GT(time, last_);
    last_ = time;
    ++steps;
    EXPECT_EQ(changes.size(), 1U);
    partial = partial || changes[0].is_partial;
    DerivedChange change{.id = to_, .added = {}, .first_row_id = {}, .erased = {}};
    std::vector<Row> added;
    for (const auto* chunk : changes[0].erased) {
      for_even(*chunk, [&](const Row& row) {
        auto& ids = ids_[row];
        ASSERT_FALSE(ids.empty()) << row.first;
        change.erased.push_back(ids.back());
        ids.pop_back();
      });
    }
    for (const auto* chunk : changes[0].added) {
      for_even(*chunk, [&](Row row) { added.push_back(std::move(row)); });
    }
    change.first_row_id = reserve(to_, added.size());
    for (size_t i = 0; i < added.size(); ++i) {
      ids_[added[i]].push_back({change.first_row_id.value + static_cast<int64_t>(i)});
    }
    for (size_t at = 0; at < added.size(); at += STANDARD_VECTOR_SIZE) {
      change.added.push_back(chunk_of(added, at));
    }
    Derived out;
    out.changes.push_back(std::move(change));
    return out;
  }
  std::optional<Time> forget() override {
    ++forgotten;
    return std::nullopt;
  }

  std::atomic<int> steps = 0, forgotten = 0;
  std::atomic<bool> partial = false;

 private:
  template <typename Take>
  static void for_even(const engine::Chunk& chunk, const Take& take) {
    for (size_t i = 0; i < chunk.size(); ++i) {
      const auto key = chunk.GetValue(0, i).GetValue<int64_t>();
      if (key % 2 == 0) take(Row(key, chunk.GetValue(1, i).ToString()));
    }
  }
  std::unique_ptr<engine::Chunk> chunk_of(const std::vector<Row>& rows, size_t first) const {
    auto chunk = std::make_unique<engine::Chunk>();
    const size_t count = std::min<size_t>(rows.size() - first, STANDARD_VECTOR_SIZE);
    chunk->Initialize(duckdb::Allocator::DefaultAllocator(),
                      {shape_.types.begin(), shape_.types.end()});
    for (size_t i = 0; i < count; ++i) {
      chunk->SetValue(0, i, engine::Value::BIGINT(rows[first + i].first));
      chunk->SetValue(1, i, engine::Value(rows[first + i].second));
    }
    chunk->SetCardinality(count);
    return chunk;
  }

  const CollectionId from_, to_;
  const engine::Shape shape_;
  Time last_;
  std::map<Row, std::vector<RowId>> ids_;  // of the live rows of `to_`
};

}  // namespace sluice::collection
