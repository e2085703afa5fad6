#include "parquet/losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace sluice::parquet {
namespace {

using types::SqlType;
using types::TypeId;

// Of the reference's closed list, in which all others are refused.
bool is_refused_by_reference(TypeId type) {
  switch (type) {
    case TypeId::kInterval:
    case TypeId::kRecord:
    case TypeId::kOid:
    case TypeId::kXid:
    case TypeId::kRegclass:
    case TypeId::kRegtype:
    case TypeId::kRegproc:
    case TypeId::kRegnamespace:
    case TypeId::kName:
    case TypeId::kInternalChar:
    case TypeId::kAclItem:
    case TypeId::kInt2Vector:
    case TypeId::kOidVector:
      return true;
    default:
      return false;
  }
}

// Whether a text may have more than the 65,535 bytes of Redshift's, at up to 4 a character.
bool can_be_long(const SqlType& type) {
  constexpr int kMostCharacters = 65'535 / 4;
  if (type.id == TypeId::kText || type.id == TypeId::kJsonb) return true;
  const bool has_length = type.id == TypeId::kVarchar || type.id == TypeId::kChar;
  return has_length && (type.precision < 0 || type.precision > kMostCharacters);
}

bool is_list(TypeId type) { return type == TypeId::kArray || type == TypeId::kList; }

class Losses {
 public:
  explicit Losses(const Profile& profile) : profile_(profile) {}

  void collect(const SqlType& type, const Field& field, bool is_nested = false) {
    add(in_file(type, field));
    add(of_moments(field));
    if (profile_.name == "materialize" && is_refused_by_reference(type.id)) {
      add("Materialize refuses it; as in PROFILE 'default'");
    }
    for (const char* const note : in_warehouse(type, field, is_nested)) add(note);
    collect_nested(type, field);
  }

  std::string text() const { return fmt::format("{}", fmt::join(notes_, "; ")); }

 private:
  void collect_nested(const SqlType& type, const Field& field) {
    if (field.kind == FieldKind::kArray) {
      const SqlType* item = &type;
      for (uint8_t i = 0; i < field.dimensions; ++i) item = &item->arguments[0];
      return collect(*item, field.children[0].children[0], true);
    }
    if (field.kind == FieldKind::kMap) return collect(type.arguments[0], field.children[1], true);
    for (size_t i = 0; i < type.arguments.size() && i < field.children.size(); ++i) {
      collect(type.arguments[i], field.children[i], true);
    }
  }

  static std::string in_file(const SqlType& type, const Field& field) {
    switch (type.id) {
      case TypeId::kVarchar:
      case TypeId::kChar:
        return type.precision >= 0 ? "the length is not kept" : "";
      case TypeId::kNumeric:
        if (type.precision < 0) return fmt::format("digits behind the point: {}", field.scale);
        return type.precision != field.precision ? "the precision is not kept" : "";
      case TypeId::kMzTimestamp:
        return "milliseconds as a number";
      case TypeId::kTimestampTz:
        return field.is_utc ? "in UTC" : "the clock of UTC, without a zone";
      case TypeId::kUuid:
        if (field.meaning == Meaning::kUuid) break;
        return field.text_of ? "as its text" : "16 bytes that do not say that they are a UUID";
      case TypeId::kInterval:
        if (field.text_of) break;
        return "parts of milliseconds, below zero, and 1194 hours and more are an error";
      case TypeId::kArray:
        return field.kind == FieldKind::kArray && field.dimensions > 1
                   ? "the lengths of its dimensions are not kept; uneven ones are an error"
                   : "";
      case TypeId::kRegclass:
      case TypeId::kRegtype:
      case TypeId::kRegproc:
      case TypeId::kRegnamespace:
        return "the number, not the name";
      default:
        break;
    }
    return field.text_of && field.meaning == Meaning::kString ? "as its text" : "";
  }

  // Of dates and timestamps those that most readers cannot have. DuckDB's infinity is Parquet's
  // largest number, too.
  const char* of_moments(const Field& field) const {
    if (field.is_usual_year) return "beyond the years 1 to 9999, BC and infinity are an error";
    if (profile_.name == "duckdb") return "";
    if (field.meaning == Meaning::kDate) return "infinity as 2147483647 days";
    if (field.meaning == Meaning::kTimestampMicros) {
      return "infinity as 9223372036854775807 microseconds";
    }
    return "";
  }

  using Notes = std::vector<const char*>;

  // What loaders do with what the file still says.
  Notes in_warehouse(const SqlType& type, const Field& field, bool is_nested) const {
    if (profile_.name == "bigquery") return in_bigquery(type, field);
    const bool is_group = is_list(type.id) || !type.arguments.empty();
    if (profile_.name == "snowflake" && is_group) return {"loads as VARIANT"};
    if (profile_.name != "redshift") return {};
    if (is_group) return {"loads as SUPER"};
    return can_be_long(type) && !is_nested ? Notes{"fails to load past 65,535 bytes"} : Notes{};
  }

  static Notes in_bigquery(const SqlType& type, const Field& field) {
    constexpr int kNumericScale = 9, kNumericWhole = 29;
    if (is_list(type.id)) {
      Notes notes{"NULL loads as an empty list, and fails within one"};
      if (is_list(type.arguments[0].id)) notes.push_back("a list in a list loads as a record");
      return notes;
    }
    if (type.id == TypeId::kMap) return {"loads as a list of records"};
    const bool is_wide =
        field.scale > kNumericScale || field.precision - field.scale > kNumericWhole;
    return field.meaning == Meaning::kDecimal && is_wide ? Notes{"needs BIGNUMERIC"} : Notes{};
  }

  void add(std::string note) {
    if (note.empty() || std::find(notes_.begin(), notes_.end(), note) != notes_.end()) return;
    notes_.push_back(std::move(note));
  }

  const Profile& profile_;
  std::vector<std::string> notes_;
};

}  // namespace

std::string loss_of(const SqlType& type, const Field& field, const Profile& profile) {
  Losses losses(profile);
  losses.collect(type, field);
  return losses.text();
}

std::string advice_of(const Profile& profile) {
  if (profile.name == "snowflake") {
    return "load with USE_LOGICAL_TYPE = TRUE and BINARY_AS_TEXT = FALSE";
  }
  if (profile.name == "bigquery") {
    return "load with enable_list_inference, and decimal_target_types NUMERIC, BIGNUMERIC";
  }
  if (profile.name == "redshift") return "load nested columns with SERIALIZETOJSON";
  if (profile.name == "databricks") {
    return "read with spark.sql.parquet.datetimeRebaseModeInRead = CORRECTED where there are dates "
           "before 1582-10-15 or timestamps before 1900";
  }
  return "";
}

}  // namespace sluice::parquet
