#include "export/column_statistics.h"

#include <cmath>

namespace sluice::exports {
namespace {

using duckdb::PhysicalType;
using engine::Value;
using types::TypeId;

// Whether every reader of a file puts the type's values in one order. That is less than that they
// compare: of char(n) the blanks at the end count for some, and uuid and boolean are ordered by
// some readers only.
bool has_order(TypeId id) {
  switch (id) {
    case TypeId::kSmallInt:
    case TypeId::kInteger:
    case TypeId::kBigInt:
    case TypeId::kUint2:
    case TypeId::kUint4:
    case TypeId::kUint8:
    case TypeId::kNumeric:
    case TypeId::kReal:
    case TypeId::kDouble:
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kText:
    case TypeId::kVarchar:
    case TypeId::kMzTimestamp:
      return true;
    default:
      return false;
  }
}

template <typename T>
bool is_number(const T& value) {
  if constexpr (std::is_floating_point_v<T>) return !std::isnan(value);
  return true;
}

struct Extremes {
  std::optional<size_t> least, greatest;  // rows
};

template <typename T>
Extremes extremes(const duckdb::UnifiedVectorFormat& format, size_t from, size_t to) {
  const T* const values = duckdb::UnifiedVectorFormat::GetData<T>(format);
  Extremes found;
  size_t least = 0, greatest = 0;
  for (size_t row = from; row < to; ++row) {
    const size_t i = format.sel->get_index(row);
    if (!format.validity.RowIsValid(i) || !is_number(values[i])) continue;
    if (!found.least || values[i] < values[least]) {
      found.least = row;
      least = i;
    }
    if (!found.greatest || values[greatest] < values[i]) {
      found.greatest = row;
      greatest = i;
    }
  }
  return found;
}

Extremes extremes_of(PhysicalType type, const duckdb::UnifiedVectorFormat& format, size_t from,
                     size_t to) {
  switch (type) {
    case PhysicalType::INT16:
      return extremes<int16_t>(format, from, to);
    case PhysicalType::INT32:
      return extremes<int32_t>(format, from, to);
    case PhysicalType::INT64:
      return extremes<int64_t>(format, from, to);
    case PhysicalType::INT128:
      return extremes<duckdb::hugeint_t>(format, from, to);
    case PhysicalType::UINT16:
      return extremes<uint16_t>(format, from, to);
    case PhysicalType::UINT32:
      return extremes<uint32_t>(format, from, to);
    case PhysicalType::UINT64:
      return extremes<uint64_t>(format, from, to);
    case PhysicalType::FLOAT:
      return extremes<float>(format, from, to);
    case PhysicalType::DOUBLE:
      return extremes<double>(format, from, to);
    case PhysicalType::VARCHAR:
      return extremes<duckdb::string_t>(format, from, to);
    default:
      return {};
  }
}

}  // namespace

ColumnStatistics::ColumnStatistics(const std::vector<types::SqlType>& types) {
  for (const types::SqlType& type : types) {
    columns_.push_back({has_order(type.id), 0, std::nullopt, std::nullopt});
  }
}

void ColumnStatistics::add(engine::Chunk& chunk, size_t from, size_t to) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    Column& column = columns_[i];
    engine::Vector& vector = chunk.data[i];
    duckdb::UnifiedVectorFormat format;
    vector.ToUnifiedFormat(chunk.size(), format);
    if (!format.validity.AllValid()) {
      for (size_t row = from; row < to; ++row) {
        column.nulls += format.validity.RowIsValid(format.sel->get_index(row)) ? 0 : 1;
      }
    }
    if (!column.is_ordered) continue;
    const Extremes found = extremes_of(vector.GetType().InternalType(), format, from, to);
    if (found.least && found.greatest) {
      widen(column, vector.GetValue(*found.least), vector.GetValue(*found.greatest));
    }
  }
}

void ColumnStatistics::add(const ColumnStatistics& others) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column& other = others.columns_[i];
    columns_[i].nulls += other.nulls;
    if (other.min && other.max) widen(columns_[i], *other.min, *other.max);
  }
}

void ColumnStatistics::widen(Column& column, Value min, Value max) {
  if (!column.min || min < *column.min) column.min = std::move(min);
  if (!column.max || *column.max < max) column.max = std::move(max);
}

}  // namespace sluice::exports
