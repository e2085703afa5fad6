// to_date(text, template) and to_timestamp(text, template): texts read by PostgreSQL's template
// patterns for dates. Patterns without a meaning for an instant (day names, weeks, quarters) are
// passed over; ISO years and weeks are refused (0A000).
#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "engine/functions/calendar.h"
#include "engine/functions/raise.h"
#include "engine/functions/row_function.h"
#include "engine/functions/time_zone.h"

namespace sluice::engine::functions {
namespace {

enum class Field {
  kYear,
  kMonth,
  kMonthName,
  kDay,
  kDayOfYear,
  kHour,
  kHour12,
  kMinute,
  kSecond,
  kMilli,
  kMicro,
  kSecondsOfDay,
  kHalf,
  kEra,
  kZoneHour,
  kZoneMinute,
  kJulian,
  kPassed,
  kRefused
};

struct Pattern {
  std::string_view text;
  Field field;
  size_t digits;
};
// Longer ones before those they begin with.
constexpr auto kPatterns = std::to_array<Pattern>({{"YYYY", Field::kYear, 4},
                                                   {"YYY", Field::kYear, 3},
                                                   {"YY", Field::kYear, 2},
                                                   {"Y", Field::kYear, 1},
                                                   {"IYYY", Field::kRefused, 0},
                                                   {"IW", Field::kRefused, 0},
                                                   {"IDDD", Field::kRefused, 0},
                                                   {"ID", Field::kRefused, 0},
                                                   {"MONTH", Field::kMonthName, 0},
                                                   {"MON", Field::kMonthName, 0},
                                                   {"MM", Field::kMonth, 2},
                                                   {"MI", Field::kMinute, 2},
                                                   {"MS", Field::kMilli, 3},
                                                   {"DAY", Field::kPassed, 0},
                                                   {"DDD", Field::kDayOfYear, 3},
                                                   {"DD", Field::kDay, 2},
                                                   {"DY", Field::kPassed, 0},
                                                   {"HH24", Field::kHour, 2},
                                                   {"HH12", Field::kHour12, 2},
                                                   {"HH", Field::kHour12, 2},
                                                   {"SSSSS", Field::kSecondsOfDay, 5},
                                                   {"SSSS", Field::kSecondsOfDay, 5},
                                                   {"SS", Field::kSecond, 2},
                                                   {"US", Field::kMicro, 6},
                                                   {"A.M.", Field::kHalf, 4},
                                                   {"P.M.", Field::kHalf, 4},
                                                   {"AM", Field::kHalf, 2},
                                                   {"PM", Field::kHalf, 2},
                                                   {"B.C.", Field::kEra, 4},
                                                   {"A.D.", Field::kEra, 4},
                                                   {"BC", Field::kEra, 2},
                                                   {"AD", Field::kEra, 2},
                                                   {"TZH", Field::kZoneHour, 2},
                                                   {"TZM", Field::kZoneMinute, 2},
                                                   {"J", Field::kJulian, 7}});
constexpr std::array<std::string_view, 12> kMonthNames = {
    "JANUARY", "FEBRUARY", "MARCH",     "APRIL",   "MAY",      "JUNE",
    "JULY",    "AUGUST",   "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"};

bool begins(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(),
                    [](char a, char b) { return a == ascii_upper(b); });
}

const Pattern* pattern_at(std::string_view format) {
  const auto* found = std::find_if(kPatterns.begin(), kPatterns.end(),
                                   [&](const Pattern& one) { return begins(format, one.text); });
  return found == kPatterns.end() ? nullptr : found;
}

struct Parts {
  int64_t year = 1, month = 1, day = 1, day_of_year = 0, julian = 0;
  int64_t hour = 0, minute = 0, second = 0, micros = 0;
  int64_t zone_hour = 0, zone_minute = 0;
  bool has_year = false, afternoon = false, half_day = false, before_christ = false, zoned = false;
};

class Reader {
 public:
  Reader(const std::string& text, std::string_view format) : text_(text), format_(format) {}

  Parts read() {
    while (!format_.empty()) {
      if (begins(format_, "FM") || begins(format_, "FX") || begins(format_, "TM")) {
        format_.remove_prefix(2);
      } else if (const Pattern* pattern = pattern_at(format_)) {
        const std::string_view spelled = format_.substr(0, pattern->text.size());
        format_.remove_prefix(pattern->text.size());
        if (begins(format_, "TH")) format_.remove_prefix(2);
        read_field(*pattern, spelled);
      } else {
        pass_separator();
      }
    }
    return parts_;
  }

 private:
  // A separator stands for any other; a letter or a quoted text for as many characters.
  void pass_separator() {
    if (format_[0] == '"') {
      const size_t end = std::min(format_.find('"', 1), format_.size());
      text_.remove_prefix(std::min(end - 1, text_.size()));
      format_.remove_prefix(std::min(end + 1, format_.size()));
      return;
    }
    const bool separator = !is_letter(format_[0]) && !is_digit(format_[0]);
    format_.remove_prefix(1);
    if (text_.empty()) return;
    // A separator stands for any but what a value can begin with, + or a letter or digit.
    const bool begins_a_value = is_letter(text_[0]) || is_digit(text_[0]) || text_[0] == '+';
    if (!separator || !begins_a_value) text_.remove_prefix(1);
  }

  void skip_blanks() {
    while (!text_.empty() && text_[0] == ' ') text_.remove_prefix(1);
  }

  // At most so many digits where another number follows at once, else all there are.
  int64_t number(const Pattern& pattern, std::string_view spelled, size_t* read = nullptr) {
    skip_blanks();
    const Pattern* next = format_.empty() ? nullptr : pattern_at(format_);
    const bool fraction = pattern.field == Field::kMilli || pattern.field == Field::kMicro;
    const size_t most = next != nullptr || fraction ? pattern.digits : 18;
    size_t size = 0;
    while (size < most && size < text_.size() && is_digit(text_[size])) ++size;
    if (size == 0) {
      if (text_.empty()) return -1;
      raise(invalid("invalid value \"{}\" for \"{}\"",
                    text_.substr(0, std::min(pattern.digits, text_.size())), spelled)
                .with_sqlstate("22007")
                .with_detail("Value must be an integer."));
    }
    int64_t value = 0;
    std::from_chars(text_.data(), text_.data() + size, value);
    text_.remove_prefix(size);
    if (read != nullptr) *read = size;
    return value;
  }

  void read_into(int64_t& part, const Pattern& pattern, std::string_view spelled) {
    const int64_t value = number(pattern, spelled);
    if (value >= 0) part = value;
  }

  void read_year(const Pattern& pattern, std::string_view spelled) {
    size_t digits = 0;
    int64_t year = number(pattern, spelled, &digits);
    if (year < 0) return;
    // The year nearest to 2020.
    if (pattern.digits < 4 && digits < 4) {
      year += year < 70 ? 2000 : year < 100 ? 1900 : year < 520 ? 2000 : 1000;
    }
    parts_.year = year;
    parts_.has_year = true;
  }

  void read_month_name(std::string_view spelled) {
    skip_blanks();
    for (size_t month = 0; month < kMonthNames.size(); ++month) {
      const std::string_view name = kMonthNames[month];
      const size_t size = spelled.size() > 3 && begins(text_, name) ? name.size() : 3;
      if (!begins(text_, name.substr(0, size))) continue;
      parts_.month = static_cast<int64_t>(month) + 1;
      text_.remove_prefix(size);
      return;
    }
    if (text_.empty()) return;
    raise(invalid("invalid value \"{}\" for \"{}\"", text_, spelled)
              .with_sqlstate("22007")
              .with_detail(
                  "The given value did not match any of the allowed values for this field."));
  }

  void read_fraction(const Pattern& pattern, std::string_view spelled) {
    size_t digits = 0;
    int64_t value = number(pattern, spelled, &digits);
    if (value < 0) return;
    for (; digits < 6; ++digits) value *= 10;
    parts_.micros = value;
  }

  void read_word(const Pattern& pattern) {
    skip_blanks();
    if (text_.size() < pattern.digits) return;
    const char first = ascii_upper(text_[0]);
    if (pattern.field == Field::kEra) {
      parts_.before_christ = first == 'B';
    } else {
      parts_.half_day = true;
      parts_.afternoon = first == 'P';
    }
    text_.remove_prefix(pattern.digits);
  }

  void read_zone_hour(const Pattern& pattern, std::string_view spelled) {
    skip_blanks();
    const bool west = text_.starts_with('-');
    if (west || text_.starts_with('+')) text_.remove_prefix(1);
    read_into(parts_.zone_hour, pattern, spelled);
    if (west) parts_.zone_hour = -parts_.zone_hour;
    parts_.zoned = true;
  }

  void read_field(const Pattern& pattern, std::string_view spelled) {
    switch (pattern.field) {
      case Field::kYear:
        return read_year(pattern, spelled);
      case Field::kMonth:
        return read_into(parts_.month, pattern, spelled);
      case Field::kMonthName:
        return read_month_name(spelled);
      case Field::kDay:
        return read_into(parts_.day, pattern, spelled);
      case Field::kDayOfYear:
        return read_into(parts_.day_of_year, pattern, spelled);
      case Field::kHour12:
        parts_.half_day = true;
        [[fallthrough]];
      case Field::kHour:
        return read_into(parts_.hour, pattern, spelled);
      case Field::kMinute:
        return read_into(parts_.minute, pattern, spelled);
      case Field::kSecond:
        return read_into(parts_.second, pattern, spelled);
      case Field::kMilli:
      case Field::kMicro:
        return read_fraction(pattern, spelled);
      case Field::kSecondsOfDay: {
        const int64_t seconds = number(pattern, spelled);
        if (seconds < 0) return;
        parts_.hour = seconds / 3600;
        parts_.minute = seconds / 60 % 60;
        parts_.second = seconds % 60;
        return;
      }
      case Field::kHalf:
      case Field::kEra:
        return read_word(pattern);
      case Field::kZoneHour:
        return read_zone_hour(pattern, spelled);
      case Field::kZoneMinute:
        return read_into(parts_.zone_minute, pattern, spelled);
      case Field::kJulian:
        return read_into(parts_.julian, pattern, spelled);
      case Field::kPassed:
        skip_blanks();
        while (!text_.empty() && is_letter(text_[0])) text_.remove_prefix(1);
        return;
      case Field::kRefused:
        raise(invalid("\"{}\" is not supported for reading dates", spelled).with_sqlstate("0A000"));
    }
  }

  std::string_view text_;
  std::string_view format_;
  Parts parts_;
};

[[noreturn]] void out_of_range(const std::string& text) {
  raise(invalid("date/time field value out of range: \"{}\"", text).with_sqlstate("22008"));
}

int64_t days_of(const Parts& parts, const std::string& text) {
  constexpr int64_t kJulianOf1970 = 2440588;
  if (parts.julian > 0) return parts.julian - kJulianOf1970;
  int64_t year = parts.has_year ? parts.year : 0;  // no year: 1 BC
  if (parts.before_christ) year = 1 - year;
  if (year > 290'000 || (parts.has_year && parts.year == 0)) out_of_range(text);
  if (parts.day_of_year > 0) {
    if (parts.day_of_year > (is_leap(year) ? 366 : 365)) out_of_range(text);
    return days_from_civil(year, 1, 1) + parts.day_of_year - 1;
  }
  if (parts.month < 1 || parts.month > 12 || parts.day < 1 ||
      parts.day > days_in_month(year, static_cast<int>(parts.month))) {
    out_of_range(text);
  }
  return days_from_civil(year, static_cast<int>(parts.month), static_cast<int>(parts.day));
}

int64_t micros_of(const Parts& parts, const std::string& text) {
  int64_t hour = parts.hour;
  if (parts.half_day) {
    if (hour < 1 && hour != 0) out_of_range(text);
    if (hour > 12) {
      raise(invalid("hour \"{}\" is invalid for the 12-hour clock", hour)
                .with_sqlstate("22007")
                .with_hint("Use the 24-hour clock, or give an hour between 1 and 12."));
    }
    hour = hour % 12 + (parts.afternoon ? 12 : 0);
  }
  if (hour > 23 || parts.minute > 59 || parts.second > 59) out_of_range(text);
  return ((hour * 60 + parts.minute) * 60 + parts.second) * kMicrosPerSecond + parts.micros;
}

Value to_date(const Values& arguments, const LogicalType&) {
  const std::string& text = text_of(arguments[0]);
  const Parts parts = Reader(text, text_of(arguments[1])).read();
  micros_of(parts, text);
  return Value::DATE(duckdb::date_t(static_cast<int32_t>(days_of(parts, text))));
}

// The local time of the session where the text has no offset of its own: the cast that follows
// gives it the zone.
void to_timestamp(duckdb::DataChunk& input, duckdb::ExpressionState& state, Vector& result) {
  const TimeZone& zone = session_zone(&state.GetContext());
  for (idx_t row = 0; row < input.size(); ++row) {
    const Value text = input.data[0].GetValue(row), format = input.data[1].GetValue(row);
    if (text.IsNull() || format.IsNull()) {
      result.SetValue(row, Value(result.GetType()));
      continue;
    }
    const Parts parts = Reader(text_of(text), text_of(format)).read();
    int64_t micros =
        days_of(parts, text_of(text)) * kMicrosPerDay + micros_of(parts, text_of(text));
    if (parts.zoned) {
      const int64_t minutes = std::abs(parts.zone_hour) * 60 + parts.zone_minute;
      micros -= (parts.zone_hour < 0 ? -minutes : minutes) * 60 * kMicrosPerSecond;
    } else {
      micros = zone.to_utc(micros);
    }
    result.SetValue(row, Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(micros)));
  }
  if (input.AllConstant()) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
}

}  // namespace

void register_date_templates(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR;
  add_rowwise<to_date>(database, "to_date", {text, text}, LogicalType::DATE);
  duckdb::ScalarFunction instant("to_timestamp", {text, text}, LogicalType::TIMESTAMP_TZ,
                                 to_timestamp);
  instant.stability = duckdb::FunctionStability::CONSISTENT_WITHIN_QUERY;
  add_function(database, std::move(instant));
}

}  // namespace sluice::engine::functions
