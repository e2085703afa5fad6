#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace sluice {
namespace {

struct Form {
  size_t bytes;  // 0: no character begins so
  uint8_t low;   // bounds of the second byte
  uint8_t high;
};

Form form_of(uint8_t first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xC2) return {0, 0, 0};
  if (first < 0xE0) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first < 0xF0) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first < 0xF4) return {4, 0x80, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

size_t valid_utf8_prefix(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(text[at]); };
  size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size()) {
      uint64_t word = 0;
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080ULL) == 0) {
        at += 8;
        continue;
      }
    }
    const Form form = form_of(byte(at));
    if (form.bytes == 0 || at + form.bytes > text.size()) return at;
    if (form.bytes > 1 && (byte(at + 1) < form.low || byte(at + 1) > form.high)) return at;
    for (size_t next = 2; next < form.bytes; ++next) {
      if ((byte(at + next) & 0xC0) != 0x80) return at;
    }
    at += form.bytes;
  }
  return at;
}

}  // namespace sluice
