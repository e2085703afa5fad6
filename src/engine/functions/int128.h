// 128-bit integers, as decimals are stored, and powers of ten.
#pragma once

#include <array>
#include <cstdint>

#include "engine/chunk.h"

namespace sluice::engine::functions {

using Int128 = __int128;
using UInt128 = unsigned __int128;

inline Int128 to_int128(const duckdb::hugeint_t& value) {
  return static_cast<Int128>((static_cast<UInt128>(static_cast<uint64_t>(value.upper)) << 64) |
                             value.lower);
}
inline duckdb::hugeint_t to_hugeint(Int128 value) {
  duckdb::hugeint_t result;
  result.lower = static_cast<uint64_t>(value);
  result.upper = static_cast<int64_t>(value >> 64);
  return result;
}
inline UInt128 magnitude(Int128 value) {
  return value < 0 ? UInt128{0} - static_cast<UInt128>(value) : static_cast<UInt128>(value);
}

// 10^0 to 10^38.
inline constexpr std::array<Int128, 39> kPowersOfTen = [] {
  std::array<Int128, 39> powers{};
  Int128 power = 1;
  for (size_t i = 0; i < powers.size(); ++i) {
    powers[i] = power;
    if (i + 1 < powers.size()) power *= 10;
  }
  return powers;
}();

// A decimal of any width from a vector's data: 16, 32, 64 and 128 bits wide by its precision.
inline Int128 decimal_at(duckdb::PhysicalType physical, const void* data, size_t index) {
  switch (physical) {
    case duckdb::PhysicalType::INT16:
      return static_cast<const int16_t*>(data)[index];
    case duckdb::PhysicalType::INT32:
      return static_cast<const int32_t*>(data)[index];
    case duckdb::PhysicalType::INT64:
      return static_cast<const int64_t*>(data)[index];
    default:
      return to_int128(static_cast<const duckdb::hugeint_t*>(data)[index]);
  }
}

// The value must fit.
inline void store_decimal(duckdb::PhysicalType physical, void* data, size_t index, Int128 value) {
  switch (physical) {
    case duckdb::PhysicalType::INT16:
      static_cast<int16_t*>(data)[index] = static_cast<int16_t>(value);
      break;
    case duckdb::PhysicalType::INT32:
      static_cast<int32_t*>(data)[index] = static_cast<int32_t>(value);
      break;
    case duckdb::PhysicalType::INT64:
      static_cast<int64_t*>(data)[index] = static_cast<int64_t>(value);
      break;
    default:
      static_cast<duckdb::hugeint_t*>(data)[index] = to_hugeint(value);
  }
}

}  // namespace sluice::engine::functions
