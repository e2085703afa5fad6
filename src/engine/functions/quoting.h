// Texts as SQL writes them. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace sluice::engine::functions {

// In double quotes unless it is a plain word in small letters and not reserved.
std::string quoted_identifier(std::string_view text);
// In single quotes; with a backslash in it, as an E'' string.
std::string quoted_literal(std::string_view text);

}  // namespace sluice::engine::functions
