#include "engine/engine.h"

#include <gtest/gtest.h>

#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/sql_statement.hpp>
#include <thread>

namespace sluice::engine {
namespace {

// `count` batches of 1000 numbers each: 0, 1, 2…
class Numbers final : public RowSource {
 public:
  explicit Numbers(size_t batches) : batches_(batches) {
    shape_ = {{"n", "text"}, {LogicalType::BIGINT, LogicalType::VARCHAR}};
  }
  const Shape& shape() const override { return shape_; }
  uint64_t row_count() const override { return batches_ * kRows; }
  size_t batch_count() const override { return batches_; }
  size_t read(size_t batch, size_t first, std::span<const size_t> columns,
              Chunk& out) const override {
    if (first >= kRows) return 0;
    for (size_t column = 0; column < columns.size(); ++column) {
      for (size_t row = 0; row < kRows; ++row) {
        const auto number = static_cast<int64_t>(batch * kRows + row);
        out.SetValue(column, row,
                     columns[column] == 0 ? Value::BIGINT(number) : Value(std::to_string(number)));
      }
    }
    out.SetCardinality(kRows);
    return kRows;
  }

 private:
  static constexpr size_t kRows = 1000;
  const size_t batches_;
  Shape shape_;
};

class OddOnly final : public RowFilter {
 public:
  void test(std::span<const int64_t> ids, bool* live) const override {
    for (size_t i = 0; i < ids.size(); ++i) live[i] = ids[i] % 2 == 1;
  }
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    auto opened = Engine::open({}, {});
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    engine_ = std::move(opened).value();
    connection_ = std::move(engine_->connect()).value();
  }
  static Query parsed(const std::string& sql) {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    return Query(std::move(parser.statements[0]));
  }
  std::string first_value(const std::string& sql) {
    auto rows = connection_->query(sql);
    if (!rows.ok()) return rows.error().message;
    return (*rows)[0][0].ToString();
  }
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(EngineTest, ReadsRowsInMemory) {
  const auto rows = engine_->add_rows(std::make_shared<Numbers>(5));
  const std::string from = " FROM sluice_rows(" + std::to_string(rows.handle) + ")";
  EXPECT_EQ(first_value("SELECT sum(n)" + from), "12497500");
  EXPECT_EQ(first_value("SELECT count(*)" + from), "5000");
  EXPECT_EQ(first_value("SELECT max(text || n)" + from + " WHERE n < 7"), "66");
  EXPECT_EQ(first_value("SELECT text" + from + " ORDER BY n DESC LIMIT 1"), "4999");
}

TEST_F(EngineTest, RefusesAHandleThatIsGone) {
  auto rows = engine_->add_rows(std::make_shared<Numbers>(1));
  rows.token.reset();
  EXPECT_EQ(first_value("SELECT * FROM sluice_rows(" + std::to_string(rows.handle) + ")"),
            "rows in memory are gone");
}

TEST_F(EngineTest, FiltersByRowId) {
  const auto rows = engine_->add_rows(std::make_shared<Numbers>(3));
  const auto filter = engine_->add_filter(std::make_shared<OddOnly>());
  const std::string sql = "SELECT count(*) FROM sluice_rows(" + std::to_string(rows.handle) +
                          ") WHERE sluice_live(" + std::to_string(filter.handle) + ", n)";
  EXPECT_EQ(first_value(sql), "1500");
  EXPECT_EQ(first_value(sql + " AND n % 3 = 0"), "500");
}

TEST_F(EngineTest, DescribesColumnsAndParameters) {
  auto described = connection_->describe(
      parsed("SELECT a AS total, $1 = 'x' AS same FROM (SELECT 1::BIGINT AS a) WHERE a < $2"));
  ASSERT_TRUE(described.ok()) << described.error().message;
  EXPECT_EQ(described->shape.names, (std::vector<std::string>{"total", "same"}));
  EXPECT_EQ(described->shape.types[1], LogicalType::BOOLEAN);
  ASSERT_EQ(described->parameters.size(), 2u);
  EXPECT_EQ(described->parameters[1], LogicalType::BIGINT);
}

TEST_F(EngineTest, StreamsWithParameters) {
  auto stream =
      connection_->stream(parsed("SELECT i + $1 FROM range(5000) t(i)"), {Value::BIGINT(1)}, {});
  ASSERT_TRUE(stream.ok()) << stream.error().message;
  size_t rows = 0;
  while (true) {
    auto chunk = (*stream)->next({});
    ASSERT_TRUE(chunk.ok());
    if (*chunk == nullptr) break;
    rows += (*chunk)->size();
  }
  EXPECT_EQ(rows, 5000u);
}

TEST_F(EngineTest, StopsBetweenTwoFetches) {
  auto stream = connection_->stream(
      parsed("SELECT count(*) OVER (), a.range FROM range(3000) a, range(10) b"), {}, {});
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE((*stream)->next({}).ok());
  std::stop_source stop;
  stop.request_stop();
  const auto chunk = (*stream)->next(stop.get_token());
  ASSERT_FALSE(chunk.ok());
  EXPECT_EQ(chunk.error().code, ErrorCode::kCancelled);
}

TEST_F(EngineTest, StopsALongQuery) {
  std::stop_source stop;
  Status status;
  std::jthread runner([&] {
    auto rows = connection_->query(
        "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b", stop.get_token());
    if (!rows.ok()) status = rows.error();
  });
  stop.request_stop();
  runner.join();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
}

TEST_F(EngineTest, KeepsATimeZonePerConnection) {
  auto other = std::move(engine_->connect()).value();
  ASSERT_TRUE(other->set_time_zone("europe/berlin").ok());
  const std::string sql = "SELECT '2024-01-01 00:00:00+00'::TIMESTAMPTZ::VARCHAR";
  EXPECT_EQ((*other->query(sql))[0][0].ToString(), "2024-01-01 01:00:00+01");
  EXPECT_EQ(first_value(sql), "2024-01-01 00:00:00+00");
  EXPECT_FALSE(other->set_time_zone("Mars/Olympus").ok());
  EXPECT_FALSE(other->set_time_zone("Mars/Olympus").ok());
  // The same when it is known already.
  auto third = std::move(engine_->connect()).value();
  ASSERT_TRUE(third->set_time_zone("europe/berlin").ok());
  EXPECT_EQ((*third->query(sql))[0][0].ToString(), "2024-01-01 01:00:00+01");
}

}  // namespace
}  // namespace sluice::engine
