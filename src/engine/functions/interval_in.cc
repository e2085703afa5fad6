// Intervals as PostgreSQL reads them:
//
//   1 year 2 mons 3 days 04:05:06.7  1.5 hours ago  P1Y2M3DT4H5M6S  1-2  00:00:01
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "engine/functions/calendar.h"
#include "engine/functions/temporal_words.h"
#include "engine/functions/text_in.h"

namespace sluice::engine::functions {
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
