#include "engine/instances.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/testing/breaking.h"

namespace sluice::engine {
namespace {

class Hundred final : public RowSource {
 public:
  const Shape& shape() const override { return shape_; }
  uint64_t row_count() const override { return 100; }
  size_t batch_count() const override { return 1; }
  size_t read(size_t, size_t first, std::span<const size_t> columns, Chunk& out) const override {
    if (first > 0) return 0;
    for (size_t i = 0; i < columns.size(); ++i) {
      for (int64_t row = 0; row < 100; ++row) {
        out.SetValue(i, static_cast<size_t>(row), Value::BIGINT(row));
      }
    }
    out.SetCardinality(100);
    return 100;
  }

 private:
  const Shape shape_{{"n"}, {LogicalType::BIGINT}};
};

class EvenOnly final : public RowFilter {
 public:
  void test(std::span<const int64_t> ids, bool* live) const override {
    for (size_t i = 0; i < ids.size(); ++i) live[i] = ids[i] % 2 == 0;
  }
};

class BrokenEngines : public ::testing::TestWithParam<const char*> {
 protected:
  BrokenEngines() {
    engine_ = std::move(Engine::open({}, engine::testing::register_breaking)).value();
    connection_ = std::move(engine_->connect()).value();
  }
  Result<std::string> ask(Connection& connection, const std::string& sql) {
    TRY_ASSIGN(const auto rows, connection.query(sql));
    return rows.at(0).at(0).ToString();
  }
  Error broken() { return ask(*connection_, breaking_).error(); }

  const std::string breaking_ = "SELECT break_engine('" + std::string(GetParam()) + "')";
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_P(BrokenEngines, AreReplacedForOldAndNewConnections) {
  const auto other = std::move(engine_->connect()).value();
  ASSERT_TRUE(other->set_time_zone("Asia/Tokyo").ok());
  const auto rows = engine_->add_rows(std::make_shared<Hundred>());
  const auto filter = engine_->add_filter(std::make_shared<EvenOnly>());
  const std::string sql = fmt::format(
      "SELECT count(*) FROM sluice_rows({}) WHERE sluice_live({}, n)", rows.handle, filter.handle);
  for (uint64_t times = 1; times <= 3; ++times) {
    const Error error = broken();
    EXPECT_EQ(error.sqlstate, "XX000");
    EXPECT_NE(error.hint.find("Run it again"), std::string::npos);
    EXPECT_EQ(*ask(*connection_, sql), "50");
    EXPECT_EQ(*ask(*other, sql), "50");
    EXPECT_EQ(*ask(*std::move(engine_->connect()).value(), "SELECT break_engine('not')"), "not");
    EXPECT_EQ(engine_->restarts(), times);
    EXPECT_EQ(*ask(*other, "SELECT '2020-01-01 00:00:00+00'::timestamptz::varchar"),
              "2020-01-01 09:00:00+09");
    EXPECT_FALSE(connection_->query("SET threads = 1").ok()) << "settings are locked again";
  }
}

TEST_P(BrokenEngines, EndRunningStatementsWithAnErrorToTryAgain) {
  const auto other = std::move(engine_->connect()).value();
  auto stream = other->stream(
      std::move(Query::parse("SELECT a.range FROM range(100000) a, range(1000) b")).value(), {},
      {});
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE((*stream)->next({}).ok());
  EXPECT_EQ(broken().sqlstate, "XX000");
  EXPECT_EQ(*ask(*connection_, "SELECT 1"), "1");
  // Whether it runs to its end is up to it; if not, it says what to do.
  for (int i = 0; i < 100; ++i) {
    auto chunk = (*stream)->next({});
    if (chunk.ok()) continue;
    EXPECT_EQ(chunk.error().sqlstate, "40001");
    EXPECT_NE(chunk.error().hint.find("Run it again"), std::string::npos);
    break;
  }
  stream->reset();
  EXPECT_EQ(*ask(*other, "SELECT 2"), "2");
}

TEST_P(BrokenEngines, AreReplacedOnceWhenManyAsk) {
  EXPECT_EQ(broken().sqlstate, "XX000");
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> threads(8);
    for (std::jthread& thread : threads) {
      thread = std::jthread([&] {
        const auto connection = std::move(engine_->connect()).value();
        if (*ask(*connection, "SELECT 7") == "7") ++answered;
      });
    }
  }
  EXPECT_EQ(answered, 8);
  EXPECT_EQ(engine_->restarts(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Errors, BrokenEngines, ::testing::Values("fatal", "internal"));

}  // namespace
}  // namespace sluice::engine
