#include "export/file_types.h"

#include <fmt/format.h>

namespace sluice::exports {
namespace {

using parquet::Field;
using parquet::FieldKind;
using parquet::Meaning;
using parquet::Physical;

std::string physical_name(const Field& field) {
  switch (field.physical) {
    case Physical::kBoolean:
      return "BOOLEAN";
    case Physical::kInt32:
      return "INT32";
    case Physical::kInt64:
      return "INT64";
    case Physical::kFloat:
      return "FLOAT";
    case Physical::kDouble:
      return "DOUBLE";
    case Physical::kByteArray:
      return "BYTE_ARRAY";
    case Physical::kFixed:
      return fmt::format("FIXED_LEN_BYTE_ARRAY({})", field.fixed_bytes);
  }
  return "?";
}

std::string meaning_name(const Field& field) {
  const char* const utc = field.is_utc ? "UTC" : "LOCAL";
  switch (field.meaning) {
    case Meaning::kNone:
      return "";
    case Meaning::kString:
      return "STRING";
    case Meaning::kJson:
      return "JSON";
    case Meaning::kUuid:
      return "UUID";
    case Meaning::kDate:
      return "DATE";
    case Meaning::kTimeMicros:
      return fmt::format("TIME(MICROS,{})", utc);
    case Meaning::kTimestampMicros:
      return fmt::format("TIMESTAMP(MICROS,{})", utc);
    case Meaning::kInteger:
      return fmt::format("INTEGER({},{})", field.bits, field.is_signed ? "signed" : "unsigned");
    case Meaning::kDecimal:
      return fmt::format("DECIMAL({},{})", field.precision, field.scale);
    case Meaning::kInterval:
      return "INTERVAL";
  }
  return "?";
}

std::string arrow_without_meaning(const Field& field) {
  switch (field.physical) {
    case Physical::kBoolean:
      return "bool";
    case Physical::kInt32:
      return "int32";
    case Physical::kInt64:
      return "int64";
    case Physical::kFloat:
      return "float";
    case Physical::kDouble:
      return "double";
    case Physical::kByteArray:
      return field.is_large ? "large_binary" : "binary";
    case Physical::kFixed:
      return fmt::format("fixed_size_binary[{}]", field.fixed_bytes);
  }
  return "?";
}

std::string arrow_leaf(const Field& field) {
  const std::string zone = field.is_utc ? ", tz=" + field.zone : "";
  switch (field.meaning) {
    case Meaning::kString:
    case Meaning::kJson:
      return field.is_large ? "large_string" : "string";
    case Meaning::kDate:
      return "date32[day]";
    case Meaning::kTimeMicros:
      return "time64[us]";
    case Meaning::kTimestampMicros:
      return fmt::format("timestamp[us{}]", zone);
    case Meaning::kInteger:
      return fmt::format("{}int{}", field.is_signed ? "" : "u", field.bits);
    case Meaning::kDecimal:
      return fmt::format("decimal128({}, {})", field.precision, field.scale);
    default:
      return arrow_without_meaning(field);
  }
}

// `name: type` of each child, or its type alone.
template <typename TypeOf>
std::string children(const Field& field, bool named, const TypeOf& type_of) {
  std::string out;
  for (const Field& child : field.children) {
    if (!out.empty()) out += ", ";
    if (named) out += child.name + ": ";
    out += type_of(child);
  }
  return out;
}

}  // namespace

std::string parquet_type(const Field& field) {
  const auto inner = [&](bool named) { return children(field, named, parquet_type); };
  switch (field.kind) {
    case FieldKind::kStruct:
    case FieldKind::kArray:
      return fmt::format("GROUP<{}>", inner(true));
    case FieldKind::kList:
      return fmt::format("LIST<{}>", inner(false));
    case FieldKind::kMap:
      return fmt::format("MAP<{}>", inner(false));
    case FieldKind::kLeaf:
      break;
  }
  const std::string meaning = meaning_name(field);
  return physical_name(field) + (meaning.empty() ? "" : " ") + meaning;
}

std::string arrow_type(const Field& field) {
  const auto inner = [&](bool named) { return children(field, named, arrow_type); };
  switch (field.kind) {
    case FieldKind::kStruct:
    case FieldKind::kArray:
      return fmt::format("struct<{}>", inner(true));
    case FieldKind::kList:
      return fmt::format("list<{}>", inner(false));
    case FieldKind::kMap:
      return fmt::format("map<{}>", inner(false));
    case FieldKind::kLeaf:
      return arrow_leaf(field);
  }
  return "?";
}

}  // namespace sluice::exports
