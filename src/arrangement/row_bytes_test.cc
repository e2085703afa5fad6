#include "arrangement/row_bytes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "arrangement/keyed_codec.h"

namespace sluice::arrangement {
namespace {

using duckdb::LogicalType;
using duckdb::Value;

struct Named {
  const char* name;
  LogicalType type;
};

std::vector<Named> all_types() {
  return {{"bool", LogicalType::BOOLEAN},
          {"int8", LogicalType::TINYINT},
          {"int16", LogicalType::SMALLINT},
          {"int32", LogicalType::INTEGER},
          {"int64", LogicalType::BIGINT},
          {"int128", LogicalType::HUGEINT},
          {"uint64", LogicalType::UBIGINT},
          {"float", LogicalType::FLOAT},
          {"double", LogicalType::DOUBLE},
          {"decimal4", LogicalType::DECIMAL(4, 1)},
          {"decimal18", LogicalType::DECIMAL(18, 3)},
          {"decimal38", LogicalType::DECIMAL(38, 10)},
          {"date", LogicalType::DATE},
          {"time", LogicalType::TIME},
          {"timestamp", LogicalType::TIMESTAMP},
          {"timestamptz", LogicalType::TIMESTAMP_TZ},
          {"interval", LogicalType::INTERVAL},
          {"uuid", LogicalType::UUID},
          {"varchar", LogicalType::VARCHAR},
          {"blob", LogicalType::BLOB},
          {"list", LogicalType::LIST(LogicalType::DOUBLE)},
          {"lists", LogicalType::LIST(LogicalType::LIST(LogicalType::VARCHAR))},
          {"struct", LogicalType::STRUCT({{"a", LogicalType::INTEGER},
                                          {"b", LogicalType::LIST(LogicalType::VARCHAR)}})},
          {"map", LogicalType::MAP(LogicalType::VARCHAR, LogicalType::FLOAT)},
          {"array", LogicalType::ARRAY(LogicalType::INTERVAL, 3)}};
}

// Few different values, those that are equal to others in other clothes among them.
Value random_value(std::mt19937& random, const LogicalType& type, double nulls = 0.15) {
  if (std::uniform_real_distribution<>(0, 1)(random) < nulls) return Value(type);
  const auto pick = static_cast<int64_t>(random() % 4);
  switch (type.id()) {
    case duckdb::LogicalTypeId::FLOAT: {
      const float values[] = {0.0F, -0.0F, std::nanf("1"), 1.5F};
      return Value::FLOAT(values[pick]);
    }
    case duckdb::LogicalTypeId::DOUBLE: {
      const double values[] = {0.0, -0.0, -std::nan("2"), std::numeric_limits<double>::infinity()};
      return Value::DOUBLE(values[pick]);
    }
    case duckdb::LogicalTypeId::INTERVAL: {
      const int64_t day = duckdb::Interval::MICROS_PER_DAY;
      const Value values[] = {Value::INTERVAL(1, 0, 0), Value::INTERVAL(0, 30, 0),
                              Value::INTERVAL(0, 29, day), Value::INTERVAL(1, -1, 5)};
      return values[pick];
    }
    case duckdb::LogicalTypeId::VARCHAR:
      return {std::string(pick == 3 ? 200 : static_cast<size_t>(pick * 7),
                          static_cast<char>('a' + random() % 2))};
    case duckdb::LogicalTypeId::BLOB:
      return Value::BLOB_RAW(std::string("\0x\0", static_cast<size_t>(pick)));
    case duckdb::LogicalTypeId::LIST: {
      const LogicalType& child = duckdb::ListType::GetChildType(type);
      duckdb::vector<Value> values;
      for (int64_t i = 0; i < pick; ++i) values.push_back(random_value(random, child));
      return Value::LIST(child, values);
    }
    case duckdb::LogicalTypeId::ARRAY: {
      const LogicalType& child = duckdb::ArrayType::GetChildType(type);
      duckdb::vector<Value> values;
      for (int i = 0; i < 3; ++i) values.push_back(random_value(random, child));
      return Value::ARRAY(child, values);
    }
    case duckdb::LogicalTypeId::MAP: {
      duckdb::vector<Value> keys;
      duckdb::vector<Value> values;
      for (int64_t i = 0; i < pick; ++i) {
        keys.emplace_back(std::to_string(i));
        values.push_back(random_value(random, duckdb::MapType::ValueType(type)));
      }
      return Value::MAP(duckdb::MapType::KeyType(type), duckdb::MapType::ValueType(type), keys,
                        values);
    }
    case duckdb::LogicalTypeId::STRUCT: {
      duckdb::child_list_t<Value> values;
      for (const auto& child : duckdb::StructType::GetChildTypes(type)) {
        values.emplace_back(child.first, random_value(random, child.second));
      }
      return Value::STRUCT(values);
    }
    case duckdb::LogicalTypeId::UUID:
      return Value::UUID("00000000-0000-0000-0000-00000000000" + std::to_string(pick));
    case duckdb::LogicalTypeId::DATE:
      return Value::DATE(duckdb::date_t(static_cast<int32_t>(pick)));
    case duckdb::LogicalTypeId::TIME:
      return Value::TIME(duckdb::dtime_t(pick));
    case duckdb::LogicalTypeId::TIMESTAMP:
      return Value::TIMESTAMP(duckdb::timestamp_t(pick - 2));
    case duckdb::LogicalTypeId::TIMESTAMP_TZ:
      return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(pick - 2));
    default:
      return Value::BIGINT(pick).DefaultCastAs(type);
  }
}

void fill(std::mt19937& random, const std::vector<LogicalType>& types, size_t rows,
          engine::Chunk& chunk) {
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), {types.begin(), types.end()}, rows);
  chunk.SetCardinality(rows);
  for (size_t column = 0; column < types.size(); ++column) {
    for (size_t row = 0; row < rows; ++row) {
      chunk.SetValue(column, row, random_value(random, types[column]));
    }
  }
}

std::vector<size_t> every(size_t count) {
  std::vector<size_t> columns(count);
  for (size_t i = 0; i < count; ++i) columns[i] = i;
  return columns;
}

// As bytes: what a vector holds, whatever SQL thinks of it.
std::string exactly(const Value& value) {
  if (value.IsNull()) return "N";
  switch (value.type().InternalType()) {
    case duckdb::PhysicalType::FLOAT: {
      const float number = value.GetValueUnsafe<float>();
      return {reinterpret_cast<const char*>(&number), sizeof number};
    }
    case duckdb::PhysicalType::DOUBLE: {
      const double number = value.GetValueUnsafe<double>();
      return {reinterpret_cast<const char*>(&number), sizeof number};
    }
    case duckdb::PhysicalType::INTERVAL: {
      const auto interval = value.GetValueUnsafe<duckdb::interval_t>();
      return fmt::format("{},{},{}", interval.months, interval.days, interval.micros);
    }
    case duckdb::PhysicalType::LIST:
    case duckdb::PhysicalType::STRUCT:
    case duckdb::PhysicalType::ARRAY: {
      const auto& children = value.type().InternalType() == duckdb::PhysicalType::LIST
                                 ? duckdb::ListValue::GetChildren(value)
                             : value.type().InternalType() == duckdb::PhysicalType::STRUCT
                                 ? duckdb::StructValue::GetChildren(value)
                                 : duckdb::ArrayValue::GetChildren(value);
      std::string all = "(";
      for (const auto& child : children) all += exactly(child) + ";";
      return all + ")";
    }
    default:
      return value.ToString();
  }
}

TEST(RowBytes, GiveBackEveryValueOfEveryTypeToTheBit) {
  for (const auto& [name, type] : all_types()) {
    SCOPED_TRACE(name);
    std::mt19937 random(11);
    engine::Chunk rows;
    fill(random, {LogicalType::INTEGER, type, type}, 300, rows);
    const RowCodec codec({LogicalType::INTEGER, type, type}, Form::kExact);
    ByteRows bytes;
    codec.encode(rows, every(3), bytes);
    std::vector<std::string_view> views;
    for (size_t row = 0; row < 300; ++row) views.push_back(bytes[row]);
    engine::Chunk back;
    back.Initialize(duckdb::Allocator::DefaultAllocator(), rows.GetTypes(), 300);
    codec.decode(views, every(3), back);
    back.SetCardinality(300);
    engine::Chunk last;
    last.Initialize(duckdb::Allocator::DefaultAllocator(), {type}, 300);
    codec.decode(views, std::vector<size_t>{kNoColumn, kNoColumn, 0}, last);
    last.SetCardinality(300);
    for (size_t row = 0; row < 300; ++row) {
      for (size_t column = 0; column < 3; ++column) {
        ASSERT_EQ(exactly(back.GetValue(column, row)), exactly(rows.GetValue(column, row)));
      }
      ASSERT_EQ(exactly(last.GetValue(0, row)), exactly(rows.GetValue(2, row)));
    }
  }
}

TEST(RowBytes, AreEqualAsKeysExactlyWhenSqlSaysSo) {
  for (const auto& [name, type] : all_types()) {
    SCOPED_TRACE(name);
    std::mt19937 random(13);
    engine::Chunk rows;
    fill(random, {type}, 120, rows);
    const RowCodec keys({type}, Form::kKey);
    const RowCodec exact({type}, Form::kExact);
    ByteRows key_bytes;
    ByteRows exact_bytes;
    keys.encode(rows, every(1), key_bytes);
    exact.encode(rows, every(1), exact_bytes);
    for (size_t a = 0; a < rows.size(); ++a) {
      for (size_t b = 0; b < rows.size(); ++b) {
        const Value left = rows.GetValue(0, a);
        const Value right = rows.GetValue(0, b);
        ASSERT_EQ(key_bytes[a] == key_bytes[b], Value::NotDistinctFrom(left, right))
            << left.ToString() << " and " << right.ToString();
        ASSERT_EQ(exact_bytes[a] == exact_bytes[b], exactly(left) == exactly(right))
            << left.ToString() << " and " << right.ToString();
      }
    }
    // The value that a key gives back is equal to those that made it.
    std::vector<std::string_view> views;
    for (size_t row = 0; row < rows.size(); ++row) views.push_back(key_bytes[row]);
    engine::Chunk back;
    back.Initialize(duckdb::Allocator::DefaultAllocator(), rows.GetTypes(), rows.size());
    keys.decode(views, every(1), back);
    for (size_t row = 0; row < rows.size(); ++row) {
      ASSERT_TRUE(Value::NotDistinctFrom(back.data[0].GetValue(row), rows.GetValue(0, row)));
    }
  }
}

TEST(RowBytes, TellNullsOfManyColumnsApart) {
  // Rows with NULLs were seen to compare unequal to themselves in an optimized build.
  std::mt19937 random(17);
  const std::vector<LogicalType> types(19, LogicalType::SMALLINT);
  engine::Chunk rows;
  fill(random, types, 2000, rows);
  const RowCodec codec(types, Form::kExact);
  ByteRows bytes;
  codec.encode(rows, every(types.size()), bytes);
  for (size_t row = 0; row < rows.size(); ++row) {
    for (size_t column = 0; column < types.size(); ++column) {
      ASSERT_EQ(is_null(bytes[row], column) == 1U, rows.GetValue(column, row).IsNull());
    }
  }
}

TEST(RowBytes, TakeConstantAndChosenVectors) {
  engine::Chunk rows;
  rows.Initialize(duckdb::Allocator::DefaultAllocator(),
                  {LogicalType::VARCHAR, LogicalType::LIST(LogicalType::INTEGER)}, 4);
  rows.SetCardinality(4);
  for (int i = 0; i < 4; ++i) {
    rows.SetValue(0, static_cast<size_t>(i), Value(std::to_string(i)));
    rows.SetValue(1, static_cast<size_t>(i), Value::LIST({Value::INTEGER(i)}));
  }
  duckdb::SelectionVector selection(4);
  for (size_t i = 0; i < 4; ++i) selection.set_index(i, 3 - i);
  rows.Slice(selection, 4);
  const RowCodec codec({LogicalType::VARCHAR, LogicalType::LIST(LogicalType::INTEGER)},
                       Form::kExact);
  ByteRows bytes;
  codec.encode(rows, every(2), bytes);
  EXPECT_EQ(bytes[0], std::string_view("\0\1"
                                       "3\1\0\3\0\0\0",
                                       9));
  rows.data[1].Reference(Value::LIST({Value::INTEGER(7)}));
  bytes.clear();
  codec.encode(rows, every(2), bytes);
  EXPECT_EQ(bytes[3], std::string_view("\0\1"
                                       "0\1\0\7\0\0\0",
                                       9));
}

TEST(KeyedCodec, KeepsAColumnTwiceOnlyWhereItMust) {
  std::mt19937 random(19);
  const std::vector<LogicalType> types = {LogicalType::BIGINT, LogicalType::DOUBLE,
                                          LogicalType::VARCHAR};
  engine::Chunk rows;
  fill(random, types, 100, rows);
  for (const std::vector<size_t>& key :
       std::vector<std::vector<size_t>>{{}, {0}, {1}, {2, 0}, {1, 1, 0}, {0, 1, 2}}) {
    const KeyedCodec codec(types, key);
    ByteRows keys;
    ByteRows payloads;
    codec.encode_keys(rows, keys);
    codec.encode_payloads(rows, payloads);
    std::vector<std::string_view> key_views;
    std::vector<std::string_view> payload_views;
    for (size_t row = 0; row < rows.size(); ++row) {
      key_views.push_back(keys[row]);
      payload_views.push_back(payloads[row]);
    }
    engine::Chunk back;
    back.Initialize(duckdb::Allocator::DefaultAllocator(),
                    {LogicalType::BOOLEAN, types[0], types[1], types[2]}, 100);
    codec.decode(key_views, payload_views, 1, back);
    for (size_t row = 0; row < rows.size(); ++row) {
      for (size_t column = 0; column < 3; ++column) {
        ASSERT_EQ(exactly(back.data[column + 1].GetValue(row)),
                  exactly(rows.GetValue(column, row)));
      }
    }
  }
  ByteRows payloads;
  KeyedCodec(types, {0, 2}).encode_payloads(rows, payloads);
  EXPECT_LE(payloads.bytes.size(), 900u);
}

}  // namespace
}  // namespace sluice::arrangement
