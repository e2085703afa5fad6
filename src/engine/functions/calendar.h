// Days and dates of the proleptic Gregorian calendar, and the pieces of an instant.
#pragma once

#include <cstdint>
#include <limits>

namespace sluice::engine::functions {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

// As the engine stores them.
inline constexpr int32_t kInfiniteDate = std::numeric_limits<int32_t>::max();
inline constexpr int64_t kInfiniteTimestamp = std::numeric_limits<int64_t>::max();

struct CivilDate {
  int64_t year = 1970;  // 0 is 1 BC
  int month = 1;
  int day = 1;
};

// Eras of 400 years begin in March, so that the leap day is an era's last.
inline constexpr int64_t days_from_civil(int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

inline constexpr CivilDate civil_from_days(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

inline constexpr bool is_leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

inline constexpr int days_in_month(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

// Rounds towards the past, so that instants before 1970 have a time of day too.
inline constexpr int64_t floor_divide(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

// 1 Monday to 7 Sunday.
inline constexpr int iso_day_of_week(int64_t days) {
  return static_cast<int>(((days + 3) % 7 + 7) % 7) + 1;
}

}  // namespace sluice::engine::functions
