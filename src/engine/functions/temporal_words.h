// What the readers of dates and of intervals share.
#pragma once

#include <string_view>

#include "base/result.h"

namespace sluice::engine::functions {

inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

inline Error syntax_error(std::string_view type, std::string_view text) {
  return invalid("invalid input syntax for type {}: \"{}\"", type, text).with_sqlstate("22007");
}

}  // namespace sluice::engine::functions
