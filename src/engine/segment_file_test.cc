#include "engine/segment_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <thread>

#include "engine/engine.h"
#include "engine/row_codec.h"
#include "engine/row_key.h"

namespace sluice::engine {
namespace {

struct Directory {
  Directory()
      : path(std::filesystem::temp_directory_path() /
             fmt::format("sluice-segment-{}", std::random_device()())) {
    std::filesystem::create_directories(path);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

LogicalType aliased(LogicalType type, const std::string& alias) {
  type.SetAlias(alias);
  return type;
}

// One column of each kind of type that a table can have.
Shape many_types() {
  Shape shape;
  const auto add = [&](const LogicalType& type) {
    shape.names.push_back(fmt::format("c{}", shape.names.size()));
    shape.types.push_back(type);
  };
  add(LogicalType::BIGINT);
  add(LogicalType::VARCHAR);
  add(LogicalType::JSON());
  add(aliased(LogicalType::UBIGINT, "mz_timestamp"));
  add(LogicalType::DECIMAL(38, 10));
  add(LogicalType::BLOB);
  add(LogicalType::LIST(LogicalType::VARCHAR));
  add(LogicalType::STRUCT({{"a", LogicalType::INTEGER}, {"b", LogicalType::VARCHAR}}));
  add(LogicalType::MAP(LogicalType::VARCHAR, LogicalType::BIGINT));
  add(LogicalType::INTERVAL);
  add(LogicalType::TIMESTAMP_TZ);
  add(LogicalType::UUID);
  add(LogicalType::DOUBLE);
  add(LogicalType::BOOLEAN);
  return shape;
}

void fill(const Shape& shape, size_t rows, Chunk& chunk) {
  initialize(chunk, shape.types, rows);
  const auto text = [](size_t row) {
    return "a text that is not kept inline " + std::to_string(row);
  };
  for (size_t row = 0; row < rows; ++row) {
    const auto number = static_cast<int64_t>(row);
    const std::vector<Value> values = {
        Value::BIGINT(number),
        Value(text(row)),
        Value(fmt::format("[{}]", row)),
        Value::UBIGINT(row),
        Value::DECIMAL(duckdb::hugeint_t(number), 38, 10),
        Value::BLOB_RAW(text(row) + std::string(1, '\0')),
        Value::LIST(LogicalType::VARCHAR, {Value(text(row)), Value(LogicalType::VARCHAR)}),
        Value::STRUCT({{"a", Value::INTEGER(static_cast<int32_t>(row))}, {"b", Value(text(row))}}),
        Value::MAP(LogicalType::VARCHAR, LogicalType::BIGINT, {Value(text(row))},
                   {Value::BIGINT(number)}),
        Value::INTERVAL(1, 2, number),
        Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(number)),
        Value::UUID(fmt::format("00000000-0000-0000-0000-00000000000{}", row % 10)),
        Value::DOUBLE(static_cast<double>(row) / 3),
        Value::BOOLEAN(row % 2 == 0)};
    for (size_t column = 0; column < values.size(); ++column) {
      const bool null = (row + column) % 7 == 0;
      chunk.SetValue(column, row, null ? Value(shape.types[column]) : values[column]);
    }
  }
  chunk.SetCardinality(rows);
}

void expect_equal(Chunk& left, Chunk& right) {
  ASSERT_EQ(left.size(), right.size());
  for (size_t column = 0; column < left.ColumnCount(); ++column) {
    for (size_t row = 0; row < left.size(); ++row) {
      EXPECT_EQ(left.GetValue(column, row).ToString(), right.GetValue(column, row).ToString())
          << "column " << column << " row " << row;
    }
  }
}

TEST(RowCodec, GivesBackRowsOfEveryType) {
  const Shape shape = many_types();
  for (const size_t count : {size_t{1}, size_t{100}, size_t{2048}}) {
    Chunk rows;
    fill(shape, count, rows);
    std::string bytes;
    ASSERT_TRUE(encode_rows(rows, bytes).ok());
    Chunk decoded;
    ASSERT_TRUE(decode_rows(bytes, shape.types, count, decoded).ok());
    expect_equal(rows, decoded);
    Chunk copied;
    initialize(copied, shape.types, 2 * count);
    append_rows(rows, copied);
    append_rows(rows, copied);
    EXPECT_EQ(copied.size(), 2 * count);
  }
}

TEST(RowCodec, RefusesBrokenBytes) {
  const Shape shape = many_types();
  Chunk rows;
  fill(shape, 10, rows);
  std::string bytes;
  ASSERT_TRUE(encode_rows(rows, bytes).ok());
  for (const size_t size : {size_t{0}, size_t{1}, bytes.size() / 2}) {
    Chunk decoded;
    EXPECT_FALSE(
        decode_rows(std::string_view(bytes).substr(0, size), shape.types, 10, decoded).ok());
  }
}

TEST(RowCodec, KeepsAliasesOfTypes) {
  const Shape shape = many_types();
  auto decoded = decode_shape(encode_shape(shape));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->names, shape.names);
  EXPECT_EQ(decoded->types, shape.types);
  EXPECT_EQ(decoded->types[3].GetAlias(), "mz_timestamp");
}

TEST(RowKey, IsEqualWhenValuesAre) {
  Chunk rows;
  initialize(rows, {LogicalType::DOUBLE, LogicalType::VARCHAR}, 4);
  const double values[] = {0.0, -0.0, 1.0, 0.0};
  for (size_t row = 0; row < 4; ++row) {
    rows.SetValue(0, row, Value::DOUBLE(values[row]));
    rows.SetValue(1, row, row == 3 ? Value(LogicalType::VARCHAR) : Value("x"));
  }
  rows.SetCardinality(4);
  const size_t columns[] = {0, 1};
  auto keys = row_keys(rows, columns);
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  EXPECT_EQ(keys->keys[0], keys->keys[1]);
  EXPECT_NE(keys->keys[0], keys->keys[2]);
  EXPECT_EQ(keys->has_null, (std::vector<bool>{false, false, false, true}));
  const size_t one[] = {0};
  auto narrow = row_keys(rows, one);
  ASSERT_TRUE(narrow.ok());
  EXPECT_EQ(narrow->keys[0], narrow->keys[3]);
  EXPECT_NE(narrow->keys[0], narrow->keys[2]);
}

TEST(SegmentFile, IsReadByTheEngineWithItsTypes) {
  const Directory directory;
  const std::string path = directory.path / "one.segment";
  const Shape shape = many_types();
  auto writer = SegmentFileWriter::create({.path = path, .temp_directory = directory.path}, shape);
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  Chunk rows;
  fill(shape, 2000, rows);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*writer)->append(rows).ok());
  const Status finished = (*writer)->finish();
  ASSERT_TRUE(finished.ok()) << finished.error().message;

  Engine::Options options;
  options.readable_directories = {directory.path};
  auto engine = Engine::open(options, {});
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  const Status attached = (*engine)->attach("one", path);
  ASSERT_TRUE(attached.ok()) << attached.error().message;
  auto connection = std::move((*engine)->connect()).value();
  auto result =
      connection->query("SELECT count(*), max(c1), typeof(any_value(c3)) FROM one.main.rows");
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ((*result)[0][0].ToString(), "6000");
  EXPECT_EQ((*result)[0][2].ToString(), "mz_timestamp");
  EXPECT_FALSE((*engine)->attach("two", "/etc/passwd").ok());
  ASSERT_TRUE((*engine)->detach("one").ok());
}

// Rows of 640 KB, where a vector of 2048 would take 1.3 GB; and NULLs behind long texts, which the
// engine would read as 2047 copies of them.
TEST(SegmentFile, WritesAndReadsWideRowsInLittleMemory) {
  constexpr size_t kTexts = 18, kRows = 100, kLength = 32 << 10;
  const Directory directory;
  Shape shape;
  const auto add = [&](const LogicalType& type) {
    shape.names.push_back(fmt::format("c{}", shape.names.size()));
    shape.types.push_back(type);
  };
  const LogicalType list = LogicalType::LIST(LogicalType::VARCHAR);
  const LogicalType record = LogicalType::STRUCT({{"a", LogicalType::BLOB}, {"b", list}});
  for (size_t i = 0; i < kTexts; ++i) add(LogicalType::VARCHAR);
  add(list);
  add(record);
  add(LogicalType::BIGINT);
  std::mt19937 random(1);
  const auto text = [&] {
    std::string bytes(kLength, ' ');
    for (char& c : bytes) c = static_cast<char>('a' + random() % 26);
    return bytes;
  };
  const auto row_of = [&](size_t row) {
    std::vector<Value> values;
    for (size_t i = 0; i < kTexts; ++i) {
      values.push_back(i == 0 && row > 0 ? Value(LogicalType::VARCHAR) : Value(text()));
    }
    const Value null(LogicalType::VARCHAR);
    values.push_back(row % 4 == 0 ? Value(list)
                                  : Value::LIST(LogicalType::VARCHAR, {null, Value(text()), null}));
    values.push_back(row % 3 == 0 ? Value(record)
                                  : Value::STRUCT({{"a", Value::BLOB_RAW(text())},
                                                   {"b", Value::LIST(LogicalType::VARCHAR, {})}}));
    values.push_back(Value::BIGINT(static_cast<int64_t>(row)));
    return values;
  };
  const std::string path = directory.path / "wide";
  auto writer =
      std::move(SegmentFileWriter::create({path, directory.path / "temp", 32 << 20}, shape))
          .value();
  for (size_t row = 0; row < kRows;) {
    Chunk rows;
    initialize(rows, shape.types, 30);
    size_t count = 0;
    for (; count < 30 && row < kRows; ++count, ++row) {
      const auto values = row_of(row);
      for (size_t i = 0; i < values.size(); ++i) rows.SetValue(i, count, values[i]);
    }
    rows.SetCardinality(count);
    const Status appended = writer->append(rows);
    ASSERT_TRUE(appended.ok()) << appended.error().message;
  }
  const Status finished = writer->finish();
  ASSERT_TRUE(finished.ok()) << finished.error().message;
  EXPECT_TRUE(writer->padded());

  Engine::Options options;
  options.memory_limit_bytes = 48 << 20;
  options.readable_directories = {directory.path};
  auto engine = std::move(Engine::open(options, {})).value();
  ASSERT_TRUE(engine->attach("wide", path).ok());
  auto connection = std::move(engine->connect()).value();
  const std::string sql = fmt::format("FROM wide.main.rows WHERE c{} IS NOT NULL", kTexts + 2);
  auto stream = connection->stream(std::move(Query::parse(sql)).value(), {}, {});
  ASSERT_TRUE(stream.ok()) << stream.error().message;
  random.seed(1);
  size_t seen = 0;
  while (true) {
    auto next = (*stream)->next({});
    ASSERT_TRUE(next.ok()) << next.error().message;
    if (*next == nullptr) break;
    for (size_t row = 0; row < (*next)->size(); ++row, ++seen) {
      const auto values = row_of(seen);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ((*next)->GetValue(i, row).ToString(), values[i].ToString()) << seen << " " << i;
      }
    }
  }
  EXPECT_EQ(seen, kRows);
}

// Several bulk loads at once, each with more rows than its memory holds.
TEST(SegmentFile, WritersSpillBesideEachOther) {
  constexpr size_t kWriters = 3, kChunks = 80, kRows = 40, kLength = 12'000;
  const Directory directory;
  const Shape shape{{"id", "text"}, {LogicalType::BIGINT, LogicalType::VARCHAR}};
  const auto text_of = [](size_t writer, size_t row) {
    std::mt19937 random(static_cast<uint32_t>(writer * 1'000'000 + row));
    std::string text(kLength, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    return text;
  };
  const auto path_of = [&](size_t writer) {
    return (directory.path / fmt::format("{}.segment", writer)).string();
  };
  std::vector<std::thread> threads;
  for (size_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      auto made = SegmentFileWriter::create(
          {path_of(writer), directory.path / "temp", uint64_t{10} << 20}, shape);
      ASSERT_TRUE(made.ok()) << made.error().message;
      for (size_t first = 0; first < kChunks * kRows; first += kRows) {
        Chunk rows;
        initialize(rows, shape.types, kRows);
        for (size_t i = 0; i < kRows; ++i) {
          rows.SetValue(0, i, Value::BIGINT(static_cast<int64_t>(first + i)));
          rows.SetValue(1, i, Value(text_of(writer, first + i)));
        }
        rows.SetCardinality(kRows);
        const Status appended = (*made)->append(rows);
        ASSERT_TRUE(appended.ok()) << appended.error().message;
      }
      const Status finished = (*made)->finish();
      ASSERT_TRUE(finished.ok()) << finished.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();

  Engine::Options options;
  options.readable_directories = {directory.path};
  auto engine = std::move(Engine::open(options, {})).value();
  auto connection = std::move(engine->connect()).value();
  for (size_t writer = 0; writer < kWriters; ++writer) {
    const std::string name = fmt::format("s{}", writer);
    ASSERT_TRUE(engine->attach(name, path_of(writer)).ok());
    const auto rows = connection->query("SELECT id, text FROM " + name +
                                        ".main.rows WHERE text IS NOT NULL AND id IS NOT NULL");
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    ASSERT_EQ(rows->size(), kChunks * kRows);
    size_t wrong = 0;
    for (const auto& row : *rows) {
      const auto id = static_cast<size_t>(row[0].GetValue<int64_t>());
      wrong += row[1].ToString() == text_of(writer, id) ? 0 : 1;
    }
    EXPECT_EQ(wrong, 0U) << "of writer " << writer;
  }
}

}  // namespace
}  // namespace sluice::engine
