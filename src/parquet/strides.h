// Values of 16 bytes, one behind the other, such as decimals: most begin as the one before them,
// since their first bytes are zeros.
//
// Pure functions; safe from any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice::parquet {

static_assert(std::endian::native == std::endian::little);

inline constexpr size_t kStride = 16;

inline uint64_t word_at(const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// How many bytes two values have in common at their beginning.
inline size_t common_prefix(const uint8_t* a, const uint8_t* b) {
  const uint64_t first = word_at(a) ^ word_at(b);
  if (first != 0) return static_cast<size_t>(std::countr_zero(first)) / 8;
  const uint64_t second = word_at(a + 8) ^ word_at(b + 8);
  return second == 0 ? kStride : 8 + static_cast<size_t>(std::countr_zero(second)) / 8;
}

}  // namespace sluice::parquet
