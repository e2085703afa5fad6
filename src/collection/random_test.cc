// A model of a store (rows by key at every time) against the real one, over random commits,
// flushes, foldings and restarts.
#include <map>

#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

class RandomStores : public StoreTest, public testing::WithParamInterface<uint32_t> {};

TEST_P(RandomStores, AgreeWithTheirModelAtEveryTimeHeld) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  std::mt19937 random(GetParam());
  options_.tail_limit_bytes = 20'000;
  options_.segment_from_bytes = 4'000;
  options_.fold_from_rows = 50;
  options_.retain_history = std::chrono::milliseconds(1);
  reopen();
  const CollectionId id = create(true);
  Rows model;
  std::vector<std::pair<std::shared_ptr<const ReadView>, Rows>> held;
  int64_t next_key = 0;
  for (int step = 0; step < 150; ++step) {
    Rows added;
    for (size_t i = random() % 60; i > 0; --i) {
      const auto key = next_key++;
      added.emplace_back(key, fmt::format("a value that is not inlined, {}", key));
    }
    std::vector<RowId> erased;
    Rows left;
    {
      const auto view = store_->read();
      const auto snapshot = std::move(view->snapshot(id)).value();
      const auto ids = query(*snapshot, "k, id", "ORDER BY k");
      ASSERT_EQ(ids.size(), model.size());
      for (size_t i = 0; i < model.size(); ++i) {
        if (random() % 4 == 0) {
          erased.push_back({ids[i][1].GetValue<int64_t>()});
          // Some keys come again at once.
          if (random() % 4 == 0) added.emplace_back(model[i].first, "again");
        } else {
          left.push_back(model[i]);
        }
      }
    }
    const auto done = write(id, added, erased);
    ASSERT_TRUE(done.ok()) << done.error().message;
    left.insert(left.end(), added.begin(), added.end());
    std::sort(left.begin(), left.end());
    model = left;
    ASSERT_EQ(rows(id), model) << "step " << step;
    if (!model.empty()) {
      EXPECT_FALSE(write(id, {model[random() % model.size()]}).ok());
    }
    if (random() % 4 == 0) held.emplace_back(store_->read(), model);
    if (!held.empty()) {
      const auto& [view, then] = held[random() % held.size()];
      ASSERT_EQ(rows(*view, id), then) << "step " << step;
      const auto past = store_->read_at(view->time());
      ASSERT_TRUE(past.ok());
      ASSERT_EQ(rows(**past, id), then);
    }
    if (random() % 10 == 0) held.clear();
    if (random() % 25 == 0) {
      held.clear();
      reopen();
      ASSERT_EQ(rows(id), model) << "after a restart at step " << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomStores, testing::Range(1U, 5U));

TEST_F(StoreTest, FlushFoldAndForget) {
  options_.tail_limit_bytes = 200'000;
  options_.fold_from_rows = 100;
  options_.segment_from_bytes = 10'000;
  options_.retain_history = std::chrono::milliseconds(1);
  reopen();
  const CollectionId id = create();
  Rows many;
  for (int64_t i = 0; i < 20'000; ++i) many.emplace_back(i, "a value that is not inlined at all");
  ASSERT_TRUE(write(id, many).ok());
  wait_until([&] { return store_->stats().segments == 1 && store_->stats().tail_rows == 0; });
  std::vector<RowId> erased;
  {
    const auto view = store_->read();
    const auto snapshot = std::move(view->snapshot(id)).value();
    for (const auto& row : query(*snapshot, "id", "WHERE k % 10 = 0")) {
      erased.push_back({row[0].GetValue<int64_t>()});
    }
    ASSERT_TRUE(write(id, {}, erased).ok());
    EXPECT_EQ(store_->stats().deleted_rows, 2000u);
    EXPECT_EQ(query(*snapshot, "count(*)")[0][0].ToString(), "20000");
  }
  wait_until([&] { return store_->stats().deleted_rows == 0; });
  auto view = store_->read();
  auto snapshot = std::move(view->snapshot(id)).value();
  const std::vector<std::string> names = {"k", "v"};
  EXPECT_EQ(snapshot->table_sql(names, {}).find("WHERE"), std::string::npos);
  EXPECT_EQ(query(*snapshot, "count(*)")[0][0].ToString(), "18000");
  Commit commit;
  commit.dropped.push_back(id);
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  snapshot.reset();
  view.reset();
  wait_until([&] { return store_->stats().segments == 0; });
  const std::filesystem::path segments(directory_.path() + "/segments");
  wait_until([&] { return std::filesystem::is_empty(segments); });
}

}  // namespace
}  // namespace sluice::collection
