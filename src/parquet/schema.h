// What the columns of a Parquet file are: the writer's only description of its
// file. Which SQL type becomes which field is decided elsewhere (mapping.h).
//
// Values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "parquet/thrift.h"
#include "types/sql_type.h"

namespace sluice::parquet {

// The numbers are Parquet's.
enum class Physical : uint8_t {
  kBoolean = 0,
  kInt32 = 1,
  kInt64 = 2,
  kFloat = 4,
  kDouble = 5,
  kByteArray = 6,
  kFixed = 7,  // FIXED_LEN_BYTE_ARRAY
};

// What the physical values mean.
enum class Meaning : uint8_t {
  kNone,
  kString,
  kJson,
  kUuid,
  kDate,
  kTimeMicros,
  kTimestampMicros,
  kInteger,
  kDecimal,
  kInterval,
};

enum class FieldKind : uint8_t {
  kLeaf,
  kStruct,
  kList,
  kMap,
  kArray,  // of some dimensions, as a group: the list of all items, and a leaf, their number
};

struct Field {
  std::string name;
  FieldKind kind = FieldKind::kLeaf;
  bool nullable = true;
  std::optional<int32_t> id;  // field_id
  // kStruct: the fields. kList: the item, whose name is that of the item in the
  // file. kMap: the key, which is not nullable, and the value. kArray: the list
  // and the leaf, neither of them nullable.
  std::vector<Field> children;
  std::string repeated_name;  // of the group that repeats; kList: "list", kMap:
                              // "key_value"
  uint8_t dimensions = 0;     // kArray: lists of lists that its values come as
  // What only Arrow's schema says (arrow_schema.h).
  std::string extension;     // name of the extension type; may be empty
  bool is_large = false;     // texts and bytes with 64-bit offsets
  std::string zone = "UTC";  // of what is adjusted to UTC

  // The rest: kLeaf only.
  Physical physical = Physical::kByteArray;
  uint16_t fixed_bytes = 0;  // kFixed
  Meaning meaning = Meaning::kNone;
  bool is_usual_year = false;  // kDate, kTimestamp…: a value beyond the years 1 to 9999 is an error
  bool is_utc = false;         // kTime…, kTimestamp…: adjusted to UTC
  uint8_t bits = 0;            // kInteger
  bool is_signed = true;       // kInteger
  uint8_t precision = 0;       // kDecimal
  uint8_t scale = 0;
  // The values of this type in its text form; kByteArray only.
  std::optional<types::SqlType> text_of;
};

// A leaf as the footer has it.
struct Leaf {
  const Field* field = nullptr;
  std::vector<std::string> path;
  int max_definition = 0;
  int max_repetition = 0;
};

// The leaves below `fields`, in the file's order; they point into `fields`. An
// error if a field lies too deep for levels of one byte.
Result<std::vector<Leaf>> leaves_of(const std::vector<Field>& fields);

// FileMetaData.schema: the root, then each field before its children.
void write_schema(const std::vector<Field>& fields, int id, Thrift& out);

}  // namespace sluice::parquet
