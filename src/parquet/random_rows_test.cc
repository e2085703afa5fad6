// The writer's law: whatever rows go in, another reader gets the same rows out.
#include <gtest/gtest.h>

#include <duckdb.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "engine/push/pieces.h"
#include "parquet/mapping.h"
#include "parquet/writer.h"

namespace sluice::parquet {
namespace {

// Expressions of random types, whose values depend on `key`, a hash.
class Expressions {
 public:
  explicit Expressions(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t bound) { return random_() % bound; }

  std::string any(const std::string& key, int depth) {
    std::string value = depth > 0 && below(2) == 0 ? nested(key, depth - 1) : leaf(key);
    const uint64_t nulls = below(4);
    if (nulls == 0) return value;
    return fmt::format("CASE WHEN hash({}, 77) % {} = 0 THEN NULL ELSE {} END", key,
                       nulls == 1 ? 2 : nulls * 10, value);
  }

 private:
  std::string leaf(const std::string& key) {
    const uint64_t different = uint64_t{1} << below(30);
    const std::string number = fmt::format("(hash({}, 5) % {})", key, different);
    switch (below(14)) {
      case 0:
        return number + "::INTEGER";
      case 1:
        return fmt::format("({}::BIGINT * 1000003 - 500000000)", number);
      case 2:
        return fmt::format("('v' || {})", number);
      case 3:
        return fmt::format("repeat(md5({}::VARCHAR), (1 + {} % 4)::INTEGER)", number, number);
      case 4:
        return fmt::format("({} / 7)::DOUBLE", number);
      case 5:
        return fmt::format("({} % 2 = 0)", number);
      case 6:
        return fmt::format("(({}::BIGINT - 1000) / 100)::DECIMAL(12, 2)", number);
      case 7:
        return fmt::format("(DATE '1990-01-01' + ({} % 20000)::INTEGER)", number);
      case 8:
        return fmt::format("md5({}::VARCHAR)::BLOB", number);
      case 9:
        return fmt::format("(TIMESTAMP '1950-01-01' + to_microseconds({}::BIGINT * 123457))",
                           number);
      case 10:
        return fmt::format("({} % 3)::USMALLINT", number);
      case 11:
        return fmt::format("({}::BIGINT::DECIMAL(30, 4) * -10000000)", number);
      case 12:
        return fmt::format("md5({}::VARCHAR)::UUID", number);
      default:
        return fmt::format("hash({}, 6)", key);
    }
  }

  std::string nested(const std::string& key, int depth) {
    const std::string item = fmt::format("x{}", next_++);
    const std::string items = fmt::format("range((hash({}, 3) % {})::BIGINT)", key, 1 + below(5));
    const std::string item_key = fmt::format("hash({}, {})", key, item);
    switch (below(3)) {
      case 0:
        return fmt::format("list_transform({}, {} -> {})", items, item, any(item_key, depth));
      case 1:
        return fmt::format("{{'a': {}, 'b': {}}}", any(fmt::format("hash({}, 1)", key), depth),
                           any(fmt::format("hash({}, 2)", key), depth));
      default:
        return fmt::format(
            "map_from_entries(list_transform({}, {} -> {{'k': 'key' || {}, 'v': {}}}))", items,
            item, item, any(item_key, depth));
    }
  }

  std::mt19937_64 random_;
  int next_ = 0;
};

class RandomRows : public testing::TestWithParam<uint64_t> {
 protected:
  RandomRows() : connection_(database_) {
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("parquet_random_rows.{}.{}", getpid(), GetParam());
  }
  ~RandomRows() override { std::filesystem::remove(path_); }

  std::string value(const std::string& sql) {
    auto rows = connection_.Query(sql);
    EXPECT_FALSE(rows->HasError()) << sql << ": " << rows->GetError();
    return rows->HasError() ? "" : rows->GetValue(0, 0).ToString();
  }

  void write(WriterOptions options, size_t piece_bytes) {
    auto rows = connection_.Query("FROM t");
    std::vector<types::SqlType> types;
    for (const auto& type : rows->types) types.push_back(types::from_engine(type));
    auto columns = map_columns({rows->names.begin(), rows->names.end()}, types);
    ASSERT_TRUE(columns.ok());
    for (size_t i = 0; i < columns->size(); ++i) {
      options.fields.push_back((*columns)[i].field);
      options.sources.push_back(rows->types[i]);
    }
    std::ofstream file(path_, std::ios::binary);
    auto writer = Writer::make(std::move(options));
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    const auto put = [&](std::span<const std::byte> bytes, std::stop_token) {
      file.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
      return ok();
    };
    ASSERT_TRUE((*writer)->begin(put, {}).ok());
    while (const auto chunk = rows->Fetch()) {
      const Status status = engine::for_each_piece(
          *chunk, piece_bytes, [&](engine::Chunk& piece) { return (*writer)->append(piece, {}); });
      ASSERT_TRUE(status.ok()) << status.error().message;
    }
    ASSERT_TRUE((*writer)->finish({}).ok());
  }

  duckdb::DuckDB database_;
  duckdb::Connection connection_;
  std::filesystem::path path_;
};

TEST_P(RandomRows, ComeBackAsTheyWere) {
  Expressions expressions(GetParam());
  std::string columns = "i AS id";
  for (int column = 0; column < 5; ++column) {
    columns += fmt::format(
        ", {} AS c{}",
        expressions.any(
            fmt::format("hash(i // {}, {})", uint64_t{1} << expressions.below(8), column), 3),
        column);
  }
  SCOPED_TRACE(columns);
  const auto created = connection_.Query(fmt::format(
      "CREATE TABLE t AS SELECT {} FROM range({}) r(i)", columns, 1 + expressions.below(6000)));
  ASSERT_FALSE(created->HasError()) << created->GetError();

  constexpr std::array kCodecs = {Codec::kNone, Codec::kSnappy, Codec::kGzip, Codec::kZstd,
                                  Codec::kLz4Raw};
  WriterOptions options;
  options.compression = {kCodecs[expressions.below(kCodecs.size())], 0};
  options.max_group_rows = 500 + expressions.below(6000);
  const bool in_pieces = expressions.below(2) == 0;
  ASSERT_NO_FATAL_FAILURE(write(std::move(options), in_pieces ? size_t{8} << 10 : SIZE_MAX));

  const std::string read = fmt::format("read_parquet('{}')", path_.string());
  EXPECT_EQ(value("SELECT count(*) FROM " + read), value("SELECT count(*) FROM t"));
  EXPECT_EQ(value(fmt::format("SELECT count(*) FROM (FROM t EXCEPT ALL FROM {})", read)), "0");
  EXPECT_EQ(value(fmt::format("SELECT count(*) FROM (FROM {} EXCEPT ALL FROM t)", read)), "0");
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomRows, testing::Range(uint64_t{1}, uint64_t{41}));

}  // namespace
}  // namespace sluice::parquet
