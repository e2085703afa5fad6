// Lookups against the same rows filtered without an index, through every way by which rows come, go
// and move.
#include "collection/key_index.h"

#include <gtest/gtest.h>

#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class KeyIndexTest : public StoreTest {
 protected:
  std::shared_ptr<KeyIndex> add_index(CollectionId id, std::vector<size_t> columns) {
    auto index = store_->add_index(id, std::move(columns));
    EXPECT_TRUE(index.ok()) << index.error().message;
    return *index;
  }
  static void wait_until_ready(const KeyIndex& index) {
    wait_until([&] { return index.info().phase == KeyIndex::Phase::kReady; });
  }
  static std::optional<std::vector<int64_t>> find(const KeyIndex& index,
                                                  const std::vector<engine::Value>& key) {
    engine::Chunk keys;
    duckdb::vector<engine::LogicalType> types;
    for (const auto& value : key) types.push_back(value.type());
    keys.Initialize(duckdb::Allocator::DefaultAllocator(), types);
    for (size_t i = 0; i < key.size(); ++i) keys.SetValue(i, 0, key[i]);
    keys.SetCardinality(1);
    auto ids = index.find(keys);
    EXPECT_TRUE(ids.ok()) << ids.error().message;
    return ids.ok() ? *ids : std::nullopt;
  }
  // nullopt: the index is not to be used.
  std::optional<Rows> looked_up(const KeyIndex& index, const ReadView& view, CollectionId id,
                                const std::vector<engine::Value>& key, const std::string& where,
                                const Overlay* overlay = nullptr) {
    auto ids = find(index, key);
    if (!ids) return std::nullopt;
    const auto snapshot = std::move(view.snapshot(id, overlay)).value();
    snapshot->keep_visible(*ids);
    const std::vector<std::string> names = {"k", "v"};
    const Snapshot::Part part = snapshot->rows_sql(*ids, names, std::nullopt);
    return read(part.sql, where);
  }
  Rows read(const std::string& from, const std::string& where) {
    auto result = connection_->query(
        fmt::format("SELECT k, v FROM {} t WHERE {} ORDER BY k, v", from, where));
    EXPECT_TRUE(result.ok()) << result.error().message;
    Rows rows;
    for (const auto& row : *result)
      rows.emplace_back(row[0].GetValue<int64_t>(), row[1].ToString());
    return rows;
  }
  Rows scanned(const ReadView& view, CollectionId id, const std::string& where,
               const Overlay* overlay = nullptr) {
    const auto snapshot = std::move(view.snapshot(id, overlay)).value();
    const std::vector<std::string> names = {"k", "v"};
    return read(snapshot->table_sql(names, std::nullopt), where);
  }
  // Without which nothing would be known to have been looked up.
  void expect_same(const KeyIndex& index, const ReadView& view, CollectionId id, int64_t key,
                   const Overlay* overlay = nullptr) {
    const std::string where = fmt::format("k = {}", key);
    const auto found = looked_up(index, view, id, {engine::Value::BIGINT(key)}, where, overlay);
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(*found, scanned(view, id, where, overlay)) << "key " << key;
  }
  Result<Committed> load(CollectionId id, const Rows& added) {
    TRY_ASSIGN(auto load, store_->load(id, shape()));
    for (size_t at = 0; at < added.size(); at += STANDARD_VECTOR_SIZE) {
      engine::Chunk chunk;
      fill(chunk, added, at);
      TRY(load->append(chunk, {}));
    }
    TRY_ASSIGN(auto loaded, load->finish({}));
    Commit commit;
    commit.writes.push_back({id, nullptr, {loaded}});
    return store_->commit(std::move(commit), {});
  }
};

TEST_F(KeyIndexTest, FindsRowsThatWereThereAndThoseThatCome) {
  reopen();
  const CollectionId id = create();
  ASSERT_TRUE(write(id, {{1, "a"}, {2, "b"}, {1, "c"}}).ok());
  const auto index = add_index(id, {0});
  wait_until_ready(*index);
  expect_same(*index, *store_->read(), id, 1);
  ASSERT_TRUE(write(id, {{1, "d"}, {3, "e"}}).ok());
  const auto before = store_->read();
  ASSERT_TRUE(write(id, {{1, "f"}}, {id_of(id, 3)}).ok());
  for (const int64_t key : {1, 2, 3, 4}) {
    expect_same(*index, *store_->read(), id, key);
    expect_same(*index, *before, id, key);
  }
  const auto open = overlay(id, {{1, "g"}, {9, "h"}}, {id_of(id, 2)});
  for (const int64_t key : {1, 2, 9}) expect_same(*index, *store_->read(), id, key, open.get());
}

TEST_F(KeyIndexTest, AnswersAsAScanDoesAtEveryReadableTime) {
  options_.tail_limit_bytes = 64 << 10;
  options_.segment_from_bytes = 4 << 10;
  options_.fold_from_rows = 200;
  options_.load_from_rows = 500;
  options_.log_limit_bytes = 1 << 20;
  for (const uint32_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    reopen();
    const CollectionId id = create();
    const auto number = [&](uint32_t most) { return static_cast<int64_t>(random() % most); };
    const auto some_rows = [&](size_t count) {
      Rows rows;
      for (size_t i = 0; i < count; ++i) rows.emplace_back(number(300), std::to_string(number(9)));
      return rows;
    };
    auto index = add_index(id, {0});
    auto pair = add_index(id, {1, 0});
    std::deque<std::shared_ptr<const ReadView>> held;
    for (int round = 0; round < 120; ++round) {
      const int64_t what = number(20);
      if (what == 0) {
        held.clear();
        reopen();
        index = add_index(id, {0});
        pair = add_index(id, {1, 0});
      } else if (what < 3) {
        ASSERT_TRUE(load(id, some_rows(700)).ok());
      } else {
        std::vector<RowId> erased;
        const auto snapshot = std::move(store_->read()->snapshot(id)).value();
        for (const auto& row : query(*snapshot, "id", fmt::format("WHERE k % 7 = {}", number(7)))) {
          if (what < 6) erased.push_back({row[0].GetValue<int64_t>()});
        }
        ASSERT_TRUE(write(id, some_rows(static_cast<size_t>(number(60))), erased).ok());
      }
      held.push_back(store_->read());
      if (held.size() > 4) held.pop_front();
      if (round % 5 != 0) continue;
      wait_until_ready(*index);
      wait_until_ready(*pair);
      for (const auto& view : held) {
        for (int i = 0; i < 5; ++i) {
          const int64_t key = number(300);
          expect_same(*index, *view, id, key);
          const std::string text = std::to_string(number(9));
          const std::string where = fmt::format("k = {} AND v = '{}'", key, text);
          const auto found =
              looked_up(*pair, *view, id, {engine::Value(text), engine::Value::BIGINT(key)}, where);
          ASSERT_TRUE(found.has_value());
          ASSERT_EQ(*found, scanned(*view, id, where));
        }
      }
    }
    EXPECT_GT(store_->stats().segments, 0u);
    held.clear();
  }
}

TEST_F(KeyIndexTest, IsNotUsedWhileALoadIsEnteredAndIsRightAfterIt) {
  reopen();
  const CollectionId id = create();
  const auto index = add_index(id, {0});
  wait_until_ready(*index);
  Rows rows;
  for (int64_t i = 0; i < 60'000; ++i) rows.emplace_back(i % 1000, std::to_string(i));
  ASSERT_TRUE(load(id, rows).ok());
  wait_until_ready(*index);
  EXPECT_EQ(index->info().rows, 60'000u);
  expect_same(*index, *store_->read(), id, 77);
}

TEST_F(KeyIndexTest, GivesUpPastItsMemoryAndCommitsGoOn) {
  options_.index_memory_bytes = 100'000;
  reopen();
  const CollectionId id = create();
  const auto index = add_index(id, {0});
  EXPECT_TRUE(store_->check_index_memory(1'000).ok());
  EXPECT_EQ(store_->check_index_memory(100'000).error().sqlstate, "53200");
  Rows rows;
  for (int64_t i = 0; i < 10'000; ++i) rows.emplace_back(i, "x");
  ASSERT_TRUE(write(id, rows).ok());
  EXPECT_EQ(index->info().phase, KeyIndex::Phase::kOutOfUse);
  EXPECT_NE(index->info().reason, "");
  EXPECT_EQ(store_->stats().index_bytes, 0u);
  EXPECT_FALSE(find(*index, {engine::Value::BIGINT(1)}).has_value());
  ASSERT_TRUE(write(id, {{1, "y"}}).ok());
}

TEST_F(KeyIndexTest, RowsThatAreFoldedAwayAreTakenOut) {
  options_.retain_history = std::chrono::milliseconds(0);
  options_.fold_from_rows = 100;
  options_.load_from_rows = 100;
  reopen();
  const CollectionId id = create();
  const auto index = add_index(id, {0});
  Rows rows;
  for (int64_t i = 0; i < 40'000; ++i) rows.emplace_back(i % 100, std::to_string(i));
  ASSERT_TRUE(load(id, rows).ok());
  wait_until_ready(*index);
  std::vector<RowId> erased;
  const auto snapshot = std::move(store_->read()->snapshot(id)).value();
  for (const auto& row : query(*snapshot, "id", "WHERE k % 2 = 0")) {
    erased.push_back({row[0].GetValue<int64_t>()});
  }
  ASSERT_TRUE(write(id, {}, erased).ok());
  wait_until([&] { return index->info().rows == 20'000; });
  for (const int64_t key : {4, 5}) expect_same(*index, *store_->read(), id, key);
}

TEST_F(KeyIndexTest, OneThatIsRemovedTakesNoMemory) {
  reopen();
  const CollectionId id = create();
  const auto index = add_index(id, {0});
  ASSERT_TRUE(write(id, {{1, "a"}}).ok());
  EXPECT_GT(store_->stats().index_bytes, 0u);
  store_->remove_index(id, index);
  EXPECT_EQ(store_->stats().index_bytes, 0u);
  ASSERT_TRUE(write(id, {{1, "b"}}).ok());
  EXPECT_EQ(index->info().rows, 0u);
  EXPECT_FALSE(store_->add_index({999}, {0}).ok());
}

}  // namespace
}  // namespace sluice::collection
