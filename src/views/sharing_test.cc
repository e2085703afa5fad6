// Views that have parts in common: one of them does the work for all, and each stays what its query
// says, whatever becomes of the others.
#include <random>

#include "views/views_fixture.h"

namespace sluice::views {
namespace {

class SharedParts : public MaterializedViews {
 protected:
  // A join with sums by group: what is above them differs.
  Made by_group(const std::string& condition = "n > 0") {
    return make(fmt::format("SELECT c, n FROM (SELECT t.k % 5 AS c, count(*) AS n FROM t JOIN u ON "
                            "t.k = u.k GROUP BY 1) WHERE {}",
                            condition),
                {LogicalType::BIGINT, LogicalType::BIGINT}, both());
  }
  Made largest() {
    return make(
        "SELECT max(n) FROM (SELECT t.k % 5 AS c, count(*) AS n FROM t JOIN u ON t.k = u.k "
        "GROUP BY 1)",
        {LogicalType::BIGINT}, both());
  }
  Made joined() {
    return make("SELECT t.k FROM t JOIN u ON t.k = u.k", {LogicalType::BIGINT}, both());
  }
  Made of_one_table() {
    return make("SELECT k % 3, count(*) FROM t GROUP BY 1",
                {LogicalType::BIGINT, LogicalType::BIGINT}, {table(t_, "t")});
  }
  // The same, with another table beside.
  Made of_one_table_and_more() {
    return make(
        "SELECT a, n, u.v FROM (SELECT k % 3 AS a, count(*) AS n FROM t GROUP BY 1) x "
        "JOIN u ON u.k = x.a",
        {LogicalType::BIGINT, LogicalType::BIGINT, LogicalType::VARCHAR}, both());
  }
  std::vector<Input> both() const { return {table(t_, "t"), table(u_, "u")}; }
  ViewInfo info(const Made& made) const {
    for (ViewInfo& info : views_->info()) {
      if (info.id == made.id) return info;
    }
    ADD_FAILURE() << "no such view";
    return {};
  }
  size_t shared_operators(const Made& made) const {
    size_t shared = 0;
    for (const OperatorInfo& one : info(made).operators) shared += one.shared_by > 1 ? 1 : 0;
    return shared;
  }
  void expect_all_right(const std::vector<Made>& all) {
    for (const Made& made : all) expect_right(made);
  }
};

TEST_F(SharedParts, AreOnesWork) {
  ASSERT_TRUE(write(t_, numbered(0, 3'000)).ok());
  ASSERT_TRUE(write(u_, numbered(1'000, 3'000)).ok());
  const Made first = by_group();
  expect_right(first);
  EXPECT_EQ(shared_operators(first), 0U);
  const uint64_t alone = info(first).bytes;
  const Made second = by_group("n > 100");
  expect_right(second);
  EXPECT_GT(shared_operators(first), 2U);
  EXPECT_GT(shared_operators(second), 2U);
  // Two cost little more than one.
  EXPECT_LT(info(first).bytes + info(second).bytes, alone + alone / 2);
  ASSERT_TRUE(write(t_, numbered(2'000, 500), ids(t_, "WHERE k < 1500")).ok());
  expect_all_right({first, second});
  // The one that was there first goes; what they shared stays.
  views_->remove(first.id);
  ASSERT_TRUE(write(u_, numbered(0, 100), ids(u_, "WHERE k % 2 = 0")).ok());
  expect_right(second);
  EXPECT_EQ(shared_operators(second), 0U);
}

TEST_F(SharedParts, AreFoundWithinOthers) {
  ASSERT_TRUE(write(t_, numbered(0, 300)).ok());
  ASSERT_TRUE(write(u_, numbered(100, 300)).ok());
  std::vector<Made> all = {by_group(), largest(), joined(), by_group(), of_one_table()};
  expect_all_right(all);
  for (size_t i = 0; i < 4; ++i) EXPECT_GT(shared_operators(all[i]), 0U) << all[i].sql;
  EXPECT_EQ(shared_operators(all[4]), 0U);
  for (int64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(write(i % 2 == 0 ? t_ : u_, numbered(i * 17, 20)).ok());
    ASSERT_TRUE(write(t_, {}, ids(t_, fmt::format("WHERE k % 20 = {}", i))).ok());
    for (const Made& made : all) ASSERT_EQ(difference(*store_->read(), made), 0) << made.sql;
  }
}

TEST_F(SharedParts, WithinOneViewAreOneOperator) {
  const auto shown =
      views_->explain(*engine::Query::parse(
                          "SELECT a.n, b.n FROM (SELECT k % 5 AS c, count(*) AS n FROM t GROUP BY "
                          "1) a JOIN (SELECT k % 5 AS c, count(*) AS n FROM t GROUP BY 1) b ON a.c "
                          "= b.n"),
                      std::vector<Input>{table(t_, "t")});
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(shown->find("Aggregate"), shown->rfind("Aggregate")) << *shown;
}

// A load leaves those behind that read the table; who shares with them goes on, or with them.
TEST_F(SharedParts, CatchUpTogetherAndApart) {
  const std::vector<Made> all = {of_one_table(), of_one_table_and_more(), by_group(),
                                 by_group("n > 3"), largest()};
  ASSERT_TRUE(write(t_, numbered(0, 300)).ok());
  expect_all_right(all);
  EXPECT_GT(shared_operators(all[1]), 0U);
  for (const CollectionId loaded : {u_, t_, u_}) {
    load(loaded, 0, 55'000);
    // Those that go on bring what they share on, while others are behind.
    for (int64_t i = 0; i < 5; ++i) ASSERT_TRUE(write(t_, numbered(i * 7, 10)).ok());
    EXPECT_EQ(difference(*store_->read(), all[0]).value_or(0), 0);
    expect_all_right(all);
    ASSERT_TRUE(write(u_, {{1, "one"}}, ids(u_, "WHERE k % 7 = 1 LIMIT 3000")).ok());
    expect_all_right(all);
    EXPECT_GT(shared_operators(all[1]), 0U);
    EXPECT_GT(shared_operators(all[3]), 0U);
  }
}

TEST_F(SharedParts, AreTakenBackWithARefusedCommit) {
  const std::vector<Made> all = {by_group(), by_group("n > 3"), largest()};
  ASSERT_TRUE(write(u_, numbered(0, 300)).ok());
  expect_all_right(all);
  files_.fault = collection::FaultyFiles::Fault::kFull;
  ASSERT_FALSE(write(t_, numbered(100, 10)).ok());
  files_.fault = collection::FaultyFiles::Fault::kNone;
  wait_until([&] { return store_->stats().read_only_reason.empty(); });
  for (const Made& made : all) wait_until([&] { return views_->wait(made.id, {}).ok(); });
  ASSERT_TRUE(write(t_, numbered(200, 10)).ok());
  expect_all_right(all);
}

TEST_F(SharedParts, FailInAllThatReadThem) {
  const auto divided = [&](const std::string& rest) {
    return make(
        "SELECT n FROM (SELECT 100 // k AS n, count(*) AS m FROM t GROUP BY 1) WHERE " + rest,
        {LogicalType::BIGINT}, {table(t_, "t")});
  };
  ASSERT_TRUE(write(t_, {{1, "a"}, {2, "b"}}).ok());
  const Made first = make(
      "SELECT n, count(*) FROM (SELECT DISTINCT error(v)::INTEGER AS n FROM t "
      "WHERE k = 0) GROUP BY 1",
      {LogicalType::INTEGER, LogicalType::BIGINT}, {table(t_, "t")});
  const Made second = make(
      "SELECT max(n) FROM (SELECT DISTINCT error(v)::INTEGER AS n FROM t "
      "WHERE k = 0)",
      {LogicalType::INTEGER}, {table(t_, "t")});
  const Made other = divided("m > 0");
  expect_all_right({first, second, other});
  EXPECT_GT(shared_operators(second), 0U);
  ASSERT_TRUE(write(t_, {{0, "bad luck"}}).ok());
  for (const Made& made : {first, second}) {
    const Status failed = views_->check(made.id, store_->read()->time());
    ASSERT_FALSE(failed.ok());
    EXPECT_NE(failed.error().message.find("bad luck"), std::string::npos) << failed.error().message;
  }
  ASSERT_TRUE(write(t_, {}, ids(t_, "WHERE k = 0")).ok());
  expect_all_right({first, second, other});
}

// Everything at random: writes, loads, refused commits, views that come and go.
TEST_F(SharedParts, StayRightWhateverHappens) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::vector<Made> all;
    size_t shared = 0;
    const auto create = [&] {
      switch (random() % 6) {
        case 0:
          return by_group();
        case 1:
          return by_group("n > 3");
        case 2:
          return largest();
        case 3:
          return joined();
        case 4:
          return of_one_table();
        default:
          return of_one_table_and_more();
      }
    };
    for (int round = 0; round < 40; ++round) {
      const CollectionId where = random() % 2 == 0 ? t_ : u_;
      const auto first = static_cast<int64_t>(random() % 400);
      const auto what = random() % 12;
      if (what < 2 && all.size() < 7) {
        all.push_back(create());
      } else if (what == 2 && !all.empty()) {
        const size_t which = random() % all.size();
        views_->remove(all[which].id);
        std::erase_if(made_, [&](const Made& made) { return made.id == all[which].id; });
        all.erase(all.begin() + static_cast<ptrdiff_t>(which));
      } else if (what == 3) {
        load(where, first, 51'000);
        ASSERT_TRUE(write(where, numbered(first, 3)).ok());
        const auto half = static_cast<int64_t>(random() % 3);
        for (const Made& made : all) {
          if (half == 0) expect_right(made);
        }
        ASSERT_TRUE(write(where, {}, ids(where, "WHERE k > 600")).ok());
      } else if (what == 4) {
        files_.fault = collection::FaultyFiles::Fault::kFull;
        ASSERT_FALSE(write(where, numbered(first, 10)).ok());
        files_.fault = collection::FaultyFiles::Fault::kNone;
        wait_until([&] { return store_->stats().read_only_reason.empty(); });
        for (const Made& made : all) wait_until([&] { return views_->wait(made.id, {}).ok(); });
      } else {
        ASSERT_TRUE(write(where, numbered(first, 40),
                          ids(where, fmt::format("WHERE k % 9 = {} LIMIT 30", random() % 9)))
                        .ok());
      }
      const auto at = store_->read();
      for (const Made& made : all) {
        ASSERT_EQ(difference(*at, made).value_or(0), 0) << "round " << round << ": " << made.sql;
      }
      if (round % 4 == 3) {
        expect_all_right(all);
        for (const Made& made : all) shared += shared_operators(made);
      }
      ASSERT_FALSE(HasFailure()) << "round " << round;
    }
    EXPECT_GT(shared, 20U);
    for (const Made& made : all) views_->remove(made.id);
    made_.clear();
  }
}

}  // namespace
}  // namespace sluice::views
