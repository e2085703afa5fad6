// What the readers of dates and of intervals share.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace sluice::engine::functions {

inline Error syntax_error(std::string_view type, std::string_view text) {
  return invalid("invalid input syntax for type {}: \"{}\"", type, text).with_sqlstate("22007");
}

}  // namespace sluice::engine::functions
