// Dates, times, timestamps and intervals as PostgreSQL reads them (DateStyle ISO, MDY).
//
//   2010-10-10  10/30/2010  Oct 10 2010  10-Oct-2010  20101010  44-03-15 BC  epoch  infinity
//   10:10  10:10:10.123  10:10 PM  …T10:10:10Z  …+02  …-03:30  … Europe/Berlin
//   1 year 2 mons 3 days 04:05:06.7  1.5 hours ago  P1Y2M3DT4H5M6S  1-2  00:00:01
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "engine/functions/calendar.h"
#include "engine/functions/text_in.h"

namespace sluice::engine::functions {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Error syntax_error(std::string_view type, std::string_view text) {
  return invalid("invalid input syntax for type {}: \"{}\"", type, text).with_sqlstate("22007");
}
Error field_error(std::string_view text) {
  return invalid("date/time field value out of range: \"{}\"", text).with_sqlstate("22008");
}

// What a text says, before it is known whether it makes sense.
struct Moment {
  enum class Special { kNone, kEpoch, kInfinity, kMinusInfinity };
  Special special = Special::kNone;
  std::optional<int64_t> year;
  std::optional<int> month, day;
  bool bc = false;
  bool has_time = false;
  int64_t micros = 0;              // of the day
  std::optional<int64_t> offset;   // seconds east
  const TimeZone* zone = nullptr;  // by name
  bool has_date() const { return year && month && day; }
};

class MomentParser {
 public:
  // `clock_first`: six digits are a time, as in the input of time, and not a date.
  MomentParser(std::string_view text, bool clock_first) : text_(text), clock_first_(clock_first) {}

  // False: the syntax is wrong. field_out_of_range() then says whether only a number was.
  bool parse(Moment& out) {
    moment_ = &out;
    while (skip_separators(), at_ < text_.size()) {
      if (!parse_token()) return false;
    }
    if (hours_12_) {
      const int64_t hour = moment_->micros / (3600 * kMicrosPerSecond);
      if (!moment_->has_time || hour < 1 || hour > 12) return out_of_range_ = true, false;
      moment_->micros += (hour % 12 - hour + (afternoon_ ? 12 : 0)) * 3600 * kMicrosPerSecond;
    }
    return place_numbers();
  }
  bool field_out_of_range() const { return out_of_range_; }

 private:
  void skip_separators() {
    while (at_ < text_.size() && (is_space(text_[at_]) || text_[at_] == ',')) ++at_;
  }

  bool parse_token() {
    const char c = text_[at_];
    if (is_digit(c)) return parse_digits();
    if ((c == '+' || c == '-') && at_ + 1 < text_.size()) {
      if (is_digit(text_[at_ + 1]) && moment_->has_time) return parse_offset();
      const bool minus = c == '-';
      ++at_;
      return at_ < text_.size() && is_letter(text_[at_]) && parse_infinity(minus);
    }
    return is_letter(c) && parse_word();
  }

  std::string_view take_digits() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  static int64_t number(std::string_view digits) {
    int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + std::min<size_t>(digits.size(), 9), value);
    return value;
  }

  bool parse_digits() {
    const size_t begin = at_;
    const std::string_view digits = take_digits();
    if (digits.size() > 9) return false;
    const char next = at_ < text_.size() ? text_[at_] : '\0';
    if (next == ':') return at_ = begin, parse_clock();
    const bool more = at_ + 1 < text_.size();
    if ((next == '-' || next == '/' || next == '.') && more &&
        (is_digit(text_[at_ + 1]) || (next == '-' && is_letter(text_[at_ + 1])))) {
      return at_ = begin, parse_date_fields(next);
    }
    if (digits.size() == 6 && clock_first_ && !moment_->has_time) return compact_clock(digits);
    if (digits.size() == 8 && !moment_->year) return compact_date(digits, 4);
    if (digits.size() == 6 && !has_any_date()) return compact_date(digits, 2);
    if (digits.size() == 6 && !moment_->has_time) return compact_clock(digits);
    if (number_count_ == numbers_.size()) return false;
    numbers_[number_count_++] = digits;
    return true;
  }

  bool has_any_date() const { return moment_->year || moment_->month || number_count_ > 0; }

  bool compact_date(std::string_view digits, size_t year_digits) {
    set_year(digits.substr(0, year_digits));
    moment_->month = static_cast<int>(number(digits.substr(year_digits, 2)));
    moment_->day = static_cast<int>(number(digits.substr(year_digits + 2)));
    return true;
  }

  bool compact_clock(std::string_view digits) {
    return set_clock(number(digits.substr(0, 2)), number(digits.substr(2, 2)),
                     number(digits.substr(4)), 0);
  }

  void set_year(std::string_view digits) {
    int64_t year = number(digits);
    if (digits.size() <= 2) year += year < 70 ? 2000 : 1900;
    moment_->year = year;
  }

  // a-b-c with one separator, a month perhaps by name: year first if it has three digits or more,
  // else month, day, year.
  bool parse_date_fields(char separator) {
    if (moment_->year || moment_->day) return false;
    std::array<std::string_view, 3> fields;
    for (size_t i = 0; i < 3; ++i) {
      if (i > 0 && !(at_ < text_.size() && text_[at_] == separator && ++at_ > 0)) return false;
      const size_t begin = at_;
      while (at_ < text_.size() && (is_digit(text_[at_]) || is_letter(text_[at_]))) {
        // 2010-10-10T10:10:10
        if (i == 2 && (text_[at_] | 0x20) == 't' && at_ > begin && is_digit(text_[at_ - 1])) break;
        ++at_;
      }
      fields[i] = text_.substr(begin, at_ - begin);
      if (fields[i].empty() || fields[i].size() > 9) return false;
    }
    for (size_t i = 0; i < 2; ++i) {
      if (!is_letter(fields[i][0])) continue;
      const int month = month_named(fields[i]);
      if (month == 0) return false;
      moment_->month = month;
      const std::string_view other = fields[1 - i];
      if (!is_digit(other[0]) || !is_digit(fields[2][0])) return false;
      const bool year_first = other.size() >= 3;
      set_year(year_first ? other : fields[2]);
      moment_->day = static_cast<int>(number(year_first ? fields[2] : other));
      return true;
    }
    for (const std::string_view field : fields) {
      if (!std::all_of(field.begin(), field.end(), is_digit)) return false;
    }
    const bool year_first = fields[0].size() >= 3;
    set_year(fields[year_first ? 0 : 2]);
    moment_->month = static_cast<int>(number(fields[year_first ? 1 : 0]));
    moment_->day = static_cast<int>(number(fields[year_first ? 2 : 1]));
    return true;
  }

  bool parse_clock() {
    if (moment_->has_time) return false;
    const std::string_view hours = take_digits();
    ++at_;
    const std::string_view minutes = take_digits();
    std::string_view seconds;
    int64_t fraction = 0;
    if (at_ < text_.size() && text_[at_] == ':') {
      ++at_;
      seconds = take_digits();
      if (seconds.empty()) return false;
      if (at_ < text_.size() && text_[at_] == '.') {
        ++at_;
        fraction = micros_of(take_digits());
      }
    }
    if (minutes.empty() || hours.size() > 2 || minutes.size() > 2 || seconds.size() > 2)
      return false;
    return set_clock(number(hours), number(minutes), number(seconds), fraction);
  }

  // Six digits, rounded by the seventh.
  static int64_t micros_of(std::string_view digits) {
    int64_t value = 0;
    for (size_t i = 0; i < 6; ++i) value = value * 10 + (i < digits.size() ? digits[i] - '0' : 0);
    return value + (digits.size() > 6 && digits[6] >= '5' ? 1 : 0);
  }

  bool set_clock(int64_t hours, int64_t minutes, int64_t seconds, int64_t fraction) {
    moment_->has_time = true;
    moment_->micros = ((hours * 60 + minutes) * 60 + seconds) * kMicrosPerSecond + fraction;
    if (hours > 24 || minutes > 59 || seconds > 60 || moment_->micros > kMicrosPerDay) {
      out_of_range_ = true;
      return false;
    }
    return true;
  }

  bool parse_offset() {
    if (moment_->offset || moment_->zone != nullptr) return false;
    const size_t begin = at_++;
    while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == ':')) ++at_;
    const TimeZone* zone = TimeZone::find(text_.substr(begin, at_ - begin));
    if (zone == nullptr) return false;
    moment_->offset = zone->offset_seconds_at(0);
    return true;
  }

  std::string_view take_word(std::array<char, 12>& lower) {
    const size_t begin = at_;
    while (at_ < text_.size() && is_letter(text_[at_])) ++at_;
    const size_t length = std::min(at_ - begin, lower.size());
    for (size_t i = 0; i < length; ++i) lower[i] = static_cast<char>(text_[begin + i] | 0x20);
    return {lower.data(), length};
  }

  bool parse_infinity(bool minus) {
    std::array<char, 12> buffer{};
    if (take_word(buffer) != "infinity") return false;
    moment_->special = minus ? Moment::Special::kMinusInfinity : Moment::Special::kInfinity;
    return true;
  }

  static int month_named(std::string_view word) {
    constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                            "may",       "june",     "july",     "august",
                                            "september", "october",  "november", "december"};
    for (int i = 0; i < 12; ++i) {
      const std::string_view month = kMonths[i];
      const bool whole_or_short =
          word.size() == 3 || word.size() == month.size() || (i == 8 && word.size() == 4);
      if (!whole_or_short || word.size() > month.size()) continue;
      if (std::equal(word.begin(), word.end(), month.begin(),
                     [](char a, char b) { return (a | 0x20) == b; })) {
        return i + 1;
      }
    }
    return 0;
  }

  static bool is_weekday(std::string_view word) {
    constexpr std::string_view kDays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                          "thursday", "friday", "saturday"};
    return std::any_of(std::begin(kDays), std::end(kDays), [&](std::string_view day) {
      return word.size() >= 3 && day.substr(0, word.size()) == word;
    });
  }

  bool parse_word() {
    const size_t begin = at_;
    std::array<char, 12> buffer{};
    const std::string_view word = take_word(buffer);
    if (word == "t" && has_any_date() && at_ < text_.size() && is_digit(text_[at_])) return true;
    if (word == "bc" || word == "ad") {
      moment_->bc = word == "bc";
      return true;
    }
    if (word == "am" || word == "pm") {
      if (hours_12_) return false;
      hours_12_ = true;
      afternoon_ = word == "pm";
      return true;
    }
    if (word == "epoch") return moment_->special = Moment::Special::kEpoch, true;
    if (word == "infinity") return at_ = begin, parse_infinity(false);
    if (const int month = month_named(word); month != 0) {
      if (moment_->month) return false;
      moment_->month = month;
      return true;
    }
    if (is_weekday(word)) return true;
    return parse_zone_name(begin);
  }

  bool parse_zone_name(size_t begin) {
    if (moment_->offset || moment_->zone != nullptr) return false;
    at_ = begin;
    while (at_ < text_.size() && !is_space(text_[at_])) ++at_;
    std::string name(text_.substr(begin, at_ - begin));
    if (name == "z" || name == "zulu" || name == "gmt") name = "Z";
    moment_->zone = TimeZone::find(name);
    return moment_->zone != nullptr;
  }

  // Numbers on their own: with a month by name, the longer or the first past 31 is the year.
  bool place_numbers() {
    for (size_t i = 0; i < number_count_; ++i) {
      const std::string_view digits = numbers_[i];
      if (!moment_->month) return false;
      if (digits.size() >= 3 || moment_->day) {
        if (moment_->year) return false;
        set_year(digits);
      } else {
        moment_->day = static_cast<int>(number(digits));
      }
    }
    return true;
  }

  std::string_view text_;
  bool clock_first_;
  size_t at_ = 0;
  Moment* moment_ = nullptr;
  bool out_of_range_ = false;
  bool hours_12_ = false, afternoon_ = false;
  std::array<std::string_view, 3> numbers_;
  size_t number_count_ = 0;
};

Status parse_moment(std::string_view text, std::string_view type, Moment& out) {
  MomentParser parser(text, type == "time");
  if (parser.parse(out)) return ok();
  return parser.field_out_of_range() ? field_error(text) : syntax_error(type, text);
}

Result<int64_t> days_of(const Moment& moment, std::string_view text) {
  int64_t year = *moment.year;
  if (moment.bc) year = 1 - year;
  const bool valid = *moment.month >= 1 && *moment.month <= 12 && *moment.day >= 1 &&
                     (*moment.year != 0) && *moment.day <= days_in_month(year, *moment.month);
  if (!valid) return field_error(text);
  return days_from_civil(year, *moment.month, *moment.day);
}

int two(const char* at) { return (at[0] - '0') * 10 + (at[1] - '0'); }

bool all_digits(const char* at, std::initializer_list<int> places) {
  return std::all_of(places.begin(), places.end(), [at](int i) { return is_digit(at[i]); });
}

// YYYY-MM-DD, by far the commonest; false: take the long road.
bool fast_date(const char* at, int64_t& days) {
  if (!all_digits(at, {0, 1, 2, 3, 5, 6, 8, 9}) || at[4] != '-' || at[7] != '-') return false;
  const int year = two(at) * 100 + two(at + 2), month = two(at + 5), day = two(at + 8);
  if (year == 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
    return false;
  }
  days = days_from_civil(year, month, day);
  return true;
}

// HH:MM:SS
bool fast_clock(const char* at, int64_t& micros) {
  if (!all_digits(at, {0, 1, 3, 4, 6, 7}) || at[2] != ':' || at[5] != ':') return false;
  const int hours = two(at), minutes = two(at + 3), seconds = two(at + 6);
  if (hours > 23 || minutes > 59 || seconds > 59) return false;
  micros = ((hours * int64_t{60} + minutes) * 60 + seconds) * kMicrosPerSecond;
  return true;
}

// YYYY-MM-DD HH:MM:SS[.ffffff]
bool fast_timestamp(std::string_view text, int64_t& micros) {
  int64_t days = 0, clock = 0;
  if (text.size() < 19 || text.size() > 26 || (text[10] != ' ' && text[10] != 'T')) return false;
  if (!fast_date(text.data(), days) || !fast_clock(text.data() + 11, clock)) return false;
  if (text.size() > 19) {
    if (text[19] != '.' || text.size() == 20) return false;
    int64_t unit = kMicrosPerSecond;
    for (size_t i = 20; i < text.size(); ++i) {
      if (!is_digit(text[i])) return false;
      unit /= 10;
      clock += (text[i] - '0') * unit;
    }
  }
  micros = days * kMicrosPerDay + clock;
  return true;
}

// Local micros of a moment; specials and ranges included.
Status local_micros(std::string_view text, std::string_view type, Moment& moment, int64_t& out) {
  TRY(parse_moment(text, type, moment));
  switch (moment.special) {
    case Moment::Special::kEpoch:
      out = 0;
      return ok();
    case Moment::Special::kInfinity:
      out = kInfiniteTimestamp;
      return ok();
    case Moment::Special::kMinusInfinity:
      out = -kInfiniteTimestamp;
      return ok();
    case Moment::Special::kNone:
      break;
  }
  if (!moment.has_date()) return syntax_error(type, text);
  TRY_ASSIGN(const int64_t days, days_of(moment, text));
  // As far as 64 bits of microseconds reach, and PostgreSQL's first day.
  constexpr int64_t kLastDay = days_from_civil(294246, 12, 31);
  constexpr int64_t kFirstDay = days_from_civil(-4713, 11, 24);
  if (days > kLastDay || days < kFirstDay) {
    return invalid("timestamp out of range: \"{}\"", text).with_sqlstate("22008");
  }
  out = days * kMicrosPerDay + moment.micros;
  return ok();
}

}  // namespace

Status read_date(std::string_view text, int32_t& out) {
  int64_t days = 0;
  if (text.size() == 10 && fast_date(text.data(), days)) {
    out = static_cast<int32_t>(days);
    return ok();
  }
  Moment moment;
  TRY(parse_moment(text, "date", moment));
  switch (moment.special) {
    case Moment::Special::kEpoch:
      out = 0;
      return ok();
    case Moment::Special::kInfinity:
      out = kInfiniteDate;
      return ok();
    case Moment::Special::kMinusInfinity:
      out = -kInfiniteDate;
      return ok();
    case Moment::Special::kNone:
      break;
  }
  if (!moment.has_date()) return syntax_error("date", text);
  TRY_ASSIGN(days, days_of(moment, text));
  if (*moment.year > 5874897 || days < days_from_civil(-4713, 11, 24)) {
    return invalid("date out of range: \"{}\"", text).with_sqlstate("22008");
  }
  out = static_cast<int32_t>(days);
  return ok();
}

Status read_time(std::string_view text, int64_t& out) {
  if (text.size() == 8 && fast_clock(text.data(), out)) return ok();
  Moment moment;
  TRY(parse_moment(text, "time", moment));
  if (!moment.has_time || moment.special != Moment::Special::kNone) {
    return syntax_error("time", text);
  }
  out = moment.micros;
  return ok();
}

Status read_timestamp(std::string_view text, int64_t& out) {
  if (fast_timestamp(text, out)) return ok();
  Moment moment;
  return local_micros(text, "timestamp", moment, out);
}

Status read_timestamp_tz(std::string_view text, const TimeZone& zone, int64_t& out) {
  int64_t local = 0;
  if (fast_timestamp(text, local)) {
    out = zone.is_utc() ? local : zone.to_utc(local);
    return ok();
  }
  Moment moment;
  TRY(local_micros(text, "timestamp with time zone", moment, local));
  if (moment.special != Moment::Special::kNone) {
    out = local;
  } else if (moment.offset) {
    out = local - *moment.offset * kMicrosPerSecond;
  } else {
    out = (moment.zone != nullptr ? *moment.zone : zone).to_utc(local);
  }
  return ok();
}

namespace {

// Collects the parts of an interval; fractions flow into the next smaller unit.
class IntervalParser {
 public:
  explicit IntervalParser(std::string_view text) : text_(text) {}

  bool parse(duckdb::interval_t& out) {
    skip_space();
    if (at_ < text_.size() && (text_[at_] == 'P' || text_[at_] == 'p')) {
      if (!parse_iso()) return false;
    } else if (!parse_words()) {
      return false;
    }
    const double sign = ago_ ? -1 : 1;
    if (!fits(months_ * sign, INT32_MAX) || !fits(days_ * sign, INT32_MAX) ||
        !fits(static_cast<double>(micros_), 9.2e18)) {
      return out_of_range_ = true, false;
    }
    out.months = static_cast<int32_t>(months_ * sign);
    out.days = static_cast<int32_t>(days_ * sign);
    out.micros = ago_ ? -micros_ : micros_;
    return true;
  }
  bool out_of_range() const { return out_of_range_; }

 private:
  struct Number {
    bool negative = false;
    double whole = 0;  // magnitudes
    double fraction = 0;
    int64_t micros = 0;  // of the fraction, exact
  };

  static bool fits(double value, double limit) { return value >= -limit && value <= limit; }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool at_digit() const { return at_ < text_.size() && is_digit(text_[at_]); }

  bool number(Number& out) {
    if (at('-') || at('+')) out.negative = text_[at_++] == '-';
    const size_t begin = at_;
    while (at_digit()) out.whole = out.whole * 10 + (text_[at_++] - '0');
    size_t digits = at_ - begin;
    if (at('.')) {
      ++at_;
      double unit = 1;
      int64_t micro_unit = kMicrosPerSecond;
      while (at_digit()) {
        const int digit = text_[at_++] - '0';
        unit /= 10;
        micro_unit /= 10;
        out.fraction += digit * unit;
        out.micros += digit * micro_unit;
        ++digits;
      }
    }
    return digits > 0 && digits < 30;
  }

  bool add_micros(double whole, int64_t unit, double fraction, bool negative, int64_t exact = -1) {
    if (!fits(whole * static_cast<double>(unit), 9.2e18)) return out_of_range_ = true, false;
    const int64_t more =
        exact >= 0 ? exact
                   : static_cast<int64_t>(std::llround(fraction * static_cast<double>(unit)));
    const int64_t total = static_cast<int64_t>(whole) * unit + more;
    if (__builtin_add_overflow(micros_, negative ? -total : total, &micros_)) {
      return out_of_range_ = true, false;
    }
    return true;
  }

  void add_days(double days, bool negative) {
    const double whole = std::trunc(days);
    days_ += negative ? -whole : whole;
    add_micros(0, kMicrosPerDay, days - whole, negative);
  }

  void add_months(double months, bool negative) {
    const double whole = std::trunc(months);
    months_ += negative ? -whole : whole;
    add_days((months - whole) * 30, negative);
  }

  void add_years(double whole, double fraction, double months_each, bool negative) {
    // PostgreSQL keeps whole months of a fraction of a year and drops the rest.
    const double months = whole * months_each + std::round(fraction * months_each);
    months_ += negative ? -months : months;
  }

  static std::string_view unit_named(std::string_view word) {
    struct Unit {
      std::string_view name, unit;
    };
    constexpr Unit kUnits[] = {{"us", "us"},
                               {"usec", "us"},
                               {"usecs", "us"},
                               {"microsecond", "us"},
                               {"microseconds", "us"},
                               {"ms", "ms"},
                               {"msec", "ms"},
                               {"msecs", "ms"},
                               {"millisecond", "ms"},
                               {"milliseconds", "ms"},
                               {"s", "s"},
                               {"sec", "s"},
                               {"secs", "s"},
                               {"second", "s"},
                               {"seconds", "s"},
                               {"m", "min"},
                               {"min", "min"},
                               {"mins", "min"},
                               {"minute", "min"},
                               {"minutes", "min"},
                               {"h", "h"},
                               {"hr", "h"},
                               {"hrs", "h"},
                               {"hour", "h"},
                               {"hours", "h"},
                               {"d", "d"},
                               {"day", "d"},
                               {"days", "d"},
                               {"w", "w"},
                               {"week", "w"},
                               {"weeks", "w"},
                               {"mon", "mon"},
                               {"mons", "mon"},
                               {"month", "mon"},
                               {"months", "mon"},
                               {"y", "y"},
                               {"yr", "y"},
                               {"yrs", "y"},
                               {"year", "y"},
                               {"years", "y"},
                               {"dec", "dec"},
                               {"decs", "dec"},
                               {"decade", "dec"},
                               {"decades", "dec"},
                               {"c", "cent"},
                               {"cent", "cent"},
                               {"century", "cent"},
                               {"centuries", "cent"},
                               {"mil", "mil"},
                               {"mils", "mil"},
                               {"millennium", "mil"},
                               {"millennia", "mil"}};
    for (const Unit& unit : kUnits) {
      if (unit.name == word) return unit.unit;
    }
    return {};
  }

  bool add(const Number& n, std::string_view unit) {
    if (unit == "us") return add_micros(n.whole, 1, n.fraction, n.negative);
    if (unit == "ms") return add_micros(n.whole, 1000, n.fraction, n.negative);
    if (unit == "s") return add_micros(n.whole, kMicrosPerSecond, 0, n.negative, n.micros);
    if (unit == "min") return add_micros(n.whole, 60 * kMicrosPerSecond, n.fraction, n.negative);
    if (unit == "h") return add_micros(n.whole, 3600 * kMicrosPerSecond, n.fraction, n.negative);
    if (unit == "d") return add_days(n.whole + n.fraction, n.negative), true;
    if (unit == "w") return add_days((n.whole + n.fraction) * 7, n.negative), true;
    if (unit == "mon") return add_months(n.whole + n.fraction, n.negative), true;
    if (unit == "y") return add_years(n.whole, n.fraction, 12, n.negative), true;
    if (unit == "dec") return add_years(n.whole, n.fraction, 120, n.negative), true;
    if (unit == "cent") return add_years(n.whole, n.fraction, 1200, n.negative), true;
    if (unit == "mil") return add_years(n.whole, n.fraction, 12000, n.negative), true;
    return false;
  }

  // h:m[:s[.f]]; `n` is what stands before the first colon.
  bool clock(const Number& n) {
    ++at_;
    Number minutes, seconds;
    if (at('-') || at('+') || !number(minutes) || minutes.whole > 59) return false;
    if (at(':')) {
      ++at_;
      if (at('-') || at('+') || !number(seconds) || seconds.whole > 60) return false;
    } else if (minutes.fraction > 0) {
      // mm:ss.fff
      return add_micros(n.whole, 60 * kMicrosPerSecond, 0, n.negative) &&
             add_micros(minutes.whole, kMicrosPerSecond, 0, n.negative, minutes.micros);
    }
    return add_micros(n.whole, 3600 * kMicrosPerSecond, 0, n.negative) &&
           add_micros(minutes.whole, 60 * kMicrosPerSecond, 0, n.negative) &&
           add_micros(seconds.whole, kMicrosPerSecond, 0, n.negative, seconds.micros);
  }

  bool parse_words() {
    bool any = false;
    while (skip_space(), at_ < text_.size()) {
      if (at('@')) {
        ++at_;
        continue;
      }
      if (is_letter(text_[at_])) {
        if (take_word() != "ago" || !any) return false;
        ago_ = true;
        skip_space();
        return at_ == text_.size();
      }
      Number n;
      if (!number(n)) return false;
      any = true;
      if (at(':')) {
        if (!clock(n)) return false;
        continue;
      }
      if (at('-') && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])) {
        // years-months
        Number months;
        ++at_;
        if (!number(months) || months.whole > 11) return false;
        add_years(n.whole, 0, 12, n.negative);
        add_months(months.whole, n.negative);
        continue;
      }
      skip_space();
      if (at_ < text_.size() && is_letter(text_[at_])) {
        const size_t begin = at_;
        const std::string_view word = take_word();
        if (word == "ago") {
          at_ = begin;
        } else {
          if (!add(n, unit_named(word))) return false;
          continue;
        }
      }
      // A bare number is seconds, or days in front of a clock.
      const bool before_clock = text_.find(':', at_) != std::string_view::npos;
      if (!add(n, before_clock ? "d" : "s")) return false;
    }
    return any;
  }

  std::string_view take_word() {
    size_t length = 0;
    while (at_ < text_.size() && is_letter(text_[at_])) {
      if (length < word_.size()) word_[length++] = static_cast<char>(text_[at_] | 0x20);
      ++at_;
    }
    return {word_.data(), length};
  }

  bool parse_iso() {
    ++at_;
    bool in_time = false, any = false;
    while (at_ < text_.size()) {
      if (at('T') || at('t')) {
        if (in_time) return false;
        in_time = true;
        ++at_;
        continue;
      }
      Number n;
      if (!number(n) || at_ >= text_.size()) return false;
      const char letter = static_cast<char>(text_[at_++] | 0x20);
      std::string_view unit;
      switch (letter) {
        case 'y':
          unit = in_time ? "" : "y";
          break;
        case 'm':
          unit = in_time ? "min" : "mon";
          break;
        case 'w':
          unit = in_time ? "" : "w";
          break;
        case 'd':
          unit = in_time ? "" : "d";
          break;
        case 'h':
          unit = in_time ? "h" : "";
          break;
        case 's':
          unit = in_time ? "s" : "";
          break;
        default:
          return false;
      }
      if (!add(n, unit)) return false;
      any = true;
    }
    return any;
  }

  std::string_view text_;
  size_t at_ = 0;
  double months_ = 0, days_ = 0;
  int64_t micros_ = 0;
  bool ago_ = false, out_of_range_ = false;
  std::array<char, 16> word_{};
};

}  // namespace

Status read_interval(std::string_view text, duckdb::interval_t& out) {
  IntervalParser parser(text);
  if (parser.parse(out)) return ok();
  if (parser.out_of_range()) {
    return invalid("interval field value out of range: \"{}\"", text).with_sqlstate("22015");
  }
  return syntax_error("interval", text);
}

}  // namespace sluice::engine::functions
