// to_char(date | timestamp | timestamptz, format): PostgreSQL's template patterns for dates.
#include <algorithm>
#include <array>
#include <duckdb/common/vector_operations/binary_executor.hpp>
#include <duckdb/main/client_context.hpp>

#include "base/text.h"
#include "engine/functions/calendar.h"
#include "engine/functions/parts.h"
#include "engine/functions/raise.h"
#include "engine/functions/time_zone.h"

namespace sluice::engine::functions {
namespace {

using duckdb::BinaryExecutor;
using duckdb::DataChunk;
using duckdb::ExpressionState;
using duckdb::ScalarFunction;
using duckdb::string_t;
using duckdb::StringVector;

constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                      "Friday", "Saturday", "Sunday"};

// An instant taken apart.
struct Parts {
  int64_t days = 0;
  CivilDate date;
  int64_t seconds = 0;  // of the day
  int64_t micros = 0;   // of the second
  int64_t offset = 0;   // seconds east of UTC
  std::string_view zone;

  int hour() const { return static_cast<int>(seconds / 3600); }
  int hour_12() const { return hour() % 12 == 0 ? 12 : hour() % 12; }
  int day_of_year() const { return static_cast<int>(days - days_from_civil(date.year, 1, 1)) + 1; }
  int day_of_week() const { return iso_day_of_week(days); }
  // The Thursday of a week decides to which year it belongs.
  int64_t iso_year() const { return civil_from_days(days - day_of_week() + 4).year; }
  int iso_week() const {
    const int64_t thursday = days - day_of_week() + 4;
    return static_cast<int>((thursday - days_from_civil(civil_from_days(thursday).year, 1, 1)) /
                            7) +
           1;
  }
};

enum class Pattern {
  kYyyy,
  kYyy,
  kYy,
  kY,
  kYCommaYyy,
  kIyyy,
  kIyy,
  kIy,
  kI,
  kMm,
  kMonth,
  kMon,
  kDd,
  kDdd,
  kD,
  kId,
  kDay,
  kDy,
  kHh24,
  kHh12,
  kMi,
  kSs,
  kMs,
  kUs,
  kSsss,
  kAm,
  kAmDots,
  kBc,
  kBcDots,
  kQ,
  kWw,
  kW,
  kIw,
  kCc,
  kJ,
  kTz,
  kTzh,
  kTzm,
  kOf,
  kIddd
};

struct Spelling {
  std::string_view text;
  Pattern pattern;
};

// Longer ones before those they begin with. Upper case; other cases change only words.
constexpr Spelling kSpellings[] = {{"Y,YYY", Pattern::kYCommaYyy},
                                   {"YYYY", Pattern::kYyyy},
                                   {"YYY", Pattern::kYyy},
                                   {"YY", Pattern::kYy},
                                   {"Y", Pattern::kY},
                                   {"IYYY", Pattern::kIyyy},
                                   {"IYY", Pattern::kIyy},
                                   {"IY", Pattern::kIy},
                                   {"IDDD", Pattern::kIddd},
                                   {"ID", Pattern::kId},
                                   {"IW", Pattern::kIw},
                                   {"I", Pattern::kI},
                                   {"MONTH", Pattern::kMonth},
                                   {"MON", Pattern::kMon},
                                   {"MM", Pattern::kMm},
                                   {"MI", Pattern::kMi},
                                   {"MS", Pattern::kMs},
                                   {"DAY", Pattern::kDay},
                                   {"DDD", Pattern::kDdd},
                                   {"DD", Pattern::kDd},
                                   {"DY", Pattern::kDy},
                                   {"D", Pattern::kD},
                                   {"HH24", Pattern::kHh24},
                                   {"HH12", Pattern::kHh12},
                                   {"HH", Pattern::kHh12},
                                   {"SSSSS", Pattern::kSsss},
                                   {"SSSS", Pattern::kSsss},
                                   {"SS", Pattern::kSs},
                                   {"US", Pattern::kUs},
                                   {"A.M.", Pattern::kAmDots},
                                   {"P.M.", Pattern::kAmDots},
                                   {"AM", Pattern::kAm},
                                   {"PM", Pattern::kAm},
                                   {"A.D.", Pattern::kBcDots},
                                   {"B.C.", Pattern::kBcDots},
                                   {"AD", Pattern::kBc},
                                   {"BC", Pattern::kBc},
                                   {"Q", Pattern::kQ},
                                   {"WW", Pattern::kWw},
                                   {"W", Pattern::kW},
                                   {"CC", Pattern::kCc},
                                   {"J", Pattern::kJ},
                                   {"TZH", Pattern::kTzh},
                                   {"TZM", Pattern::kTzm},
                                   {"TZ", Pattern::kTz},
                                   {"OF", Pattern::kOf}};

bool starts_with(std::string_view text, std::string_view pattern) {
  return text.size() >= pattern.size() &&
         std::equal(pattern.begin(), pattern.end(), text.begin(),
                    [](char a, char b) { return a == ascii_upper(b); });
}

// Month in the case of the pattern: MONTH, Month or month.
std::string cased(std::string_view word, std::string_view like) {
  std::string out(word);
  const bool first_upper = like[0] == ascii_upper(like[0]);
  const bool rest_upper = like.size() > 1 && like[1] == ascii_upper(like[1]);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = first_upper && (i == 0 || rest_upper) ? ascii_upper(out[i]) : ascii_lower(out[i]);
  }
  return out;
}

std::string dotted(std::string_view two, std::string_view like) {
  const bool small = like[0] != ascii_upper(like[0]);
  std::string out;
  for (const char c : two) {
    out += small ? ascii_lower(c) : c;
    out += '.';
  }
  return out;
}

class Formatter {
 public:
  Formatter(const Parts& parts, std::string& out) : parts_(parts), out_(out) {}

  void run(std::string_view format) {
    while (!format.empty()) {
      if (format[0] == '"') {
        format = quoted(format.substr(1));
        continue;
      }
      if (format.size() > 1 && format[0] == '\\' && format[1] == '"') {
        out_ += '"';
        format.remove_prefix(2);
        continue;
      }
      fill_ = !starts_with(format, "FM");
      const std::string_view rest = fill_ ? format : format.substr(2);
      const Spelling* spelling = find(rest);
      if (spelling == nullptr) {
        out_ += format[0];
        format.remove_prefix(1);
        continue;
      }
      const size_t begin = out_.size();
      append(spelling->pattern, rest.substr(0, spelling->text.size()));
      format = rest.substr(spelling->text.size());
      if (starts_with(format, "TH") && out_.size() > begin) {
        append_ordinal(begin, format[0] == 't');
        format.remove_prefix(2);
      }
    }
  }

 private:
  static const Spelling* find(std::string_view text) {
    for (const Spelling& spelling : kSpellings) {
      if (starts_with(text, spelling.text)) return &spelling;
    }
    return nullptr;
  }

  std::string_view quoted(std::string_view rest) {
    size_t i = 0;
    for (; i < rest.size() && rest[i] != '"'; ++i) {
      if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
      out_ += rest[i];
    }
    return rest.substr(std::min(i + 1, rest.size()));
  }

  void number(int64_t value, int width) {
    if (fill_) {
      out_ += fmt::format("{:0{}}", value, value < 0 ? width + 1 : width);
    } else {
      out_ += fmt::format("{}", value);
    }
  }

  void word(std::string text, size_t width) {
    if (fill_ && text.size() < width) text.append(width - text.size(), ' ');
    out_ += text;
  }

  // 1st, 2nd, 3rd, 4th, 11th.
  void append_ordinal(size_t begin, bool small) {
    const std::string digits = out_.substr(begin);
    if (digits.find_first_not_of("0123456789") != std::string::npos) return;
    const char last = digits.back();
    const bool teen = digits.size() > 1 && digits[digits.size() - 2] == '1';
    const char* ending = teen          ? "TH"
                         : last == '1' ? "ST"
                         : last == '2' ? "ND"
                         : last == '3' ? "RD"
                                       : "TH";
    for (const char* c = ending; *c != '\0'; ++c) out_ += small ? ascii_lower(*c) : *c;
  }

  void append(Pattern pattern, std::string_view like) {
    const Parts& p = parts_;
    const int64_t year = p.date.year > 0 ? p.date.year : 1 - p.date.year;
    switch (pattern) {
      case Pattern::kYyyy:
        return number(year, 4);
      case Pattern::kYyy:
        return number(year % 1000, 3);
      case Pattern::kYy:
        return number(year % 100, 2);
      case Pattern::kY:
        return number(year % 10, 1);
      case Pattern::kYCommaYyy:
        out_ += fmt::format("{},{:03}", year / 1000, year % 1000);
        return;
      case Pattern::kIyyy:
        return number(p.iso_year(), 4);
      case Pattern::kIyy:
        return number(p.iso_year() % 1000, 3);
      case Pattern::kIy:
        return number(p.iso_year() % 100, 2);
      case Pattern::kI:
        return number(p.iso_year() % 10, 1);
      case Pattern::kMm:
        return number(p.date.month, 2);
      case Pattern::kMonth:
        return word(cased(kMonths[p.date.month - 1], like), 9);
      case Pattern::kMon:
        return word(cased(kMonths[p.date.month - 1].substr(0, 3), like), 3);
      case Pattern::kDd:
        return number(p.date.day, 2);
      case Pattern::kDdd:
        return number(p.day_of_year(), 3);
      case Pattern::kD:
        return number(p.day_of_week() % 7 + 1, 1);
      case Pattern::kId:
        return number(p.day_of_week(), 1);
      case Pattern::kIddd:
        return number((p.iso_week() - 1) * 7 + p.day_of_week(), 3);
      case Pattern::kDay:
        return word(cased(kDays[p.day_of_week() - 1], like), 9);
      case Pattern::kDy:
        return word(cased(kDays[p.day_of_week() - 1].substr(0, 3), like), 3);
      default:
        return append_time(pattern, like);
    }
  }

  void append_time(Pattern pattern, std::string_view like) {
    const Parts& p = parts_;
    const int64_t offset = p.offset < 0 ? -p.offset : p.offset;
    switch (pattern) {
      case Pattern::kHh24:
        return number(p.hour(), 2);
      case Pattern::kHh12:
        return number(p.hour_12(), 2);
      case Pattern::kMi:
        return number(p.seconds / 60 % 60, 2);
      case Pattern::kSs:
        return number(p.seconds % 60, 2);
      case Pattern::kMs:
        return number(p.micros / 1000, 3);
      case Pattern::kUs:
        return number(p.micros, 6);
      case Pattern::kSsss:
        return number(p.seconds, 1);
      case Pattern::kAm:
        out_ += cased(p.hour() >= 12 ? "PM" : "AM", like);
        return;
      case Pattern::kAmDots:
        out_ += dotted(p.hour() >= 12 ? "PM" : "AM", like);
        return;
      case Pattern::kBc:
        out_ += cased(p.date.year > 0 ? "AD" : "BC", like);
        return;
      case Pattern::kBcDots:
        out_ += dotted(p.date.year > 0 ? "AD" : "BC", like);
        return;
      case Pattern::kQ:
        return number((p.date.month - 1) / 3 + 1, 1);
      case Pattern::kWw:
        return number((p.day_of_year() - 1) / 7 + 1, 2);
      case Pattern::kW:
        return number((p.date.day - 1) / 7 + 1, 1);
      case Pattern::kIw:
        return number(p.iso_week(), 2);
      case Pattern::kCc:
        return number((p.date.year + 99) / 100, 2);
      case Pattern::kJ:
        return number(p.days + 2440588, 1);
      case Pattern::kTz:
        out_ += cased(p.zone, like);
        return;
      case Pattern::kTzh:
        out_ += fmt::format("{}{:02}", p.offset < 0 ? '-' : '+', offset / 3600);
        return;
      case Pattern::kTzm:
        out_ += fmt::format("{:02}", offset / 60 % 60);
        return;
      case Pattern::kOf:
        out_ += fmt::format("{}{:02}", p.offset < 0 ? '-' : '+', offset / 3600);
        if (offset % 3600 != 0) out_ += fmt::format(":{:02}", offset / 60 % 60);
        return;
      default:
        return;
    }
  }

  const Parts& parts_;
  std::string& out_;
  bool fill_ = true;  // FM takes blanks and zeros away
};

Parts parts_of(int64_t local_micros) {
  Parts parts;
  parts.days = floor_divide(local_micros, kMicrosPerDay);
  parts.date = civil_from_days(parts.days);
  const int64_t of_day = local_micros - parts.days * kMicrosPerDay;
  parts.seconds = of_day / kMicrosPerSecond;
  parts.micros = of_day % kMicrosPerSecond;
  return parts;
}

string_t formatted(const Parts& parts, const string_t& format, Vector& result) {
  std::string out;
  Formatter(parts, out).run({format.GetData(), format.GetSize()});
  return StringVector::AddString(result, out);
}

bool is_endless(int64_t micros) {
  return micros == kInfiniteTimestamp || micros == -kInfiniteTimestamp;
}

void from_date(DataChunk& input, ExpressionState&, Vector& result) {
  BinaryExecutor::Execute<int32_t, string_t, string_t>(
      input.data[0], input.data[1], result, input.size(), [&](int32_t days, string_t format) {
        if (days == kInfiniteDate || days == -kInfiniteDate) return string_t("", 0);
        return formatted(parts_of(days * kMicrosPerDay), format, result);
      });
}

void from_timestamp(DataChunk& input, ExpressionState&, Vector& result) {
  BinaryExecutor::Execute<int64_t, string_t, string_t>(
      input.data[0], input.data[1], result, input.size(), [&](int64_t micros, string_t format) {
        if (is_endless(micros)) return string_t("", 0);
        return formatted(parts_of(micros), format, result);
      });
}

void from_timestamp_tz(DataChunk& input, ExpressionState& state, Vector& result) {
  const TimeZone& zone = session_zone(&state.GetContext());
  BinaryExecutor::Execute<int64_t, string_t, string_t>(
      input.data[0], input.data[1], result, input.size(), [&](int64_t micros, string_t format) {
        if (is_endless(micros)) return string_t("", 0);
        const int64_t offset = zone.offset_seconds_at(micros);
        Parts parts = parts_of(micros + offset * kMicrosPerSecond);
        parts.offset = offset;
        parts.zone = zone.abbreviation_at(micros);
        return formatted(parts, format, result);
      });
}

}  // namespace

void register_to_char(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR;
  add_function(database, ScalarFunction("to_char", {LogicalType::DATE, text}, text, from_date));
  add_function(database,
               ScalarFunction("to_char", {LogicalType::TIMESTAMP, text}, text, from_timestamp));
  ScalarFunction with_zone("to_char", {LogicalType::TIMESTAMP_TZ, text}, text, from_timestamp_tz);
  with_zone.stability = duckdb::FunctionStability::CONSISTENT_WITHIN_QUERY;
  add_function(database, std::move(with_zone));
}

}  // namespace sluice::engine::functions
