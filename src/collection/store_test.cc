#include "collection/store.h"

#include <thread>

#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class Stores : public StoreTest {
 protected:
  void SetUp() override { reopen(); }
};

TEST_F(Stores, ReadWhatWasCommitted) {
  const CollectionId id = create();
  ASSERT_TRUE(write(id, {{1, "a"}, {2, "b"}}).ok());
  ASSERT_TRUE(write(id, {{3, "c"}}, {id_of(id, 1)}).ok());
  EXPECT_EQ(rows(id), (Rows{{2, "b"}, {3, "c"}}));
  reopen();
  EXPECT_EQ(rows(id), (Rows{{2, "b"}, {3, "c"}}));
  ASSERT_TRUE(write(id, {{4, "d"}}, {id_of(id, 2)}).ok());
  EXPECT_EQ(rows(id), (Rows{{3, "c"}, {4, "d"}}));
}

TEST_F(Stores, KeepManySmallCommits) {
  const CollectionId id = create();
  Rows expected;
  for (int64_t i = 0; i < 300; ++i) {
    expected.emplace_back(i, fmt::format("row {} with a text that is not inlined", i));
    ASSERT_TRUE(write(id, {expected.back()}).ok());
  }
  EXPECT_EQ(rows(id), expected);
  reopen();
  EXPECT_EQ(rows(id), expected);
}

TEST_F(Stores, ReadOneTimeWhateverCommitsLater) {
  const CollectionId id = create();
  ASSERT_TRUE(write(id, {{1, "a"}}).ok());
  const auto view = store_->read();
  const auto snapshot = std::move(view->snapshot(id)).value();
  ASSERT_TRUE(write(id, {{2, "b"}}, {id_of(id, 1)}).ok());
  EXPECT_EQ(rows(*view, id), (Rows{{1, "a"}}));
  EXPECT_EQ(query(*snapshot, "count(*)")[0][0].ToString(), "1");
  EXPECT_EQ(rows(id), (Rows{{2, "b"}}));
  auto past = store_->read_at(view->time());
  ASSERT_TRUE(past.ok());
  EXPECT_EQ(rows(**past, id), (Rows{{1, "a"}}));
}

TEST_F(Stores, RefuseTimesThatAreNotKept) {
  const Time now = store_->read()->time();
  EXPECT_FALSE(store_->read_at({now.milliseconds - 1'000'000}).ok());
  EXPECT_FALSE(store_->read_at({now.milliseconds + 1'000'000}).ok());
}

TEST_F(Stores, ShowATransactionItsOwnChanges) {
  const CollectionId id = create();
  ASSERT_TRUE(write(id, {{1, "a"}, {2, "b"}}).ok());
  const auto changes = overlay(id, {{3, "c"}, {4, "d"}}, {id_of(id, 1)});
  const auto view = store_->read();
  EXPECT_EQ(rows(*view, id, changes.get()), (Rows{{2, "b"}, {3, "c"}, {4, "d"}}));
  const auto snapshot = std::move(view->snapshot(id, changes.get())).value();
  const RowId own{query(*snapshot, "id", "WHERE k = 3")[0][0].GetValue<int64_t>()};
  ASSERT_TRUE(changes->erase(std::span(&own, 1)).ok());
  EXPECT_EQ(rows(*view, id, changes.get()), (Rows{{2, "b"}, {4, "d"}}));
  EXPECT_EQ(rows(*view, id), (Rows{{1, "a"}, {2, "b"}}));
  Commit commit;
  commit.writes.push_back({id, changes, {}});
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  EXPECT_EQ(rows(id), (Rows{{2, "b"}, {4, "d"}}));
}

TEST_F(Stores, RefuseToEraseARowTwice) {
  const CollectionId id = create();
  ASSERT_TRUE(write(id, {{1, "a"}}).ok());
  const RowId row = id_of(id, 1);
  ASSERT_TRUE(write(id, {}, {row}).ok());
  const auto again = write(id, {{2, "b"}}, {row});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(rows(id).empty());
}

TEST_F(Stores, LetOnlyOneOfTwoEraseARow) {
  const CollectionId id = create();
  for (int64_t round = 0; round < 20; ++round) {
    ASSERT_TRUE(write(id, {{round, "a"}}).ok());
    const RowId row = id_of(id, round);
    std::atomic<int> won = 0;
    {
      std::vector<std::jthread> threads(4);
      for (std::jthread& thread : threads) {
        thread = std::jthread([&] { won += write(id, {}, {row}).ok() ? 1 : 0; });
      }
    }
    EXPECT_EQ(won, 1);
  }
}

TEST_F(Stores, KeepKeysUnique) {
  const CollectionId id = create(true);
  ASSERT_TRUE(write(id, {{1, "a"}, {2, "b"}}).ok());
  const auto taken = write(id, {{3, "c"}, {2, "again"}});
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().code, ErrorCode::kExists);
  EXPECT_EQ(taken.error().sqlstate, "23505");
  EXPECT_EQ(taken.error().message, "duplicate key value violates unique constraint \"t_pkey\"");
  EXPECT_EQ(taken.error().detail, "Key (k)=(2) already exists.");
  EXPECT_FALSE(write(id, {{5, "x"}, {5, "y"}}).ok());
  // What failed has left nothing behind.
  ASSERT_TRUE(write(id, {{3, "c"}, {5, "x"}}).ok());
  // A key may go and come in one commit, and come again after it went.
  ASSERT_TRUE(write(id, {{2, "B"}}, {id_of(id, 2)}).ok());
  ASSERT_TRUE(write(id, {}, {id_of(id, 1)}).ok());
  ASSERT_TRUE(write(id, {{1, "A"}}).ok());
  reopen();
  EXPECT_FALSE(write(id, {{1, "again"}}).ok());
  EXPECT_EQ(rows(id), (Rows{{1, "A"}, {2, "B"}, {3, "c"}, {5, "x"}}));
}

TEST_F(Stores, CommitOverCollectionsAllOrNothing) {
  const CollectionId a = create(), b = create(true);
  ASSERT_TRUE(write(b, {{1, "taken"}}).ok());
  Commit commit;
  commit.writes.push_back({a, overlay(a, {{1, "a"}}), {}});
  commit.writes.push_back({b, overlay(b, {{1, "b"}}), {}});
  commit.records.push_back({"key", "value"});
  EXPECT_FALSE(store_->commit(std::move(commit), {}).ok());
  EXPECT_TRUE(rows(a).empty());
  EXPECT_TRUE(store_->records().first.empty());
}

TEST_F(Stores, KeepRecordsAndTheirRevision) {
  const auto set = [&](const std::string& key, std::optional<std::string> value,
                       std::optional<uint64_t> revision = {}) {
    Commit commit;
    commit.records.push_back({key, std::move(value)});
    commit.catalog_revision = revision;
    return store_->commit(std::move(commit), {});
  };
  ASSERT_TRUE(set("a", "1").ok());
  const uint64_t revision = store_->records().second;
  ASSERT_TRUE(set("b", "2").ok());
  EXPECT_EQ(set("c", "3", revision).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(set("a", std::nullopt, store_->records().second).ok());
  const auto before = store_->records();
  EXPECT_EQ(before.first, (std::map<std::string, std::string>{{"b", "2"}}));
  reopen();
  EXPECT_EQ(store_->records(), before);
}

TEST_F(Stores, KeepNotesBesideTheCatalog) {
  const auto note = [&](const std::string& key, std::optional<std::string> value) {
    Commit commit;
    commit.notes.push_back({key, std::move(value)});
    return store_->commit(std::move(commit), {});
  };
  const auto catalog = store_->records();
  ASSERT_TRUE(note("a", "1").ok());
  ASSERT_TRUE(note("b", "2").ok());
  ASSERT_TRUE(note("a", std::nullopt).ok());
  const std::map<std::string, std::string> expected = {{"b", "2"}};
  EXPECT_EQ(store_->notes(), expected);
  EXPECT_EQ(store_->records(), catalog);
  reopen();
  EXPECT_EQ(store_->notes(), expected);
  EXPECT_EQ(store_->records(), catalog);
}

TEST_F(Stores, ForgetADroppedCollectionAtItsTime) {
  const CollectionId id = create();
  ASSERT_TRUE(write(id, {{1, "a"}}).ok());
  const auto before = store_->read();
  Commit commit;
  commit.dropped.push_back(id);
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  EXPECT_EQ(store_->read()->snapshot(id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(rows(*before, id), (Rows{{1, "a"}}));
  EXPECT_FALSE(write(id, {{2, "b"}}).ok());
}

TEST_F(Stores, LoadManyRows) {
  const CollectionId id = create(true);
  for (const int64_t count : {1000, 120'000}) {
    auto load = std::move(store_->load(id, shape())).value();
    for (int64_t at = 0; at < count; at += 1000) {
      Rows some;
      for (int64_t i = at; i < at + 1000; ++i) some.emplace_back(count * 10 + i, "loaded");
      engine::Chunk chunk;
      fill(chunk, some);
      ASSERT_TRUE(load->append(chunk, {}).ok());
    }
    auto loaded = load->finish({});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(load->rows(), static_cast<uint64_t>(count));
    Commit commit;
    commit.writes.push_back({id, nullptr, {*loaded}});
    const auto done = store_->commit(std::move(commit), {});
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  ASSERT_TRUE(write(id, {}, {id_of(id, 1'200'007)}).ok());
  EXPECT_FALSE(write(id, {{1'200'008, "again"}}).ok());
  const auto check = [&] {
    const auto view = store_->read();
    const auto snapshot = std::move(view->snapshot(id)).value();
    EXPECT_EQ(snapshot->row_count(), 120'999u);
    EXPECT_EQ(query(*snapshot, "count(*), count(DISTINCT id), min(k)")[0][0].ToString(), "120999");
  };
  check();
  reopen();
  check();
  EXPECT_FALSE(write(id, {{1'200'008, "again"}}).ok());
  EXPECT_TRUE(write(id, {{1'200'007, "again"}}).ok());
}

// Segments of wide rows hold fillers that are none.
TEST_F(Stores, ShowWideRowsAndNoMoreAfterARestart) {
  constexpr int64_t kRows = 600, kBatch = 50;
  options_.load_memory_bytes = uint64_t{16} << 20;
  options_.tail_limit_bytes = options_.log_limit_bytes = uint64_t{4} << 20;
  reopen();
  const CollectionId id = create();
  for (int64_t at = 0; at < kRows; at += kBatch) {
    Rows some;
    for (int64_t i = at; i < at + kBatch; ++i) some.emplace_back(i, std::string(50'000, 'w'));
    ASSERT_TRUE(write(id, some).ok());
  }
  wait_until([&] { return store_->stats().segments > 0; });
  for (int restart = 0; restart < 3; ++restart) {
    const auto view = store_->read();
    const auto snapshot = std::move(view->snapshot(id)).value();
    EXPECT_EQ(snapshot->row_count(), uint64_t{kRows});
    EXPECT_EQ(query(*snapshot, "count(*)")[0][0].ToString(), "600") << "restart " << restart;
    EXPECT_EQ(query(*snapshot, "sum(length(v))::BIGINT")[0][0].ToString(), "30000000");
    reopen();
  }
}

TEST_F(Stores, RefuseASecondOpener) {
  const auto second = open_store(options_, *engine_, Clock::real(), Files::real());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
}

TEST_F(Stores, RefuseADirectoryOfAnotherFormat) {
  close();
  ASSERT_TRUE(Files::real().replace(directory_.path(), "FORMAT", "sluice data format 9\n").ok());
  const Status opened = open();
  ASSERT_FALSE(opened.ok());
  // Both formats, and what to do.
  EXPECT_NE(opened.error().message.find(
                "has the data format \"sluice data format 9\", not \"sluice data format "),
            std::string::npos)
      << opened.error().message;
  EXPECT_EQ(opened.error().hint,
            "Start the version of the server that wrote it, or give an empty directory.");
  ASSERT_TRUE(Files::real().exists(directory_.path() + "/FORMAT"));  // which is left as it was
  EXPECT_EQ(*Files::real().read(directory_.path() + "/FORMAT"), "sluice data format 9\n");
}

TEST_F(Stores, CommitFromManyThreads) {
  const CollectionId id = create(true);
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int64_t t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int64_t i = 0; i < 50; ++i) failed += write(id, {{t * 100 + i, "x"}}).ok() ? 0 : 1;
      });
    }
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(rows(id).size(), 400u);
}

TEST_F(Stores, GoOnWhenTheEngineBreaks) {
  options_.load_from_rows = 10;
  options_.tail_limit_bytes = 1000;
  options_.segment_from_bytes = 1000;
  reopen();
  const CollectionId id = create(true);
  Rows expected;
  for (int64_t i = 0; i < 3000; ++i) expected.emplace_back(i, "a value that is not inlined");
  ASSERT_TRUE(write(id, expected).ok());
  wait_until([&] { return store_->stats().segments > 0; });
  const auto view = store_->read();
  const auto before = std::move(view->snapshot(id)).value();
  for (const char* kind : {"fatal", "internal"}) {
    const auto held = expected;
    const auto broken = connection_->query(fmt::format("SELECT break_engine('{}')", kind));
    ASSERT_FALSE(broken.ok());
    // Before anybody has asked the engine for anything.
    expected.emplace_back(static_cast<int64_t>(expected.size()), kind);
    ASSERT_TRUE(write(id, {expected.back()}).ok());
    EXPECT_EQ(write(id, {{5, "taken"}}).error().sqlstate, "23505");
    EXPECT_EQ(rows(id), expected);
    EXPECT_EQ(query(*before, "count(*)")[0][0].ToString(), "3000") << "a snapshot from before";
    EXPECT_EQ(rows(*view, id).size(), 3000u);
  }
  EXPECT_EQ(engine_->restarts(), 2u);
  const size_t last = expected.size();
  for (int64_t i = 0; i < 2000; ++i) {
    expected.emplace_back(static_cast<int64_t>(last) + i, "a value that is not inlined");
  }
  const uint64_t segments = store_->stats().segments;
  ASSERT_TRUE(write(id, {expected.begin() + static_cast<ptrdiff_t>(last), expected.end()}).ok());
  wait_until([&] { return store_->stats().segments > segments; });
  EXPECT_EQ(rows(id), expected);
  reopen();
  EXPECT_EQ(rows(id), expected);
}

}  // namespace
}  // namespace sluice::collection
