// Collections whose history is kept for another time than the rest's.
#include <algorithm>

#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

using namespace std::chrono_literals;

class Retained : public StoreTest {
 protected:
  void SetUp() override {
    options_.retain_history = 0ms;
    // So that what is forgotten is folded away soon.
    options_.tail_limit_bytes = 30'000;
    options_.segment_from_bytes = 2'000;
    options_.fold_from_rows = 20;
    reopen();
  }
  void retain(CollectionId id, std::optional<std::chrono::milliseconds> history) {
    Commit commit;
    commit.retained.push_back({id, history});
    ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  }
  // Rows come and go; what there was after each commit.
  void change(CollectionId id, std::vector<std::pair<Time, Rows>>& seen) {
    std::mt19937 random(static_cast<uint32_t>(seen.size()));
    for (int64_t i = 0; i < 60; ++i) {
      Rows added;
      for (int64_t k = 0; k < 20; ++k)
        added.emplace_back(i * 20 + k, "a value that is not inlined");
      const auto gone = ids(id, fmt::format("WHERE k % 7 = {} LIMIT 15", random() % 7));
      const auto done = write(id, added, gone);
      ASSERT_TRUE(done.ok()) << done.error().message;
      seen.emplace_back(done->time, rows(id));
    }
  }
  // How many of these times can be read; all of those are right.
  size_t readable(CollectionId id, const std::vector<std::pair<Time, Rows>>& seen) {
    size_t found = 0;
    for (const auto& [time, expected] : seen) {
      const auto at = store_->read_at(time);
      if (!at.ok()) continue;
      if (const auto snapshot = (*at)->snapshot(id); !snapshot.ok()) {
        EXPECT_EQ(snapshot.error().code, ErrorCode::kInvalid) << snapshot.error().message;
        continue;
      }
      ++found;
      EXPECT_EQ(rows(**at, id), expected) << time.milliseconds;
    }
    return found;
  }
};

TEST_F(Retained, OneCanBeReadForLongerThanTheRest) {
  const CollectionId kept = create();
  const CollectionId plain = create();
  retain(kept, 1h);
  std::vector<std::pair<Time, Rows>> of_kept, of_plain;
  change(kept, of_kept);
  change(plain, of_plain);
  wait_until([&] { return store_->stats().segments > 0; });
  EXPECT_EQ(readable(kept, of_kept), of_kept.size());
  EXPECT_LT(readable(plain, of_plain), of_plain.size() / 2);
  EXPECT_LE(*store_->since(kept), of_kept.front().first);
  EXPECT_GT(*store_->since(plain), of_plain.front().first);
  for (int round = 0; round < 2; ++round) {
    reopen();
    EXPECT_EQ(readable(kept, of_kept), of_kept.size());
    change(kept, of_kept);
    wait_until([&] { return store_->stats().segments > 0; });
  }
  EXPECT_EQ(readable(kept, of_kept), of_kept.size());
}

TEST_F(Retained, ChangesCanBeReadAsFarBack) {
  const CollectionId kept = create();
  retain(kept, 1h);
  std::vector<std::pair<Time, Rows>> seen;
  change(kept, seen);
  const auto now = store_->read();
  const auto changes = now->changes(kept, seen.front().first);
  ASSERT_TRUE(changes.ok()) << changes.error().message;
  const std::vector<std::string> names = {"k", "v"};
  const auto sum =
      connection_->query("SELECT sum(mz_diff)::BIGINT FROM " + (*changes)->table_sql(names) + " c");
  ASSERT_TRUE(sum.ok()) << sum.error().message;
  EXPECT_EQ((*sum)[0][0].GetValue<int64_t>(), static_cast<int64_t>(seen.back().second.size()) -
                                                  static_cast<int64_t>(seen.front().second.size()));
}

TEST_F(Retained, WhatIsNoLongerKeptGoes) {
  const CollectionId kept = create();
  retain(kept, 1h);
  std::vector<std::pair<Time, Rows>> seen;
  change(kept, seen);
  EXPECT_EQ(readable(kept, seen), seen.size());
  retain(kept, std::nullopt);
  change(kept, seen);
  EXPECT_LT(readable(kept, seen), seen.size() / 2);
  // What is gone doesn't come back with more history, which begins now.
  retain(kept, 1h);
  const size_t before = seen.size();
  change(kept, seen);
  EXPECT_GE(readable(kept, seen), seen.size() - before);
  EXPECT_LT(readable(kept, seen), seen.size());
}

// Less than the rest: of that one earlier times are refused, of others they are read.
TEST_F(Retained, OneMayBeKeptForLessTimeThanTheRest) {
  options_.retain_history = 1h;
  reopen();
  const CollectionId brief = create();
  const CollectionId plain = create();
  retain(brief, 1ms);
  std::vector<std::pair<Time, Rows>> of_brief, of_plain;
  change(brief, of_brief);
  change(plain, of_plain);
  EXPECT_LT(readable(brief, of_brief), of_brief.size());
  EXPECT_EQ(readable(plain, of_plain), of_plain.size());
}

TEST_F(Retained, WhoHoldsATimeReadsIt) {
  const CollectionId kept = create();
  retain(kept, 1ms);
  std::vector<std::pair<Time, Rows>> seen;
  change(kept, seen);
  const auto held = store_->read();
  const Rows then = rows(*held, kept);
  change(kept, seen);
  EXPECT_EQ(rows(*held, kept), then);
  EXPECT_TRUE(held->changes(kept, held->time()).ok());
  const auto now = store_->read();
  EXPECT_TRUE(now->changes(kept, held->time()).ok());
}

}  // namespace
}  // namespace sluice::collection
