#include "engine/push/push_copy.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <duckdb.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/sql_statement.hpp>
#include <mutex>
#include <set>
#include <thread>

#include "engine/engine.h"

namespace sluice::engine {
namespace {

Query parse(const std::string& sql) {
  duckdb::Parser parser;
  parser.ParseQuery(sql);
  return Query(std::move(parser.statements[0]));
}

// Keeps the first column of every row, and how it was called.
class Collector final : public ChunkSink {
 public:
  using Append = std::function<Status(Chunk&, std::stop_token)>;

  explicit Collector(Append append = {}) : append_(std::move(append)) {}

  Result<std::unique_ptr<LocalSink>> open_local() override {
    ++opened;
    return std::unique_ptr<LocalSink>(std::make_unique<Local>(*this));
  }

  std::atomic<int> opened{0}, finished{0}, alive{0};
  std::mutex mutex;
  std::vector<Value> rows;
  std::set<std::thread::id> threads;

 private:
  class Local final : public LocalSink {
   public:
    explicit Local(Collector& owner) : owner_(owner) { ++owner_.alive; }
    ~Local() override { --owner_.alive; }
    Status append(Chunk& chunk, std::stop_token stop) override {
      if (owner_.append_) TRY(owner_.append_(chunk, stop));
      const std::lock_guard lock(owner_.mutex);
      owner_.threads.insert(std::this_thread::get_id());
      for (size_t row = 0; row < chunk.size(); ++row) {
        owner_.rows.push_back(chunk.GetValue(0, row));
      }
      return ok();
    }
    Status finish(std::stop_token) override {
      ++owner_.finished;
      return ok();
    }

   private:
    Collector& owner_;
  };
  const Append append_;
};

class PushReaderTest : public testing::Test {
 protected:
  PushReaderTest() {
    Engine::Options options;
    options.threads = 4;
    auto engine = Engine::open(options, {});
    EXPECT_TRUE(engine.ok());
    engine_ = *std::move(engine);
    connection_ = *engine_->connect();
  }

  std::unique_ptr<Reader> reader(const std::string& sql, std::vector<Value> parameters = {}) {
    auto made = connection_->reader(parse(sql), std::move(parameters));
    EXPECT_TRUE(made.ok()) << made.error().message;
    return *std::move(made);
  }

  // Rows that several threads read: a table has parts, range() has none.
  void create_table() {
    const auto created =
        connection_->query("CREATE TABLE numbers AS SELECT i FROM range(500000) r(i)");
    EXPECT_TRUE(created.ok()) << created.error().message;
  }

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(PushReaderTest, PushesEveryRowOnceFromManyThreads) {
  create_table();
  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;
  Collector sink([&](Chunk&, std::stop_token) -> Status {
    // The first two chunks wait for each other, so one thread alone would never get through.
    std::unique_lock lock(mutex);
    ++arrived;
    changed.notify_all();
    if (changed.wait_for(lock, std::chrono::minutes(1), [&] { return arrived >= 2; })) return ok();
    return internal("only one thread pushes");
  });
  const auto read = reader("SELECT i, i::VARCHAR AS t FROM numbers");
  EXPECT_EQ(read->shape().names, (std::vector<std::string>{"i", "t"}));
  EXPECT_EQ(read->shape().types[1], LogicalType::VARCHAR);
  const Status status = read->run(sink, {});
  ASSERT_TRUE(status.ok()) << status.error().message;
  std::set<int64_t> distinct;
  for (const Value& value : sink.rows) distinct.insert(value.GetValue<int64_t>());
  EXPECT_EQ(sink.rows.size(), 500000U);
  EXPECT_EQ(distinct.size(), 500000U);
  EXPECT_GE(sink.threads.size(), 2U);
  EXPECT_EQ(sink.opened, sink.finished);
  EXPECT_EQ(sink.alive, 0);
}

TEST_F(PushReaderTest, KeepsTheOrderThatTheQueryAsksFor) {
  for (const char* sql : {"SELECT i FROM range(300000) r(i) ORDER BY i DESC",
                          "SELECT i FROM range(400000) r(i) ORDER BY i DESC LIMIT 300000 OFFSET "
                          "100000"}) {
    Collector sink;
    ASSERT_TRUE(reader(sql)->run(sink, {}).ok());
    ASSERT_EQ(sink.rows.size(), 300000U) << sql;
    for (size_t i = 0; i < sink.rows.size(); ++i) {
      ASSERT_EQ(sink.rows[i].GetValue<int64_t>(), static_cast<int64_t>(299999 - i)) << sql;
    }
    EXPECT_EQ(sink.opened, 1);
  }
}

TEST_F(PushReaderTest, BindsParameters) {
  Collector sink;
  const auto read = reader("SELECT i + $1 AS n FROM range(10) r(i) WHERE i < $2",
                           {Value::INTEGER(100), Value::INTEGER(3)});
  EXPECT_EQ(read->shape().types[0], LogicalType::BIGINT);
  const Status status = read->run(sink, {});
  ASSERT_TRUE(status.ok()) << status.error().message;
  std::set<int64_t> got;
  for (const Value& value : sink.rows) got.insert(value.GetValue<int64_t>());
  EXPECT_EQ(got, (std::set<int64_t>{100, 101, 102}));
}

TEST_F(PushReaderTest, OpensNoSinkForAnEmptyResult) {
  Collector sink;
  ASSERT_TRUE(reader("SELECT 1 WHERE false")->run(sink, {}).ok());
  EXPECT_EQ(sink.opened, 0);
}

TEST_F(PushReaderTest, ReturnsTheSinksErrorAsItIsAndFinishesNothing) {
  std::atomic<int> chunks{0};
  Collector sink([&](Chunk&, std::stop_token) -> Status {
    if (++chunks == 20) {
      return error(ErrorCode::kDenied, "no more").with_sqlstate("42501").with_detail("d");
    }
    return ok();
  });
  const Status status = reader("SELECT i FROM range(100000000) r(i)")->run(sink, {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kDenied);
  EXPECT_EQ(status.error().message, "no more");
  EXPECT_EQ(status.error().sqlstate, "42501");
  EXPECT_EQ(status.error().detail, "d");
  EXPECT_EQ(sink.finished, 0);
  EXPECT_EQ(sink.alive, 0);
  // The connection is as good as new.
  Collector again;
  EXPECT_TRUE(reader("SELECT 1")->run(again, {}).ok());
}

TEST_F(PushReaderTest, ReturnsTheQuerysError) {
  Collector sink;
  const Status status =
      reader(
          "SELECT CASE WHEN i = 1500000 THEN error('bad row') ELSE 'x' END FROM range(2000000) "
          "r(i)")
          ->run(sink, {});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("bad row"), std::string::npos) << status.error().message;
  EXPECT_EQ(sink.alive, 0);
}

TEST_F(PushReaderTest, StopsAQueryThatPushesNothing) {
  Collector sink;
  const auto read = reader(
      "SELECT count(*) FROM range(10000000) a(i), range(10000000) b(j) WHERE (i * j) % 7 = 3");
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const Status status = read->run(sink, stop.get_token());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
}

// As a sink that waits for the network does it.
TEST_F(PushReaderTest, WakesSinksThatWait) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::stop_source stop;
  std::atomic<bool> waiting{false};
  Collector sink([&](Chunk&, std::stop_token run_stop) -> Status {
    std::unique_lock lock(mutex);
    waiting = true;
    waiting.notify_all();
    changed.wait(lock, run_stop, [] { return false; });
    return cancelled();
  });
  std::jthread stopper([&] {
    waiting.wait(false);
    stop.request_stop();
  });
  const Status status = reader("SELECT i FROM range(1000000) r(i)")->run(sink, stop.get_token());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(sink.finished, 0);
}

TEST_F(PushReaderTest, WakesSinksThatWaitWhenAnotherFails) {
  create_table();
  std::mutex mutex;
  std::condition_variable_any changed;
  std::atomic<int> calls{0};
  Collector sink([&](Chunk&, std::stop_token run_stop) -> Status {
    if (++calls == 2) return error(ErrorCode::kUnavailable, "the second call fails");
    if (calls > 2) return ok();
    std::unique_lock lock(mutex);
    changed.wait(lock, run_stop, [] { return false; });
    return cancelled();
  });
  const Status status = reader("SELECT i FROM numbers")->run(sink, {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "the second call fails");
}

TEST_F(PushReaderTest, AStatementCannotUseTheFormat) {
  for (const char* sql : {"COPY (SELECT 1) TO 'sluice://push/1' (FORMAT sluice_push)",
                          "COPY (SELECT 1) TO 'x' (FORMAT sluice_push)",
                          "COPY (SELECT 1) TO 'sluice://file/1' (FORMAT parquet)",
                          "COPY (SELECT 1) TO 'sluice://x' (FORMAT csv)",
                          "SELECT * FROM read_csv('sluice://file/1')"}) {
    EXPECT_FALSE(connection_->query(sql).ok()) << sql;
  }
}

}  // namespace
}  // namespace sluice::engine
