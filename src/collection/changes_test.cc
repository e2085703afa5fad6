// The law of the two readers: the rows at t1 and the changes in (t1, t2] give the rows at t2, and
// the changes are those of the commits in between, each at its time.
#include <map>
#include <set>

#include "collection/store_fixture.h"

namespace sluice::collection {
namespace {

using Row = std::pair<int64_t, std::string>;
using Counts = std::map<Row, int64_t>;  // no row with 0

void add(Counts& counts, const Row& row, int64_t diff) {
  if ((counts[row] += diff) == 0) counts.erase(row);
}

class ChangesTest : public StoreTest {
 protected:
  // Keeps every file in motion: tails are flushed, segments merged and folded all the time.
  void SetUp() override {
    options_.tail_limit_bytes = 20'000;
    options_.segment_from_bytes = 4'000;
    options_.fold_from_rows = 50;
    options_.load_from_rows = 200;
    options_.retain_history = std::chrono::milliseconds(1);
    reopen();
  }

  struct Change {
    int64_t time = 0;
    Row row;
    int64_t diff = 0;
    int64_t id = 0;
  };
  std::vector<Change> changes(const ReadView& view, CollectionId id, Time lower) {
    auto read = view.changes(id, lower);
    EXPECT_TRUE(read.ok()) << read.error().message;
    if (!read.ok()) return {};
    const std::vector<std::string> names = {"k", "v"};
    auto rows = connection_->query("SELECT k, v, mz_timestamp, mz_diff, id FROM " +
                                   (*read)->table_sql(names, {.row_id = "id"}) + " t");
    EXPECT_TRUE(rows.ok()) << rows.error().message;
    std::vector<Change> found;
    for (const auto& row : *rows) {
      found.push_back({row[2].GetValue<int64_t>(),
                       {row[0].GetValue<int64_t>(), row[1].ToString()},
                       row[3].GetValue<int64_t>(),
                       row[4].GetValue<int64_t>()});
    }
    EXPECT_TRUE(!(*read)->known_empty() || found.empty());
    return found;
  }
  Result<Committed> load(CollectionId id, const Rows& added, const std::vector<RowId>& erased) {
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
};

struct Workload {
  uint32_t seed;
  bool keyed;
};
class RandomChanges : public ChangesTest, public testing::WithParamInterface<Workload> {};

TEST_P(RandomChanges, LeadFromEveryHeldTimeToEveryLater) {
  std::mt19937 random(GetParam().seed);
  const CollectionId id = create(GetParam().keyed);
  std::map<int64_t, Counts> commits;          // what each did
  std::vector<std::pair<int64_t, Row>> live;  // by row id
  std::vector<std::pair<std::shared_ptr<const ReadView>, Counts>> held;
  Counts model;
  int64_t next_key = 0;
  const auto check = [&](const ReadView& view, const Counts& rows_then) {
    for (const auto& [lower, rows_before] : held) {
      if (lower->time() > view.time()) continue;
      Counts rows = rows_before;
      std::map<int64_t, Counts> by_time;
      std::set<std::pair<int64_t, int64_t>> seen;
      for (const Change& change : changes(view, id, lower->time())) {
        ASSERT_TRUE(change.diff == 1 || change.diff == -1);
        ASSERT_TRUE(change.time > lower->time().milliseconds);
        ASSERT_TRUE(change.time <= view.time().milliseconds);
        ASSERT_TRUE(seen.emplace(change.id, change.time).second) << "once for a row and a time";
        add(rows, change.row, change.diff);
        add(by_time[change.time], change.row, change.diff);
      }
      ASSERT_EQ(rows, rows_then);
      std::map<int64_t, Counts> expected(commits.upper_bound(lower->time().milliseconds),
                                         commits.upper_bound(view.time().milliseconds));
      std::erase_if(expected, [](const auto& commit) { return commit.second.empty(); });
      // A row that comes as another like it goes cancels out in the model, not in the changes.
      std::erase_if(by_time, [](const auto& commit) { return commit.second.empty(); });
      ASSERT_EQ(by_time, expected);
    }
  };
  for (int step = 0; step < 120; ++step) {
    SCOPED_TRACE(testing::Message() << "seed " << GetParam().seed << ", step " << step);
    Rows added;
    const bool loads = random() % 12 == 0;
    for (size_t i = loads ? 300 : random() % 40; i > 0; --i) {
      const int64_t key = GetParam().keyed ? next_key++ : static_cast<int64_t>(random() % 7);
      added.emplace_back(key, fmt::format("a value that is not inlined, {}", random() % 5));
    }
    std::vector<RowId> erased;
    Counts& done = commits[0];
    done.clear();
    const uint32_t rate = random() % 10 == 0 ? 1 : 5;
    {
      const auto view = store_->read();
      const auto snapshot = std::move(view->snapshot(id)).value();
      for (const auto& row : query(*snapshot, "k, v, id")) {
        if (random() % rate != 0) continue;
        erased.push_back({row[2].GetValue<int64_t>()});
        add(done, {row[0].GetValue<int64_t>(), row[1].ToString()}, -1);
      }
    }
    for (const Row& row : added) add(done, row, 1);
    const auto committed = loads ? load(id, added, erased) : write(id, added, erased);
    ASSERT_TRUE(committed.ok()) << committed.error().message;
    for (const auto& [row, diff] : done) add(model, row, diff);
    commits[committed->time.milliseconds] = done;
    commits.erase(0);
    std::shared_ptr<const ReadView> now = store_->read();
    check(*now, model);
    if (!held.empty()) {
      const auto& [view, rows_then] = held[random() % held.size()];
      check(*view, rows_then);
    }
    if (HasFatalFailure()) return;
    if (random() % 5 == 0) held.emplace_back(now, model);
    if (held.size() > 4) held.erase(held.begin() + random() % 4);
    if (random() % 25 == 0) {
      held.clear();
      // What the last process has retained is read from its files by the next one.
      options_.retain_history = std::chrono::seconds(random() % 3);
      const Time last = now->time();
      now.reset();
      reopen();
      if (const auto again = store_->read_at(last); again.ok()) held.emplace_back(*again, model);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Workloads, RandomChanges,
                         testing::Values(Workload{1, false}, Workload{2, true}, Workload{3, false},
                                         Workload{4, true}));

TEST_F(ChangesTest, OfMillionsOfRowsGoneAtOnceAreReadToo) {
  options_.retain_history = std::chrono::minutes(10);
  reopen();
  const CollectionId id = create();
  Rows many;
  for (int64_t i = 0; i < 20'000; ++i) many.emplace_back(i, "x");
  const auto before = store_->read();
  ASSERT_TRUE(load(id, many, {}).ok());
  const auto full = store_->read();
  std::vector<RowId> erased;
  const auto snapshot = std::move(full->snapshot(id)).value();
  for (const auto& row : query(*snapshot, "id", "WHERE k % 2 = 0")) {
    erased.push_back({row[0].GetValue<int64_t>()});
  }
  const auto gone = write(id, {}, erased);
  ASSERT_TRUE(gone.ok());
  for (int restart = 0; restart < 2; ++restart) {
    const auto after = store_->read();
    const auto came_and_went = changes(*after, id, before->time());
    EXPECT_EQ(came_and_went.size(), 30'000u);
    const auto went = changes(*after, id, full->time());
    EXPECT_EQ(went.size(), 10'000u);
    for (const Change& change : went) {
      EXPECT_EQ(change.time, gone->time.milliseconds);
      EXPECT_EQ(change.diff, -1);
      EXPECT_EQ(change.row.first % 2, 0);
    }
    // As of then, nothing had gone.
    EXPECT_EQ(rows(*full, id).size(), 20'000u);
    if (restart == 0) {
      const Time times[] = {before->time(), full->time()};
      reopen();
      EXPECT_TRUE(store_->read_at(times[0]).ok());
      EXPECT_TRUE(store_->read_at(times[1]).ok());
    }
  }
}

TEST_F(ChangesTest, AreRefusedBeforeSinceAndReadFromThereOn) {
  const CollectionId id = create();
  const Time created = store_->read()->time();
  ASSERT_TRUE(write(id, {{1, "a"}}).ok());
  auto hold = store_->read();
  ASSERT_TRUE(write(id, {{2, "b"}}, {id_of(id, 1)}).ok());
  wait_until([&] { return store_->read()->time().milliseconds > hold->time().milliseconds + 5; });
  EXPECT_EQ(store_->since(id)->milliseconds, hold->time().milliseconds);
  EXPECT_EQ(changes(*store_->read(), id, hold->time()).size(), 2u);
  EXPECT_TRUE(changes(*hold, id, hold->time()).empty());
  const auto late = store_->read()->changes(id, {created.milliseconds - 1'000'000});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kInvalid);
  const auto early = hold->changes(id, {hold->time().milliseconds + 1});
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().code, ErrorCode::kInvalid);
  const Time let_go = hold->time();
  hold.reset();
  wait_until([&] { return *store_->since(id) > let_go; });
  EXPECT_FALSE(store_->read()->changes(id, let_go).ok());
  // A new table is readable from its first time on, not from what others retain.
  const CollectionId young = create();
  EXPECT_GE(*store_->since(young), *store_->since(id));
  EXPECT_TRUE(changes(*store_->read(), young, *store_->since(young)).empty());
}

TEST_F(ChangesTest, EndWithTheCollection) {
  const CollectionId id = create();
  const auto before = store_->read();
  ASSERT_TRUE(write(id, {{1, "a"}}).ok());
  const auto last = store_->read();
  Commit commit;
  commit.dropped.push_back(id);
  ASSERT_TRUE(store_->commit(std::move(commit), {}).ok());
  EXPECT_EQ(changes(*last, id, before->time()).size(), 1u);
  const auto gone = store_->read()->changes(id, before->time());
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace sluice::collection
