// Views whose rows come and go with time: they are right at every time that can be read, whether or
// not anybody writes.
#include <atomic>

#include "views/views_fixture.h"

namespace sluice::views {
namespace {

using collection::Time;

class ViewsInTime : public MaterializedViews {
 protected:
  int64_t now() const { return store_->read()->time().milliseconds; }
  // Rows that are there until k.
  Made until() {
    return make("SELECT k, v FROM t WHERE [< k]", {LogicalType::BIGINT, LogicalType::VARCHAR},
                {table(t_, "t")});
  }
  // And counted from k on.
  Made counted() {
    return make("SELECT k % 3, count(*) FROM t WHERE [>= k] AND [< k + 40] GROUP BY 1",
                {LogicalType::BIGINT, LogicalType::BIGINT}, {table(t_, "t")});
  }
  int64_t rows_of(const ReadView& at, const Made& made) {
    return static_cast<int64_t>((*at.snapshot(made.id))->row_count());
  }
  Rows around(int64_t time, int64_t count, int64_t apart) {
    Rows rows;
    for (int64_t i = 0; i < count; ++i) rows.emplace_back(time + i * apart, "a row with an end");
    return rows;
  }
};

TEST_F(ViewsInTime, RowsComeAndGoWithoutACommit) {
  const Made made = until();
  expect_right(made);
  const int64_t begin = now();
  ASSERT_TRUE(write(t_, {{begin + 150, "a"}, {begin + 150, "b"}, {begin + 3'600'000, "c"}}).ok());
  EXPECT_EQ(rows_of(*store_->read(), made), 3);
  const auto early = store_->read();
  wait_until([&] { return rows_of(*store_->read(), made) == 1; });
  EXPECT_GE(now(), begin + 150);
  EXPECT_EQ(difference(*store_->read(), made), 0);
  EXPECT_EQ(rows_of(*early, made), 3);
}

// What is read is never behind time, nor ahead of it.
TEST_F(ViewsInTime, AreRightAtEveryTimeBesideWriters) {
  const std::vector<Made> all = [&] {
    std::vector<Made> made = {until(), counted()};
    made.push_back(above(made[0]));
    return made;
  }();
  for (const Made& made : all) expect_right(made);
  std::atomic<int> left = 2;
  std::vector<std::jthread> writers(2);
  for (auto& writer : writers) {
    writer = std::jthread([&] {
      for (int64_t i = 0; i < 60; ++i) {
        EXPECT_TRUE(write(t_, around(now() - 10, 12, 1 + i % 9)).ok());
        std::this_thread::sleep_for(std::chrono::milliseconds(i % 5));
      }
      --left;
    });
  }
  size_t compared = 0;
  std::vector<std::shared_ptr<const ReadView>> past;
  while (left > 0) {
    past.push_back(store_->read());
    if (past.size() > 8) past.erase(past.begin());
    for (const Made& made : all) {
      for (const auto& at : {past.front(), past.back()}) {
        // Views that are live can be read at every time that a read is given.
        ASSERT_EQ(difference(*at, made), 0) << made.sql;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 10U);
  // Times that nobody was given may be unknown; those that are known are right.
  size_t known = 0;
  const int64_t end = now();
  for (int64_t time = end - 300; time <= end; time += 7) {
    const auto at = store_->read_at({time});
    if (!at.ok()) continue;
    for (const Made& made : all) {
      const auto wrong = difference(**at, made);
      EXPECT_EQ(wrong.value_or(0), 0) << made.sql;
      known += wrong ? 1 : 0;
    }
  }
  EXPECT_GT(known, 0U);
  for (const Made& made : all) expect_right(made);
}

TEST_F(ViewsInTime, TimeThatPassedWhileTheServerWasDownHasPassed) {
  const Made made = until();
  expect_right(made);
  ASSERT_TRUE(write(t_, around(now() + 100, 50, 2)).ok());
  ASSERT_TRUE(write(t_, {{now() + 3'600'000, "stays"}}).ok());
  views_.reset();
  close();
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  restart();
  // Whatever can be read at once is right, and so is what it becomes.
  EXPECT_EQ(difference(*store_->read(), made).value_or(0), 0);
  expect_right(made);
  wait_until([&] { return rows_of(*store_->read(), made) == 1; });
  EXPECT_EQ(difference(*store_->read(), made), 0);
}

// Above one that has forgotten when it was right.
TEST_F(ViewsInTime, OneWithALongerHistoryThanWhatItReadsCanBeReadAsFarBack) {
  options_.retain_history = std::chrono::milliseconds(1);
  restart();
  const Made below = until();
  const Made upper = above(below);
  expect_right(upper);
  Commit commit;
  commit.retained.push_back({upper.id, std::chrono::hours(1)});
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  ASSERT_TRUE(write(t_, around(now() + 20, 200, 1)).ok());
  const Time first = store_->read()->time();
  wait_until([&] { return rows_of(*store_->read(), below) == 0; });
  ASSERT_TRUE(write(t_, around(now() + 20, 5, 2)).ok());
  wait_until([&] { return rows_of(*store_->read(), below) == 0; });
  const auto at = store_->read_at(first);
  ASSERT_TRUE(at.ok()) << at.error().message;
  EXPECT_TRUE(views_->check(upper.id, first).ok());
  EXPECT_GT(rows_of(**at, upper), 0);
}

TEST_F(ViewsInTime, AFullDiskHoldsUpNoReader) {
  const Made made = until();
  expect_right(made);
  ASSERT_TRUE(write(t_, around(now() + 60, 20, 3)).ok());
  files_.fault = collection::FaultyFiles::Fault::kFull;
  std::this_thread::sleep_for(std::chrono::milliseconds(80));
  const int64_t before = now();
  EXPECT_EQ(difference(*store_->read(), made).value_or(0), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_GT(now(), before);
  EXPECT_EQ(difference(*store_->read(), made).value_or(0), 0);
  files_.fault = collection::FaultyFiles::Fault::kNone;
  wait_until([&] { return store_->stats().read_only_reason.empty(); });
  wait_until([&] { return views_->wait(made.id, {}).ok(); });
  expect_right(made);
  EXPECT_EQ(rows_of(*store_->read(), made), 0);
}

TEST_F(ViewsInTime, OneThatIsRemovedLeavesNothingDue) {
  const Made made = until();
  expect_right(made);
  ASSERT_TRUE(write(t_, around(now() + 50, 20, 3)).ok());
  views_->remove(made.id);
  made_.clear();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const int64_t before = now();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_GE(now(), before + 40);
}

}  // namespace
}  // namespace sluice::views
