// Dates, times and timestamps as PostgreSQL reads them (DateStyle ISO, MDY).
//
//   2010-10-10  10/30/2010  Oct 10 2010  10-Oct-2010  20101010  44-03-15 BC  epoch  infinity
//   10:10  10:10:10.123  10:10 PM  …T10:10:10Z  …+02  …-03:30  … Europe/Berlin
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "engine/functions/calendar.h"
#include "engine/functions/temporal_words.h"
#include "engine/functions/text_in.h"

namespace sluice::engine::functions {
namespace {

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

}  // namespace sluice::engine::functions
