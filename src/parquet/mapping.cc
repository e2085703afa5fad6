#include "parquet/mapping.h"

#include <algorithm>
#include <set>

namespace sluice::parquet {
namespace {

using engine::LogicalType;
using types::SqlType;
using types::TypeId;

// A closed list: what is not in it is refused.
bool can_encode(const SqlType& type) {
  switch (type.id) {
    case TypeId::kNumeric:
      return type.scale <= types::kMaxStoredPrecision;
    case TypeId::kRecord:
      return !type.arguments.empty() && std::ranges::all_of(type.arguments, can_encode);
    case TypeId::kArray:
    case TypeId::kList:
    case TypeId::kMap:
      return can_encode(type.arguments[0]);
    case TypeId::kVoid:
      return false;
    default:
      return true;
  }
}

Field leaf(Physical physical, Meaning meaning = Meaning::kNone) {
  Field field;
  field.physical = physical;
  field.meaning = meaning;
  return field;
}

Field fixed(uint16_t bytes, Meaning meaning) {
  Field field = leaf(Physical::kFixed, meaning);
  field.fixed_bytes = bytes;
  return field;
}

Field integer(uint8_t bits, bool is_signed) {
  Field field = leaf(bits == 64 ? Physical::kInt64 : Physical::kInt32, Meaning::kInteger);
  field.bits = bits;
  field.is_signed = is_signed;
  return field;
}

Field moment(Meaning meaning, bool is_utc) {
  Field field = leaf(Physical::kInt64, meaning);
  field.is_utc = is_utc;
  return field;
}

Field decimal(const SqlType& type) {
  Field field = fixed(16, Meaning::kDecimal);
  field.precision = types::kMaxStoredPrecision;
  field.scale = static_cast<uint8_t>(type.scale < 0 ? types::kBareNumericScale : type.scale);
  return field;
}

Field field_of(const SqlType& type, std::string name);

Field list(Field item) {
  Field field;
  field.kind = FieldKind::kList;
  field.repeated_name = "list";
  field.children.push_back(std::move(item));
  return field;
}

Field map(const SqlType& value) {
  Field field;
  field.kind = FieldKind::kMap;
  field.repeated_name = "key_value";
  field.children.push_back(field_of(types::make(TypeId::kText), "key"));
  field.children.push_back(field_of(value, "value"));
  field.children[0].nullable = false;
  return field;
}

Field record(const SqlType& type) {
  Field field;
  field.kind = FieldKind::kStruct;
  for (size_t i = 0; i < type.arguments.size(); ++i) {
    const bool named = i < type.field_names.size();
    field.children.push_back(
        field_of(type.arguments[i], named ? type.field_names[i] : fmt::format("f{}", i + 1)));
  }
  return field;
}

Field unnamed(const SqlType& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return leaf(Physical::kBoolean);
    case TypeId::kSmallInt:
      return integer(16, true);
    case TypeId::kInteger:
      return leaf(Physical::kInt32);
    case TypeId::kBigInt:
      return leaf(Physical::kInt64);
    case TypeId::kUint2:
      return integer(16, false);
    case TypeId::kUint4:
      return integer(32, false);
    case TypeId::kUint8:
    case TypeId::kMzTimestamp:
      return integer(64, false);
    case TypeId::kOid:
    case TypeId::kXid:
    case TypeId::kRegclass:
    case TypeId::kRegtype:
    case TypeId::kRegproc:
    case TypeId::kRegnamespace:
      return integer(32, false);
    case TypeId::kReal:
      return leaf(Physical::kFloat);
    case TypeId::kDouble:
      return leaf(Physical::kDouble);
    case TypeId::kNumeric:
      return decimal(type);
    case TypeId::kDate:
      return leaf(Physical::kInt32, Meaning::kDate);
    case TypeId::kTime:
      return moment(Meaning::kTimeMicros, false);
    case TypeId::kTimestamp:
      return moment(Meaning::kTimestampMicros, false);
    case TypeId::kTimestampTz:
      return moment(Meaning::kTimestampMicros, true);
    // Without the spaces that the engine's text has.
    case TypeId::kJsonb:
    // Parquet's own has milliseconds, and nothing below zero.
    case TypeId::kInterval: {
      Field field = leaf(Physical::kByteArray, Meaning::kString);
      field.text_of = type;
      return field;
    }
    case TypeId::kBytea:
      return leaf(Physical::kByteArray);
    case TypeId::kUuid:
      return fixed(16, Meaning::kUuid);
    case TypeId::kArray:
    case TypeId::kList:
      return list(field_of(type.arguments[0], "element"));
    case TypeId::kInt2Vector:
      return list(field_of(types::make(TypeId::kSmallInt), "element"));
    case TypeId::kOidVector:
      return list(field_of(types::make(TypeId::kOid), "element"));
    case TypeId::kMap:
      return map(type.arguments[0]);
    case TypeId::kRecord:
      return record(type);
    case TypeId::kText:
    case TypeId::kVarchar:
    case TypeId::kChar:
    case TypeId::kUnknown:
    case TypeId::kVoid:
    case TypeId::kName:
    case TypeId::kInternalChar:
    case TypeId::kAclItem:
      return leaf(Physical::kByteArray, Meaning::kString);
  }
  return leaf(Physical::kByteArray, Meaning::kString);
}

Field field_of(const SqlType& type, std::string name) {
  Field field = unnamed(type);
  field.name = std::move(name);
  return field;
}

// What the engine stores, without the names that it gives to some integers.
LogicalType input_of(const SqlType& type) {
  switch (type.id) {
    case TypeId::kMzTimestamp:
      return LogicalType::UBIGINT;
    case TypeId::kOid:
    case TypeId::kXid:
    case TypeId::kRegclass:
    case TypeId::kRegtype:
    case TypeId::kRegproc:
    case TypeId::kRegnamespace:
      return LogicalType::UINTEGER;
    case TypeId::kOidVector:
      return LogicalType::LIST(LogicalType::UINTEGER);
    case TypeId::kArray:
    case TypeId::kList:
      return LogicalType::LIST(input_of(type.arguments[0]));
    case TypeId::kMap:
      return LogicalType::MAP(LogicalType::VARCHAR, input_of(type.arguments[0]));
    case TypeId::kRecord: {
      const LogicalType stored = types::to_engine(type);
      duckdb::child_list_t<LogicalType> fields;
      for (size_t i = 0; i < type.arguments.size(); ++i) {
        fields.emplace_back(duckdb::StructType::GetChildName(stored, i),
                            input_of(type.arguments[i]));
      }
      return LogicalType::STRUCT(std::move(fields));
    }
    default:
      return types::to_engine(type);
  }
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

// The second and later columns of a name get a number; not one that another
// column has already.
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

Result<std::vector<MappedColumn>> map_columns(const std::vector<std::string>& names,
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
  std::vector<MappedColumn> columns;
  for (size_t i = 0; i < types.size(); ++i) {
    columns.push_back({unique[i], field_of(types[i], unique[i]), input_of(types[i])});
  }
  return columns;
}

}  // namespace sluice::parquet
