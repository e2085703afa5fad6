// Views in a store: at every time at which one can be read its rows are DuckDB's answer to its
// query over the tables' rows of that time.
#include "views/views.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <random>

#include "views/views_fixture.h"

namespace sluice::views {
namespace {

TEST_F(MaterializedViews, FollowWhatIsWritten) {
  ASSERT_TRUE(write(t_, {{1, "a"}, {8, "b"}, {8, "b"}}).ok());
  const Made made = sums();
  expect_right(made);
  for (int64_t i = 0; i < 30; ++i) {
    ASSERT_TRUE(write(t_, numbered(i, i % 4)).ok());
    ASSERT_EQ(difference(*store_->read(), made), 0) << i;
    ASSERT_TRUE(
        write(t_, {{i, "more"}}, ids(t_, fmt::format("WHERE k % 5 = {} LIMIT 2", i % 5))).ok());
    ASSERT_EQ(difference(*store_->read(), made), 0) << i;
  }
}

// Views on tables and on a view, four writers, readers at whatever time it is: no time shows a view
// without what it follows from.
TEST_F(MaterializedViews, AreRightAtEveryTimeBesideManyWriters) {
  const std::vector<Made> all = [&] {
    std::vector<Made> made = {sums(), join()};
    made.push_back(above(made[1]));
    return made;
  }();
  for (const Made& made : all) expect_right(made);
  std::atomic<int> left = 4;
  std::vector<std::jthread> writers(4);
  for (size_t number = 0; number < writers.size(); ++number) {
    writers[number] = std::jthread([&, number] {
      const auto first = static_cast<int64_t>(number) * 1'000;
      for (int64_t i = 0; i < 40; ++i) {
        Commit commit;
        commit.writes.push_back({t_, overlay(t_, numbered(first + i * 3, 5)), {}});
        commit.writes.push_back({u_, overlay(u_, numbered(first + i * 4, 3)), {}});
        EXPECT_TRUE(store_->commit(std::move(commit), {}).ok());
      }
      --left;
    });
  }
  size_t seen = 0;
  std::vector<std::shared_ptr<const ReadView>> past;
  while (left > 0) {
    past.push_back(store_->read());
    if (past.size() > 5) past.erase(past.begin());
    for (const Made& made : all) {
      for (const auto& at : {past.front(), past.back()}) {
        const auto wrong = difference(*at, made);
        ASSERT_EQ(wrong.value_or(0), 0) << made.sql;
        seen += wrong ? 1 : 0;
      }
    }
  }
  EXPECT_GT(seen, 0U);
  for (const Made& made : all) expect_right(made);
}

TEST_F(MaterializedViews, AreThereAtOnceAfterARestartAndGoOn) {
  ASSERT_TRUE(write(t_, numbered(0, 3'000)).ok());
  ASSERT_TRUE(write(u_, numbered(1'000, 3'000)).ok());
  const Made joined = join();
  const Made counted = above(joined);
  expect_right(joined);
  expect_right(counted);
  restart();
  EXPECT_EQ(difference(*store_->read(), joined), 0);
  EXPECT_EQ(difference(*store_->read(), counted), 0);
  ASSERT_TRUE(write(t_, numbered(5'000, 10), ids(t_, "WHERE k < 100")).ok());
  expect_right(joined);
  expect_right(counted);
}

TEST_F(MaterializedViews, CatchUpWithALoad) {
  const Made joined = join();
  const Made counted = above(joined);
  expect_right(counted);
  const auto before = store_->read();
  load(t_, 0, 60'000);
  const auto at = store_->read();
  EXPECT_EQ(difference(*before, joined), 0);
  // Either it has caught up by then, or it says that it has not.
  EXPECT_EQ(difference(*at, joined).value_or(0), 0);
  expect_right(joined);
  expect_right(counted);
  ASSERT_TRUE(write(t_, {}, ids(t_, "WHERE k % 3 > 0")).ok());
  expect_right(joined);
  expect_right(counted);
}

TEST_F(MaterializedViews, AreFilledFromTheColumnsThatTheyRead) {
  load(t_, 0, 9'000);
  load(u_, 100, 500);
  const std::vector<Input> both = {table(t_, "t"), table(u_, "u")};
  expect_right(make("SELECT count(*) FROM t", {LogicalType::BIGINT}, {table(t_, "t")}));
  expect_right(make("SELECT v FROM t WHERE v > 'value 5'", {LogicalType::VARCHAR}, {both[0]}));
  expect_right(make("SELECT max(k) FROM t", {LogicalType::BIGINT}, {both[0]}));
  expect_right(make("SELECT a.k, b.v FROM t a JOIN t b ON a.k = b.k + 1",
                    {LogicalType::BIGINT, LogicalType::VARCHAR}, {both[0]}));
  expect_right(make("SELECT t.v FROM t JOIN u ON t.v = u.v", {LogicalType::VARCHAR}, both));
}

TEST_F(MaterializedViews, AreFilledAnewAfterTooLargeAChange) {
  view_options_.refill_from_rows = 1'000;
  restart();
  ASSERT_TRUE(write(t_, numbered(0, 500)).ok());
  const Made made = sums();
  expect_right(made);
  load(t_, 500, 60'000);
  expect_right(made);
  const auto info = views_->info();
  ASSERT_EQ(info.size(), 1U);
  EXPECT_EQ(info[0].phase, Phase::kLive);
  EXPECT_EQ(info[0].rows_to_fill, 60'500U);
}

TEST_F(MaterializedViews, AnErrorIsThereWhileItsRowIs) {
  const Made made = make("SELECT 100 // k FROM t", {LogicalType::BIGINT}, {table(t_, "t")});
  const Made division =
      make("SELECT error(v)::INTEGER FROM t WHERE k = 0", {LogicalType::INTEGER}, {table(t_, "t")});
  const Made other = sums();
  const Made on_top =
      make("SELECT count(*) FROM division", {LogicalType::BIGINT}, {view(division, "division")});
  ASSERT_TRUE(write(t_, {{1, "a"}}).ok());
  expect_right(made);
  expect_right(other);
  ASSERT_TRUE(views_->wait(on_top.id, {}).ok());
  const auto before = store_->read();
  ASSERT_TRUE(write(t_, {{0, "bad luck"}}).ok());
  const auto bad = store_->read();
  for (const Made& view : {division, on_top}) {
    EXPECT_TRUE(views_->check(view.id, before->time()).ok());
    const Status failed = views_->check(view.id, bad->time());
    ASSERT_FALSE(failed.ok());
    EXPECT_NE(failed.error().message.find("bad luck"), std::string::npos) << failed.error().message;
  }
  EXPECT_EQ(difference(*bad, other), 0);
  ASSERT_TRUE(write(t_, {}, ids(t_, "WHERE k = 0")).ok());
  EXPECT_TRUE(views_->check(division.id, store_->read()->time()).ok());
  EXPECT_TRUE(views_->check(on_top.id, store_->read()->time()).ok());
  EXPECT_FALSE(views_->check(division.id, bad->time()).ok());
  // It is known after a restart, too.
  ASSERT_TRUE(write(t_, {{0, "bad luck"}}).ok());
  restart();
  EXPECT_FALSE(views_->check(division.id, store_->read()->time()).ok());
}

TEST_F(MaterializedViews, OneThatNeedsTooMuchMemoryIsBrokenAlone) {
  view_options_.memory_limit_bytes = 1'000'000;
  restart();
  const Made small = make("SELECT k % 7, count(*) FROM t GROUP BY 1",
                          {LogicalType::BIGINT, LogicalType::BIGINT}, {table(t_, "t")});
  expect_right(small);
  const Made large = join();
  expect_right(large);
  const Made above_it = above(large);
  expect_right(above_it);
  for (int64_t i = 0; i < 10; ++i) ASSERT_TRUE(write(t_, numbered(i * 1'000, 1'000)).ok());
  const Status waited = views_->wait(large.id, {});
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().sqlstate, "53200");
  EXPECT_NE(waited.error().message.find("memory"), std::string::npos);
  EXPECT_EQ(views_->check(large.id, store_->read()->time()).error().sqlstate, "53200");
  EXPECT_EQ(views_->wait(above_it.id, {}).error().sqlstate, "53200");
  expect_right(small);
  // What can't go on holds no history, whether it is broken itself or reads what is.
  wait_until([&] { return store_->stats().holds == 0; });
  for (const ViewInfo& info : views_->info()) {
    EXPECT_TRUE(info.id == small.id || info.bytes < 1'000) << info.bytes;
  }
  views_->remove(above_it.id);
  views_->remove(large.id);
  ASSERT_TRUE(write(t_, numbered(0, 10)).ok());
  expect_right(small);
}

// The ids of a view's own rows count, too, while it is filled.
TEST_F(MaterializedViews, OneOfTooManyRowsIsBrokenBeforeItHasThem) {
  view_options_.memory_limit_bytes = 1'000'000;
  restart();
  load(t_, 0, 60'000);
  const Made made = make("SELECT k FROM t", {LogicalType::BIGINT}, {table(t_, "t")});
  const Status waited = views_->wait(made.id, {});
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().sqlstate, "53200");
}

TEST_F(MaterializedViews, OneThatLackedMemoryIsFilledAgain) {
  for (int64_t i = 0; i < 5; ++i) ASSERT_TRUE(write(t_, numbered(i * 1'000, 1'000)).ok());
  const Made first = join();
  expect_right(first);
  // Room for nearly two of them.
  view_options_.memory_limit_bytes = views_->info()[0].bytes / 10 * 19;
  view_options_.retry_broken = std::chrono::milliseconds(100);
  restart();
  ASSERT_TRUE(write(t_, {{1, "more"}}).ok());
  expect_right(first);
  const Made second = join();
  const Made above_it = above(second);
  // Either of the two.
  wait_until([&] { return !views_->wait(above_it.id, {}).ok(); });
  EXPECT_EQ(views_->wait(above_it.id, {}).error().sqlstate, "53200");
  views_->remove(first.id);
  wait_until([&] { return views_->wait(above_it.id, {}).ok(); });
  expect_right(second);
  expect_right(above_it);
}

TEST_F(MaterializedViews, AQueryThatCannotBeKeptSaysSo) {
  const auto refused = views_->explain(*engine::Query::parse("SELECT random() FROM t"),
                                       std::vector<Input>{table(t_, "t")});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "0A000");
  const auto shown = views_->explain(*engine::Query::parse("SELECT count(*) FROM t"),
                                     std::vector<Input>{table(t_, "t")});
  ASSERT_TRUE(shown.ok());
  EXPECT_NE(shown->find("Aggregate"), std::string::npos);
  const Made made = make("SELECT random() FROM t", {LogicalType::DOUBLE}, {table(t_, "t")});
  EXPECT_EQ(views_->wait(made.id, {}).error().sqlstate, "0A000");
}

TEST_F(MaterializedViews, RemovedWhileBeingFilledIsGone) {
  load(t_, 0, 60'000);
  const Made made = join();
  views_->remove(made.id);
  EXPECT_FALSE(views_->wait(made.id, {}).ok());
  Commit commit;
  commit.dropped.push_back(made.id);
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  ASSERT_TRUE(write(t_, numbered(0, 10)).ok());
  const Made next = sums();
  expect_right(next);
}

// A group of commits that can't be written has not happened in the views either.
TEST_F(MaterializedViews, TakeBackWhatFollowsFromARefusedCommit) {
  const Made joined = join();
  const Made counted = above(joined);
  expect_right(counted);
  for (const auto fault :
       {collection::FaultyFiles::Fault::kFull, collection::FaultyFiles::Fault::kShortWrite}) {
    ASSERT_TRUE(write(t_, numbered(0, 10)).ok());
    files_.fault = fault;
    ASSERT_FALSE(write(t_, numbered(100, 10)).ok());
    EXPECT_EQ(difference(*store_->read(), joined).value_or(0), 0);
    files_.fault = collection::FaultyFiles::Fault::kNone;
    wait_until([&] { return store_->stats().read_only_reason.empty(); });
    // It may be said for a while why they were not live.
    wait_until([&] { return views_->wait(counted.id, {}).ok(); });
    ASSERT_TRUE(write(t_, numbered(200, 10), ids(t_, "WHERE k < 5")).ok());
    expect_right(joined);
    expect_right(counted);
  }
  restart();
  EXPECT_EQ(difference(*store_->read(), joined), 0);
  expect_right(counted);
}

// A load leaves a view behind; that a later group, which no view has to do with, is refused changes
// nothing about that.
TEST_F(MaterializedViews, StayBehindWhenAnothersCommitIsRefused) {
  const CollectionId other = create();
  const Made made = sums();
  expect_right(made);
  load(t_, 0, 60'000);
  files_.fault = collection::FaultyFiles::Fault::kFull;
  ASSERT_FALSE(write(other, numbered(0, 10)).ok());
  EXPECT_EQ(difference(*store_->read(), made).value_or(0), 0);
  files_.fault = collection::FaultyFiles::Fault::kNone;
  wait_until([&] { return store_->stats().read_only_reason.empty(); });
  wait_until([&] { return views_->wait(made.id, {}).ok(); });
  expect_right(made);
}

// A process that keeps views is killed at any moment: what can be read of them at the next start,
// before anything was filled, is right, and so is what they become.
TEST_F(MaterializedViews, AreRightAfterAKill) {
  view_options_.refill_from_rows = 2'000;
  restart();
  const std::vector<Made> all = [&] {
    std::vector<Made> made = {sums(), join()};
    made.push_back(above(made[1]));
    return made;
  }();
  const auto change_for_ever = [&](int ready, uint32_t seed) {
    restart();
    std::mt19937 random(seed);
    for (int64_t i = 0;; ++i) {
      const auto first = static_cast<int64_t>(random() % 5'000);
      if (random() % 8 == 0) {
        load(u_, first, 55'000);
      } else {
        const auto where = fmt::format("WHERE k % 7 = {} LIMIT 20", random() % 7);
        if (!write(t_, numbered(first, 30), ids(t_, where)).ok()) ::_exit(2);
      }
      if (random() % 8 == 0 && !write(u_, {}, ids(u_, "WHERE k > 100")).ok()) ::_exit(3);
      if (i == 5 && ::write(ready, &i, sizeof i) != sizeof i) ::_exit(4);
    }
  };
  size_t read_at_once = 0;
  for (uint32_t round = 0; round < 4; ++round) {
    views_.reset();
    close();  // no threads of ours may be there at the fork
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      change_for_ever(ends[1], round);
    }
    ::close(ends[1]);
    int64_t ready = 0;
    ASSERT_EQ(::read(ends[0], &ready, sizeof ready), static_cast<ssize_t>(sizeof ready));
    ::usleep(20'000 * round);
    ::kill(child, SIGKILL);
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit code " << WEXITSTATUS(status);
    restart();
    const auto at = store_->read();
    for (const Made& made : all) {
      const auto wrong = difference(*at, made);
      EXPECT_EQ(wrong.value_or(0), 0) << made.sql;
      read_at_once += wrong ? 1 : 0;
    }
    ASSERT_TRUE(write(t_, numbered(0, 3)).ok());
    for (const Made& made : all) expect_right(made);
  }
  EXPECT_GT(read_at_once, 0U);
}

}  // namespace
}  // namespace sluice::views
