// Disks that fill up and syncs that fail.
#include <atomic>
#include <random>

#include "collection/even_rows.h"
#include "collection/faulty_files.h"
#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class FailingDisks : public StoreTest {
 protected:
  void SetUp() override { ASSERT_TRUE(open(files_).ok()); }
  FaultyFiles files_;
};

TEST_F(FailingDisks, MakeTheStoreReadOnlyAndKeepWhatIsThere) {
  for (const auto fault :
       {FaultyFiles::Fault::kFull, FaultyFiles::Fault::kShortWrite, FaultyFiles::Fault::kSync}) {
    const CollectionId id = create();
    ASSERT_TRUE(write(id, {{1, "a"}}).ok());
    files_.fault = fault;
    const auto failed = write(id, {{2, "b"}});
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().sqlstate, "53100");
    EXPECT_EQ(failed.error().code,
              fault == FaultyFiles::Fault::kSync ? ErrorCode::kUnknown : ErrorCode::kExhausted);
    const auto later = write(id, {{3, "c"}});
    ASSERT_FALSE(later.ok());
    EXPECT_EQ(later.error().code, ErrorCode::kExhausted);
    EXPECT_FALSE(store_->stats().read_only_reason.empty());
    EXPECT_EQ(rows(id), (Rows{{1, "a"}}));
    files_.fault = FaultyFiles::Fault::kNone;
    ASSERT_TRUE(open(files_).ok());
    auto after = rows(id);
    // Whose sync failed may be there or not.
    if (fault == FaultyFiles::Fault::kSync)
      std::erase_if(after, [](auto& r) { return r.first == 2; });
    EXPECT_EQ(after, (Rows{{1, "a"}}));
    ASSERT_TRUE(write(id, {{4, "d"}}).ok());
  }
}

TEST_F(FailingDisks, TakeBackWhatFollowsFromARefusedCommit) {
  const CollectionId from = create(), to = create();
  const auto even = std::make_shared<EvenRows>(from, to, shape());
  store_->derive(even);
  ASSERT_TRUE(write(from, {{2, "a"}}).ok());
  files_.fault = FaultyFiles::Fault::kFull;
  ASSERT_FALSE(write(from, {{4, "b"}}).ok());
  EXPECT_EQ(even->steps, 2);
  EXPECT_EQ(even->forgotten, 1);
  files_.fault = FaultyFiles::Fault::kNone;
  wait_until([&] { return store_->stats().read_only_reason.empty(); });
  EXPECT_EQ(rows(to), (Rows{{2, "a"}}));
  ASSERT_TRUE(open(files_).ok());
  EXPECT_EQ(rows(from), (Rows{{2, "a"}}));
  EXPECT_EQ(rows(to), (Rows{{2, "a"}}));
}

TEST_F(FailingDisks, TakeCommitsAgainWhenThereIsRoomAgain) {
  const CollectionId id = create();
  Rows expected;
  for (const auto fault : {FaultyFiles::Fault::kFull, FaultyFiles::Fault::kShortWrite}) {
    for (int64_t round = 0; round < 2; ++round) {
      expected.emplace_back(static_cast<int64_t>(expected.size()), "before");
      ASSERT_TRUE(write(id, {expected.back()}).ok());
      files_.fault = fault;
      ASSERT_FALSE(write(id, {{100, "refused"}}).ok());
      files_.fault = FaultyFiles::Fault::kNone;
      wait_until([&] { return store_->stats().read_only_reason.empty(); });
      expected.emplace_back(static_cast<int64_t>(expected.size()), "after");
      ASSERT_TRUE(write(id, {expected.back()}).ok());
      EXPECT_EQ(rows(id), expected);
    }
    ASSERT_TRUE(open(files_).ok());
    EXPECT_EQ(rows(id), expected);
  }
}

TEST_F(FailingDisks, StayReadOnlyAfterASyncThatFailed) {
  const CollectionId id = create();
  files_.fault = FaultyFiles::Fault::kSync;
  const auto failed = write(id, {{1, "a"}});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kUnknown);
  files_.fault = FaultyFiles::Fault::kNone;
  // Several looks of the maintenance, which would have ended the other kind.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  while (std::chrono::steady_clock::now() < until) {
    // A sync that works again proves nothing about what the failed one has lost.
    ASSERT_FALSE(write(id, {{2, "b"}}).ok());
  }
  EXPECT_FALSE(store_->stats().read_only_reason.empty());
}

TEST_F(FailingDisks, RefuseALoadForWhichThereIsNoRoomAndGoOn) {
  options_.load_from_rows = 100;
  for (const bool memory : {false, true}) {
    options_.load_memory_bytes = memory ? 1 << 20 : 256 << 20;
    ASSERT_TRUE(open(files_).ok());
    const CollectionId id = create(true);
    ASSERT_TRUE(write(id, {{-1, "there"}}).ok());
    if (!memory) files_.fault = FaultyFiles::Fault::kSegments;
    const auto load_rows = [&]() -> Status {
      TRY_ASSIGN(const auto load, store_->load(id, shape()));
      std::mt19937_64 random(1);
      for (int64_t i = 0; i < 300; ++i) {
        Rows some;
        for (int64_t k = 0; k < 1000; ++k)
          some.emplace_back(i * 1000 + k, fmt::format("{:x}", random()));
        engine::Chunk chunk;
        fill(chunk, some);
        TRY(load->append(chunk, {}));
      }
      TRY_ASSIGN(const auto rows, load->finish({}));
      Commit commit;
      commit.writes.push_back({id, nullptr, {rows}});
      TRY(store_->commit(std::move(commit), {}));
      return ok();
    };
    const Status failed = load_rows();
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().sqlstate, memory ? "53200" : "53100") << failed.error().message;
    files_.fault = FaultyFiles::Fault::kNone;
    EXPECT_EQ(rows(id), (Rows{{-1, "there"}}));
    EXPECT_TRUE(write(id, {{5, "x"}}).ok());
    EXPECT_EQ(store_->stats().segments, 0u);
    EXPECT_TRUE(std::filesystem::is_empty(directory_.path() + "/segments"));
  }
}

TEST_F(FailingDisks, LoseNothingWhenSegmentsCannotBeWritten) {
  options_.tail_limit_bytes = 100'000;
  options_.segment_from_bytes = 10'000;
  ASSERT_TRUE(open(files_).ok());
  const CollectionId id = create();
  Rows expected;
  for (int64_t i = 0; i < 1500; ++i) expected.emplace_back(i, std::string(100, 'x'));
  files_.fault = FaultyFiles::Fault::kSegments;
  ASSERT_TRUE(write(id, expected).ok());
  wait_until([&] { return files_.failed_segments > 0; });
  EXPECT_EQ(rows(id), expected);
  expected.emplace_back(1500, "later");
  ASSERT_TRUE(write(id, {expected.back()}).ok());
  EXPECT_EQ(rows(id), expected);
  EXPECT_EQ(store_->stats().segments, 0u);
  files_.fault = FaultyFiles::Fault::kNone;
  wait_until([&] { return store_->stats().segments == 1; });
  EXPECT_EQ(rows(id), expected);
  ASSERT_TRUE(open(files_).ok());
  EXPECT_EQ(rows(id), expected);
}

TEST_F(FailingDisks, KeepNoRowsInMemoryThoughSegmentsCannotBeRewritten) {
  options_.tail_limit_bytes = 100'000;
  options_.segment_from_bytes = 10'000;
  ASSERT_TRUE(open(files_).ok());
  const CollectionId id = create();
  files_.fault = FaultyFiles::Fault::kLargeSegments;
  std::mt19937 random(3);
  Rows expected;
  for (uint64_t segments = 1; segments <= 12; ++segments) {
    Rows added;
    for (int64_t i = 0; i < 1500; ++i) {
      std::string text(100, ' ');
      for (char& c : text) c = static_cast<char>('!' + random() % 90);
      added.emplace_back(static_cast<int64_t>(segments) * 1500 + i, std::move(text));
    }
    ASSERT_TRUE(write(id, added).ok());
    expected.insert(expected.end(), added.begin(), added.end());
    wait_until([&] { return store_->stats().tail_rows == 0; });
    EXPECT_EQ(store_->stats().segments, segments);
  }
  EXPECT_GT(files_.failed_segments, 0);
  EXPECT_EQ(rows(id), expected);
  files_.fault = FaultyFiles::Fault::kNone;
  ASSERT_TRUE(open(files_).ok());
  EXPECT_EQ(rows(id), expected);
}

TEST_F(FailingDisks, LetWritersGoOnBehindAnOpenStream) {
  options_.tail_limit_bytes = 50'000;
  options_.segment_from_bytes = 10'000;
  ASSERT_TRUE(open(files_).ok());
  const CollectionId id = create();
  Rows many;
  for (int64_t i = 0; i < 20'000; ++i) many.emplace_back(i, std::string(50, 'x'));
  ASSERT_TRUE(write(id, many).ok());
  const auto view = store_->read();
  const auto snapshot = std::move(view->snapshot(id)).value();
  const std::vector<std::string> names = {"k", "v"};
  auto reader = std::move(engine_->connect()).value();
  auto stream = reader->stream(
      std::move(engine::Query::parse("FROM " + snapshot->table_sql(names, {}))).value(), {}, {});
  ASSERT_TRUE(stream.ok());
  uint64_t read = (*(*stream)->next({}))->size();
  for (int64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(write(id, {{100'000 + i, std::string(1000, 'y')}}).ok());
  }
  while (true) {
    auto chunk = (*stream)->next({});
    ASSERT_TRUE(chunk.ok()) << chunk.error().message;
    if (*chunk == nullptr) break;
    read += (*chunk)->size();
  }
  EXPECT_EQ(read, 20'000u);
}

}  // namespace
}  // namespace sluice::collection
