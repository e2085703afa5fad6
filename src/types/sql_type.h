// The one table of SQL types: names, oids, typmods and what the engine stores for each.
//
// A SqlType is a value; everything here is pure and safe from any thread. What each type looks like
// in text, binary, CSV and Parquet is src/format's; docs/design/types.md has the decisions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::types {

enum class TypeId : uint8_t {
  kBoolean,
  kSmallInt,
  kInteger,
  kBigInt,
  kUint2,
  kUint4,
  kUint8,
  kReal,
  kDouble,
  kNumeric,
  kDate,
  kTime,
  kTimestamp,
  kTimestampTz,
  kInterval,
  kText,
  kVarchar,
  kChar,
  kBytea,
  kUuid,
  kJsonb,
  kMzTimestamp,
  kArray,
  kList,
  kMap,  // keys are always text
  kRecord,
  // The rest is there for the catalogs that clients ask; no table column has to have them.
  kUnknown,  // a NULL or a literal whose type nothing tells; text on the wire
  kVoid,
  kOid,
  kName,
  kInternalChar,  // "char"
  kXid,
  kInt2Vector,
  kOidVector,
  kRegclass,
  kRegtype,
  kRegproc,
  kRegnamespace,
  kAclItem,
};

struct SqlType {
  TypeId id = TypeId::kUnknown;
  // kNumeric: digits in all and behind the point, -1 without. kVarchar, kChar: `precision` is the
  // length in characters, -1 without. Other types have none.
  int precision = -1;
  int scale = -1;
  // kArray, kList: the element (of int[][] it is int[], though both have one oid and one name in
  // PostgreSQL, since the engine's types have a depth). kMap: the value. kRecord: the fields.
  std::vector<SqlType> arguments;
  std::vector<std::string> field_names;  // kRecord only

  bool operator==(const SqlType&) const = default;
};

// numeric(39,39) can be named, so that exports can refuse it by name, but holds_numeric() is false
// for it: the engine stores at most 38 digits.
inline constexpr int kMaxNumericPrecision = 39;
inline constexpr int kMaxStoredPrecision = 38;
// What a numeric without scale keeps behind the point.
inline constexpr int kBareNumericScale = 10;

// A type as PostgreSQL or Materialize spell it: int8, "double precision", numeric(10,2), int[],
// text list, map[text=>int], pg_catalog.int4, "char", timestamp(3) with time zone (the precision is
// read and kept at 6). 42704 `type "foo" does not exist`, 22023 for bad lengths, 42601 otherwise.
Result<SqlType> parse_type_name(std::string_view name);

// An error (0A000) for a type that a table column cannot have: numeric past 38 digits, records,
// unknown, void.
Status check_storable(const SqlType& type);

// What the engine stores and computes; numeric past 38 digits is capped (check_storable() first).
engine::LogicalType to_engine(const SqlType& type);

// The type of a result column. DECIMAL(38,10) and the wide integers are numeric, other decimals
// numeric(p,s); lists are arrays, since only a column of a table knows that it is a list.
SqlType from_engine(const engine::LogicalType& type);

// Whether a column computed as `have` must be cast before it leaves as `want`.
inline bool needs_cast(const engine::LogicalType& have, const SqlType& want) {
  return have != to_engine(want);
}

// As format_type(): `character varying(10)`, `integer[]`, `integer list`, `map[text=>integer]`.
std::string name(const SqlType& type);

// The same with a pair of brackets for each level of an array, so that parse_type_name() gives the
// very type again: what is kept, where name() is what is shown.
std::string exact_name(const SqlType& type);

// As Materialize prints it in errors: `Interval`, `Numeric { max_scale: Some(NumericMaxScale(39))
// }`.
std::string materialize_name(const SqlType& type);

uint32_t oid(const SqlType& type);
int32_t typmod(const SqlType& type);       // -1 without
int16_t type_length(const SqlType& type);  // bytes, -1: varies
// The type's name in pg_type: int4, _int4, timestamptz.
std::string catalog_name(const SqlType& type);
char catalog_category(const SqlType& type);  // pg_type.typcategory
// The array over it, 0 where PostgreSQL has none.
uint32_t array_oid(const SqlType& type);

// The type an oid means, with the typmod of a column where there is one.
std::optional<SqlType> from_oid(uint32_t oid, int32_t typmod = -1);

// Every type that has an oid of its own, arrays included: the rows of pg_type.
const std::vector<SqlType>& all_types();

// format_type(oid, typmod): `???` for an oid that is nobody's, `-` for 0.
std::string format_type(uint32_t oid, std::optional<int32_t> typmod);

inline SqlType make(TypeId id) { return {id, -1, -1, {}, {}}; }
inline SqlType numeric(int precision = -1, int scale = -1) {
  return {TypeId::kNumeric, precision, scale, {}, {}};
}
inline SqlType array_of(SqlType element) {
  return {TypeId::kArray, -1, -1, {std::move(element)}, {}};
}
inline SqlType list_of(SqlType element) {
  return {TypeId::kList, -1, -1, {std::move(element)}, {}};
}
inline SqlType map_of(SqlType value) { return {TypeId::kMap, -1, -1, {std::move(value)}, {}}; }

}  // namespace sluice::types
