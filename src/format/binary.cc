#include "format/binary.h"

#include <cstring>

#include "engine/functions/calendar.h"
#include "engine/functions/text_in.h"
#include "engine/functions/text_out.h"

namespace sluice::format {
namespace {

namespace text = engine::functions;
using duckdb::LogicalTypeId;
using engine::LogicalType;
using engine::Value;
using text::Int128;
using types::SqlType;
using types::TypeId;

// PostgreSQL counts from 2000-01-01.
constexpr int32_t kEpochDays = 10957;
constexpr int64_t kEpochMicros = kEpochDays * text::kMicrosPerDay;
constexpr uint16_t kNumericNegative = 0x4000;

template <typename T>
void append_big_endian(T value, std::string& out) {
  using Bits = std::make_unsigned_t<T>;
  const auto bits = static_cast<Bits>(value);
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<uint8_t>(bits >> shift));
  }
}

template <typename To, typename From>
To bits_of(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To bits{};
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

bool is_endless(int64_t micros) {
  return micros == text::kInfiniteTimestamp || micros == -text::kInfiniteTimestamp;
}

int64_t to_postgres_micros(int64_t micros) {
  if (is_endless(micros)) return micros > 0 ? INT64_MAX : INT64_MIN;
  return micros - kEpochMicros;
}

int32_t to_postgres_days(int32_t days) {
  if (days == text::kInfiniteDate) return INT32_MAX;
  if (days == -text::kInfiniteDate) return INT32_MIN;
  return days - kEpochDays;
}

// Groups of four digits: count, weight of the first, sign, display scale, groups.
void append_numeric(Int128 value, int scale, bool trim, std::string& out) {
  text::UInt128 rest = text::magnitude(value);
  if (trim) {
    while (scale > 0 && rest % 10 == 0) {
      rest /= 10;
      --scale;
    }
  }
  // The point falls between groups when the fraction has a multiple of four digits.
  const int padding = (4 - scale % 4) % 4;
  const int fraction_groups = (scale + padding) / 4;
  uint16_t groups[16];
  int count = 0;
  if (padding > 0) {
    const auto unit = static_cast<unsigned>(text::kPowersOfTen[static_cast<size_t>(4 - padding)]);
    const auto low = static_cast<unsigned>(rest % unit);
    groups[count++] = static_cast<uint16_t>(
        low * static_cast<unsigned>(text::kPowersOfTen[static_cast<size_t>(padding)]));
    rest /= unit;
  }
  for (; rest != 0; rest /= 10000) groups[count++] = static_cast<uint16_t>(rest % 10000);
  int weight = count - fraction_groups - 1;
  int first = 0;  // zeros at the end are left out
  while (first < count && groups[first] == 0) ++first;
  while (count > first && groups[count - 1] == 0) {
    --count;
    --weight;
  }
  if (first == count) weight = 0;
  append_big_endian(static_cast<int16_t>(count - first), out);
  append_big_endian(static_cast<int16_t>(weight), out);
  append_big_endian(value < 0 ? kNumericNegative : uint16_t{0}, out);
  append_big_endian(static_cast<int16_t>(scale), out);
  for (int i = count - 1; i >= first; --i) append_big_endian(groups[i], out);
}

void append_interval(const duckdb::interval_t& value, std::string& out) {
  append_big_endian(value.micros, out);
  append_big_endian(value.days, out);
  append_big_endian(value.months, out);
}

Int128 decimal_of(const Value& value) {
  switch (value.type().InternalType()) {
    case duckdb::PhysicalType::INT16:
      return value.GetValueUnsafe<int16_t>();
    case duckdb::PhysicalType::INT32:
      return value.GetValueUnsafe<int32_t>();
    case duckdb::PhysicalType::INT64:
      return value.GetValueUnsafe<int64_t>();
    default:
      return text::to_int128(value.GetValueUnsafe<duckdb::hugeint_t>());
  }
}

class BinaryWriter {
 public:
  BinaryWriter(const text::TextStyle& style, std::string& out) : style_(style), out_(out) {}

  Status append(const SqlType& type, const Value& value) {
    switch (value.type().id()) {
      case LogicalTypeId::BOOLEAN:
        out_ += value.GetValueUnsafe<bool>() ? '\1' : '\0';
        return ok();
      case LogicalTypeId::TINYINT:
      case LogicalTypeId::SMALLINT:
        return append_big_endian(value.GetValue<int16_t>(), out_), ok();
      case LogicalTypeId::INTEGER:
        return append_big_endian(value.GetValueUnsafe<int32_t>(), out_), ok();
      case LogicalTypeId::BIGINT:
        return append_big_endian(value.GetValueUnsafe<int64_t>(), out_), ok();
      case LogicalTypeId::UTINYINT:
      case LogicalTypeId::USMALLINT:
        return append_big_endian(value.GetValue<uint16_t>(), out_), ok();
      case LogicalTypeId::UINTEGER:
        return append_big_endian(value.GetValueUnsafe<uint32_t>(), out_), ok();
      case LogicalTypeId::UBIGINT:
        return append_big_endian(value.GetValueUnsafe<uint64_t>(), out_), ok();
      case LogicalTypeId::FLOAT:
        return append_big_endian(bits_of<uint32_t>(value.GetValueUnsafe<float>()), out_), ok();
      case LogicalTypeId::DOUBLE:
        return append_big_endian(bits_of<uint64_t>(value.GetValueUnsafe<double>()), out_), ok();
      case LogicalTypeId::HUGEINT:
        return append_numeric(text::to_int128(value.GetValueUnsafe<duckdb::hugeint_t>()), 0, false,
                              out_),
               ok();
      case LogicalTypeId::DECIMAL:
        return append_numeric(decimal_of(value), duckdb::DecimalType::GetScale(value.type()),
                              text::prints_trimmed(value.type(), style_), out_),
               ok();
      default:
        return append_other(type, value);
    }
  }

 private:
  Status append_other(const SqlType& type, const Value& value) {
    switch (value.type().id()) {
      case LogicalTypeId::DATE:
        return append_big_endian(to_postgres_days(value.GetValueUnsafe<duckdb::date_t>().days),
                                 out_),
               ok();
      case LogicalTypeId::TIME:
        return append_big_endian(value.GetValueUnsafe<duckdb::dtime_t>().micros, out_), ok();
      case LogicalTypeId::TIMESTAMP:
      case LogicalTypeId::TIMESTAMP_TZ:
        return append_big_endian(
                   to_postgres_micros(value.GetValueUnsafe<duckdb::timestamp_t>().value), out_),
               ok();
      case LogicalTypeId::INTERVAL:
        return append_interval(value.GetValueUnsafe<duckdb::interval_t>(), out_), ok();
      case LogicalTypeId::UUID: {
        const auto raw = text::to_int128(value.GetValueUnsafe<duckdb::hugeint_t>());
        const auto bits = static_cast<text::UInt128>(raw) ^ (text::UInt128{1} << 127);
        append_big_endian(static_cast<uint64_t>(bits >> 64), out_);
        append_big_endian(static_cast<uint64_t>(bits), out_);
        return ok();
      }
      case LogicalTypeId::BLOB:
        out_ += duckdb::StringValue::Get(value);
        return ok();
      case LogicalTypeId::VARCHAR:
        if (value.type().IsJSONType()) {
          out_ += '\1';  // the version of jsonb's binary form
          text::append_json(duckdb::StringValue::Get(value), style_.spaced_json, out_);
        } else {
          out_ += duckdb::StringValue::Get(value);
        }
        return ok();
      case LogicalTypeId::LIST:
        return append_array(type, value);
      default:
        return error(ErrorCode::kInvalid, "no binary output function available for type {}",
                     types::name(type))
            .with_sqlstate("42883");
    }
  }

  // Dimensions, then the elements row by row; ragged arrays don't exist in PostgreSQL.
  Status append_array(const SqlType& type, const Value& value) {
    std::vector<int32_t> lengths;
    const SqlType* element = &type;
    const Value* inner = &value;
    while (element->id == TypeId::kArray && inner != nullptr && !inner->IsNull() &&
           inner->type().id() == LogicalTypeId::LIST) {
      const auto& children = duckdb::ListValue::GetChildren(*inner);
      lengths.push_back(static_cast<int32_t>(children.size()));
      element = &element->arguments[0];
      inner = children.empty() ? nullptr : &children[0];
    }
    while (element->id == TypeId::kArray) element = &element->arguments[0];
    if (lengths[0] == 0) lengths.clear();
    append_big_endian(static_cast<int32_t>(lengths.size()), out_);
    const size_t null_flag = out_.size();
    append_big_endian(int32_t{0}, out_);
    append_big_endian(types::oid(*element), out_);
    for (const int32_t length : lengths) {
      append_big_endian(length, out_);
      append_big_endian(int32_t{1}, out_);  // the first index
    }
    bool any_null = false;
    if (!lengths.empty()) TRY(append_elements(*element, value, lengths, 0, any_null));
    if (any_null) out_[null_flag + 3] = '\1';
    return ok();
  }

  Status append_elements(const SqlType& element, const Value& value,
                         const std::vector<int32_t>& lengths, size_t level, bool& any_null) {
    const Error ragged =
        invalid("multidimensional arrays must have array expressions with matching dimensions")
            .with_sqlstate("2202E");
    if (value.IsNull()) return ragged;
    const auto& children = duckdb::ListValue::GetChildren(value);
    if (children.size() != static_cast<size_t>(lengths[level])) return ragged;
    for (const Value& child : children) {
      if (level + 1 < lengths.size()) {
        TRY(append_elements(element, child, lengths, level + 1, any_null));
        continue;
      }
      if (child.IsNull()) {
        any_null = true;
        append_big_endian(int32_t{-1}, out_);
        continue;
      }
      const size_t length_at = out_.size();
      append_big_endian(int32_t{0}, out_);
      TRY(append(element, child));
      std::string length;
      append_big_endian(static_cast<int32_t>(out_.size() - length_at - 4), length);
      out_.replace(length_at, 4, length);
    }
    return ok();
  }

  const text::TextStyle& style_;
  std::string& out_;
};

Error bad_binary(const SqlType& type) {
  return invalid("incorrect binary data format for type {}", types::name(type))
      .with_sqlstate("22P03");
}

class BinaryReader {
 public:
  explicit BinaryReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t left() const { return bytes_.size() - at_; }

  template <typename T>
  bool take(T& out) {
    if (left() < sizeof(T)) return false;
    std::make_unsigned_t<T> bits = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      if constexpr (sizeof(T) > 1) bits = static_cast<decltype(bits)>(bits << 8);
      bits = static_cast<decltype(bits)>(bits | static_cast<uint8_t>(bytes_[at_++]));
    }
    out = static_cast<T>(bits);
    return true;
  }

  bool take(size_t count, std::span<const std::byte>& out) {
    if (left() < count) return false;
    out = bytes_.subspan(at_, count);
    at_ += count;
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T, typename Make>
Result<Value> fixed(const SqlType& type, std::span<const std::byte> bytes, const Make& make) {
  T raw{};
  BinaryReader reader(bytes);
  if (bytes.size() != sizeof(T) || !reader.take(raw)) return bad_binary(type);
  return make(raw);
}

// Through text: exact, and the rounding and range checks are those of text input.
Result<Value> decode_numeric(const SqlType& type, std::span<const std::byte> bytes) {
  BinaryReader reader(bytes);
  int16_t count = 0, weight = 0, scale = 0;
  uint16_t sign = 0;
  if (!reader.take(count) || !reader.take(weight) || !reader.take(sign) || !reader.take(scale) ||
      count < 0 || reader.left() != static_cast<size_t>(count) * 2) {
    return bad_binary(type);
  }
  if (sign != 0 && sign != kNumericNegative) {
    return invalid("numeric does not hold special values").with_sqlstate("22003");
  }
  if (weight > 20 || weight < -20 || count > 40) {
    return invalid("numeric field overflow").with_sqlstate("22003");
  }
  std::string digits = sign != 0 ? "-0" : "0";
  for (int i = 0; i < count; ++i) {
    uint16_t group = 0;
    if (!reader.take(group) || group > 9999) return bad_binary(type);
    digits += fmt::format("{:04}", group);
  }
  digits += fmt::format("e{}", (weight + 1 - count) * 4);
  return decode_text(type, digits);
}

Result<Value> decode_interval(const SqlType& type, std::span<const std::byte> bytes) {
  BinaryReader reader(bytes);
  duckdb::interval_t value{};
  if (bytes.size() != 16 || !reader.take(value.micros) || !reader.take(value.days) ||
      !reader.take(value.months)) {
    return bad_binary(type);
  }
  return Value::INTERVAL(value);
}

Result<Value> decode_uuid(const SqlType& type, std::span<const std::byte> bytes) {
  BinaryReader reader(bytes);
  uint64_t high = 0, low = 0;
  if (bytes.size() != 16 || !reader.take(high) || !reader.take(low)) return bad_binary(type);
  const text::UInt128 bits = (static_cast<text::UInt128>(high ^ (uint64_t{1} << 63)) << 64) | low;
  return Value::UUID(text::to_hugeint(static_cast<Int128>(bits)));
}

Result<Value> decode_elements(const SqlType& element, BinaryReader& reader,
                              const std::vector<int32_t>& lengths, size_t level) {
  duckdb::vector<Value> children;
  LogicalType child_type = types::to_engine(element);
  for (size_t i = level + 1; i < lengths.size(); ++i) child_type = LogicalType::LIST(child_type);
  for (int32_t i = 0; i < lengths[level]; ++i) {
    if (level + 1 < lengths.size()) {
      TRY_ASSIGN(Value child, decode_elements(element, reader, lengths, level + 1));
      children.push_back(std::move(child));
      continue;
    }
    int32_t length = 0;
    std::span<const std::byte> bytes;
    if (!reader.take(length)) return bad_binary(element);
    if (length == -1) {
      children.emplace_back(child_type);
      continue;
    }
    if (length < 0 || !reader.take(static_cast<size_t>(length), bytes)) return bad_binary(element);
    TRY_ASSIGN(Value child, decode_binary(element, bytes));
    children.push_back(std::move(child));
  }
  return Value::LIST(child_type, std::move(children));
}

Result<Value> decode_array(const SqlType& type, std::span<const std::byte> bytes) {
  const SqlType* element = &type;
  size_t depth = 0;
  for (; element->id == TypeId::kArray; element = &element->arguments[0]) ++depth;
  BinaryReader reader(bytes);
  int32_t dimensions = 0, flags = 0;
  uint32_t element_oid = 0;
  if (!reader.take(dimensions) || !reader.take(flags) || !reader.take(element_oid)) {
    return bad_binary(type);
  }
  if (element_oid != types::oid(*element)) return bad_binary(type);
  if (dimensions == 0) {
    return Value::LIST(types::to_engine(type.arguments[0]), duckdb::vector<Value>());
  }
  if (dimensions < 0 || static_cast<size_t>(dimensions) != depth) return bad_binary(type);
  std::vector<int32_t> lengths(depth);
  for (int32_t& length : lengths) {
    int32_t first_index = 0;
    // Each element takes a length word at least, which bounds what is asked for.
    if (!reader.take(length) || !reader.take(first_index) || length < 0 ||
        static_cast<size_t>(length) > bytes.size() / 4) {
      return bad_binary(type);
    }
  }
  TRY_ASSIGN(Value value, decode_elements(*element, reader, lengths, 0));
  if (reader.left() != 0) return bad_binary(type);
  return value;
}

Result<Value> decode_jsonb(const SqlType& type, std::span<const std::byte> bytes) {
  if (bytes.empty() || bytes[0] != std::byte{1}) return bad_binary(type);
  return decode_text(type, as_text(bytes.subspan(1)));
}

Value timestamp_value(int64_t raw, bool with_zone) {
  int64_t micros = 0;
  if (raw == INT64_MIN) {
    micros = -text::kInfiniteTimestamp;
  } else if (raw == INT64_MAX || __builtin_add_overflow(raw, kEpochMicros, &micros)) {
    micros = text::kInfiniteTimestamp;
  }
  return with_zone ? Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(micros))
                   : Value::TIMESTAMP(duckdb::timestamp_t(micros));
}

}  // namespace

bool supports_binary(const SqlType& type) {
  switch (type.id) {
    case TypeId::kList:
    case TypeId::kMap:
    case TypeId::kRecord:
    case TypeId::kInt2Vector:
    case TypeId::kOidVector:
    case TypeId::kAclItem:
    case TypeId::kVoid:
      return false;
    case TypeId::kArray:
      return supports_binary(type.arguments[0]);
    default:
      return true;
  }
}

Status encode_binary(const SqlType& type, engine::Vector& vector, size_t rows,
                     const TextOptions& options, TextColumn& out) {
  text::TextStyle style;
  style.spaced_json = options.spaced_json;
  style.keep_scale = type.id == TypeId::kNumeric && type.scale >= 0;
  out.bytes.clear();
  out.ends.assign(rows, 0);
  out.null.assign(rows, 0);
  BinaryWriter writer(style, out.bytes);
  for (size_t row = 0; row < rows; ++row) {
    const Value value = vector.GetValue(row);
    if (value.IsNull()) {
      out.null[row] = 1;
    } else {
      TRY(writer.append(type, value));
    }
    if (out.bytes.size() > UINT32_MAX) {
      return error(ErrorCode::kExhausted, "a column of {} rows is larger than 4 GB", rows)
          .with_sqlstate("54000");
    }
    out.ends[row] = static_cast<uint32_t>(out.bytes.size());
  }
  return ok();
}

Result<Value> decode_binary(const SqlType& type, std::span<const std::byte> bytes) {
  switch (type.id) {
    case TypeId::kBoolean:
      return fixed<uint8_t>(type, bytes, [](uint8_t raw) { return Value::BOOLEAN(raw != 0); });
    case TypeId::kSmallInt:
      return fixed<int16_t>(type, bytes, [](int16_t raw) { return Value::SMALLINT(raw); });
    case TypeId::kInteger:
      return fixed<int32_t>(type, bytes, [](int32_t raw) { return Value::INTEGER(raw); });
    case TypeId::kBigInt:
      return fixed<int64_t>(type, bytes, [](int64_t raw) { return Value::BIGINT(raw); });
    case TypeId::kUint2:
      return fixed<uint16_t>(type, bytes, [](uint16_t raw) { return Value::USMALLINT(raw); });
    case TypeId::kUint4:
      return fixed<uint32_t>(type, bytes, [](uint32_t raw) { return Value::UINTEGER(raw); });
    case TypeId::kUint8:
      return fixed<uint64_t>(type, bytes, [](uint64_t raw) { return Value::UBIGINT(raw); });
    case TypeId::kReal:
      return fixed<uint32_t>(type, bytes,
                             [](uint32_t raw) { return Value::FLOAT(bits_of<float>(raw)); });
    case TypeId::kDouble:
      return fixed<uint64_t>(type, bytes,
                             [](uint64_t raw) { return Value::DOUBLE(bits_of<double>(raw)); });
    case TypeId::kNumeric:
      return decode_numeric(type, bytes);
    case TypeId::kDate:
      return fixed<int32_t>(type, bytes, [](int32_t raw) {
        if (raw == INT32_MAX) return Value::DATE(duckdb::date_t(text::kInfiniteDate));
        if (raw == INT32_MIN) return Value::DATE(duckdb::date_t(-text::kInfiniteDate));
        const int64_t days = int64_t{raw} + kEpochDays;
        return Value::DATE(
            duckdb::date_t(static_cast<int32_t>(std::min<int64_t>(days, text::kInfiniteDate))));
      });
    case TypeId::kTime: {
      TRY_ASSIGN(Value value, fixed<int64_t>(type, bytes, [](int64_t raw) {
                   return Value::TIME(duckdb::dtime_t(raw));
                 }));
      const int64_t micros = value.GetValueUnsafe<duckdb::dtime_t>().micros;
      if (micros < 0 || micros > text::kMicrosPerDay) {
        return invalid("time out of range").with_sqlstate("22008");
      }
      return value;
    }
    case TypeId::kTimestamp:
      return fixed<int64_t>(type, bytes, [](int64_t raw) { return timestamp_value(raw, false); });
    case TypeId::kTimestampTz:
      return fixed<int64_t>(type, bytes, [](int64_t raw) { return timestamp_value(raw, true); });
    case TypeId::kInterval:
      return decode_interval(type, bytes);
    case TypeId::kUuid:
      return decode_uuid(type, bytes);
    case TypeId::kBytea:
      return Value::BLOB(reinterpret_cast<duckdb::const_data_ptr_t>(bytes.data()), bytes.size());
    case TypeId::kJsonb:
      return decode_jsonb(type, bytes);
    case TypeId::kArray:
      return decode_array(type, bytes);
    case TypeId::kMzTimestamp: {
      TRY_ASSIGN(Value value,
                 fixed<uint64_t>(type, bytes, [](uint64_t raw) { return Value::UBIGINT(raw); }));
      value.Reinterpret(types::to_engine(type));
      return value;
    }
    case TypeId::kOid:
    case TypeId::kXid:
    case TypeId::kRegclass:
    case TypeId::kRegtype:
    case TypeId::kRegproc:
    case TypeId::kRegnamespace: {
      TRY_ASSIGN(Value value,
                 fixed<uint32_t>(type, bytes, [](uint32_t raw) { return Value::UINTEGER(raw); }));
      value.Reinterpret(types::to_engine(type));
      return value;
    }
    default:
      // Texts: the same bytes in both forms.
      return decode_text(type, as_text(bytes));
  }
}

Result<Value> decode_text(const SqlType& type, std::string_view input,
                          const std::string& time_zone) {
  const text::TimeZone* zone = text::TimeZone::find(time_zone);
  if (zone == nullptr) {
    return invalid("time zone \"{}\" not recognized", time_zone).with_sqlstate("22023");
  }
  return text::ColumnReader(types::to_engine(type), *zone).read(input);
}

}  // namespace sluice::format
