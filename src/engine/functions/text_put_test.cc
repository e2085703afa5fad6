#include "engine/functions/text_put.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sluice::engine::functions {
namespace {

template <typename Put>
std::string written(const Put& put) {
  char text[kMaxDecimalText + 20];
  return std::string(text, put(text));
}

// Of all lengths, and those next to where lengths change.
std::vector<uint64_t> many_values() {
  std::vector<uint64_t> values{0, UINT64_MAX};
  for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10) {
    values.insert(values.end(), {power, power - 1, power + 1, 10 * power, 10 * power - 1});
  }
  std::mt19937_64 random(1);
  for (int bits = 1; bits < 64; ++bits) {
    for (int i = 0; i < 50; ++i) values.push_back(random() >> bits);
  }
  return values;
}

TEST(PutNumbers, WriteTheDigitsOfAnyInteger) {
  for (const uint64_t value : many_values()) {
    EXPECT_EQ(written([&](char* to) { return put_unsigned(to, value); }), std::to_string(value));
    const auto negative = static_cast<int64_t>(value);
    EXPECT_EQ(written([&](char* to) { return put_integer(to, negative); }),
              std::to_string(negative));
  }
}

// What divides by multiplying, against what divides.
TEST(PutNumbers, AreTheSameEightDigitsAtATimeAsTwo) {
  for (uint64_t value = 0; value < 3 * kEightDigitsEnd; value += value < 100'000 ? 1 : 997) {
    char text[kMaxIntegerText];
    char* const end = text + count_digits(value);
    ASSERT_EQ(put_unsigned_before(end, value), text);
    const std::string_view slow(text, static_cast<size_t>(end - text));
    ASSERT_EQ(written([&](char* to) { return put_unsigned(to, value); }), slow);
  }
}

TEST(PutNumbers, PutThePointWhereTheScaleSays) {
  for (const uint64_t value : many_values()) {
    for (int scale = 0; scale <= 38; ++scale) {
      std::string digits = std::to_string(value);
      const auto wanted = static_cast<size_t>(scale) + 1;
      if (digits.size() < wanted) digits.insert(0, wanted - digits.size(), '0');
      if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), ".");
      ASSERT_EQ(written([&](char* to) { return put_small_decimal(to, value, scale); }), digits);
    }
  }
}

TEST(PutDates, AreTheCalendarsOfEachDayOfTenThousandYears) {
  int64_t days = days_from_civil(1, 1, 1);
  EXPECT_FALSE(is_plain_day(days - 1));
  for (; days < days_from_civil(10'000, 1, 1); ++days) {
    const CivilDate date = civil_from_days(days);
    char wanted[32];
    std::snprintf(wanted, sizeof wanted, "%04d-%02d-%02d", static_cast<int>(date.year), date.month,
                  date.day);
    char text[kMaxDateText];
    ASSERT_TRUE(is_plain_day(days));
    ASSERT_EQ(std::string_view(text, static_cast<size_t>(put_plain_day(text, days) - text)),
              wanted);
  }
  EXPECT_FALSE(is_plain_day(days));
}

}  // namespace
}  // namespace sluice::engine::functions
