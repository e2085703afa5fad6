// A collection that is kept to the rows of another one with an even key.
#include "collection/derivation.h"

#include <algorithm>
#include <atomic>

#include "collection/even_rows.h"
#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class Derived : public StoreTest {
 protected:
  void SetUp() override {
    // So that rows come to lie in segments soon.
    options_.tail_limit_bytes = 60'000;
    options_.segment_from_bytes = 4'000;
    options_.fold_from_rows = 50;
    reopen();
    from_ = create();
    to_ = create();
    even_ = std::make_shared<EvenRows>(from_, to_, shape());
    store_->derive(even_);
  }
  static Rows even(const Rows& rows) {
    Rows out;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(out),
                 [](const auto& row) { return row.first % 2 == 0; });
    return out;
  }
  // The law, at one time.
  void expect_even(const ReadView& view) { ASSERT_EQ(rows(view, to_), even(rows(view, from_))); }
  std::vector<RowId> ids(const std::string& rest) { return StoreTest::ids(from_, rest); }
  static Rows numbered(int64_t first, int64_t count) {
    Rows rows;
    for (int64_t i = first; i < first + count; ++i) {
      rows.emplace_back(i, fmt::format("a value that is not inlined, {}", i));
    }
    return rows;
  }

  CollectionId from_, to_;
  std::shared_ptr<EvenRows> even_;
};

TEST_F(Derived, RowsComeAndGoWithWhatTheyFollowFrom) {
  ASSERT_TRUE(write(from_, {{1, "a"}, {2, "b"}, {2, "b"}}).ok());
  EXPECT_EQ(rows(to_), (Rows{{2, "b"}, {2, "b"}}));
  const auto before = store_->read();
  ASSERT_TRUE(write(from_, {{2, "c"}, {4, "d"}}, ids("WHERE k = 2 LIMIT 1")).ok());
  EXPECT_EQ(rows(to_), (Rows{{2, "b"}, {2, "c"}, {4, "d"}}));
  EXPECT_EQ(rows(*before, to_), (Rows{{2, "b"}, {2, "b"}}));
  EXPECT_FALSE(even_->partial);
}

// By literal ids, by a join with many, out of memory and out of segments.
TEST_F(Derived, RowsThatAreErasedAreGivenByTheirValues) {
  for (int64_t round = 0; round < 10; ++round) {
    ASSERT_TRUE(write(from_, numbered(round * 1'000, 1'000)).ok());
  }
  wait_until([&] { return store_->stats().segments > 0; });
  ASSERT_TRUE(write(from_, numbered(10'000, 3'000)).ok());
  for (const std::string which : {"k = 4", "k % 40 = 2", "k % 3 = 0", "k >= 0"}) {
    ASSERT_TRUE(write(from_, {}, ids("WHERE " + which)).ok());
    expect_even(*store_->read());
  }
  EXPECT_TRUE(rows(to_).empty());
  EXPECT_FALSE(even_->partial);
}

TEST_F(Derived, RowsFollowAtEveryTimeBesideManyWriters) {
  std::atomic<bool> done = false;
  std::vector<std::jthread> writers(4);
  for (size_t number = 0; number < writers.size(); ++number) {
    writers[number] = std::jthread([&, number] {
      const auto first = static_cast<int64_t>(number) * 1'000'000;
      for (int64_t i = 0; i < 60; ++i) {
        EXPECT_TRUE(write(from_, numbered(first + i * 7, 7)).ok());
        // Its own rows: what another one erases meanwhile would be a conflict.
        const auto connection = std::move(engine_->connect()).value();
        const auto view = store_->read();
        const auto snapshot = std::move(view->snapshot(from_)).value();
        const std::vector<std::string> names = {"k", "v"};
        const auto found = connection->query(
            fmt::format("SELECT id FROM {} t WHERE k >= {} AND k < {} AND k % 5 = {}",
                        snapshot->table_sql(names, "id"), first, first + 1'000'000, i % 5));
        ASSERT_TRUE(found.ok()) << found.error().message;
        std::vector<RowId> erased;
        for (const auto& row : *found) erased.push_back({row[0].GetValue<int64_t>()});
        EXPECT_TRUE(write(from_, {}, erased).ok());
      }
    });
  }
  std::jthread joiner([&] {
    for (auto& writer : writers) writer.join();
    done = true;
  });
  while (!done) expect_even(*store_->read());
  joiner.join();
  expect_even(*store_->read());
  EXPECT_FALSE(rows(to_).empty());
  EXPECT_FALSE(even_->partial);
}

TEST_F(Derived, RowsAreThereAfterARestart) {
  ASSERT_TRUE(write(from_, numbered(0, 500)).ok());
  ASSERT_TRUE(write(from_, {}, ids("WHERE k % 3 = 0")).ok());
  const Rows then = rows(to_);
  EXPECT_EQ(then, even(rows(from_)));
  reopen();
  EXPECT_EQ(rows(to_), then);
  EXPECT_EQ(even(rows(from_)), then);
}

TEST_F(Derived, LoadsAndLargeDeletesAreToldAsPartial) {
  auto load = std::move(store_->load(from_, shape())).value();
  const Rows many = numbered(0, 60'000);
  for (size_t at = 0; at < many.size(); at += STANDARD_VECTOR_SIZE) {
    engine::Chunk chunk;
    fill(chunk, many, at);
    ASSERT_TRUE(load->append(chunk, {}).ok());
  }
  Commit commit;
  commit.writes.push_back({from_, nullptr, {std::move(load->finish({})).value()}});
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  EXPECT_TRUE(even_->partial.exchange(false));
  ASSERT_TRUE(write(from_, {}, ids("WHERE k = 7")).ok());
  EXPECT_FALSE(even_->partial);
  ASSERT_TRUE(write(from_, {}, ids("WHERE k > 8")).ok());
  EXPECT_TRUE(even_->partial);
}

TEST_F(Derived, NothingIsToldAfterTheEnd) {
  const auto told = write(from_, {{2, "a"}});
  const Time last = store_->derive(nullptr);
  const auto not_told = write(from_, {{4, "b"}});
  ASSERT_TRUE(told.ok() && not_told.ok());
  EXPECT_LE(told->time, last);
  EXPECT_GT(not_told->time, last);
  EXPECT_EQ(rows(to_), (Rows{{2, "a"}}));
  EXPECT_EQ(even_->steps, 1);
}

TEST_F(Derived, RowsOfADroppedCollectionAreLeftOut) {
  Commit commit;
  commit.dropped.push_back(to_);
  commit.writes.push_back({from_, overlay(from_, {{2, "a"}}), {}});
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  ASSERT_TRUE(write(from_, {{4, "b"}}).ok());
  EXPECT_EQ(rows(from_), (Rows{{2, "a"}, {4, "b"}}));
  reopen();
  EXPECT_EQ(rows(from_), (Rows{{2, "a"}, {4, "b"}}));
}

// Wants a step every 20 ms, whoever writes.
class Ticking final : public Derivation {
 public:
  static constexpr int64_t kEvery = 20;
  bool reads(CollectionId) const override { return false; }
  collection::Derived step(Time time, std::span<const SourceChange> changes,
                           const Reserve&) override {
    EXPECT_TRUE(changes.empty());
    EXPECT_GE(time.milliseconds, due_);
    ++steps;
    last = time.milliseconds;
    due_ = time.milliseconds + kEvery;
    return {{}, {}, Time{due_}};
  }
  std::optional<Time> forget() override { return Time{due_}; }
  bool is_due() const override { return steps == 0; }

  std::atomic<int> steps = 0;
  std::atomic<int64_t> last = 0;

 private:
  int64_t due_ = 0;
};

TEST_F(Derived, WhatIsDueIsSteppedWithoutCommitsAndNoReadPassesIt) {
  const auto ticking = std::make_shared<Ticking>();
  store_->derive(ticking);
  ASSERT_TRUE(write(from_, {{1, "a"}}).ok());
  ASSERT_EQ(ticking->steps, 1);
  while (ticking->steps < 10) {
    // In this order: a step between the two moves the first.
    const int64_t time = store_->read()->time().milliseconds;
    ASSERT_LT(time, ticking->last + Ticking::kEvery);
    if (ticking->steps % 3 == 0) {
      ASSERT_TRUE(write(from_, {{2, "b"}}).ok());
    }
  }
  // A time that nothing has seen to yet is there in a moment.
  const Time soon{ticking->last + Ticking::kEvery};
  wait_until([&] {
    return std::chrono::system_clock::now().time_since_epoch() >=
           std::chrono::milliseconds(soon.milliseconds);
  });
  EXPECT_TRUE(store_->read_at(soon).ok());
  EXPECT_GE(ticking->last, soon.milliseconds);
  store_->derive(nullptr);
  const int steps = ticking->steps;
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(ticking->steps, steps);
  const Time before = store_->read()->time();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_GT(store_->read()->time(), before);
}

// Wants one step, so much later than the first.
class Later final : public Derivation {
 public:
  explicit Later(int64_t pause) : pause_(pause) {}
  bool reads(CollectionId) const override { return false; }
  bool is_due() const override { return steps == 0; }
  collection::Derived step(Time time, std::span<const SourceChange>, const Reserve&) override {
    const bool first = steps++ == 0;
    return {{}, {}, first ? std::optional(Time{time.milliseconds + pause_}) : std::nullopt};
  }
  std::optional<Time> forget() override { return std::nullopt; }

  std::atomic<int> steps = 0;

 private:
  const int64_t pause_;
};

TEST_F(Derived, AClockThatIsSetForwardHoldsUpNoReader) {
  FakeClock clock(std::chrono::system_clock::now());
  close();
  engine::Engine::Options options;
  options.readable_directories = {directory_.path()};
  engine_ = std::move(engine::Engine::open(options, engine::testing::register_breaking)).value();
  connection_ = std::move(engine_->connect()).value();
  store_ = std::move(open_store(options_, *engine_, clock, Files::real())).value();
  const auto later = std::make_shared<Later>(60'000);
  store_->derive(later);
  ASSERT_TRUE(write(from_, {{1, "a"}}).ok());
  clock.advance(std::chrono::seconds(600));
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.now().time_since_epoch());
  wait_until([&] { return store_->read()->time().milliseconds >= now.count(); });
  EXPECT_EQ(later->steps, 2);
  store_.reset();  // before the clock
}

TEST_F(Derived, WhatIsDueInCenturiesIsWaitedFor) {
  const auto later = std::make_shared<Later>(int64_t{300'000} * 365 * 86'400'000);
  store_->derive(later);
  ASSERT_TRUE(write(from_, {{1, "a"}}).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const Time before = store_->read()->time();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GT(store_->read()->time(), before);
  EXPECT_EQ(later->steps, 1);
}

}  // namespace
}  // namespace sluice::collection
