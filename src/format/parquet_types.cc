#include "format/parquet_types.h"

#include <set>

namespace sluice::format {
namespace {

using engine::LogicalType;
using types::SqlType;
using types::TypeId;

// A closed list: what is not in it is refused.
bool can_encode(const SqlType& type) {
  switch (type.id) {
    case TypeId::kBoolean:
    case TypeId::kSmallInt:
    case TypeId::kInteger:
    case TypeId::kBigInt:
    case TypeId::kUint2:
    case TypeId::kUint4:
    case TypeId::kUint8:
    case TypeId::kReal:
    case TypeId::kDouble:
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kText:
    case TypeId::kVarchar:
    case TypeId::kChar:
    case TypeId::kBytea:
    case TypeId::kUuid:
    case TypeId::kJsonb:
    case TypeId::kMzTimestamp:
      return true;
    case TypeId::kNumeric:
      return type.scale <= types::kMaxStoredPrecision;
    case TypeId::kArray:
    case TypeId::kList:
    case TypeId::kMap:
      return can_encode(type.arguments[0]);
    default:
      return false;
  }
}

LogicalType file_type(const SqlType& type) {
  switch (type.id) {
    case TypeId::kNumeric: {
      const int scale = type.scale < 0 ? types::kBareNumericScale : type.scale;
      return LogicalType::DECIMAL(types::kMaxStoredPrecision, static_cast<uint8_t>(scale));
    }
    case TypeId::kJsonb:
      return LogicalType::VARCHAR;
    case TypeId::kMzTimestamp:
      return LogicalType::UBIGINT;
    case TypeId::kArray:
    case TypeId::kList:
      return LogicalType::LIST(file_type(type.arguments[0]));
    case TypeId::kMap:
      return LogicalType::MAP(LogicalType::VARCHAR, file_type(type.arguments[0]));
    default:
      return types::to_engine(type);
  }
}

LogicalType input_type(const SqlType& type) {
  constexpr int kMaxNarrowDigits = 18;
  const bool is_narrow = type.id == TypeId::kNumeric && type.scale >= 0 && type.precision >= 0 &&
                         type.precision <= kMaxNarrowDigits;
  return is_narrow ? types::to_engine(type) : file_type(type);
}

// As Rust prints a string in a list.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// The second and later columns of a name get a number; not one that another column has already.
std::vector<std::string> unique_names(const std::vector<std::string>& names) {
  std::set<std::string> taken(names.begin(), names.end());
  std::set<std::string> seen;
  std::vector<std::string> result;
  for (const std::string& name : names) {
    std::string candidate = name;
    if (!seen.insert(name).second) {
      int ordinal = 2;
      do {
        candidate = name + std::to_string(ordinal++);
      } while (!taken.insert(candidate).second);
    }
    result.push_back(std::move(candidate));
  }
  return result;
}

}  // namespace

Result<std::vector<ParquetColumn>> parquet_columns(const std::vector<std::string>& names,
                                                   const std::vector<SqlType>& types) {
  std::vector<std::string> refused;
  for (size_t i = 0; i < types.size(); ++i) {
    if (can_encode(types[i])) continue;
    refused.push_back(quoted(names[i] + ": " + types::materialize_name(types[i])));
  }
  if (!refused.empty()) {
    return invalid("Cannot encode the following columns/types: [{}]", fmt::join(refused, ", "))
        .with_sqlstate("0A000");
  }
  const std::vector<std::string> unique = unique_names(names);
  std::vector<ParquetColumn> columns;
  for (size_t i = 0; i < types.size(); ++i) {
    columns.push_back({unique[i], file_type(types[i]), input_type(types[i])});
  }
  return columns;
}

}  // namespace sluice::format
