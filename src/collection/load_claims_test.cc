// Unique keys of loads: what is taken, what is given back, and who waits.
#include <set>

#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class LoadsWithKeys : public StoreTest {
 protected:
  void SetUp() override {
    options_.load_from_rows = 200;
    reopen();
  }
  static Rows numbered(int64_t first, int64_t count, const std::string& text) {
    Rows rows;
    for (int64_t i = 0; i < count; ++i) rows.emplace_back(first + i, text);
    return rows;
  }
  Result<Committed> load(CollectionId id, const Rows& added,
                         const std::vector<RowId>& erased = {}) {
    auto load = std::move(store_->load(id, shape())).value();
    for (size_t at = 0; at < added.size(); at += STANDARD_VECTOR_SIZE) {
      engine::Chunk chunk;
      fill(chunk, added, at);
      EXPECT_TRUE(load->append(chunk, {}).ok());
    }
    Commit commit;
    commit.writes.push_back({id, overlay(id, {}, erased), {load->finish({}).value()}});
    return store_->commit(std::move(commit), {});
  }
  std::vector<RowId> ids_of(CollectionId id) {
    std::vector<RowId> ids;
    const auto view = store_->read();
    const auto snapshot = std::move(view->snapshot(id)).value();
    for (const auto& row : query(*snapshot, "id")) ids.push_back({row[0].GetValue<int64_t>()});
    return ids;
  }
};

TEST_F(LoadsWithKeys, AreRefusedAsAWholeAndLeaveAllKeysAsTheyWere) {
  const CollectionId id = create(true);
  ASSERT_TRUE(write(id, {{70'000, "there"}}).ok());
  const auto taken = load(id, numbered(50'000, 30'000, "x"));
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().sqlstate, "23505");
  EXPECT_EQ(taken.error().detail, "Key (k)=(70000) already exists.");
  Rows twice = numbered(0, 20'000, "x");
  twice.emplace_back(3, "again");
  const auto inside = load(id, twice);
  ASSERT_FALSE(inside.ok());
  EXPECT_EQ(inside.error().sqlstate, "23505");
  EXPECT_EQ(rows(id), (Rows{{70'000, "there"}}));
  EXPECT_FALSE(write(id, {{70'000, "again"}}).ok());
  twice.pop_back();
  EXPECT_TRUE(load(id, twice).ok()) << "keys that were entered and undone are free";
  EXPECT_FALSE(write(id, {{19'999, "again"}}).ok());
  EXPECT_TRUE(write(id, {{50'000, "free"}}).ok());
}

TEST_F(LoadsWithKeys, MayTakeTheKeysOfRowsThatTheyErase) {
  const CollectionId id = create(true);
  ASSERT_TRUE(load(id, numbered(0, 20'000, "old")).ok());
  const auto ids = ids_of(id);
  // One too many: all is as it was, and what was replaced is taken again.
  ASSERT_TRUE(write(id, {{30'000, "there"}}).ok());
  Rows clash = numbered(0, 20'000, "new");
  clash.emplace_back(30'000, "new");
  EXPECT_EQ(load(id, clash, ids).error().sqlstate, "23505");
  EXPECT_FALSE(write(id, {{5, "x"}}).ok());
  EXPECT_FALSE(write(id, {{19'999, "x"}}).ok());
  ASSERT_TRUE(load(id, numbered(0, 20'000, "new"), ids).ok());
  EXPECT_EQ(rows(id).size(), 20'001u);
  EXPECT_EQ(rows(id)[7].second, "new");
  EXPECT_FALSE(write(id, {{5, "x"}}).ok());
  EXPECT_EQ(load(id, numbered(0, 300, "late"), ids).error().sqlstate, "40001");
  EXPECT_FALSE(write(id, {{5, "x"}}).ok());
  reopen();
  EXPECT_FALSE(write(id, {{5, "x"}}).ok());
  EXPECT_TRUE(write(id, {{20'000, "x"}}).ok());
}

TEST_F(LoadsWithKeys, GoIntoTheTableThatTheirCommitCreates) {
  for (const bool twice : {true, false}) {
    const CollectionId id = store_->new_collection_id();
    auto load = std::move(store_->load(id, shape())).value();
    Rows rows = numbered(0, 500, "x");
    if (twice) rows.back().first = 3;
    engine::Chunk chunk;
    fill(chunk, rows);
    ASSERT_TRUE(load->append(chunk, {}).ok());
    Commit commit;
    commit.created.push_back({id, {shape(), {{"t_pkey", {0}}}}});
    commit.writes.push_back({id, nullptr, {load->finish({}).value()}});
    const auto done = store_->commit(std::move(commit), {});
    ASSERT_EQ(done.ok(), !twice);
    if (twice) {
      EXPECT_EQ(done.error().sqlstate, "23505");
      continue;
    }
    EXPECT_FALSE(write(id, {{3, "x"}}).ok());
    EXPECT_TRUE(write(id, {{500, "x"}}).ok());
  }
}

TEST_F(LoadsWithKeys, EndInAnErrorWhenTheKeysDoNotFitIntoMemory) {
  options_.key_memory_bytes = 300'000;
  reopen();
  const CollectionId id = create(true);
  const auto failed = load(id, numbered(0, 30'000, "x"));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().sqlstate, "53200");
  EXPECT_FALSE(failed.error().hint.empty());
  EXPECT_TRUE(rows(id).empty());
  EXPECT_TRUE(write(id, {{30'000, "x"}}).ok());
  EXPECT_TRUE(load(id, numbered(0, 3'000, "x")).ok())
      << "what was entered takes no memory any more";
}

TEST_F(LoadsWithKeys, AndCommitsBesideThemNeverShareAKey) {
  const CollectionId id = create(true);
  std::atomic<int> loaded = 0, refused = 0, written = 0;
  std::atomic<bool> done = false;
  std::vector<std::jthread> threads;
  for (uint32_t number = 0; number < 2; ++number) {
    threads.emplace_back([&, number] {
      std::mt19937 random(number);
      for (int i = 0; i < 25; ++i) {
        const auto result = load(id, numbered(random() % 20'000, 300 + random() % 20'000, "load"));
        ++(result.ok() ? loaded : refused);
        if (!result.ok()) {
          EXPECT_TRUE(result.error().sqlstate == "23505" || result.error().sqlstate == "40001")
              << result.error().message;
        }
      }
      done = true;
    });
  }
  for (uint32_t number = 0; number < 3; ++number) {
    threads.emplace_back([&, number] {
      std::mt19937 random(100 + number);
      const auto connection = std::move(engine_->connect()).value();
      const std::vector<std::string> names = {"k", "v"};
      while (!done) {
        const auto key = static_cast<int64_t>(random() % 40'000);
        const auto view = store_->read();
        const auto snapshot = std::move(view->snapshot(id)).value();
        // Clears a stretch, so that loads succeed now and then, and takes a key.
        const auto found = connection->query(
            fmt::format("SELECT id FROM {} t WHERE k >= {} - 20000",
                        snapshot->table_sql(names, "id"), random() % 4 == 0 ? 0 : key + 20'000));
        ASSERT_TRUE(found.ok()) << found.error().message;
        std::vector<RowId> erased;
        for (const auto& row : *found) erased.push_back({row[0].GetValue<int64_t>()});
        if (write(id, {{key, "one"}}, erased).ok()) ++written;
      }
    });
  }
  threads.clear();
  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(written, 0);
  const Rows left = rows(id);
  std::set<int64_t> keys;
  for (const auto& [key, text] : left) EXPECT_TRUE(keys.insert(key).second) << key;
  // The index says the same as the rows: every key is free exactly when no row has it.
  for (int64_t key = 0; key < 41'000; key += 97) {
    EXPECT_EQ(write(id, {{key, "probe"}}).ok(), !keys.contains(key)) << key;
  }
}

}  // namespace
}  // namespace sluice::collection
