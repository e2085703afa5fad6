// Numbers and dates as text, inline: a CSV file writes them by the hundred million.
//
// Each writes at `out`, which must have room for kMax… bytes, and returns the new end. What it
// leaves behind that, within this room, is of no meaning: numbers are written eight digits at a
// time.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "engine/functions/calendar.h"

namespace sluice::engine::functions {

inline constexpr size_t kMaxIntegerText = 20;
inline constexpr size_t kMaxDecimalText = 44;
inline constexpr size_t kMaxDateText = 20;

inline constexpr auto kTwoDigits = [] {
  std::array<char, 200> digits{};
  for (size_t i = 0; i < 100; ++i) {
    digits[2 * i] = static_cast<char>('0' + i / 10);
    digits[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return digits;
}();

inline char* put_two(char* out, uint64_t value) {
  std::memcpy(out, &kTwoDigits[2 * value], 2);
  return out + 2;
}

static_assert(std::endian::native == std::endian::little);

// The eight digits of a number below 10^8 as values from 0 to 9, the first one in the lowest byte.
// Halves, quarters and digits are each divided all at once, by multiplications within one word.
inline uint64_t eight_digits(uint64_t value) {
  const uint64_t halves = value / 10'000 | (value % 10'000) << 32;
  const uint64_t upper = ((halves * 10'486) >> 20) & 0x0000'007f'0000'007f;  // / 100
  const uint64_t quarters = ((halves - 100 * upper) << 16) + upper;
  const uint64_t tens = ((quarters * 103) >> 10) & 0x000f'000f'000f'000f;  // / 10
  return tens + ((quarters - 10 * tens) << 8);
}

inline constexpr uint64_t kEightZeros = 0x3030'3030'3030'3030;
inline constexpr uint64_t kEightDigitsEnd = 100'000'000;

// How many of the digits are zeros at the beginning; 7 of 0.
inline int leading_zeros(uint64_t digits) {
  return std::countr_zero(digits | uint64_t{1} << 56) / 8;
}

inline void put_word(char* out, uint64_t word) { std::memcpy(out, &word, sizeof word); }

// 1 for 0.
inline int count_digits(uint64_t value) {
  constexpr auto kPowers = [] {
    std::array<uint64_t, 20> powers{1};
    for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
    return powers;
  }();
  value |= 1;  // never makes a digit more, since powers of ten are even
  // log10(2) is a little more than 1233 / 4096: one too few at most.
  const auto few = static_cast<size_t>((std::bit_width(value) * 1233) >> 12);
  return static_cast<int>(few) + (value >= kPowers[few] ? 1 : 0);
}

// Writes backwards from `end`; returns where the text begins.
inline char* put_unsigned_before(char* end, uint64_t value) {
  while (value >= 100) {
    end -= 2;
    put_two(end, value % 100);
    value /= 100;
  }
  if (value >= 10) {
    end -= 2;
    put_two(end, value);
  } else {
    *--end = static_cast<char>('0' + value);
  }
  return end;
}

inline char* put_unsigned(char* out, uint64_t value) {
  if (value >= kEightDigitsEnd) {
    out = put_unsigned(out, value / kEightDigitsEnd);
    put_word(out, eight_digits(value % kEightDigitsEnd) | kEightZeros);
    return out + 8;
  }
  const uint64_t digits = eight_digits(value);
  const int zeros = leading_zeros(digits);
  put_word(out, (digits | kEightZeros) >> (8 * zeros));
  return out + (8 - zeros);
}

inline char* put_integer(char* out, int64_t value) {
  if (value >= 0) return put_unsigned(out, static_cast<uint64_t>(value));
  *out++ = '-';
  return put_unsigned(out, uint64_t{0} - static_cast<uint64_t>(value));
}

// value / 10^scale, with all of its digits behind the point.
inline char* put_small_decimal(char* out, uint64_t value, int scale) {
  if (scale == 0) return put_unsigned(out, value);
  if (value < kEightDigitsEnd && scale < 8) {
    const uint64_t digits = eight_digits(value);
    const int zeros = std::min(leading_zeros(digits), 7 - scale);
    const uint64_t text = digits | kEightZeros;
    put_word(out, text >> (8 * zeros));
    out += 8 - zeros - scale;
    *out++ = '.';
    put_word(out, text >> (8 * (8 - scale)));
    return out + scale;
  }
  char* const end = out + std::max(count_digits(value), scale + 1) + 1;
  char* at = end;
  int left = scale;
  for (; left >= 2; left -= 2) {
    at -= 2;
    put_two(at, value % 100);
    value /= 100;
  }
  if (left > 0) {
    *--at = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  *--at = '.';
  put_unsigned_before(at, value);
  return end;
}

// A day of the years 1 to 9999.
inline bool is_plain_day(int64_t days) {
  return static_cast<uint64_t>(days + 719'162) < 3'652'059;  // 0001-01-01, 10000-01-01
}

// The days from 1970 to 2069 as texts: of what is exported, most are among them.
class DayTexts {
 public:
  DayTexts();
  static bool has(int64_t days) { return static_cast<uint64_t>(days) < kDays; }
  const char* operator[](int64_t days) const { return texts_[static_cast<size_t>(days)]; }
  static constexpr size_t kBytes = 12;  // of each, of which ten are its text

 private:
  static constexpr size_t kDays = 36'525;
  char texts_[kDays][kBytes] = {};
};
extern const DayTexts kDayTexts;

// Years begin in March here, so that a year, a month and a day are each found by one division of a
// number of days; the divisions by 1461 / 4 days and by 2141 / 65536 months a day are
// multiplications.
inline char* put_computed_day(char* out, int64_t days) {
  const auto day = static_cast<uint32_t>(days + 719'468);  // since March 1 of the year 0
  const uint32_t century = (4 * day + 3) / 146'097;
  const uint32_t day_of_century = (4 * day + 3) % 146'097 / 4;
  const uint64_t years = uint64_t{2'939'745} * (4 * day_of_century + 3);
  const auto year_of_century = static_cast<uint32_t>(years >> 32);
  const uint32_t day_of_year = static_cast<uint32_t>(years) / 2'939'745 / 4;
  const uint32_t months = 2'141 * day_of_year + 197'913;
  const bool is_next_year = day_of_year >= 306;  // January and February
  const uint32_t month = (months >> 16) - (is_next_year ? 12 : 0);
  const uint32_t year = 100 * century + year_of_century + (is_next_year ? 1 : 0);
  put_two(out, year / 100);
  put_two(out + 2, year % 100);
  out[4] = '-';
  put_two(out + 5, month);
  out[7] = '-';
  put_two(out + 8, (months & 0xffff) / 2'141 + 1);
  return out + 10;
}

inline char* put_plain_day(char* out, int64_t days) {
  if (!DayTexts::has(days)) return put_computed_day(out, days);
  std::memcpy(out, kDayTexts[days], DayTexts::kBytes);
  return out + 10;
}

}  // namespace sluice::engine::functions
