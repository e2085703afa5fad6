#include "parquet/mapping.h"

#include <algorithm>
#include <set>

#include "base/text.h"

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

Field decimal_field(Physical physical, int precision, int scale) {
  Field field = physical == Physical::kFixed ? fixed(16, Meaning::kDecimal)
                                             : leaf(physical, Meaning::kDecimal);
  field.precision = static_cast<uint8_t>(precision);
  field.scale = static_cast<uint8_t>(scale);
  return field;
}

Field text() { return leaf(Physical::kByteArray, Meaning::kString); }

// What the engine holds, in its text form.
Field text_of(const SqlType& type) {
  Field field = text();
  field.text_of = type;
  return field;
}

// The reference's name of a type; empty where it has none.
std::string_view name_in_reference(const SqlType& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return "boolean";
    case TypeId::kSmallInt:
      return "smallint";
    case TypeId::kInteger:
      return "integer";
    case TypeId::kBigInt:
      return "bigint";
    case TypeId::kUint2:
      return "uint2";
    case TypeId::kUint4:
      return "uint4";
    case TypeId::kUint8:
      return "uint8";
    case TypeId::kReal:
      return "real";
    case TypeId::kDouble:
      return "double";
    case TypeId::kNumeric:
      return "numeric";
    case TypeId::kDate:
      return "date";
    case TypeId::kTime:
      return "time";
    case TypeId::kTimestamp:
      return "timestamp";
    case TypeId::kTimestampTz:
      return "timestamptz";
    case TypeId::kBytea:
      return "bytea";
    case TypeId::kText:
    case TypeId::kVarchar:
    case TypeId::kChar:
    case TypeId::kUnknown:
      return "text";
    case TypeId::kUuid:
      return "uuid";
    case TypeId::kJsonb:
      return "jsonb";
    case TypeId::kMzTimestamp:
      return "mz_timestamp";
    case TypeId::kArray:
      return "array";
    case TypeId::kList:
      return "list";
    case TypeId::kMap:
      return "map";
    default:
      return "";
  }
}

std::string extension_in_reference(std::string_view name) {
  return name.empty() ? "" : fmt::format("materialize.v1.{}", name);
}

class Mapper {
 public:
  explicit Mapper(const Profile& profile) : profile_(profile) {}

  Field field_of(const SqlType& type, std::string name) const {
    Field field = unnamed(type);
    field.name = std::move(name);
    field.is_usual_year = profile_.years == Years::k1To9999 && has_years(type.id);
    if (profile_.arrow_schema == ArrowSchema::kMaterialize) {
      field.extension = extension_in_reference(name_in_reference(type));
      field.is_large = is_large(type);
      field.zone = "+00:00";
    } else if (field.meaning == Meaning::kUuid) {
      field.extension = "arrow.uuid";
    } else if (field.meaning == Meaning::kJson) {
      field.extension = "arrow.json";
    }
    return field;
  }

  // What the engine stores, without the names that it gives to some integers.
  LogicalType input_of(const SqlType& type) const {
    switch (type.id) {
      case TypeId::kUint8:
      case TypeId::kMzTimestamp:
        return widens() ? LogicalType::DECIMAL(kWideDigits, 0) : LogicalType::UBIGINT;
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

 private:
  static constexpr int kWideDigits = 20;  // of 64 bits without a sign

  static bool has_years(TypeId type) {
    return type == TypeId::kDate || type == TypeId::kTimestamp || type == TypeId::kTimestampTz;
  }
  bool widens() const { return profile_.unsigned_integers == UnsignedForm::kWidened; }
  bool has_arrow_names() const { return profile_.nested_names == NestedNames::kArrow; }

  // The reference's texts are small only where their length has a bound.
  static bool is_large(const SqlType& type) {
    switch (type.id) {
      case TypeId::kVarchar:
      case TypeId::kChar:
        return type.precision < 0;
      case TypeId::kText:
      case TypeId::kUnknown:
      case TypeId::kBytea:
      case TypeId::kJsonb:
        return true;
      default:
        return false;
    }
  }

  Field unnamed(const SqlType& type) const {
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
        return widens() ? leaf(Physical::kInt32) : integer(16, false);
      case TypeId::kUint8:
      case TypeId::kMzTimestamp:
        return widens() ? decimal_field(Physical::kFixed, kWideDigits, 0) : integer(64, false);
      case TypeId::kUint4:
      case TypeId::kOid:
      case TypeId::kXid:
      case TypeId::kRegclass:
      case TypeId::kRegtype:
      case TypeId::kRegproc:
      case TypeId::kRegnamespace:
        return widens() ? leaf(Physical::kInt64) : integer(32, false);
      case TypeId::kReal:
        return leaf(Physical::kFloat);
      case TypeId::kDouble:
        return leaf(Physical::kDouble);
      case TypeId::kNumeric:
        return decimal(type);
      case TypeId::kDate:
        return leaf(Physical::kInt32, Meaning::kDate);
      case TypeId::kTime:
        return profile_.times == TimeForm::kText ? text_of(type)
                                                 : moment(Meaning::kTimeMicros, false);
      case TypeId::kTimestamp:
        return moment(Meaning::kTimestampMicros, false);
      case TypeId::kTimestampTz:
        return moment(Meaning::kTimestampMicros, profile_.zoned_timestamps == ZonedForm::kUtc);
      case TypeId::kInterval:
        return profile_.intervals == IntervalForm::kParquet ? fixed(12, Meaning::kInterval)
                                                            : text_of(type);
      case TypeId::kJsonb: {
        // Without the spaces that the engine's text has.
        Field field = text_of(type);
        if (profile_.json == JsonForm::kLogical) field.meaning = Meaning::kJson;
        return field;
      }
      case TypeId::kBytea:
        return leaf(Physical::kByteArray);
      case TypeId::kUuid:
        if (profile_.uuid == UuidForm::kText) return text_of(type);
        return fixed(16, profile_.uuid == UuidForm::kLogical ? Meaning::kUuid : Meaning::kNone);
      case TypeId::kArray:
        return profile_.arrays == ArrayForm::kItemsAndDimensions ? array(type)
                                                                 : list(type.arguments[0]);
      case TypeId::kList:
        return list(type.arguments[0]);
      case TypeId::kInt2Vector:
        return list(types::make(TypeId::kSmallInt));
      case TypeId::kOidVector:
        return list(types::make(TypeId::kOid));
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
        return text();
    }
    return text();
  }

  Field decimal(const SqlType& type) const {
    const int scale = type.scale < 0 ? types::kBareNumericScale : type.scale;
    const bool all = profile_.decimals == DecimalForm::k38Digits || type.precision < 0 ||
                     type.precision > types::kMaxStoredPrecision;
    const int precision = all ? types::kMaxStoredPrecision : type.precision;
    constexpr int kInt32Digits = 9, kInt64Digits = 18;
    Physical physical = Physical::kFixed;
    if (profile_.decimals == DecimalForm::kByPrecision) {
      if (precision <= kInt64Digits) physical = Physical::kInt64;
      if (precision <= kInt32Digits) physical = Physical::kInt32;
    }
    return decimal_field(physical, precision, scale);
  }

  Field list(const SqlType& item) const {
    Field field;
    field.kind = FieldKind::kList;
    field.repeated_name = "list";
    field.children.push_back(field_of(item, has_arrow_names() ? "item" : "element"));
    return field;
  }

  Field map(const SqlType& value) const {
    Field field;
    field.kind = FieldKind::kMap;
    field.repeated_name = has_arrow_names() ? "entries" : "key_value";
    Field key = text();
    key.name = has_arrow_names() ? "keys" : "key";
    key.nullable = false;
    field.children.push_back(std::move(key));
    field.children.push_back(field_of(value, has_arrow_names() ? "values" : "value"));
    return field;
  }

  Field array(const SqlType& type) const {
    Field field;
    field.kind = FieldKind::kArray;
    const SqlType* item = &type;
    for (; item->id == TypeId::kArray; item = &item->arguments[0]) ++field.dimensions;
    Field items = list(*item);
    items.name = "items";
    items.nullable = false;
    items.extension = extension_in_reference("array_items");
    Field dimensions = integer(8, false);
    dimensions.name = "dimensions";
    dimensions.nullable = false;
    dimensions.extension = extension_in_reference("array_dimensions");
    field.children.push_back(std::move(items));
    field.children.push_back(std::move(dimensions));
    return field;
  }

  Field record(const SqlType& type) const {
    // ROW's fields have no names, and readers take none without.
    std::vector<std::string> names = type.field_names;
    names.resize(type.arguments.size());
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i].empty()) names[i] = fmt::format("f{}", i + 1);
    }
    names = names_in_file(names, profile_);
    Field field;
    field.kind = FieldKind::kStruct;
    for (size_t i = 0; i < type.arguments.size(); ++i) {
      field.children.push_back(field_of(type.arguments[i], names[i]));
    }
    return field;
  }

  const Profile& profile_;
};

// As Rust prints a string in a list.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// ---- names ----

std::string in_case(std::string name, NameCase name_case) {
  if (name_case == NameCase::kLower) return ascii_lower(name);
  if (name_case == NameCase::kUpper) {
    for (char& c : name) c = ascii_upper(c);
  }
  return name;
}

// An underscore for each character that is not allowed.
std::string of_characters(const std::string& name, NameCharacters allowed) {
  if (allowed == NameCharacters::kAll) return name;
  const bool words = allowed == NameCharacters::kWords;
  std::string out;
  if (words && (name.empty() || is_digit(name[0]))) out = "_";
  for (const char c : name) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    const bool is_allowed =
        words ? is_letter(c) || is_digit(c) || c == '_'
              : std::string_view(" ,;{}()\n\t=").find(c) == std::string_view::npos;
    if (is_allowed) {
      out += c;
    } else if (!continues) {
      out += '_';
    }
  }
  return out;
}

// In the file's order, each before its children. Groups that repeat have none.
void number(Field& field, int32_t& next) {
  field.id = next++;
  for (Field& child : field.children) number(child, next);
}

}  // namespace

// The second and later columns of a name get a number; not one that another
// column has already.
std::vector<std::string> names_in_file(const std::vector<std::string>& names,
                                       const Profile& profile) {
  const auto key = [&](const std::string& name) {
    return profile.name_clash == NameClash::kAnyCase ? in_case(name, NameCase::kLower) : name;
  };
  std::vector<std::string> result;
  std::set<std::string> taken, seen;
  for (const std::string& name : names) {
    result.push_back(in_case(of_characters(name, profile.name_characters), profile.name_case));
    taken.insert(key(result.back()));
  }
  for (std::string& name : result) {
    if (seen.insert(key(name)).second) continue;
    std::string candidate;
    int ordinal = 2;
    do {
      candidate = name + std::to_string(ordinal++);
    } while (!taken.insert(key(candidate)).second);
    name = candidate;
  }
  return result;
}

Result<std::vector<MappedColumn>> map_columns(const std::vector<std::string>& names,
                                              const std::vector<SqlType>& types,
                                              const Profile& profile,
                                              const std::vector<bool>& required) {
  std::vector<std::string> refused;
  for (size_t i = 0; i < types.size(); ++i) {
    if (can_encode(types[i])) continue;
    refused.push_back(quoted(names[i] + ": " + types::materialize_name(types[i])));
  }
  if (!refused.empty()) {
    return invalid("Cannot encode the following columns/types: [{}]", fmt::join(refused, ", "))
        .with_sqlstate("0A000");
  }
  const std::vector<std::string> unique = names_in_file(names, profile);
  const Mapper mapper(profile);
  std::vector<MappedColumn> columns;
  for (size_t i = 0; i < types.size(); ++i) {
    columns.push_back({unique[i], mapper.field_of(types[i], unique[i]), mapper.input_of(types[i])});
    const bool holds_no_null = i < required.size() && required[i];
    if (holds_no_null && profile.nullability == Nullability::kDeclared) {
      columns.back().field.nullable = false;
    }
  }
  if (profile.field_ids == FieldIds::kNumbered) {
    int32_t next = 1;
    for (MappedColumn& column : columns) number(column.field, next);
  }
  return columns;
}

}  // namespace sluice::parquet
