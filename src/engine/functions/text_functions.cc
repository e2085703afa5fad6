// PostgreSQL's functions on texts that DuckDB has not, or has with another meaning:
//
//   initcap(text), overlay(text, text, from [, length])
//   encode(bytea, format), decode(text, format)          hex, base64 (76 a line), escape
//   sluice_format(text, …)                               format(): %s %I %L %%, widths, n$
//   sluice_substring(text, from [, length])              substring(), substr()
//   sluice_to_hex(bigint)                                to_hex(): small letters, two's complement
//   sluice_string_to_array(text, separator [, null])     string_to_array()
//   sluice_array_to_string(text[], separator [, null])   array_to_string()
//
//   length(bytea), octet_length(text), bit_length(bytea), get_byte(bytea, at), set_byte(bytea, at,
//   byte), num_nulls(…), num_nonnulls(…), width_bucket(value, low, high, count)
//
// They go value by value: none is meant for the inner loop of a scan.
#include <cmath>
#include <duckdb/common/types/blob.hpp>
#include <optional>

#include "engine/functions/quoting.h"
#include "engine/functions/raise.h"
#include "engine/functions/row_function.h"
#include "engine/functions/text_in.h"
#include "engine/functions/text_out.h"

namespace sluice::engine::functions {
namespace {

using duckdb::DataChunk;
using duckdb::ExpressionState;
using duckdb::ScalarFunction;

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Words are runs of letters and digits; all bytes of what is not ASCII count as letters.
void length_of_bytes(DataChunk& input, ExpressionState&, Vector& result) {
  duckdb::UnaryExecutor::Execute<duckdb::string_t, int64_t>(
      input.data[0], result, input.size(),
      [](duckdb::string_t bytes) { return static_cast<int64_t>(bytes.GetSize()); });
}

void bits_of_bytes(DataChunk& input, ExpressionState&, Vector& result) {
  duckdb::UnaryExecutor::Execute<duckdb::string_t, int64_t>(
      input.data[0], result, input.size(),
      [](duckdb::string_t bytes) { return 8 * static_cast<int64_t>(bytes.GetSize()); });
}

size_t byte_index(const std::string& bytes, const Value& given) {
  const auto at = given.GetValue<int64_t>();
  if (at < 0 || at >= static_cast<int64_t>(bytes.size())) {
    raise(invalid("index {} out of valid range, 0..{}", at, static_cast<int64_t>(bytes.size()) - 1)
              .with_sqlstate("2202E"));
  }
  return static_cast<size_t>(at);
}

Value get_byte(const Values& arguments, const LogicalType&) {
  const std::string& bytes = text_of(arguments[0]);
  return Value::INTEGER(static_cast<uint8_t>(bytes[byte_index(bytes, arguments[1])]));
}

Value set_byte(const Values& arguments, const LogicalType&) {
  std::string bytes = text_of(arguments[0]);
  bytes[byte_index(bytes, arguments[1])] = static_cast<char>(arguments[2].GetValue<int32_t>());
  return Value::BLOB_RAW(bytes);
}

template <bool kNulls>
Value count_nulls(const Values& arguments, const LogicalType&) {
  int32_t count = 0;
  for (const Value& argument : arguments) count += argument.IsNull() == kNulls ? 1 : 0;
  return Value::INTEGER(count);
}

// 0 below the range, count + 1 behind it; the range may go down.
Value width_bucket(const Values& arguments, const LogicalType&) {
  const auto value = arguments[0].GetValue<double>();
  const auto low = arguments[1].GetValue<double>(), high = arguments[2].GetValue<double>();
  const auto count = arguments[3].GetValue<int32_t>();
  const auto refuse = [](std::string_view why) {
    raise(invalid("{}", why).with_sqlstate("2201G"));
  };
  if (count <= 0) refuse("count must be greater than zero");
  if (std::isnan(value) || std::isnan(low) || std::isnan(high))
    refuse("operand, lower bound, and upper bound cannot be NaN");
  if (!std::isfinite(low) || !std::isfinite(high)) refuse("lower and upper bounds must be finite");
  if (low == high) refuse("lower bound cannot equal upper bound");
  const bool down = low > high;
  if (down ? value > low : value < low) return Value::INTEGER(0);
  if (down ? value <= high : value >= high) {
    if (count == std::numeric_limits<int32_t>::max())
      raise(invalid("integer out of range").with_sqlstate("22003"));
    return Value::INTEGER(count + 1);
  }
  const double part = (value - low) / (high - low);
  return Value::INTEGER(std::min(count, static_cast<int32_t>(part * count) + 1));
}

Value initcap(const Values& arguments, const LogicalType&) {
  std::string text = text_of(arguments[0]);
  bool inside = false;
  for (char& c : text) {
    const bool letter = is_ascii_letter(c);
    if (letter && !inside) c = static_cast<char>(c & ~0x20);
    if (letter && inside) c = static_cast<char>(c | 0x20);
    inside = letter || (c >= '0' && c <= '9') || (static_cast<unsigned char>(c) & 0x80) != 0;
  }
  return Value(std::move(text));
}

Value overlay(const Values& arguments, const LogicalType&) {
  const std::string& text = text_of(arguments[0]);
  const std::string& by = text_of(arguments[1]);
  const auto from = arguments[2].GetValue<int64_t>();
  const int64_t length = arguments.size() > 3 ? arguments[3].GetValue<int64_t>()
                                              : static_cast<int64_t>(characters_of(by));
  if (from <= 0) raise(invalid("negative substring length not allowed").with_sqlstate("22011"));
  return Value(text.substr(0, byte_of_character(text, from - 1)) + by +
               text.substr(byte_of_character(text, std::max<int64_t>(0, from - 1 + length))));
}

// Positions before the text count too: substring('hello', -1, 4) is 'he'.
Value substring(const Values& arguments, const LogicalType&) {
  const std::string& text = text_of(arguments[0]);
  const auto from = arguments[1].GetValue<int64_t>();
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  int64_t end = kEnd;
  if (arguments.size() > 2) {
    const auto length = arguments[2].GetValue<int64_t>();
    if (length < 0) raise(invalid("negative substring length not allowed").with_sqlstate("22011"));
    if (__builtin_add_overflow(from, length, &end)) end = kEnd;
  }
  const size_t begin = byte_of_character(text, std::max<int64_t>(from, 1) - 1);
  const size_t stop = end <= 1 ? 0 : byte_of_character(text, end - 1);
  return Value(stop <= begin ? std::string() : text.substr(begin, stop - begin));
}

// Where the place is known to lie in the text, the engine's own function is right, and faster.
BoundExpression bind_substring(duckdb::FunctionBindExpressionInput& input) {
  for (size_t i = 1; i < input.children.size(); ++i) {
    const duckdb::Expression& place = *input.children[i];
    if (place.GetExpressionClass() != duckdb::ExpressionClass::BOUND_CONSTANT) return nullptr;
    const Value& value = place.Cast<duckdb::BoundConstantExpression>().value;
    if (value.IsNull() || value.GetValue<int64_t>() < 1) return nullptr;
  }
  BoundExpressions children;
  for (const BoundExpression& child : input.children) children.push_back(child->Copy());
  return bound_call(input.context, "substring", std::move(children));
}

Value to_hex(const Values& arguments, const LogicalType&) {
  return Value(fmt::format("{:x}", static_cast<uint64_t>(arguments[0].GetValue<int64_t>())));
}
Value to_hex_of_integer(const Values& arguments, const LogicalType&) {
  return Value(fmt::format("{:x}", static_cast<uint32_t>(arguments[0].GetValue<int32_t>())));
}

[[noreturn]] void unknown_encoding(const std::string& name) {
  raise(invalid("unrecognized encoding: \"{}\"", name).with_sqlstate("22023"));
}

std::string lines_of(const std::string& base64) {
  std::string lines;
  for (size_t at = 0; at < base64.size(); at += 76) {
    if (at > 0) lines += '\n';
    lines += base64.substr(at, 76);
  }
  return lines;
}

std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (byte == 0 || byte >= 0x80) {
      out += fmt::format("\\{:03o}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

Value encode(const Values& arguments, const LogicalType&) {
  const std::string& bytes = text_of(arguments[0]);
  const std::string& format = text_of(arguments[1]);
  std::string out;
  if (format == "hex") {
    append_bytea(bytes, out);
    return Value(out.substr(2));
  }
  if (format == "escape") return Value(escaped(bytes));
  if (format != "base64") unknown_encoding(format);
  return Value(lines_of(duckdb::Blob::ToBase64(duckdb::string_t(bytes))));
}

std::string from_base64(const std::string& text) {
  std::string packed;
  for (const char c : text) {
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') packed += c;
  }
  try {
    return duckdb::Blob::FromBase64(duckdb::string_t(packed));
  } catch (const duckdb::Exception&) {
    raise(
        invalid("invalid base64 end sequence")
            .with_sqlstate("22023")
            .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
  }
}

Value decode(const Values& arguments, const LogicalType&) {
  const std::string& text = text_of(arguments[0]);
  const std::string& format = text_of(arguments[1]);
  if (format == "base64") return Value::BLOB_RAW(from_base64(text));
  if (format != "hex" && format != "escape") unknown_encoding(format);
  std::string bytes;
  if (!read_bytea(format == "hex" ? "\\x" + text : text, bytes)) {
    raise(invalid("{}", format == "hex" ? "invalid hexadecimal data"
                                        : "invalid input syntax for type bytea")
              .with_sqlstate(format == "hex" ? "22023" : "22P02"));
  }
  return Value::BLOB_RAW(bytes);
}

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  if (text.empty()) return {};
  if (separator.empty()) return {text};
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t at = 0; (at = text.find(separator, begin)) != std::string::npos;) {
    parts.push_back(text.substr(begin, at - begin));
    begin = at + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<std::string> split_characters(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at + byte_of_character(std::string_view(text).substr(at), 1);
    parts.push_back(text.substr(at, end - at));
    at = end;
  }
  return parts;
}

Value string_to_array(const Values& arguments, const LogicalType& result) {
  if (arguments[0].IsNull()) return Value(result);
  const std::string& text = text_of(arguments[0]);
  const bool has_null = arguments.size() > 2 && !arguments[2].IsNull();
  duckdb::vector<Value> parts;
  for (std::string& part :
       arguments[1].IsNull() ? split_characters(text) : split(text, text_of(arguments[1]))) {
    const bool null = has_null && part == text_of(arguments[2]);
    parts.push_back(null ? Value(LogicalType::VARCHAR) : Value(std::move(part)));
  }
  return Value::LIST(LogicalType::VARCHAR, std::move(parts));
}

Value array_to_string(const Values& arguments, const LogicalType& result) {
  if (arguments[0].IsNull() || arguments[1].IsNull()) return Value(result);
  const bool has_null = arguments.size() > 2 && !arguments[2].IsNull();
  std::string text;
  bool first = true;
  for (const Value& element : duckdb::ListValue::GetChildren(arguments[0])) {
    if (element.IsNull() && !has_null) continue;
    if (!first) text += text_of(arguments[1]);
    text += text_of(element.IsNull() ? arguments[2] : element);
    first = false;
  }
  return Value(std::move(text));
}

// What follows a % in format(): [n$][-][width]type.
struct FormatSpecifier {
  size_t argument = 0;  // from 1; 0: the next one
  bool left = false;
  size_t width = 0;
  char type = 's';
};

[[noreturn]] void bad_format(std::string_view why) {
  raise(invalid("{}", why).with_sqlstate("22023"));
}

constexpr size_t kMaxFormatNumber = 1'000'000;

size_t number_at(const std::string& text, size_t& at) {
  size_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + static_cast<size_t>(text[at++] - '0');
    if (value > kMaxFormatNumber) bad_format("number is out of range");
  }
  return value;
}

FormatSpecifier specifier_at(const std::string& format, size_t& at) {
  FormatSpecifier specifier;
  const size_t begin = at;
  const size_t number = number_at(format, at);
  if (at < format.size() && at > begin && format[at] == '$') {
    if (number == 0) bad_format("format specifies argument 0, but arguments are numbered from 1");
    specifier.argument = number;
    ++at;
  } else {
    at = begin;
  }
  while (at < format.size() && format[at] == '-') {
    specifier.left = true;
    ++at;
  }
  specifier.width = number_at(format, at);
  if (at == format.size()) bad_format("unterminated format() type specifier");
  specifier.type = format[at++];
  return specifier;
}

std::string formatted(const Value& value, char type) {
  switch (type) {
    case 's':
      return value.IsNull() ? "" : text_of(value);
    case 'I':
      if (value.IsNull()) {
        raise(
            invalid("null values cannot be formatted as an SQL identifier").with_sqlstate("22004"));
      }
      return quoted_identifier(text_of(value));
    case 'L':
      return value.IsNull() ? "NULL" : quoted_literal(text_of(value));
    default:
      bad_format(fmt::format("unrecognized format() type specifier \"{}\"", type));
  }
}

Value format(const Values& arguments, const LogicalType& result) {
  if (arguments[0].IsNull()) return Value(result);
  const std::string& text = text_of(arguments[0]);
  std::string out;
  size_t next = 1;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '%') {
      out += text[at++];
      continue;
    }
    ++at;
    if (at < text.size() && text[at] == '%') {
      out += text[at++];
      continue;
    }
    const FormatSpecifier specifier = specifier_at(text, at);
    if (specifier.argument > 0) next = specifier.argument;
    if (next >= arguments.size()) bad_format("too few arguments for format()");
    const std::string piece = formatted(arguments[next++], specifier.type);
    const size_t length = characters_of(piece);
    const std::string blanks(specifier.width > length ? specifier.width - length : 0, ' ');
    out += specifier.left ? piece + blanks : blanks + piece;
  }
  return Value(std::move(out));
}

}  // namespace

void register_text_functions(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR, bytes = LogicalType::BLOB;
  const LogicalType number = LogicalType::BIGINT, integer = LogicalType::INTEGER;
  const LogicalType texts = LogicalType::LIST(text);
  add_function(database, ScalarFunction("length", {bytes}, number, length_of_bytes));
  add_function(database, ScalarFunction("octet_length", {text}, number, length_of_bytes));
  add_function(database, ScalarFunction("bit_length", {bytes}, number, bits_of_bytes));
  add_rowwise<get_byte>(database, "get_byte", {bytes, number}, integer);
  add_rowwise<set_byte>(database, "set_byte", {bytes, number, integer}, bytes);
  const LogicalType any = LogicalType::ANY, real = LogicalType::DOUBLE;
  add_rowwise<count_nulls<true>, true>(database, "num_nulls", {any}, integer, any);
  add_rowwise<count_nulls<false>, true>(database, "num_nonnulls", {any}, integer, any);
  add_rowwise<width_bucket>(database, "width_bucket", {real, real, real, integer}, integer);
  add_rowwise<initcap>(database, "initcap", {text}, text);
  add_rowwise<overlay>(database, "overlay", {text, text, number}, text);
  add_rowwise<overlay>(database, "overlay", {text, text, number, number}, text);
  add_rowwise<substring>(database, "sluice_substring", {text, number}, text, bind_substring);
  add_rowwise<substring>(database, "sluice_substring", {text, number, number}, text,
                         bind_substring);
  add_rowwise<to_hex>(database, "sluice_to_hex", {number}, text);
  add_rowwise<to_hex_of_integer>(database, "sluice_to_hex", {integer}, text);
  add_rowwise<encode>(database, "encode", {bytes, text}, text);
  add_rowwise<decode>(database, "decode", {text, text}, bytes);
  add_rowwise<format, true>(database, "sluice_format", {text}, text, text);
  add_rowwise<string_to_array, true>(database, "sluice_string_to_array", {text, text}, texts);
  add_rowwise<string_to_array, true>(database, "sluice_string_to_array", {text, text, text}, texts);
  add_rowwise<array_to_string, true>(database, "sluice_array_to_string", {texts, text}, text);
  add_rowwise<array_to_string, true>(database, "sluice_array_to_string", {texts, text, text}, text);
}

}  // namespace sluice::engine::functions
