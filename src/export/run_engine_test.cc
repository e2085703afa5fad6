// Runs over the real engine: what arrives in the store is read back by another DuckDB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <duckdb.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/sql_statement.hpp>
#include <filesystem>
#include <fstream>

#include "export/export.h"
#include "export/testing/fake_store.h"

namespace sluice::exports {
namespace {

using testing::FakeStore;

class ExportFromEngine : public ::testing::Test {
 protected:
  ExportFromEngine() : reader_connection_(reader_database_) {
    engine::Engine::Options options;
    options.threads = 4;
    options.memory_limit_bytes = uint64_t{512} << 20;
    auto engine = engine::Engine::open(options, {});
    CHECK(engine.ok());
    engine_ = *std::move(engine);
    connection_ = *engine_->connect();
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("sluice_run_engine_test.{}.{}", getpid(), next_++);
    std::filesystem::create_directories(folder_);
  }
  ~ExportFromEngine() override { std::filesystem::remove_all(folder_); }

  Result<ExportResult> run(ExportSpec spec, const std::string& sql, FakeStore& store,
                           std::stop_token stop = {}) {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    TRY_ASSIGN(const auto reader,
               connection_->reader(engine::Query(std::move(parser.statements[0])), {}));
    spec.id = "t1";
    spec.prefix = "p";
    spec.names = reader->shape().names;
    for (const auto& type : reader->shape().types) spec.types.push_back(types::from_engine(type));
    return run_export(spec, *engine_, *reader, store, progress_, stop);
  }

  // The objects as files; returns a glob for them.
  std::string save(const FakeStore& store) {
    for (const auto& [key, content] : store.objects()) {
      std::ofstream(folder_ / key.substr(key.rfind('/') + 1), std::ios::binary) << content;
    }
    return fmt::format("'{}/*'", folder_.string());
  }
  std::string value(const std::string& sql) {
    auto rows = reader_connection_.Query(sql);
    EXPECT_FALSE(rows->HasError()) << rows->GetError();
    return rows->HasError() ? "" : rows->GetValue(0, 0).ToString();
  }

  static inline int next_ = 0;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Connection> connection_;
  duckdb::DuckDB reader_database_;
  duckdb::Connection reader_connection_;
  std::filesystem::path folder_;
  ExportProgress progress_;
};

constexpr char kRows[] =
    "SELECT i AS id, md5(i::VARCHAR) AS hash, i % 10 AS k FROM range(1000000) r(i)";

TEST_F(ExportFromEngine, ParquetFilesHoldEveryRowOnceAndTheSizeThatWasAsked) {
  FakeStore store;
  ExportSpec spec;
  spec.format = FileFormat::kParquet;
  spec.max_file_bytes = 4 << 20;
  const auto result = run(spec, kRows, store);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->rows, 1000000U);
  EXPECT_GE(result->files.size(), 8U);
  std::map<std::string, std::vector<uint64_t>> batches;
  for (const auto& file : result->files) {
    batches[file.key.substr(0, file.key.rfind('-'))].push_back(file.bytes);
  }
  for (const auto& [batch, sizes] : batches) {
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(sizes[i]), 4 << 20, (4 << 20) * 0.15) << batch;
    }
  }
  const std::string files = save(store);
  EXPECT_EQ(value("SELECT count(*) FROM read_parquet(" + files + ")"), "1000000");
  EXPECT_EQ(value(std::string("SELECT count(*) FROM (") + kRows + " EXCEPT ALL FROM read_parquet(" +
                  files + "))"),
            "0");
}

TEST_F(ExportFromEngine, CsvFilesHoldEveryRowOnce) {
  FakeStore store;
  ExportSpec spec;
  spec.format = FileFormat::kCsv;
  spec.max_file_bytes = 4 << 20;
  spec.csv.header = true;
  const auto result = run(spec, kRows, store);
  ASSERT_TRUE(result.ok()) << result.error().message;
  for (const auto& file : result->files) EXPECT_LE(file.bytes, spec.max_file_bytes);
  EXPECT_EQ(value(std::string("SELECT count(*) FROM (") + kRows + " EXCEPT ALL FROM read_csv(" +
                  save(store) + ", header = true))"),
            "0");
}

TEST_F(ExportFromEngine, KeepsTheOrderThatTheQueryAsksFor) {
  FakeStore store;
  ExportSpec spec;
  spec.format = FileFormat::kCsv;
  ASSERT_TRUE(run(spec, "SELECT i FROM range(5000) r(i) ORDER BY i DESC", store).ok());
  ASSERT_THAT(store.objects(), ::testing::SizeIs(1));
  std::string expected;
  for (int i = 4999; i >= 0; --i) expected += std::to_string(i) + "\n";
  EXPECT_EQ(store.objects().begin()->second, expected);
}

TEST_F(ExportFromEngine, AnErrorInTheDataLeavesNothing) {
  FakeStore store;
  ExportSpec spec;
  spec.max_file_bytes = 1 << 20;
  const auto result = run(spec,
                          "SELECT i, CASE WHEN i = 900000 THEN error('bad row')::VARCHAR ELSE "
                          "md5(i::VARCHAR) END AS t FROM range(1000000) r(i)",
                          store);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message, ::testing::HasSubstr("bad row"));
  EXPECT_THAT(store.objects(), ::testing::IsEmpty());
  EXPECT_THAT(store.open_uploads(), ::testing::IsEmpty());
}

TEST_F(ExportFromEngine, AStopLeavesNothingAndTheConnectionUsable) {
  for (const FileFormat format : {FileFormat::kCsv, FileFormat::kParquet}) {
    std::stop_source stop;
    FakeStore store([&](int, const std::string& what) {
      if (what.starts_with("append ")) stop.request_stop();
      return FakeStore::Answer::kDo;
    });
    ExportSpec spec;
    spec.format = format;
    const auto result = run(spec, kRows, store, stop.get_token());
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
    EXPECT_THAT(store.objects(), ::testing::IsEmpty());
    EXPECT_THAT(store.open_uploads(), ::testing::IsEmpty());
    FakeStore next;
    EXPECT_TRUE(run(spec, "SELECT 1 AS one", next).ok());
  }
}

TEST_F(ExportFromEngine, HugeRowsStayWithinTheMemory) {
  FakeStore store;
  store.discard_contents();
  ExportSpec spec;
  spec.max_file_bytes = 16 << 20;
  // 600 MB of rows of 100 kB, where 512 MB are allowed.
  const auto result =
      run(spec, "SELECT i, repeat(md5(i::VARCHAR), 3125) AS t FROM range(6000) r(i)", store);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->rows, 6000U);
}

}  // namespace
}  // namespace sluice::exports
