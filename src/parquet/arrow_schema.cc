#include "parquet/arrow_schema.h"

#include "parquet/flat_buffer.h"

namespace sluice::parquet {
namespace {

using Table = FlatBuffer::Table;
using Value = FlatBuffer::Value;

// The members of Arrow's union Type, and their fields; units are Arrow's numbers.
enum Type : uint8_t {
  kInt = 2,
  kFloatingPoint = 3,
  kBinary = 4,
  kUtf8 = 5,
  kBool = 6,
  kDecimal = 7,
  kDate = 8,
  kTime = 9,
  kTimestamp = 10,
  kList = 12,
  kStruct = 13,
  kFixedSizeBinary = 15,
  kMap = 17,
  kLargeBinary = 19,
  kLargeUtf8 = 20,
};
constexpr uint32_t kDays = 0, kMicros = 2;
constexpr uint32_t kSingle = 1, kDouble = 2;
constexpr uint16_t kSchemaInMessage = 1;
constexpr uint32_t kVersion5 = 4;

struct Described {
  Type type;
  std::vector<Value> values;
};

Value boolean(uint16_t id, bool value) { return FlatBuffer::number(id, 1, value ? 1 : 0); }
Value small(uint16_t id, uint32_t value) { return FlatBuffer::number(id, 2, value); }
Value number(uint16_t id, uint32_t value) { return FlatBuffer::number(id, 4, value); }

Described integer(uint32_t bits, bool is_signed) {
  return {kInt, {number(0, bits), boolean(1, is_signed)}};
}

Described without_meaning(const Field& field) {
  switch (field.physical) {
    case Physical::kBoolean:
      return {kBool, {}};
    case Physical::kInt32:
      return integer(32, true);
    case Physical::kInt64:
      return integer(64, true);
    case Physical::kFloat:
      return {kFloatingPoint, {small(0, kSingle)}};
    case Physical::kDouble:
      return {kFloatingPoint, {small(0, kDouble)}};
    case Physical::kByteArray:
      return {field.is_large ? kLargeBinary : kBinary, {}};
    case Physical::kFixed:
      break;
  }
  return {kFixedSizeBinary, {number(0, field.fixed_bytes)}};
}

Described timestamp(const Field& field) {
  Described described{kTimestamp, {small(0, kMicros)}};
  if (field.is_utc) described.values.push_back(FlatBuffer::offset(1));
  return described;
}

Described leaf(const Field& field) {
  switch (field.meaning) {
    case Meaning::kString:
    case Meaning::kJson:
      return {field.is_large ? kLargeUtf8 : kUtf8, {}};
    case Meaning::kDate:
      return {kDate, {small(0, kDays)}};
    case Meaning::kTimeMicros:
      return {kTime, {small(0, kMicros), number(1, 64)}};
    case Meaning::kTimestampMicros:
      return timestamp(field);
    case Meaning::kInteger:
      return integer(field.bits, field.is_signed);
    case Meaning::kDecimal:
      return {kDecimal, {number(0, field.precision), number(1, field.scale), number(2, 128)}};
    case Meaning::kNone:
    case Meaning::kUuid:
    case Meaning::kInterval:
      break;
  }
  return without_meaning(field);
}

Described described(const Field& field) {
  switch (field.kind) {
    case FieldKind::kLeaf:
      return leaf(field);
    case FieldKind::kList:
      return {kList, {}};
    case FieldKind::kMap:
      return {kMap, {boolean(0, false)}};
    case FieldKind::kStruct:
    case FieldKind::kArray:
      break;
  }
  return {kStruct, {}};
}

// A map has one child, the entries.
std::vector<Field> children_of(const Field& field) {
  if (field.kind != FieldKind::kMap) return field.children;
  Field entries;
  entries.name = field.repeated_name;
  entries.kind = FieldKind::kStruct;
  entries.nullable = false;
  entries.children = field.children;
  return {entries};
}

class Encoder {
 public:
  std::string message(const std::vector<Field>& fields) {
    constexpr uint16_t kVersion = 0, kHeaderType = 1, kHeader = 2;
    const Table message = out_.table({small(kVersion, kVersion5),
                                      FlatBuffer::number(kHeaderType, 1, kSchemaInMessage),
                                      FlatBuffer::offset(kHeader)});
    constexpr uint16_t kEndianness = 0, kFields = 1;
    constexpr uint32_t kLittle = 0;
    const Table schema = out_.table({small(kEndianness, kLittle), FlatBuffer::offset(kFields)});
    out_.point(message.fields[kHeader], schema.begin);
    out_.point(schema.fields[kFields], all(fields));
    out_.align(8);
    return out_.bytes();
  }

 private:
  size_t all(const std::vector<Field>& fields) {
    const size_t vector = out_.vector(fields.size());
    for (size_t i = 0; i < fields.size(); ++i) {
      out_.point(FlatBuffer::element(vector, i), one(fields[i]));
    }
    return vector;
  }

  size_t one(const Field& field) {
    constexpr uint16_t kName = 0, kNullable = 1, kTypeType = 2, kType = 3, kChildren = 5,
                       kMetadata = 6;
    const auto [type, values] = described(field);
    std::vector<Value> slots{FlatBuffer::offset(kName), boolean(kNullable, field.nullable),
                             FlatBuffer::number(kTypeType, 1, type), FlatBuffer::offset(kType),
                             FlatBuffer::offset(kChildren)};
    if (!field.extension.empty()) slots.push_back(FlatBuffer::offset(kMetadata));
    const Table table = out_.table(slots);
    out_.point(table.fields[kName], out_.text(field.name));
    const Table inner = out_.table(values);
    out_.point(table.fields[kType], inner.begin);
    constexpr uint16_t kZone = 1;
    if (type == Type::kTimestamp && field.is_utc) {
      out_.point(inner.fields[kZone], out_.text(field.zone));
    }
    out_.point(table.fields[kChildren], all(children_of(field)));
    if (!field.extension.empty()) {
      out_.point(table.fields[kMetadata], metadata("ARROW:extension:name", field.extension));
    }
    return table.begin;
  }

  size_t metadata(std::string_view key, std::string_view value) {
    const size_t vector = out_.vector(1);
    const Table pair = out_.table({FlatBuffer::offset(0), FlatBuffer::offset(1)});
    out_.point(FlatBuffer::element(vector, 0), pair.begin);
    out_.point(pair.fields[0], out_.text(key));
    out_.point(pair.fields[1], out_.text(value));
    return vector;
  }

  FlatBuffer out_;
};

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k) {
      word = word << 8 | (k < count ? static_cast<uint8_t>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kDigits[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace

std::string arrow_schema(const std::vector<Field>& fields) {
  const std::string message = Encoder().message(fields);
  constexpr uint32_t kContinues = 0xFFFFFFFF;
  const auto size = static_cast<uint32_t>(message.size());
  std::string framed(sizeof kContinues + sizeof size, '\0');
  std::memcpy(framed.data(), &kContinues, sizeof kContinues);
  std::memcpy(framed.data() + sizeof kContinues, &size, sizeof size);
  return base64(framed + message);
}

}  // namespace sluice::parquet
