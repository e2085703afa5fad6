// What a file's readers want: one decision for each thing that Parquet leaves
// open. The named profiles are a table (profile.cc); docs/profiles.md is that
// table for users.
//
// Values.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::parquet {

enum class UuidForm : uint8_t { kLogical, kBytes, kText };
enum class DecimalForm : uint8_t {
  k38Digits,          // DECIMAL(38,s) in 16 bytes, whatever the type's precision
  kByPrecision,       // DECIMAL(p,s), in INT32 or INT64 where p allows
  kFixedByPrecision,  // DECIMAL(p,s), always in 16 bytes
};
enum class UnsignedForm : uint8_t {
  kMarked,   // as wide as they are, with the unsigned logical type
  kWidened,  // the next signed type: uint8 becomes DECIMAL(20,0)
};
enum class JsonForm : uint8_t { kText, kLogical };
enum class IntervalForm : uint8_t {
  kText,
  kParquet,  // months, days, milliseconds; values that it cannot hold fail the export
};
enum class TimeForm : uint8_t { kMicros, kText };
enum class Years : uint8_t {
  kAll,      // infinity is the largest number
  k1To9999,  // others fail the export
};
enum class ZonedForm : uint8_t {
  kUtc,    // an instant: adjusted to UTC
  kLocal,  // the clock of UTC, without saying so
};
enum class ArrayForm : uint8_t {
  kList,
  kItemsAndDimensions,  // a group of all items, row by row, and the number of dimensions
};
enum class NestedNames : uint8_t {
  kStandard,  // list.element, key_value.key and value
  kArrow,     // list.item, entries.keys and values
};
enum class NameCase : uint8_t { kKept, kLower, kUpper };
enum class NameClash : uint8_t { kExact, kAnyCase };  // which names are one
enum class NameCharacters : uint8_t {
  kAll,
  kNoSeparators,  // none of  ,;{}()= and white space
  kWords,         // ASCII letters, digits and _, no digit first
};
enum class FieldIds : uint8_t { kNone, kNumbered };  // from 1, a field before its children
enum class Nullability : uint8_t { kDeclared, kOptional };
enum class ArrowSchema : uint8_t {
  kNone,
  kStandard,     // with Arrow's own extension names, arrow.uuid and arrow.json
  kMaterialize,  // with the reference's names and Arrow types
};

struct Profile {
  std::string_view name = "default";
  UuidForm uuid = UuidForm::kLogical;
  DecimalForm decimals = DecimalForm::kByPrecision;
  UnsignedForm unsigned_integers = UnsignedForm::kMarked;
  JsonForm json = JsonForm::kLogical;
  IntervalForm intervals = IntervalForm::kText;
  TimeForm times = TimeForm::kMicros;
  Years years = Years::kAll;  // of dates and timestamps
  ZonedForm zoned_timestamps = ZonedForm::kUtc;
  ArrayForm arrays = ArrayForm::kList;
  NestedNames nested_names = NestedNames::kStandard;
  NameCase name_case = NameCase::kKept;
  NameClash name_clash = NameClash::kExact;
  NameCharacters name_characters = NameCharacters::kAll;
  FieldIds field_ids = FieldIds::kNone;
  Nullability nullability = Nullability::kDeclared;
  ArrowSchema arrow_schema = ArrowSchema::kStandard;

  bool operator==(const Profile&) const = default;

  // These are `default`.
  static Profile standard() { return {}; }
  static Profile materialize();
  static Profile snowflake();
  static Profile bigquery();
  static Profile redshift();
  static Profile databricks();
  static Profile duckdb();

  // By its name, whatever its case. 22023 for another one.
  static Result<Profile> named(std::string_view name);
};

// In the order of the documentation.
std::vector<std::string_view> profile_names();

}  // namespace sluice::parquet
