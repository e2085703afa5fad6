#include "engine/functions/text_in.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "engine/functions/json.h"

namespace sluice::engine::functions {
namespace {

using duckdb::FlatVector;
using duckdb::LogicalTypeId;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool equals_ignoring_case(std::string_view text, std::string_view word) {
  return text.size() == word.size() &&
         std::equal(text.begin(), text.end(), word.begin(),
                    [](char a, char b) { return ascii_lower(a) == b; });
}

// At least `shortest` characters of `word`, in any case.
bool is_prefix_of(std::string_view text, std::string_view word, size_t shortest) {
  return text.size() >= shortest && text.size() <= word.size() &&
         equals_ignoring_case(text, word.substr(0, text.size()));
}

// Digits to a magnitude; false on anything else, or past 64 bits.
bool read_digits(std::string_view digits, uint64_t& out) {
  if (digits.empty()) return false;
  uint64_t value = 0;
  if (digits.size() <= 19) {
    for (const char c : digits) {
      const auto digit = static_cast<unsigned>(c - '0');
      if (digit > 9) return false;
      value = value * 10 + digit;
    }
    out = value;
    return true;
  }
  for (const char c : digits) {
    const auto digit = static_cast<unsigned>(c - '0');
    if (digit > 9) return false;
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  out = value;
  return true;
}

template <typename Float>
bool read_floating(std::string_view text, Float& out) {
  text = trimmed(text);
  std::string_view digits = text;
  bool negative = false;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  if (equals_ignoring_case(text, "nan")) {
    out = std::numeric_limits<Float>::quiet_NaN();
    return true;
  }
  if (equals_ignoring_case(digits, "inf") || equals_ignoring_case(digits, "infinity")) {
    out =
        negative ? -std::numeric_limits<Float>::infinity() : std::numeric_limits<Float>::infinity();
    return true;
  }
  // from_chars would take words and a second sign here.
  if (digits.empty() || (!is_digit(digits[0]) && digits[0] != '.')) return false;
  Float value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc() || end != digits.data() + digits.size()) return false;
  out = negative ? -value : value;
  return true;
}

// The parts of [+-]digits[.digits][e[+-]digits].
struct DecimalText {
  bool negative = false;
  std::string_view whole, fraction;
  int64_t exponent = 0;
};

bool split_decimal(std::string_view text, DecimalText& out) {
  text = trimmed(text);
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    out.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  out.whole = text.substr(0, at);
  if (at < text.size() && text[at] == '.') {
    const size_t begin = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    out.fraction = text.substr(begin, at - begin);
  }
  if (out.whole.empty() && out.fraction.empty()) return false;
  if (at == text.size()) return true;
  if (ascii_lower(text[at]) != 'e') return false;
  std::string_view exponent = text.substr(at + 1);
  if (!exponent.empty() && exponent[0] == '+') exponent.remove_prefix(1);
  if (exponent.empty() || (!is_digit(exponent.back()))) return false;
  const auto [end, code] =
      std::from_chars(exponent.data(), exponent.data() + exponent.size(), out.exponent);
  return code == std::errc() && end == exponent.data() + exponent.size();
}

bool is_special_numeric(std::string_view text) {
  text = trimmed(text);
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  return equals_ignoring_case(text, "nan") || equals_ignoring_case(text, "inf") ||
         equals_ignoring_case(text, "infinity");
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  c = ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool read_hex(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    if (i + 1 >= text.size()) return false;
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return true;
}

Error range_error(std::string_view text, std::string_view type) {
  return invalid("value \"{}\" is out of range for type {}", text, type).with_sqlstate("22003");
}

Error numeric_error(const LogicalType& type, std::string_view text) {
  if (is_special_numeric(text)) {
    return invalid("numeric does not hold the special value \"{}\"", trimmed(text))
        .with_sqlstate("22003")
        .with_hint("Use double precision.");
  }
  DecimalText parts;
  if (!split_decimal(text, parts)) {
    return invalid("invalid input syntax for type numeric: \"{}\"", text).with_sqlstate("22P02");
  }
  const int width = duckdb::DecimalType::GetWidth(type);
  const int scale = duckdb::DecimalType::GetScale(type);
  return invalid("numeric field overflow")
      .with_sqlstate("22003")
      .with_detail(fmt::format(
          "A field with precision {}, scale {} must round to an absolute value less than 10^{}.",
          width, scale, width - scale));
}

// Whether the text has an integer's syntax, whatever its size.
bool looks_like_integer(std::string_view text) {
  text = trimmed(text);
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// Bytes of the character that `text` begins with, 0 if it is none: no overlong forms, no
// surrogates.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto follows = [&](size_t i, uint8_t low, uint8_t high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first < 0xf0) {
    const uint8_t low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  const uint8_t low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
  return follows(1, low, high) && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf) ? 4 : 0;
}

Error utf8_error(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::string bytes;
  for (size_t i = 0; i < std::min(length, text.size()); ++i) {
    bytes += fmt::format("{}0x{:02x}", i > 0 ? " " : "", static_cast<uint8_t>(text[i]));
  }
  return invalid("invalid byte sequence for encoding \"UTF8\": {}", bytes).with_sqlstate("22021");
}

Error bytea_error(std::string_view text) {
  if (text.substr(0, 2) != "\\x") {
    return invalid("invalid input syntax for type bytea").with_sqlstate("22P02");
  }
  for (const char c : text.substr(2)) {
    if (is_space(c) || hex_digit(c) >= 0) continue;
    return invalid("invalid hexadecimal digit: \"{}\"", c).with_sqlstate("22023");
  }
  return invalid("invalid hexadecimal data: odd number of digits").with_sqlstate("22023");
}

bool looks_like_float(std::string_view text) {
  DecimalText parts;
  return split_decimal(text, parts);
}

}  // namespace

Status check_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t word = 0;
    if (text.size() - at >= 8) {
      std::memcpy(&word, text.data() + at, 8);
      // No byte has its top bit, and none is zero.
      constexpr uint64_t kTops = 0x8080808080808080ULL, kOnes = 0x0101010101010101ULL;
      if (((word | ((word - kOnes) & ~word)) & kTops) == 0) {
        at += 8;
        continue;
      }
    }
    const size_t length = utf8_length(text.substr(at));
    if (length == 0) return utf8_error(text.substr(at));
    at += length;
  }
  return ok();
}

bool read_boolean(std::string_view text, bool& out) {
  text = trimmed(text);
  if (text == "1" || is_prefix_of(text, "true", 1) || is_prefix_of(text, "yes", 1) ||
      equals_ignoring_case(text, "on")) {
    out = true;
    return true;
  }
  if (text == "0" || is_prefix_of(text, "false", 1) || is_prefix_of(text, "no", 1) ||
      is_prefix_of(text, "off", 2)) {
    out = false;
    return true;
  }
  return false;
}

bool read_integer(std::string_view text, int64_t low, int64_t high, int64_t& out) {
  text = trimmed(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  uint64_t digits = 0;
  if (!read_digits(text, digits)) return false;
  if (negative) {
    if (digits > uint64_t{0} - static_cast<uint64_t>(low)) return false;
    out = static_cast<int64_t>(uint64_t{0} - digits);
    return true;
  }
  if (digits > static_cast<uint64_t>(high)) return false;
  out = static_cast<int64_t>(digits);
  return true;
}

bool read_unsigned(std::string_view text, uint64_t high, uint64_t& out) {
  text = trimmed(text);
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  return read_digits(text, out) && out <= high;
}

bool read_double(std::string_view text, double& out) { return read_floating(text, out); }
bool read_float(std::string_view text, float& out) { return read_floating(text, out); }

bool read_decimal(std::string_view text, int width, int scale, Int128& out) {
  DecimalText parts;
  if (!split_decimal(text, parts)) return false;
  const Int128 limit = kPowersOfTen[static_cast<size_t>(width)];
  // Digit i of the number stands for 10^(whole.size() - 1 - i + exponent).
  const auto whole = static_cast<int64_t>(parts.whole.size());
  const int64_t kept = whole + std::clamp<int64_t>(parts.exponent, -100000, 100000) + scale;
  const auto digit = [&](int64_t i) -> int {
    if (i < 0) return 0;
    if (i < whole) return parts.whole[static_cast<size_t>(i)] - '0';
    i -= whole;
    return i < static_cast<int64_t>(parts.fraction.size())
               ? parts.fraction[static_cast<size_t>(i)] - '0'
               : 0;
  };
  const int64_t available = whole + static_cast<int64_t>(parts.fraction.size());
  Int128 value = 0;
  for (int64_t i = 0; i < kept; ++i) {
    if (i >= available && value == 0) break;
    value = value * 10 + digit(i);
    if (value >= limit) return false;
  }
  if (kept >= 0 && digit(kept) >= 5) ++value;
  if (value >= limit) return false;
  out = parts.negative ? -value : value;
  return true;
}

bool read_uuid(std::string_view text, duckdb::hugeint_t& out) {
  if (text.size() >= 2 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, text.size() - 2);
  }
  UInt128 value = 0;
  int digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') {
      // Between groups of four digits only.
      if (digits == 0 || digits == 32 || digits % 4 != 0 || text[i - 1] == '-') return false;
      continue;
    }
    const int digit = hex_digit(text[i]);
    if (digit < 0 || digits == 32) return false;
    value = value << 4 | static_cast<unsigned>(digit);
    ++digits;
  }
  if (digits != 32) return false;
  // The engine flips the first bit, so that signed comparison orders uuids as bytes.
  out = to_hugeint(static_cast<Int128>(value ^ (UInt128{1} << 127)));
  return true;
}

bool read_bytea(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() >= 2 && text[0] == '\\' && text[1] == 'x') return read_hex(text.substr(2), out);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '\\') {
      out += '\\';
      ++i;
      continue;
    }
    if (i + 3 >= text.size()) return false;
    const auto octal = [&](size_t at) { return text[i + at] - '0'; };
    if (octal(1) < 0 || octal(1) > 3 || octal(2) < 0 || octal(2) > 7 || octal(3) < 0 ||
        octal(3) > 7) {
      return false;
    }
    out += static_cast<char>(octal(1) << 6 | octal(2) << 3 | octal(3));
    i += 3;
  }
  return true;
}

std::string input_type_name(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      return "boolean";
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
      return "smallint";
    case LogicalTypeId::INTEGER:
      return "integer";
    case LogicalTypeId::BIGINT:
      return "bigint";
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
      return "uint2";
    case LogicalTypeId::UINTEGER:
      return type.GetAlias() == "oid" ? "oid" : "uint4";
    case LogicalTypeId::UBIGINT:
      return type.GetAlias() == "mz_timestamp" ? "mz_timestamp" : "uint8";
    case LogicalTypeId::FLOAT:
      return "real";
    case LogicalTypeId::DOUBLE:
      return "double precision";
    case LogicalTypeId::DECIMAL:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT:
      return "numeric";
    case LogicalTypeId::DATE:
      return "date";
    case LogicalTypeId::TIME:
      return "time";
    case LogicalTypeId::TIMESTAMP:
      return "timestamp";
    case LogicalTypeId::TIMESTAMP_TZ:
      return "timestamp with time zone";
    case LogicalTypeId::INTERVAL:
      return "interval";
    case LogicalTypeId::BLOB:
      return "bytea";
    case LogicalTypeId::UUID:
      return "uuid";
    case LogicalTypeId::VARCHAR:
      return type.IsJSONType() ? "jsonb" : "text";
    case LogicalTypeId::MAP:
      return "map";
    case LogicalTypeId::LIST:
      return "array";
    default:
      return "text";
  }
}

Error input_error(const LogicalType& type, std::string_view text) {
  const std::string name = input_type_name(type);
  if (type.id() == LogicalTypeId::DECIMAL) return numeric_error(type, text);
  if (type.id() == LogicalTypeId::FLOAT || type.id() == LogicalTypeId::DOUBLE) {
    if (looks_like_float(text)) {
      return invalid("\"{}\" is out of range for type {}", text, name).with_sqlstate("22003");
    }
  } else if (type.IsNumeric() && looks_like_integer(text)) {
    return range_error(text, name);
  }
  if (type.id() == LogicalTypeId::BLOB) return bytea_error(text);
  return invalid("invalid input syntax for type {}: \"{}\"", name, text).with_sqlstate("22P02");
}

namespace {

template <typename T>
bool store_integer(std::string_view text, Vector& out, size_t row) {
  int64_t value = 0;
  if (!read_integer(text, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), value)) {
    return false;
  }
  FlatVector::GetData<T>(out)[row] = static_cast<T>(value);
  return true;
}

template <typename T>
bool store_unsigned(std::string_view text, Vector& out, size_t row) {
  uint64_t value = 0;
  if (!read_unsigned(text, std::numeric_limits<T>::max(), value)) return false;
  FlatVector::GetData<T>(out)[row] = static_cast<T>(value);
  return true;
}

bool store_decimal_text(std::string_view text, Vector& out, size_t row) {
  const LogicalType& type = out.GetType();
  Int128 value = 0;
  if (!read_decimal(text, duckdb::DecimalType::GetWidth(type), duckdb::DecimalType::GetScale(type),
                    value)) {
    return false;
  }
  store_decimal(type.InternalType(), FlatVector::GetData(out), row, value);
  return true;
}

bool store_number(std::string_view text, Vector& out, size_t row) {
  switch (out.GetType().id()) {
    case LogicalTypeId::BOOLEAN:
      return read_boolean(text, FlatVector::GetData<bool>(out)[row]);
    case LogicalTypeId::TINYINT:
      return store_integer<int8_t>(text, out, row);
    case LogicalTypeId::SMALLINT:
      return store_integer<int16_t>(text, out, row);
    case LogicalTypeId::INTEGER:
      return store_integer<int32_t>(text, out, row);
    case LogicalTypeId::BIGINT:
      return store_integer<int64_t>(text, out, row);
    case LogicalTypeId::UTINYINT:
      return store_unsigned<uint8_t>(text, out, row);
    case LogicalTypeId::USMALLINT:
      return store_unsigned<uint16_t>(text, out, row);
    case LogicalTypeId::UINTEGER:
      return store_unsigned<uint32_t>(text, out, row);
    case LogicalTypeId::UBIGINT:
      return store_unsigned<uint64_t>(text, out, row);
    case LogicalTypeId::FLOAT:
      return read_float(text, FlatVector::GetData<float>(out)[row]);
    case LogicalTypeId::DOUBLE:
      return read_double(text, FlatVector::GetData<double>(out)[row]);
    case LogicalTypeId::DECIMAL:
      return store_decimal_text(text, out, row);
    case LogicalTypeId::UUID:
      return read_uuid(text, FlatVector::GetData<duckdb::hugeint_t>(out)[row]);
    default:
      return false;
  }
}

}  // namespace

Status ColumnReader::read_strings(std::string_view text, Vector& out, size_t row) const {
  auto* data = FlatVector::GetData<duckdb::string_t>(out);
  const auto store = [&](std::string_view bytes) {
    data[row] = duckdb::StringVector::AddStringOrBlob(out, bytes.data(), bytes.size());
  };
  TRY(check_utf8(text));
  if (type_.id() == LogicalTypeId::BLOB) {
    std::string bytes;
    if (!read_bytea(text, bytes)) return input_error(type_, text);
    store(bytes);
  } else if (type_.IsJSONType()) {
    TRY_ASSIGN(const std::string json, normalize_json(text));
    store(json);
  } else {
    store(text);
  }
  return ok();
}

Status ColumnReader::read_scalar(std::string_view text, Vector& out, size_t row) const {
  switch (type_.id()) {
    case LogicalTypeId::DATE:
      return read_date(text, FlatVector::GetData<int32_t>(out)[row]);
    case LogicalTypeId::TIME:
      return read_time(text, FlatVector::GetData<int64_t>(out)[row]);
    case LogicalTypeId::TIMESTAMP:
      return read_timestamp(text, FlatVector::GetData<int64_t>(out)[row]);
    case LogicalTypeId::TIMESTAMP_TZ:
      return read_timestamp_tz(text, zone_, FlatVector::GetData<int64_t>(out)[row]);
    case LogicalTypeId::INTERVAL:
      return read_interval(text, FlatVector::GetData<duckdb::interval_t>(out)[row]);
    default:
      if (store_number(text, out, row)) return ok();
      return input_error(type_, text);
  }
}

Status ColumnReader::read(std::string_view text, Vector& out, size_t row) const {
  switch (type_.id()) {
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB:
      return read_strings(text, out, row);
    case LogicalTypeId::LIST:
    case LogicalTypeId::MAP: {
      TRY_ASSIGN(const Value value, read(text));
      out.SetValue(row, value);
      return ok();
    }
    default:
      return read_scalar(text, out, row);
  }
}

Result<Value> ColumnReader::read(std::string_view text) const {
  if (type_.id() == LogicalTypeId::LIST) return read_list(text);
  if (type_.id() == LogicalTypeId::MAP) return read_map(text);
  Vector one(type_, size_t{1});
  TRY(read(text, one, 0));
  return one.GetValue(0);
}

}  // namespace sluice::engine::functions
