#include "engine/push/parquet_encoder.h"

#include <gtest/gtest.h>

#include <duckdb.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/engine.h"

namespace sluice::engine {
namespace {

constexpr char kRows[] =
    "SELECT i AS n, CASE WHEN i % 7 = 0 THEN NULL ELSE 'text ' || i END AS t, "
    "(i / 100)::DECIMAL(38, 10) AS d, DATE '2024-01-01' + i::INTEGER AS day, i % 2 = 0 AS b, "
    "[i, NULL, i + 1] AS l, {'a': i, 'b': 'x' || i} AS s, MAP {'k' || i: i} AS m, "
    "'2024-01-01 10:00:00'::TIMESTAMPTZ AS tz, gen_random_uuid() AS u ";

// Takes the file's types to be others than those of the rows.
using FileTypes = std::function<LogicalType(const LogicalType&)>;

class ParquetEncoderTest : public testing::Test {
 protected:
  ParquetEncoderTest() : connection_(database_) {
    auto engine = Engine::open({}, {});
    EXPECT_TRUE(engine.ok());
    engine_ = *std::move(engine);
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("parquet_encoder_test.{}.{}", getpid(), next_++);
  }
  ~ParquetEncoderTest() override { std::filesystem::remove(path_); }

  Result<std::unique_ptr<ParquetEncoder>> open(ParquetEncoderOptions options) {
    return ParquetEncoder::open(
        **engine_->instance(), std::move(options),
        [this](std::span<const std::byte> bytes, std::stop_token) -> Status {
          if (bytes_.size() + bytes.size() > room_) {
            return error(ErrorCode::kUnavailable, "no room").with_detail("none at all");
          }
          bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
          return ok();
        },
        {});
  }

  // A file of the query's rows; its estimate of its size after each chunk goes to `estimates`.
  Status encode(
      const std::string& sql, ParquetEncoderOptions options = {},
      const FileTypes& file_type = [](const LogicalType& type) { return type; }) {
    auto rows = connection_.Query(sql);
    EXPECT_FALSE(rows->HasError()) << rows->GetError();
    options.shape.names.assign(rows->names.begin(), rows->names.end());
    for (const LogicalType& type : rows->types) options.shape.types.push_back(file_type(type));
    TRY_ASSIGN(const auto encoder, open(std::move(options)));
    while (const auto chunk = rows->Fetch()) {
      TRY(encoder->append(*chunk, {}));
      estimates_.push_back(encoder->bytes());
    }
    ratio_ = encoder->ratio();
    TRY(encoder->finish({}));
    EXPECT_EQ(encoder->bytes(), bytes_.size());
    std::ofstream(path_, std::ios::binary) << bytes_;
    return ok();
  }

  std::string value(const std::string& sql) {
    auto rows = connection_.Query(sql);
    EXPECT_FALSE(rows->HasError()) << rows->GetError();
    return rows->GetValue(0, 0).ToString();
  }
  std::string file() const { return fmt::format("'{}'", path_.string()); }

  static inline int next_ = 0;
  std::unique_ptr<Engine> engine_;
  duckdb::DuckDB database_;  // another one, that reads the files
  duckdb::Connection connection_;
  std::filesystem::path path_;
  std::string bytes_;
  size_t room_ = std::string::npos;
  std::vector<uint64_t> estimates_;
  double ratio_ = 0;
};

TEST_F(ParquetEncoderTest, WidensDecimalsOfFewerDigits) {
  const std::string sql =
      "SELECT i AS n, CASE WHEN i % 5 <> 0 THEN (i - 3000)::DECIMAL(4, 0) END AS a, "
      "((i - 3000) / 100)::DECIMAL(9, 2) AS b, (i * -12345678901 / 1000)::DECIMAL(18, 3) AS c, "
      "5.25::DECIMAL(4, 2) AS d FROM range(6000) r(i)";
  const auto wide = [](const LogicalType& type) {
    return type.id() == LogicalTypeId::DECIMAL
               ? LogicalType::DECIMAL(38, duckdb::DecimalType::GetScale(type))
               : type;
  };
  ASSERT_TRUE(encode(sql, {}, wide).ok());
  EXPECT_EQ(value("SELECT typeof(c) FROM read_parquet(" + file() + ") LIMIT 1"), "DECIMAL(38,3)");
  EXPECT_EQ(value("SELECT count(*) FROM read_parquet(" + file() + ")"), "6000");
  EXPECT_EQ(value("SELECT count(*) FROM ((" + sql + ") EXCEPT ALL SELECT * FROM read_parquet(" +
                  file() + "))"),
            "0");
}

TEST_F(ParquetEncoderTest, RefusesRowsOfOtherTypes) {
  const auto other_scale = [](const LogicalType&) { return LogicalType::DECIMAL(38, 5); };
  EXPECT_FALSE(encode("SELECT 1::DECIMAL(9, 2) AS a", {}, other_scale).ok());
}

TEST_F(ParquetEncoderTest, WritesWhatAnotherReaderReadsBack) {
  ASSERT_FALSE(
      connection_.Query(std::string("CREATE TABLE t AS ") + kRows + "FROM range(50000) r(i)")
          ->HasError());
  ParquetEncoderOptions options;
  options.max_group_rows = 20000;
  const Status status = encode("FROM t", options);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(value("SELECT count(*) FROM read_parquet(" + file() + ")"), "50000");
  EXPECT_EQ(value("SELECT count(*) FROM (FROM t EXCEPT ALL FROM read_parquet(" + file() + "))"),
            "0");
  EXPECT_EQ(
      value("SELECT string_agg(DISTINCT compression, ',') FROM parquet_metadata(" + file() + ")"),
      "SNAPPY");
  EXPECT_EQ(value("SELECT typeof(d) FROM read_parquet(" + file() + ") LIMIT 1"), "DECIMAL(38,10)");
}

TEST_F(ParquetEncoderTest, WritesASchemaWithoutRows) {
  ASSERT_TRUE(encode(std::string(kRows) + "FROM range(0) r(i)").ok());
  EXPECT_EQ(value("SELECT count(*) FROM read_parquet(" + file() + ")"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM (DESCRIBE FROM read_parquet(" + file() + "))"), "10");
}

TEST_F(ParquetEncoderTest, EndsRowGroupsByRowsAndByBytes) {
  ParquetEncoderOptions options;
  options.max_group_rows = 10240;
  ASSERT_TRUE(encode("SELECT i FROM range(102400) r(i)", options).ok());
  EXPECT_LE(
      std::stoi(value("SELECT max(row_group_num_rows) FROM parquet_metadata(" + file() + ")")),
      10240);

  bytes_.clear();
  options = {};
  options.max_group_bytes = 4 << 20;
  ASSERT_TRUE(
      encode("SELECT repeat(md5(i::VARCHAR), 30) AS wide FROM range(30000) r(i)", options).ok());
  // Rows of 960 bytes: no group has more than 4 MiB and a chunk of them.
  EXPECT_LE(
      std::stoi(value("SELECT max(row_group_num_rows) FROM parquet_metadata(" + file() + ")")),
      (4 << 20) / 960 + 2048);
}

TEST_F(ParquetEncoderTest, KnowsItsSizeBeforeTheEnd) {
  ASSERT_TRUE(encode("SELECT i, md5(i::VARCHAR) AS h, i % 10 AS k FROM range(400000) r(i)").ok());
  const auto size = static_cast<double>(bytes_.size());
  EXPECT_NEAR(static_cast<double>(estimates_.back()), size, size * 0.05);
  EXPECT_TRUE(std::is_sorted(estimates_.begin(), estimates_.begin() + 10));
  EXPECT_GT(ratio_, 0);
}

TEST_F(ParquetEncoderTest, ReturnsTheErrorOfItsTarget) {
  for (const size_t room : {size_t{0}, size_t{3}, size_t{5000}, size_t{100'000}}) {
    room_ = room;
    bytes_.clear();
    const Status status = encode("SELECT md5(i::VARCHAR) AS h FROM range(400000) r(i)");
    ASSERT_FALSE(status.ok()) << room;
    EXPECT_EQ(status.error().message, "no room");
    EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(status.error().detail, "none at all");
  }
}

TEST_F(ParquetEncoderTest, ManyAtOnceDoNotMixTheirBytes) {
  std::vector<std::jthread> threads;
  std::array<std::string, 8> files;
  for (size_t n = 0; n < files.size(); ++n) {
    threads.emplace_back([&, n] {
      ParquetEncoderOptions options;
      options.shape = {{"n"}, {LogicalType::BIGINT}};
      auto encoder = ParquetEncoder::open(
          **engine_->instance(), options,
          [&files, n](std::span<const std::byte> bytes, std::stop_token) {
            files[n].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return ok();
          },
          {});
      ASSERT_TRUE(encoder.ok());
      Chunk chunk;
      chunk.Initialize(duckdb::Allocator::DefaultAllocator(), {LogicalType::BIGINT});
      for (int row = 0; row < 1000; ++row) {
        chunk.SetValue(0, static_cast<size_t>(row), Value::BIGINT(static_cast<int64_t>(n)));
      }
      chunk.SetCardinality(1000);
      for (int i = 0; i < 20; ++i) ASSERT_TRUE((*encoder)->append(chunk, {}).ok());
      ASSERT_TRUE((*encoder)->finish({}).ok());
    });
  }
  threads.clear();
  for (size_t n = 0; n < files.size(); ++n) {
    std::ofstream(path_, std::ios::binary) << files[n];
    EXPECT_EQ(value("SELECT min(n) || ' ' || max(n) || ' ' || count(*) FROM read_parquet(" +
                    file() + ")"),
              fmt::format("{0} {0} 20000", n));
  }
}

}  // namespace
}  // namespace sluice::engine
