#include "parquet/writer.h"

#include <gtest/gtest.h>

#include <array>
#include <duckdb.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "parquet/mapping.h"

namespace sluice::parquet {
namespace {

using engine::LogicalType;

// Changes what the mapping says before a file is written.
using Change = std::function<void(WriterOptions&)>;

class WriterTest : public testing::Test {
 protected:
  WriterTest() : connection_(database_) {}
  ~WriterTest() override {
    for (const auto& path : saved_) std::filesystem::remove(path);
  }

  Write into_bytes() {
    return [this](std::span<const std::byte> bytes, std::stop_token) -> Status {
      if (bytes_.size() + bytes.size() > room_) {
        return error(ErrorCode::kUnavailable, "no room").with_detail("none at all");
      }
      bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return ok();
    };
  }

  Result<std::unique_ptr<Writer>> writer_of(const duckdb::QueryResult& rows, const Change& change) {
    std::vector<types::SqlType> types;
    for (const LogicalType& type : rows.types) types.push_back(types::from_engine(type));
    TRY_ASSIGN(auto columns, map_columns({rows.names.begin(), rows.names.end()}, types));
    WriterOptions options;
    for (size_t i = 0; i < columns.size(); ++i) {
      options.fields.push_back(std::move(columns[i].field));
      options.sources.push_back(rows.types[i]);
    }
    if (change) change(options);
    return Writer::make(std::move(options));
  }

  // A file of the query's rows; its estimate of its size after each chunk goes
  // to `estimates_`.
  Status encode(const std::string& sql, const Change& change = {}) {
    auto rows = connection_.Query(sql);
    EXPECT_FALSE(rows->HasError()) << rows->GetError();
    TRY_ASSIGN(const auto writer, writer_of(*rows, change));
    TRY(writer->begin(into_bytes(), {}));
    while (const auto chunk = rows->Fetch()) {
      TRY(writer->append(*chunk, {}));
      estimates_.push_back(writer->bytes());
    }
    should_end_ = writer->should_end();
    TRY(writer->finish({}));
    EXPECT_EQ(writer->bytes(), bytes_.size());
    save();
    return ok();
  }
  // Under a new name each time, since DuckDB keeps what it has read of a file.
  void save() {
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("parquet_writer_test.{}.{}", getpid(), next_++);
    saved_.push_back(path_);
    std::ofstream(path_, std::ios::binary) << bytes_;
  }

  std::string value(const std::string& sql) {
    auto rows = connection_.Query(sql);
    EXPECT_FALSE(rows->HasError()) << sql << ": " << rows->GetError();
    return rows->HasError() ? "" : rows->GetValue(0, 0).ToString();
  }
  std::string file() const { return fmt::format("'{}'", path_.string()); }

  // The query's rows are just those of the file, whose columns may have other
  // types.
  void expect_same(const std::string& sql, const Change& change = {}) {
    bytes_.clear();
    const Status status = encode(sql, change);
    ASSERT_TRUE(status.ok()) << status.error().message;
    const std::string read = "SELECT * FROM read_parquet(" + file() + ")";
    EXPECT_EQ(value(fmt::format("SELECT count(*) FROM (({}) EXCEPT ALL ({}))", sql, read)), "0");
    EXPECT_EQ(value(fmt::format("SELECT count(*) FROM (({}) EXCEPT ALL ({}))", read, sql)), "0");
  }

  static inline int next_ = 0;
  duckdb::DuckDB database_;
  duckdb::Connection connection_;
  std::filesystem::path path_;
  std::vector<std::filesystem::path> saved_;
  std::string bytes_;
  size_t room_ = std::string::npos;
  std::vector<uint64_t> estimates_;
  bool should_end_ = false;  // of the last file, before its end
};

constexpr char kFlat[] =
    "SELECT i, (i % 100)::SMALLINT AS si, (i * 7919 % 1000003)::INTEGER AS n, "
    "(i % 60000)::USMALLINT AS u2, (i * 40000)::UINTEGER AS u4, "
    "(hash(i))::UBIGINT AS u8, "
    "(i / 7)::FLOAT AS re, (i / 3)::DOUBLE AS dp, i % 2 = 0 AS b, "
    "CASE WHEN i % 7 = 0 THEN NULL ELSE 'text ' || i END AS t, "
    "CASE WHEN i % 3 = 0 THEN NULL ELSE (i % 5)::VARCHAR END AS few, "
    "md5(i::VARCHAR) AS long, "
    "md5(i::VARCHAR)::BLOB AS raw, uuid() AS id, DATE '2024-01-01' + (i % "
    "1000)::INTEGER AS day, "
    "TIME '00:00:00' + to_seconds(i % 86400) AS ti, "
    "TIMESTAMP '1969-12-31 00:00:00' + to_microseconds(i * 1000003) AS ts, "
    "'2024-01-01 10:00:00'::TIMESTAMPTZ + to_seconds(i) AS tz, "
    "CASE WHEN i % 4 = 0 THEN NULL ELSE i % 3 = 0 END AS nb, NULL::INTEGER AS "
    "nothing, "
    "((i - 3000) / 100)::DECIMAL(38, 10) AS d38, (i - 3000)::DECIMAL(4, 0) AS "
    "d4, "
    "((i - 3000) / 100)::DECIMAL(9, 2) AS d9, (i * -12345678901 / "
    "1000)::DECIMAL(18, 3) AS d18 "
    "FROM range(6000) r(i)";

TEST_F(WriterTest, TakesGroupsThatOthersHaveEncoded) {
  ASSERT_FALSE(connection_.Query(std::string("CREATE TABLE flat AS ") + kFlat)->HasError());
  auto rows = connection_.Query("SELECT * FROM flat");
  std::optional<WriterOptions> same;
  const auto writer = writer_of(*rows, [&](WriterOptions& options) {
    options.max_group_rows = 2500;
    same = options;
  });
  ASSERT_TRUE(writer.ok());
  std::array encoders = {GroupEncoder::make(*same).value(), GroupEncoder::make(*same).value()};
  ASSERT_TRUE((*writer)->begin(into_bytes(), {}).ok());
  for (size_t next = 0; const auto chunk = rows->Fetch(); ++next) {
    // The writer's own, and two others in turn.
    if (next % 3 == 2) {
      ASSERT_TRUE((*writer)->append(*chunk, {}).ok());
      continue;
    }
    GroupEncoder& encoder = *encoders[next % 3];
    ASSERT_TRUE(encoder.append(*chunk).ok());
    ASSERT_TRUE(encoder.end().ok());
    ASSERT_TRUE((*writer)->append(encoder, {}).ok());
    EXPECT_EQ(encoder.rows(), 0U);
  }
  ASSERT_TRUE((*writer)->finish({}).ok());
  EXPECT_EQ((*writer)->bytes(), bytes_.size());
  save();
  const std::string read = "SELECT * FROM read_parquet(" + file() + ")";
  EXPECT_EQ(value("SELECT count(*) FROM (" + read + ")"), "6000");
  EXPECT_EQ(value("SELECT count(*) FROM ((FROM flat) EXCEPT ALL (" + read + "))"), "0");
  EXPECT_EQ(value("SELECT count(DISTINCT row_group_id) FROM parquet_metadata(" + file() + ")"),
            "3");
}

TEST_F(WriterTest, WritesWhatAnotherReaderReadsBack) {
  ASSERT_FALSE(connection_.Query(std::string("CREATE TABLE flat AS ") + kFlat)->HasError());
  for (const char* const codec : {"none", "snappy", "gzip", "zstd", "lz4_raw"}) {
    SCOPED_TRACE(codec);
    expect_same("SELECT * FROM flat", [codec](WriterOptions& options) {
      options.compression = *Compression::named(codec);
      options.max_group_rows = 2500;
    });
  }
  EXPECT_EQ(value("SELECT typeof(d9) FROM read_parquet(" + file() + ") LIMIT 1"), "DECIMAL(9,2)");
  EXPECT_EQ(value("SELECT string_agg(DISTINCT compression) FROM parquet_metadata(" + file() + ")"),
            "LZ4_RAW");
}

TEST(Compression, HasTheCodecsLevels) {
  EXPECT_EQ(Compression::named("zstd", 22)->level, 22);
  EXPECT_EQ(Compression::named("gzip", 10).error().message, "gzip has no level 10");
  EXPECT_EQ(Compression::named("snappy", 1).error().sqlstate, "22023");
  EXPECT_EQ(Compression::named("lzo").error().message, "unknown Parquet compression \"lzo\"");
}

TEST_F(WriterTest, WritesASchemaWithoutRows) {
  ASSERT_TRUE(encode(std::string(kFlat) + " LIMIT 0").ok());
  EXPECT_EQ(value("SELECT count(*) FROM read_parquet(" + file() + ")"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM (DESCRIBE FROM read_parquet(" + file() + "))"), "24");
}

TEST_F(WriterTest, KeepsNestedRowsAndTheirNulls) {
  expect_same(
      "SELECT i, CASE WHEN i % 5 <> 0 THEN [i, NULL, i + 1] END AS l, "
      "CASE WHEN i % 7 = 0 THEN [] ELSE list_transform(range((i % 6)::BIGINT), "
      "x -> "
      "CASE WHEN x = 2 THEN NULL ELSE 'v' || (x * i) END) END AS texts, "
      "CASE WHEN i % 11 <> 0 THEN [[i], [], NULL, [NULL, 2]] END AS ll, "
      "CASE WHEN i % 3 <> 0 THEN {'a': i, 'b': CASE WHEN i % 2 = 0 THEN 'x' || "
      "i END, "
      "'c': {'d': [i % 4], 'e': NULL::INTEGER}} END AS s, "
      "CASE WHEN i % 4 <> 0 THEN MAP {'k' || i: i, 'n': NULL} END AS m, "
      "MAP {'a': [{'x': i}, NULL, {'x': NULL}]} AS deep, "
      "[(i / 10)::DECIMAL(9, 1)] AS decimals FROM range(10000) r(i)",
      [](WriterOptions& options) { options.max_group_rows = 5000; });
}

TEST_F(WriterTest, EndsRowGroupsByRowsAndByBytes) {
  ASSERT_TRUE(encode("SELECT i FROM range(102400) r(i)", [](WriterOptions& options) {
                options.max_group_rows = 10240;
              }).ok());
  EXPECT_EQ(value("SELECT max(row_group_num_rows) FROM parquet_metadata(" + file() + ")"), "10240");

  bytes_.clear();
  ASSERT_TRUE(encode("SELECT repeat(md5(i::VARCHAR), 30) AS wide FROM range(30000) r(i)",
                     [](WriterOptions& options) { options.max_group_bytes = 4 << 20; })
                  .ok());
  // Rows of 960 bytes: no group has more than 4 MiB and a chunk of them.
  EXPECT_LE(
      std::stoi(value("SELECT max(row_group_num_rows) FROM parquet_metadata(" + file() + ")")),
      (4 << 20) / 960 + 2048);
}

TEST_F(WriterTest, KnowsItsSizeBeforeTheEnd) {
  for (const char* const columns :
       {"i, md5(i::VARCHAR) AS h, i % 10 AS k", "i % 3 AS few, 'the same' AS same",
        "[i, i * 7919 % 10007] AS l, MAP {'k': md5(i::VARCHAR)} AS m"}) {
    bytes_.clear();
    estimates_.clear();
    ASSERT_TRUE(encode(fmt::format("SELECT {} FROM range(500000) r(i)", columns)).ok());
    const auto size = static_cast<double>(bytes_.size());
    EXPECT_NEAR(static_cast<double>(estimates_.back()), size, size * 0.03) << columns;
    for (size_t i = 1; i < estimates_.size(); ++i) {
      // An estimate may be corrected, but by little.
      EXPECT_GE(static_cast<double>(estimates_[i]),
                static_cast<double>(estimates_[i - 1]) - size * 0.02 - 8192);
    }
  }
}

TEST_F(WriterTest, ReturnsTheErrorOfItsTarget) {
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

TEST_F(WriterTest, DoesNotRememberMoreOfAFileThanMemoryAllows) {
  constexpr char kRows[] = "SELECT i, md5(i::VARCHAR) AS h FROM range(400000) r(i)";
  const auto with_memory = [](uint64_t bytes) {
    return [bytes](WriterOptions& options) {
      options.max_group_rows = 2048;
      options.memory_bytes = bytes;
    };
  };
  EXPECT_TRUE(encode(kRows, with_memory(1 << 20)).ok());
  EXPECT_FALSE(should_end_);
  bytes_.clear();
  EXPECT_TRUE(encode(kRows, with_memory(100'000)).ok());
  EXPECT_TRUE(should_end_) << "so that who can writes another file";
  bytes_.clear();
  const Status status = encode(kRows, with_memory(20'000));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().sqlstate, "53200");
  EXPECT_NE(status.error().hint.find("MAX FILE SIZE"), std::string::npos);
}

TEST_F(WriterTest, RefusesRowsOfOtherTypes) {
  const Change other = [](WriterOptions& options) { options.sources[0] = LogicalType::VARCHAR; };
  EXPECT_FALSE(encode("SELECT 1 AS a", other).ok());
}

TEST_F(WriterTest, WritesManyFilesOneAfterTheOther) {
  auto rows = connection_.Query("SELECT i, 'x' || i AS t, [i] AS l FROM range(10) r(i)");
  const auto writer = *writer_of(*rows, {});
  const auto chunk = rows->Fetch();
  for (int n = 1; n <= 3; ++n) {
    bytes_.clear();
    ASSERT_TRUE(writer->begin(into_bytes(), {}).ok());
    for (int i = 0; i < n; ++i) ASSERT_TRUE(writer->append(*chunk, {}).ok());
    ASSERT_TRUE(writer->finish({}).ok());
    save();
    EXPECT_EQ(value("SELECT count(*) || ' ' || sum(i) || ' ' || max(t) || "
                    "sum(l[1]) FROM read_parquet(" +
                    file() + ")"),
              fmt::format("{} {} x9{}", n * 10, n * 45, n * 45));
  }
}

// Of the file's only column.
TEST_F(WriterTest, TellsTheBoundsThatReadersMayTrust) {
  const auto bounds = [this](const std::string& values) {
    bytes_.clear();
    EXPECT_TRUE(encode("SELECT * FROM (VALUES " + values + ") t(v)").ok());
    return value(
        "SELECT coalesce(stats_min_value, '-') || ' ' || coalesce(stats_max_value, '-') || ' ' || "
        "stats_null_count FROM parquet_metadata(" +
        file() + ")");
  };
  EXPECT_EQ(bounds("(3), (NULL), (-5), (7)"), "-5 7 1");
  EXPECT_EQ(bounds("(NULL::INTEGER), (NULL)"), "- - 2");
  EXPECT_EQ(bounds("(4294967295::UINTEGER), (1)"), "1 4294967295 0");
  EXPECT_EQ(bounds("('b'), ('a'), ('c')"), "a c 0");
  EXPECT_EQ(bounds("('ä'), ('z')"), "z ä 0");
  EXPECT_EQ(bounds("(-1.50::DECIMAL(9, 2)), (0.25)"), "-1.50 0.25 0");
  EXPECT_EQ(bounds("(true), (NULL)"), "true true 1");
  EXPECT_EQ(bounds("(0.0::DOUBLE), (-1.5)"), "-1.5 0.0 0");
  EXPECT_EQ(bounds("(0.0::DOUBLE), (1.5)"), "-0.0 1.5 0");
  EXPECT_EQ(bounds("('nan'::DOUBLE), (1.5)"), "- - 0");
  EXPECT_EQ(bounds("(DATE '2024-01-01'), (DATE '1969-01-01')"), "1969-01-01 2024-01-01 0");
  // Long texts: a prefix, and one that is larger than whatever begins with it.
  EXPECT_EQ(bounds("(repeat('a', 100)), (repeat('b', 100))"),
            std::string(63, 'a') + " " + std::string(62, 'b') + "c 0");
}

TEST_F(WriterTest, BoundsNeverHideAValue) {
  ASSERT_FALSE(connection_
                   .Query("CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS h, repeat('ä', "
                          "(i % 90)::INTEGER) || i AS u, (i % 1000 - 500) / 8 AS d, "
                          "(i * 7919 % 10007)::DECIMAL(12, 2) AS m FROM range(60000) r(i)")
                   ->HasError());
  ASSERT_TRUE(encode("FROM t", [](WriterOptions& options) { options.max_group_rows = 4096; }).ok());
  for (const char* const condition :
       {"i = 31234", "h = md5('4711')", "u = repeat('ä', 33) || 123", "d < -62", "m > 10000",
        "u > 'ä' || repeat('ä', 85)", "h < '01'"}) {
    EXPECT_EQ(
        value(fmt::format("SELECT count(*) FROM read_parquet({}) WHERE {}", file(), condition)),
        value(fmt::format("SELECT count(*) FROM t WHERE {}", condition)))
        << condition;
  }
}

TEST_F(WriterTest, BloomFiltersExcludeWhatIsNotThereAndNothingElse) {
  ASSERT_TRUE(encode("SELECT i, 'id ' || i % 30000 AS t, (i * 7)::INTEGER AS n, (hash(i) % "
                     "100)::BIGINT AS few, "
                     "md5(i::VARCHAR) AS h FROM range(60000) r(i)",
                     [](WriterOptions& options) {
                       options.max_group_rows = 20480;
                       options.bloom_filters = {BloomFilters::kAll, BloomFilters::kAll,
                                                BloomFilters::kAll, BloomFilters::kAutomatic,
                                                BloomFilters::kNone};
                     })
                  .ok());
  const auto excluded = [this](const std::string& column, const std::string& constant) {
    return std::stoi(value(
        fmt::format("SELECT count(*) FILTER (bloom_filter_excludes) FROM parquet_bloom_probe({}, "
                    "'{}', {})",
                    file(), column, constant)));
  };
  EXPECT_EQ(value("SELECT string_agg(path_in_schema, ' ' ORDER BY path_in_schema) FROM "
                  "parquet_metadata(" +
                  file() + ") WHERE bloom_filter_offset IS NOT NULL AND row_group_id = 0"),
            "few i n t");
  int wrong = 0;
  for (int i = 0; i < 60000; i += 997) {
    EXPECT_LE(excluded("i", fmt::format("{}::BIGINT", i)), 2) << i;
    EXPECT_LE(excluded("n", fmt::format("{}::INTEGER", i * 7)), 2) << i;
    EXPECT_LE(excluded("t", fmt::format("'id {}'", i % 30000)), 2) << i;
    EXPECT_EQ(excluded("few", fmt::format("{}::BIGINT", i % 100)), 0) << i;
    wrong += 3 - excluded("i", fmt::format("{}::BIGINT", i + 100'000));
    wrong += 3 - excluded("t", fmt::format("'no {}'", i));
  }
  EXPECT_LT(wrong, 366 / 10);  // of 61 * 6; 1 in 40 is expected
}

TEST_F(WriterTest, HasNoStatisticsWhereTheyAreNotWanted) {
  ASSERT_TRUE(encode("SELECT i, i::VARCHAR AS t FROM range(1000) r(i)", [](WriterOptions& options) {
                options.has_statistics = false;
              }).ok());
  EXPECT_EQ(value("SELECT count(stats_min_value) + count(stats_null_count) FROM parquet_metadata(" +
                  file() + ")"),
            "0");
  EXPECT_EQ(value("SELECT sum(i) FROM read_parquet(" + file() + ") WHERE t > '5'"),
            value("SELECT sum(i) FROM range(1000) r(i) WHERE i::VARCHAR > '5'"));
}

TEST_F(WriterTest, DropsDictionariesThatDoNotPay) {
  ASSERT_TRUE(encode("SELECT i % 100 AS few, hash(i) AS many, 'x' || i % 100 AS few_texts, "
                     "md5(i::VARCHAR) AS many_texts FROM range(300000) r(i)")
                  .ok());
  EXPECT_EQ(value("SELECT string_agg(DISTINCT path_in_schema, ' ' ORDER BY path_in_schema) FROM "
                  "parquet_metadata(" +
                  file() + ") WHERE encodings LIKE '%DICTIONARY%'"),
            "few few_texts");
}

TEST_F(WriterTest, KeepsKeyValues) {
  ASSERT_TRUE(encode("SELECT 1 AS a", [](WriterOptions& options) {
                options.key_values = {{"sluice.query", "SELECT 1"}};
              }).ok());
  EXPECT_EQ(value("SELECT value::VARCHAR FROM parquet_kv_metadata(" + file() + ")"), "SELECT 1");
}

TEST_F(WriterTest, GivesLargeValuesBackTheirMemory) {
  auto rows = connection_.Query("SELECT repeat('x', 30000000) AS t");
  const auto writer = *writer_of(*rows, {});
  const auto chunk = rows->Fetch();
  ASSERT_TRUE(writer->begin(into_bytes(), {}).ok());
  for (int i = 0; i < 5; ++i) {
    const uint64_t before = engine::allocated_bytes();
    ASSERT_TRUE(writer->append(*chunk, {}).ok());
    EXPECT_LT(engine::allocated_bytes(), before + (64 << 20));
  }
  ASSERT_TRUE(writer->finish({}).ok());
  EXPECT_LT(engine::allocated_bytes(), uint64_t{200} << 20);
  save();
  EXPECT_EQ(value("SELECT count(*) || ' ' || min(length(t)) FROM read_parquet(" + file() + ")"),
            "5 30000000");
}

}  // namespace
}  // namespace sluice::parquet
