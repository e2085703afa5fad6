// jsonb as it is stored: compact JSON text in one normal form, so that equal documents are equal
// bytes.
//
//   keys      in the order of their bytes, the last of several values for one key
//   numbers   plain decimals: 1e2 is 100; 1.50 keeps its zero
//   strings   UTF-8, with \" \\ \b \f \n \r \t and \u00XX for other control characters only
//
// Pure functions. What takes a document expects the normal form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::engine::functions {

// 22P02 for what is not JSON, 22P05 for \u0000 and broken surrogates, 54001 past 512 levels.
Result<std::string> normalize_json(std::string_view text);

// A string in normal form, quotes included.
void append_json_string(std::string_view text, std::string& out);
// What a JSON string (quotes included) says.
std::string json_string_text(std::string_view json);

enum class JsonKind { kNull, kBoolean, kNumber, kString, kArray, kObject };
JsonKind json_kind(std::string_view json);

// The elements of an array; the members of an object, keys with their quotes.
std::vector<std::string_view> json_elements(std::string_view array);
struct JsonMember {
  std::string_view key;
  std::string_view value;
};
std::vector<JsonMember> json_members(std::string_view object);

// The value at a key of an object or an index of an array (negative: from its end).
std::optional<std::string_view> json_get(std::string_view json, std::string_view key);
std::optional<std::string_view> json_get(std::string_view json, int64_t index);
// As ->> shows it: strings without quotes, null as no value; objects and arrays spaced.
std::optional<std::string> json_as_text(std::string_view json);

bool json_contains(std::string_view outer, std::string_view inner);

}  // namespace sluice::engine::functions
