#include "types/sql_type.h"

#include <array>

namespace sluice::types {
namespace {

using engine::LogicalType;
using engine::LogicalTypeId;

// One line for each type: what PostgreSQL's catalogs say about it.
struct Row {
  TypeId id;
  const char* name;          // as format_type() prints it
  const char* catalog_name;  // pg_type.typname
  const char* materialize;   // as in Materialize's error texts
  uint32_t oid;
  uint32_t array_oid;
  int16_t length;
  char category;
};

constexpr std::array kRows = {
    Row{TypeId::kBoolean, "boolean", "bool", "Bool", 16, 1000, 1, 'B'},
    Row{TypeId::kSmallInt, "smallint", "int2", "Int16", 21, 1005, 2, 'N'},
    Row{TypeId::kInteger, "integer", "int4", "Int32", 23, 1007, 4, 'N'},
    Row{TypeId::kBigInt, "bigint", "int8", "Int64", 20, 1016, 8, 'N'},
    Row{TypeId::kUint2, "uint2", "uint2", "UInt16", 16460, 16461, 2, 'N'},
    Row{TypeId::kUint4, "uint4", "uint4", "UInt32", 16462, 16463, 4, 'N'},
    Row{TypeId::kUint8, "uint8", "uint8", "UInt64", 16464, 16465, 8, 'N'},
    Row{TypeId::kReal, "real", "float4", "Float32", 700, 1021, 4, 'N'},
    Row{TypeId::kDouble, "double precision", "float8", "Float64", 701, 1022, 8, 'N'},
    Row{TypeId::kNumeric, "numeric", "numeric", "Numeric", 1700, 1231, -1, 'N'},
    Row{TypeId::kDate, "date", "date", "Date", 1082, 1182, 4, 'D'},
    Row{TypeId::kTime, "time without time zone", "time", "Time", 1083, 1183, 8, 'D'},
    Row{TypeId::kTimestamp, "timestamp without time zone", "timestamp",
        "Timestamp { precision: None }", 1114, 1115, 8, 'D'},
    Row{TypeId::kTimestampTz, "timestamp with time zone", "timestamptz",
        "TimestampTz { precision: None }", 1184, 1185, 8, 'D'},
    Row{TypeId::kInterval, "interval", "interval", "Interval", 1186, 1187, 16, 'T'},
    Row{TypeId::kText, "text", "text", "String", 25, 1009, -1, 'S'},
    Row{TypeId::kVarchar, "character varying", "varchar", "VarChar", 1043, 1015, -1, 'S'},
    Row{TypeId::kChar, "character", "bpchar", "Char", 1042, 1014, -1, 'S'},
    Row{TypeId::kBytea, "bytea", "bytea", "Bytes", 17, 1001, -1, 'U'},
    Row{TypeId::kUuid, "uuid", "uuid", "Uuid", 2950, 2951, 16, 'U'},
    Row{TypeId::kJsonb, "jsonb", "jsonb", "Jsonb", 3802, 3807, -1, 'U'},
    Row{TypeId::kMzTimestamp, "mz_timestamp", "mz_timestamp", "MzTimestamp", 16552, 16553, 8, 'N'},
    Row{TypeId::kList, "list", "list", "List", 16454, 0, -1, 'U'},
    Row{TypeId::kMap, "map", "map", "Map", 16455, 0, -1, 'U'},
    Row{TypeId::kRecord, "record", "record", "Record", 2249, 2287, -1, 'P'},
    Row{TypeId::kUnknown, "unknown", "unknown", "Unknown", 705, 0, -2, 'X'},
    Row{TypeId::kVoid, "void", "void", "Void", 2278, 0, 4, 'P'},
    Row{TypeId::kOid, "oid", "oid", "Oid", 26, 1028, 4, 'N'},
    Row{TypeId::kName, "name", "name", "PgLegacyName", 19, 1003, 64, 'S'},
    Row{TypeId::kInternalChar, "\"char\"", "char", "PgLegacyChar", 18, 1002, 1, 'Z'},
    Row{TypeId::kXid, "xid", "xid", "Xid", 28, 1011, 4, 'U'},
    Row{TypeId::kInt2Vector, "int2vector", "int2vector", "Int2Vector", 22, 1006, -1, 'A'},
    Row{TypeId::kOidVector, "oidvector", "oidvector", "OidVector", 30, 1013, -1, 'A'},
    Row{TypeId::kRegclass, "regclass", "regclass", "RegClass", 2205, 2210, 4, 'N'},
    Row{TypeId::kRegtype, "regtype", "regtype", "RegType", 2206, 2211, 4, 'N'},
    Row{TypeId::kRegproc, "regproc", "regproc", "RegProc", 24, 1008, 4, 'N'},
    Row{TypeId::kRegnamespace, "regnamespace", "regnamespace", "RegNamespace", 4089, 4090, 4, 'N'},
    Row{TypeId::kAclItem, "aclitem", "aclitem", "AclItem", 1033, 1034, 12, 'U'},
};

// kArray has no line of its own: what the catalogs say about it depends on its element.
const Row& row(TypeId id) {
  for (const Row& candidate : kRows) {
    if (candidate.id == id) return candidate;
  }
  CHECK(false);
  return kRows[0];
}

const SqlType& element(const SqlType& type) {
  CHECK(!type.arguments.empty());
  return type.arguments[0];
}

LogicalType aliased(LogicalType type, const char* alias) {
  type.SetAlias(alias);
  return type;
}

LogicalType decimal(const SqlType& type) {
  if (type.precision < 0) return LogicalType::DECIMAL(kMaxStoredPrecision, kBareNumericScale);
  const int precision = std::min(type.precision, kMaxStoredPrecision);
  const int scale = std::min(std::max(type.scale, 0), precision);
  return LogicalType::DECIMAL(static_cast<uint8_t>(precision), static_cast<uint8_t>(scale));
}

LogicalType record(const SqlType& type) {
  duckdb::child_list_t<LogicalType> fields;
  for (size_t i = 0; i < type.arguments.size(); ++i) {
    const bool named = i < type.field_names.size();
    fields.emplace_back(named ? type.field_names[i] : fmt::format("f{}", i + 1),
                        to_engine(type.arguments[i]));
  }
  return LogicalType::STRUCT(std::move(fields));
}

SqlType from_decimal(const LogicalType& type) {
  const int width = duckdb::DecimalType::GetWidth(type);
  const int scale = duckdb::DecimalType::GetScale(type);
  const bool bare = width == kMaxStoredPrecision && scale == kBareNumericScale;
  return bare ? numeric() : numeric(width, scale);
}

SqlType from_struct(const LogicalType& type) {
  SqlType result = make(TypeId::kRecord);
  for (const auto& [field, field_type] : duckdb::StructType::GetChildTypes(type)) {
    result.field_names.push_back(field);
    result.arguments.push_back(from_engine(field_type));
  }
  return result;
}

// The element under all levels of arrays: int[][] is one type with int[] in PostgreSQL.
const SqlType& innermost(const SqlType& type) {
  return type.id == TypeId::kArray ? innermost(element(type)) : type;
}

}  // namespace

Status check_storable(const SqlType& type) {
  for (const SqlType& argument : type.arguments) TRY(check_storable(argument));
  switch (type.id) {
    case TypeId::kNumeric:
      if (type.precision <= kMaxStoredPrecision && type.scale <= kMaxStoredPrecision) return ok();
      return invalid("type {} is not supported for columns", name(type))
          .with_sqlstate("0A000")
          .with_detail(
              fmt::format("A numeric column holds at most {} digits.", kMaxStoredPrecision));
    case TypeId::kRecord:
    case TypeId::kVoid:
    case TypeId::kUnknown:
      return invalid("column has pseudo-type {}", name(type)).with_sqlstate("42P16");
    default:
      return ok();
  }
}

LogicalType to_engine(const SqlType& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return LogicalType::BOOLEAN;
    case TypeId::kSmallInt:
      return LogicalType::SMALLINT;
    case TypeId::kInteger:
      return LogicalType::INTEGER;
    case TypeId::kBigInt:
      return LogicalType::BIGINT;
    case TypeId::kUint2:
      return LogicalType::USMALLINT;
    case TypeId::kUint4:
      return LogicalType::UINTEGER;
    case TypeId::kUint8:
      return LogicalType::UBIGINT;
    case TypeId::kReal:
      return LogicalType::FLOAT;
    case TypeId::kDouble:
      return LogicalType::DOUBLE;
    case TypeId::kNumeric:
      return decimal(type);
    case TypeId::kDate:
      return LogicalType::DATE;
    case TypeId::kTime:
      return LogicalType::TIME;
    case TypeId::kTimestamp:
      return LogicalType::TIMESTAMP;
    case TypeId::kTimestampTz:
      return LogicalType::TIMESTAMP_TZ;
    case TypeId::kInterval:
      return LogicalType::INTERVAL;
    case TypeId::kBytea:
      return LogicalType::BLOB;
    case TypeId::kUuid:
      return LogicalType::UUID;
    case TypeId::kJsonb:
      return LogicalType::JSON();
    case TypeId::kMzTimestamp:
      return aliased(LogicalType::UBIGINT, "mz_timestamp");
    case TypeId::kOid:
    case TypeId::kXid:
    case TypeId::kRegclass:
    case TypeId::kRegtype:
    case TypeId::kRegproc:
    case TypeId::kRegnamespace:
      return aliased(LogicalType::UINTEGER, "oid");
    case TypeId::kArray:
    case TypeId::kList:
      return LogicalType::LIST(to_engine(element(type)));
    case TypeId::kInt2Vector:
      return LogicalType::LIST(LogicalType::SMALLINT);
    case TypeId::kOidVector:
      return LogicalType::LIST(aliased(LogicalType::UINTEGER, "oid"));
    case TypeId::kMap:
      return LogicalType::MAP(LogicalType::VARCHAR, to_engine(element(type)));
    case TypeId::kRecord:
      return record(type);
    case TypeId::kText:
    case TypeId::kVarchar:
    case TypeId::kChar:
    case TypeId::kName:
    case TypeId::kInternalChar:
    case TypeId::kAclItem:
    case TypeId::kUnknown:
    case TypeId::kVoid:
      return LogicalType::VARCHAR;
  }
  return LogicalType::VARCHAR;
}

SqlType from_engine(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      return make(TypeId::kBoolean);
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
      return make(TypeId::kSmallInt);
    case LogicalTypeId::INTEGER:
      return make(TypeId::kInteger);
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::INTEGER_LITERAL:
      return make(TypeId::kBigInt);
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
      return make(TypeId::kUint2);
    case LogicalTypeId::UINTEGER:
      return make(type.GetAlias() == "oid" ? TypeId::kOid : TypeId::kUint4);
    case LogicalTypeId::UBIGINT:
      return make(type.GetAlias() == "mz_timestamp" ? TypeId::kMzTimestamp : TypeId::kUint8);
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT:
      return numeric();
    case LogicalTypeId::FLOAT:
      return make(TypeId::kReal);
    case LogicalTypeId::DOUBLE:
      return make(TypeId::kDouble);
    case LogicalTypeId::DECIMAL:
      return from_decimal(type);
    case LogicalTypeId::DATE:
      return make(TypeId::kDate);
    case LogicalTypeId::TIME:
    case LogicalTypeId::TIME_TZ:
      return make(TypeId::kTime);
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_NS:
      return make(TypeId::kTimestamp);
    case LogicalTypeId::TIMESTAMP_TZ:
      return make(TypeId::kTimestampTz);
    case LogicalTypeId::INTERVAL:
      return make(TypeId::kInterval);
    case LogicalTypeId::BLOB:
      return make(TypeId::kBytea);
    case LogicalTypeId::UUID:
      return make(TypeId::kUuid);
    case LogicalTypeId::LIST:
      return array_of(from_engine(duckdb::ListType::GetChildType(type)));
    case LogicalTypeId::ARRAY:
      return array_of(from_engine(duckdb::ArrayType::GetChildType(type)));
    case LogicalTypeId::MAP:
      return map_of(from_engine(duckdb::MapType::ValueType(type)));
    case LogicalTypeId::STRUCT:
      return from_struct(type);
    case LogicalTypeId::VARCHAR:
      return make(type.IsJSONType() ? TypeId::kJsonb : TypeId::kText);
    case LogicalTypeId::SQLNULL:
    case LogicalTypeId::UNKNOWN:
      return make(TypeId::kUnknown);
    default:
      return make(TypeId::kText);
  }
}

namespace {

enum class Levels { kOne, kAll };

std::string spelled(const SqlType& type, Levels levels) {
  switch (type.id) {
    case TypeId::kNumeric:
      if (type.precision < 0) return "numeric";
      return fmt::format("numeric({},{})", type.precision, std::max(type.scale, 0));
    case TypeId::kVarchar:
    case TypeId::kChar: {
      const std::string base = row(type.id).name;
      return type.precision < 0 ? base : fmt::format("{}({})", base, type.precision);
    }
    case TypeId::kArray:
      return spelled(levels == Levels::kOne ? innermost(type) : element(type), levels) + "[]";
    case TypeId::kList:
      return type.arguments.empty() ? "list" : spelled(element(type), levels) + " list";
    case TypeId::kMap:
      return type.arguments.empty() ? "map"
                                    : fmt::format("map[text=>{}]", spelled(element(type), levels));
    default:
      return row(type.id).name;
  }
}

}  // namespace

std::string name(const SqlType& type) { return spelled(type, Levels::kOne); }

std::string exact_name(const SqlType& type) { return spelled(type, Levels::kAll); }

std::string materialize_name(const SqlType& type) {
  switch (type.id) {
    case TypeId::kNumeric:
      if (type.scale < 0) return "Numeric { max_scale: None }";
      return fmt::format("Numeric {{ max_scale: Some(NumericMaxScale({})) }}", type.scale);
    case TypeId::kVarchar:
      if (type.precision < 0) return "VarChar { max_length: None }";
      return fmt::format("VarChar {{ max_length: Some(VarCharMaxLength({})) }}", type.precision);
    case TypeId::kChar:
      if (type.precision < 0) return "Char { length: None }";
      return fmt::format("Char {{ length: Some(CharLength({})) }}", type.precision);
    case TypeId::kArray:
      return fmt::format("Array({})", materialize_name(element(type)));
    case TypeId::kList:
      return fmt::format("List {{ element_type: {}, custom_id: None }}",
                         materialize_name(element(type)));
    case TypeId::kMap:
      return fmt::format("Map {{ value_type: {}, custom_id: None }}",
                         materialize_name(element(type)));
    case TypeId::kRecord: {
      std::vector<std::string> fields;
      for (size_t i = 0; i < type.arguments.size(); ++i) {
        const std::string field = i < type.field_names.size() ? type.field_names[i] : "?";
        fields.push_back(fmt::format("{}: {}", field, materialize_name(type.arguments[i])));
      }
      return fmt::format("Record {{ fields: [{}] }}", fmt::join(fields, ", "));
    }
    default:
      return row(type.id).materialize;
  }
}

uint32_t oid(const SqlType& type) {
  if (type.id == TypeId::kArray) {
    const uint32_t of_element = array_oid(innermost(type));
    return of_element == 0 ? 2277 : of_element;  // anyarray, for arrays of lists and the like
  }
  return row(type.id).oid;
}

uint32_t array_oid(const SqlType& type) {
  return type.id == TypeId::kArray ? 0 : row(type.id).array_oid;
}

int32_t typmod(const SqlType& type) {
  // A length is stored with the four bytes of a length word; so is numeric's pair.
  constexpr int32_t kHeader = 4;
  switch (type.id) {
    case TypeId::kNumeric:
      if (type.precision < 0) return -1;
      return ((type.precision << 16) | std::max(type.scale, 0)) + kHeader;
    case TypeId::kVarchar:
    case TypeId::kChar:
      return type.precision < 0 ? -1 : type.precision + kHeader;
    case TypeId::kArray:
      return typmod(innermost(type));
    default:
      return -1;
  }
}

int16_t type_length(const SqlType& type) {
  return type.id == TypeId::kArray ? int16_t{-1} : row(type.id).length;
}

std::string catalog_name(const SqlType& type) {
  if (type.id == TypeId::kArray) return fmt::format("_{}", catalog_name(innermost(type)));
  return row(type.id).catalog_name;
}

char catalog_category(const SqlType& type) {
  return type.id == TypeId::kArray ? 'A' : row(type.id).category;
}

std::optional<SqlType> from_oid(uint32_t wanted, int32_t modifier) {
  const auto with_modifier = [modifier](SqlType type) {
    if (modifier < 4) return type;
    const int32_t value = modifier - 4;
    if (type.id == TypeId::kNumeric) {
      type.precision = (value >> 16) & 0xffff;
      type.scale = value & 0x7ff;
    } else if (type.id == TypeId::kVarchar || type.id == TypeId::kChar) {
      type.precision = value;
    }
    return type;
  };
  for (const Row& candidate : kRows) {
    if (candidate.oid == wanted) return with_modifier(make(candidate.id));
    if (wanted != 0 && candidate.array_oid == wanted) {
      return array_of(with_modifier(make(candidate.id)));
    }
  }
  return std::nullopt;
}

const std::vector<SqlType>& all_types() {
  static const std::vector<SqlType>* const kAll = [] {
    auto* all = new std::vector<SqlType>;
    for (const Row& line : kRows) all->push_back(make(line.id));
    for (const Row& line : kRows) {
      if (line.array_oid != 0) all->push_back(array_of(make(line.id)));
    }
    return all;
  }();
  return *kAll;
}

std::string format_type(uint32_t wanted, std::optional<int32_t> modifier) {
  if (wanted == 0) return "-";
  const std::optional<SqlType> type = from_oid(wanted, modifier.value_or(-1));
  if (!type) return "???";
  // Without a length, bpchar and character differ: only the first has no limit.
  if (type->id == TypeId::kChar && modifier.has_value() && *modifier < 0) return "bpchar";
  return name(*type);
}

}  // namespace sluice::types
