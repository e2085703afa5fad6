#include "engine/functions/text_out.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <duckdb/common/types/uuid.hpp>

#include "engine/functions/calendar.h"

namespace sluice::engine::functions {
namespace {

using duckdb::LogicalTypeId;

// Exactly `width` digits, zeros in front.
char* put_padded(char* out, uint64_t value, int width) {
  int i = width;
  for (; i >= 2; i -= 2) {
    put_two(out + i - 2, value % 100);
    value /= 100;
  }
  if (i > 0) *out = static_cast<char>('0' + value % 10);
  return out + width;
}

char* put_text(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// At least four digits; the year 0 is 1 BC, whose mark the caller puts at the end.
char* put_year_month_day(char* out, const CivilDate& date) {
  const auto year = static_cast<uint64_t>(date.year > 0 ? date.year : 1 - date.year);
  if (year <= 9999) {
    out = put_two(out, year / 100);
    out = put_two(out, year % 100);
  } else {
    out = put_unsigned(out, year);
  }
  *out++ = '-';
  out = put_two(out, static_cast<uint64_t>(date.month));
  *out++ = '-';
  return put_two(out, static_cast<uint64_t>(date.day));
}

// .5, .123456: without zeros at the end, nothing for 0.
char* put_fraction(char* out, int64_t micros) {
  if (micros == 0) return out;
  *out++ = '.';
  out = put_padded(out, static_cast<uint64_t>(micros), 6);
  while (out[-1] == '0') --out;
  return out;
}

char* put_offset(char* out, int64_t offset_seconds) {
  *out++ = offset_seconds < 0 ? '-' : '+';
  const auto seconds = static_cast<uint64_t>(offset_seconds < 0 ? -offset_seconds : offset_seconds);
  out = put_two(out, seconds / 3600);
  if (seconds % 3600 == 0) return out;
  *out++ = ':';
  out = put_two(out, seconds / 60 % 60);
  if (seconds % 60 == 0) return out;
  *out++ = ':';
  return put_two(out, seconds % 60);
}

char* put_instant(char* out, int64_t local_micros, const int64_t* offset_seconds) {
  const int64_t days = floor_divide(local_micros, kMicrosPerDay);
  bool is_bc = false;
  if (is_plain_day(days)) {
    out = put_plain_day(out, days);
  } else {
    const CivilDate date = civil_from_days(days);
    out = put_year_month_day(out, date);
    is_bc = date.year <= 0;
  }
  *out++ = ' ';
  out = put_time(out, local_micros - days * kMicrosPerDay);
  if (offset_seconds != nullptr) out = put_offset(out, *offset_seconds);
  return is_bc ? put_text(out, " BC") : out;
}

// PostgreSQL writes exponents with two digits at least, and uses them outside 1e-4 … 1e15 (1e6 for
// real).
template <typename Float>
char* put_floating(char* out, Float value, int first_scientific) {
  if (std::isnan(value)) return put_text(out, "NaN");
  if (std::isinf(value)) return put_text(out, value < 0 ? "-Infinity" : "Infinity");
  if (value == 0) return put_text(out, std::signbit(value) ? "-0" : "0");
  char digits[64];
  const auto [end, code] =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific);
  (void)code;
  const char* const mark = std::find(digits, end, 'e');
  int exponent = 0;
  std::from_chars(mark + (mark[1] == '+' ? 2 : 1), end, exponent);
  if (exponent >= -4 && exponent < first_scientific) {
    return std::to_chars(out, out + kMaxDoubleText, value, std::chars_format::fixed).ptr;
  }
  return put_text(out, {digits, static_cast<size_t>(end - digits)});
}

char* put_interval_part(char* out, int64_t value, std::string_view unit, bool& first,
                        bool& before_was_negative) {
  if (value == 0) return out;
  if (!first) *out++ = ' ';
  if (before_was_negative && value > 0) *out++ = '+';
  out = put_integer(out, value);
  *out++ = ' ';
  out = put_text(out, unit);
  if (value != 1) *out++ = 's';
  before_was_negative = value < 0;
  first = false;
  return out;
}

// What asks for quotes: 1 in lists and maps, 2 in maps only.
constexpr auto kElementCharacters = [] {
  std::array<uint8_t, 256> found{};
  for (const char c : {'{', '}', '"', ',', '\\', ' ', '\t', '\n', '\v', '\f', '\r'}) {
    found[static_cast<unsigned char>(c)] = 1;
  }
  found['='] = found['>'] = 2;
  return found;
}();

bool needs_array_quotes(std::string_view text, bool in_map) {
  if (text.empty()) return true;
  if (text.size() == 4 && (text[0] | 0x20) == 'n' && (text[1] | 0x20) == 'u' &&
      (text[2] | 0x20) == 'l' && (text[3] | 0x20) == 'l') {
    return true;
  }
  unsigned found = 0;
  for (const char c : text) found |= kElementCharacters[static_cast<unsigned char>(c)];
  return (found & (in_map ? 3U : 1U)) != 0;
}

void append_element_text(std::string_view text, bool in_map, std::string& out) {
  const size_t begin = out.size();
  out.resize(begin + 2 * text.size() + 2);
  out.resize(static_cast<size_t>(put_list_element(out.data() + begin, text, in_map) - out.data()));
}

bool is_nested(const LogicalType& type) {
  return type.id() == LogicalTypeId::LIST || type.id() == LogicalTypeId::MAP ||
         type.id() == LogicalTypeId::ARRAY;
}

// Elements of lists and maps print bare where they are nested themselves.
void append_element(const Value& value, const TextStyle& style, bool in_map, std::string& out) {
  if (value.IsNull()) {
    out += "NULL";
  } else if (is_nested(value.type())) {
    append_value(value, style, out);
  } else {
    std::string text;
    append_value(value, style, text);
    append_element_text(text, in_map, out);
  }
}

void append_list(const duckdb::vector<Value>& elements, const TextStyle& style, std::string& out) {
  out += '{';
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out += ',';
    append_element(elements[i], style, false, out);
  }
  out += '}';
}

void append_map(const Value& map, const TextStyle& style, std::string& out) {
  // Materialize's maps have their keys in order.
  std::vector<std::pair<std::string, Value>> entries;
  for (const Value& entry : duckdb::MapValue::GetChildren(map)) {
    const auto& pair = duckdb::StructValue::GetChildren(entry);
    std::string key;
    append_value(pair[0], style, key);
    entries.emplace_back(std::move(key), pair[1]);
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  out += '{';
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out += ',';
    append_element_text(entries[i].first, true, out);
    out += "=>";
    append_element(entries[i].second, style, true, out);
  }
  out += '}';
}

void append_record_field(std::string_view text, std::string& out) {
  const bool quoted = text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
                        return c == '(' || c == ')' || c == ',' || c == '"' || c == '\\' ||
                               c == ' ' || (c >= '\t' && c <= '\r');
                      });
  if (!quoted) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += c;
    out += c;
  }
  out += '"';
}

void append_record(const duckdb::vector<Value>& fields, const TextStyle& style, std::string& out) {
  out += '(';
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out += ',';
    if (fields[i].IsNull()) continue;
    std::string text;
    append_value(fields[i], style, text);
    append_record_field(text, out);
  }
  out += ')';
}

// What put_ functions can write, into a buffer on the stack.
char* put_scalar(char* out, const Value& value, const TextStyle& style) {
  switch (value.type().id()) {
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
      return put_integer(out, value.GetValue<int64_t>());
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
      return put_unsigned(out, value.GetValue<uint64_t>());
    case LogicalTypeId::FLOAT:
      return put_float(out, value.GetValueUnsafe<float>());
    case LogicalTypeId::DOUBLE:
      return put_double(out, value.GetValueUnsafe<double>());
    case LogicalTypeId::HUGEINT:
      return put_decimal(out, to_int128(value.GetValueUnsafe<duckdb::hugeint_t>()), 0, false);
    case LogicalTypeId::DATE:
      return put_date(out, value.GetValueUnsafe<duckdb::date_t>().days);
    case LogicalTypeId::TIME:
      return put_time(out, value.GetValueUnsafe<duckdb::dtime_t>().micros);
    case LogicalTypeId::TIMESTAMP:
      return put_timestamp(out, value.GetValueUnsafe<duckdb::timestamp_t>().value);
    case LogicalTypeId::TIMESTAMP_TZ:
      return put_timestamp_tz(out, value.GetValueUnsafe<duckdb::timestamp_t>().value, *style.zone);
    case LogicalTypeId::INTERVAL:
      return put_interval(out, value.GetValueUnsafe<duckdb::interval_t>());
    case LogicalTypeId::UUID:
      return put_uuid(out, value.GetValueUnsafe<duckdb::hugeint_t>());
    default:
      return nullptr;
  }
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
      return to_int128(value.GetValueUnsafe<duckdb::hugeint_t>());
  }
}

}  // namespace

char* put_decimal(char* out, Int128 value, int scale, bool trim) {
  if (value < 0) *out++ = '-';
  UInt128 rest = magnitude(value);
  if (rest <= UInt128{0xffffffffffffffff}) {
    auto small = static_cast<uint64_t>(rest);
    for (; trim && scale > 0 && small % 10 == 0; --scale) small /= 10;
    return put_small_decimal(out, small, scale);
  }
  for (; trim && scale > 0 && rest % 10 == 0; --scale) rest /= 10;
  // In pieces of 18 digits, since 128-bit division is slow.
  constexpr uint64_t kPiece = 1'000'000'000'000'000'000;
  char digits[64];
  char* begin = digits + sizeof digits;
  while (rest > UInt128{0xffffffffffffffff}) {
    begin -= 18;
    put_padded(begin, static_cast<uint64_t>(rest % kPiece), 18);
    rest /= kPiece;
  }
  for (auto low = static_cast<uint64_t>(rest); low != 0; low /= 10) {
    *--begin = static_cast<char>('0' + low % 10);
  }
  while (digits + sizeof digits - begin <= scale) *--begin = '0';
  const char* const point = digits + sizeof digits - scale;
  out = put_text(out, {begin, static_cast<size_t>(point - begin)});
  if (scale == 0) return out;
  *out++ = '.';
  return put_text(out, {point, static_cast<size_t>(scale)});
}

char* put_double(char* out, double value) { return put_floating(out, value, 15); }
char* put_float(char* out, float value) { return put_floating(out, value, 6); }

char* put_date(char* out, int32_t days) {
  if (is_plain_day(days)) return put_plain_day(out, days);
  if (days == kInfiniteDate) return put_text(out, "infinity");
  if (days == -kInfiniteDate) return put_text(out, "-infinity");
  const CivilDate date = civil_from_days(days);
  out = put_year_month_day(out, date);
  return date.year > 0 ? out : put_text(out, " BC");
}

char* put_time(char* out, int64_t micros) {
  const auto seconds = static_cast<uint64_t>(micros / kMicrosPerSecond);
  out = put_two(out, seconds / 3600);
  *out++ = ':';
  out = put_two(out, seconds / 60 % 60);
  *out++ = ':';
  out = put_two(out, seconds % 60);
  return put_fraction(out, micros % kMicrosPerSecond);
}

char* put_timestamp(char* out, int64_t micros) {
  if (micros == kInfiniteTimestamp) return put_text(out, "infinity");
  if (micros == -kInfiniteTimestamp) return put_text(out, "-infinity");
  return put_instant(out, micros, nullptr);
}

char* put_timestamp_tz(char* out, int64_t utc_micros, const TimeZone& zone) {
  if (utc_micros == kInfiniteTimestamp || utc_micros == -kInfiniteTimestamp) {
    return put_timestamp(out, utc_micros);
  }
  const int64_t offset = zone.offset_seconds_at(utc_micros);
  return put_instant(out, utc_micros + offset * kMicrosPerSecond, &offset);
}

char* put_interval(char* out, const duckdb::interval_t& value) {
  bool first = true;
  bool negative = false;
  out = put_interval_part(out, value.months / 12, "year", first, negative);
  out = put_interval_part(out, value.months % 12, "mon", first, negative);
  out = put_interval_part(out, value.days, "day", first, negative);
  if (!first && value.micros == 0) return out;
  if (!first) *out++ = ' ';
  if (value.micros < 0) {
    *out++ = '-';
  } else if (negative) {
    *out++ = '+';
  }
  const uint64_t micros = value.micros < 0 ? uint64_t{0} - static_cast<uint64_t>(value.micros)
                                           : static_cast<uint64_t>(value.micros);
  const uint64_t seconds = micros / kMicrosPerSecond;
  const uint64_t hours = seconds / 3600;
  out = hours < 100 ? put_two(out, hours) : put_unsigned(out, hours);
  *out++ = ':';
  out = put_two(out, seconds / 60 % 60);
  *out++ = ':';
  out = put_two(out, seconds % 60);
  return put_fraction(out, static_cast<int64_t>(micros % kMicrosPerSecond));
}

char* put_uuid(char* out, const duckdb::hugeint_t& value) {
  duckdb::BaseUUID::ToString(value, out);
  return out + kMaxUuidText;
}

void append_bytea(std::string_view bytes, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  const size_t begin = out.size();
  out.resize(begin + 2 + bytes.size() * 2);
  char* at = out.data() + begin;
  *at++ = '\\';
  *at++ = 'x';
  for (const char byte : bytes) {
    *at++ = kHex[static_cast<uint8_t>(byte) >> 4];
    *at++ = kHex[static_cast<uint8_t>(byte) & 15];
  }
}

void append_json(std::string_view compact, bool spaced, std::string& out) {
  if (!spaced) {
    out += compact;
    return;
  }
  bool in_string = false;
  for (size_t i = 0; i < compact.size(); ++i) {
    const char c = compact[i];
    out += c;
    if (in_string) {
      if (c == '\\' && i + 1 < compact.size()) {
        out += compact[++i];
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == ',' || c == ':') {
      out += ' ';
    }
  }
}

bool prints_trimmed(const LogicalType& type, const TextStyle& style) {
  return !style.keep_scale && duckdb::DecimalType::GetWidth(type) == 38 &&
         duckdb::DecimalType::GetScale(type) == 10;
}

char* put_list_element(char* out, std::string_view text, bool in_map) {
  if (!needs_array_quotes(text, in_map)) return put_text(out, text);
  *out++ = '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') *out++ = '\\';
    *out++ = c;
  }
  *out++ = '"';
  return out;
}

void append_value(const Value& value, const TextStyle& style, std::string& out) {
  const LogicalType& type = value.type();
  char buffer[kMaxIntervalText];
  if (const char* end = put_scalar(buffer, value, style)) {
    out.append(buffer, static_cast<size_t>(end - buffer));
    return;
  }
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN: {
      const bool yes = value.GetValueUnsafe<bool>();
      out += style.long_booleans ? (yes ? "true" : "false") : (yes ? "t" : "f");
      return;
    }
    case LogicalTypeId::DECIMAL: {
      const char* end = put_decimal(buffer, decimal_of(value), duckdb::DecimalType::GetScale(type),
                                    prints_trimmed(type, style));
      out.append(buffer, static_cast<size_t>(end - buffer));
      return;
    }
    case LogicalTypeId::VARCHAR:
      if (type.IsJSONType()) {
        append_json(duckdb::StringValue::Get(value), style.spaced_json, out);
      } else {
        out += duckdb::StringValue::Get(value);
      }
      return;
    case LogicalTypeId::BLOB:
      append_bytea(duckdb::StringValue::Get(value), out);
      return;
    case LogicalTypeId::LIST:
      append_list(duckdb::ListValue::GetChildren(value), style, out);
      return;
    case LogicalTypeId::ARRAY:
      append_list(duckdb::ArrayValue::GetChildren(value), style, out);
      return;
    case LogicalTypeId::MAP:
      append_map(value, style, out);
      return;
    case LogicalTypeId::STRUCT:
      append_record(duckdb::StructValue::GetChildren(value), style, out);
      return;
    default:
      out += value.ToString();
  }
}

void append_from(Vector& vector, size_t row, const TextStyle& style, std::string& out) {
  append_value(vector.GetValue(row), style, out);
}

}  // namespace sluice::engine::functions
