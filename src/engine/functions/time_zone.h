// Time zones: the offset from UTC at an instant, from the system's zone files.
//
// Immutable and safe from any thread; zones live as long as the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine::functions {

class TimeZone {
 public:
  // `UTC`, an IANA name (Europe/Berlin), or an offset (+02, -03:30, east positive). nullptr if
  // there is no such zone.
  static const TimeZone* find(std::string_view name);
  static const TimeZone& utc();

  // East of Greenwich is positive.
  int64_t offset_seconds_at(int64_t utc_micros) const;
  // The instant at which clocks here show `local_micros`. Of two, the one before the change; in a
  // gap, as if the clocks had not been moved yet.
  int64_t to_utc(int64_t local_micros) const;
  bool is_utc() const { return changes_.empty() && offset_ == 0; }
  std::string_view abbreviation_at(int64_t utc_micros) const;

 private:
  struct Change {
    int64_t at_seconds;
    int64_t offset_seconds;
    size_t abbreviation;
  };
  // The rule after the last recorded change: m-th month, week, weekday, as POSIX writes it.
  struct Rule {
    int kind = 0;  // 0: none, 'M', 'J' or 'n'
    int month = 0, week = 0, day = 0;
    int64_t seconds = 7200;
  };
  friend class ZoneFile;

  int64_t rule_instant(const Rule& rule, int64_t year, int64_t offset_before) const;
  const Change* last_change(int64_t seconds) const;
  bool is_summer(int64_t seconds) const;

  int64_t offset_ = 0;  // before the first change, or always
  std::vector<Change> changes_;
  bool has_rule_ = false;
  int64_t standard_offset_ = 0, summer_offset_ = 0;
  Rule summer_begins_, summer_ends_;
  std::vector<std::string> abbreviations_;
};

}  // namespace sluice::engine::functions
