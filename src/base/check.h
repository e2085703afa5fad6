// CHECK(condition): what only a bug can make false. Stays on in release and ends the process.
// Bytes from outside never reach a CHECK.
#pragma once

namespace sluice {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace sluice

#define CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::sluice::check_failed(#condition, __FILE__, __LINE__))
