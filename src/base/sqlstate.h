// What a protocol shows for an error: its own SQLSTATE, or the one that its code stands for.
#pragma once

#include <string_view>

#include "base/result.h"

namespace sluice {

std::string_view sqlstate(const Error& error);

}  // namespace sluice
