#include "engine/functions/time_zone.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/functions/calendar.h"

namespace sluice::engine::functions {
namespace {

constexpr std::string_view kZoneFolder = "/usr/share/zoneinfo/";
constexpr size_t kMaxFileBytes = size_t{1} << 20;

// A name becomes part of a path: letters, digits, `_+-/` only, so it cannot leave the folder.
bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '/') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '+' || c == '-' ||
           c == '/';
  });
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string bytes(kMaxFileBytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

// [+-]hh[[:]mm[[:]ss]]
std::optional<int64_t> parse_offset(std::string_view text) {
  if (text.size() < 2 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int64_t sign = text[0] == '-' ? -1 : 1;
  int64_t parts[3] = {0, 0, 0};
  size_t at = 1, part = 0;
  while (at < text.size() && part < 3) {
    if (part > 0 && text[at] == ':') ++at;
    size_t digits = 0;
    while (at < text.size() && digits < 2 && std::isdigit(static_cast<unsigned char>(text[at]))) {
      parts[part] = parts[part] * 10 + (text[at++] - '0');
      ++digits;
    }
    if (digits == 0) return std::nullopt;
    ++part;
  }
  if (at != text.size() || parts[0] > 15 || parts[1] > 59 || parts[2] > 59) return std::nullopt;
  return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
}

}  // namespace

// Reads a TZif file (RFC 8536), version 2 and later: the second block has 64-bit times.
class ZoneFile {
 public:
  explicit ZoneFile(std::string_view bytes) : bytes_(bytes) {}

  bool read(TimeZone& zone) {
    Counts counts;
    if (!read_header(counts)) return false;
    // The first block, with 32-bit times, is skipped.
    const size_t skipped = counts.times * 5 + counts.types * 6 + counts.characters +
                           counts.leaps * 8 + counts.standards + counts.universals;
    if (!skip(skipped) || !read_header(counts)) return false;
    if (bytes_.size() - at_ < counts.times * 9 + counts.types * 6 + counts.characters) return false;
    read_changes(counts, zone);
    if (!skip(counts.leaps * 12 + counts.standards + counts.universals)) return false;
    read_footer(zone);
    return true;
  }

 private:
  struct Counts {
    size_t universals, standards, leaps, times, types, characters;
  };

  bool skip(size_t count) {
    if (bytes_.size() - at_ < count) return false;
    at_ += count;
    return true;
  }

  int64_t big_endian(size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(bytes_[at_++]);
    return width == 4 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
  }

  bool read_header(Counts& counts) {
    if (bytes_.size() - at_ < 44 || bytes_.substr(at_, 4) != "TZif" || bytes_[at_ + 4] < '2') {
      return false;
    }
    at_ += 20;
    for (size_t* count : {&counts.universals, &counts.standards, &counts.leaps, &counts.times,
                          &counts.types, &counts.characters}) {
      const int64_t value = big_endian(4);
      if (value < 0 || static_cast<size_t>(value) > kMaxFileBytes) return false;
      *count = static_cast<size_t>(value);
    }
    return counts.types > 0;
  }

  void read_changes(const Counts& counts, TimeZone& zone) {
    std::vector<int64_t> times(counts.times);
    for (int64_t& time : times) time = big_endian(8);
    std::vector<size_t> kinds(counts.times);
    for (size_t& kind : kinds) kind = static_cast<uint8_t>(bytes_[at_++]);
    struct Kind {
      int64_t offset;
      size_t name;
    };
    std::vector<Kind> known(counts.types);
    for (Kind& kind : known) {
      kind.offset = big_endian(4);
      ++at_;  // whether it is summer time
      kind.name = static_cast<uint8_t>(bytes_[at_++]);
    }
    const std::string_view names = bytes_.substr(at_, counts.characters);
    at_ += counts.characters;
    for (const Kind& kind : known) {
      const std::string_view rest = names.substr(std::min(kind.name, names.size()));
      zone.abbreviations_.emplace_back(rest.substr(0, rest.find('\0')));
    }
    zone.offset_ = known[0].offset;
    for (size_t i = 0; i < times.size(); ++i) {
      const size_t kind = std::min(kinds[i], known.size() - 1);
      zone.changes_.push_back({times[i], known[kind].offset, kind});
    }
  }

  // POSIX: std offset [dst [offset] [,begin[/time],end[/time]]], west positive.
  void read_footer(TimeZone& zone) {
    if (at_ >= bytes_.size() || bytes_[at_] != '\n') return;
    const size_t end = bytes_.find('\n', at_ + 1);
    if (end == std::string_view::npos) return;
    text_ = bytes_.substr(at_ + 1, end - at_ - 1);
    if (!skip_name()) return;
    zone.standard_offset_ = -clock();
    if (text_.empty() || !skip_name()) return;
    zone.summer_offset_ = zone.standard_offset_ + 3600;
    if (!text_.empty() && text_[0] != ',') zone.summer_offset_ = -clock();
    zone.has_rule_ = read_rule(zone.summer_begins_) && read_rule(zone.summer_ends_);
  }

  bool skip_name() {
    size_t length = 0;
    if (!text_.empty() && text_[0] == '<') {
      length = text_.find('>');
      if (length == std::string_view::npos) return false;
      ++length;
    } else {
      while (length < text_.size() && std::isalpha(static_cast<unsigned char>(text_[length]))) {
        ++length;
      }
    }
    text_.remove_prefix(length);
    return length > 0;
  }

  int number() {
    int value = 0;
    while (!text_.empty() && std::isdigit(static_cast<unsigned char>(text_[0])) && value < 100000) {
      value = value * 10 + (text_[0] - '0');
      text_.remove_prefix(1);
    }
    return value;
  }

  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  int64_t clock() {
    const int64_t sign = take('-') ? -1 : (take('+'), 1);
    int64_t seconds = int64_t{number()} * 3600;
    if (take(':')) seconds += int64_t{number()} * 60;
    if (take(':')) seconds += number();
    return sign * seconds;
  }

  bool read_rule(TimeZone::Rule& rule) {
    if (!take(',')) return false;
    if (take('M')) {
      rule.kind = 'M';
      rule.month = number();
      if (!take('.')) return false;
      rule.week = number();
      if (!take('.')) return false;
      rule.day = number();
      if (rule.month < 1 || rule.month > 12 || rule.week < 1 || rule.week > 5) return false;
    } else {
      rule.kind = 'n';
      if (take('J')) rule.kind = 'J';
      rule.day = number();
    }
    if (take('/')) rule.seconds = clock();
    return true;
  }

  std::string_view bytes_;
  size_t at_ = 0;
  std::string_view text_;
};

const TimeZone& TimeZone::utc() {
  static const TimeZone zone;
  return zone;
}

const TimeZone* TimeZone::find(std::string_view name) {
  if (name == "UTC" || name == "utc" || name == "GMT" || name == "Etc/UTC" || name == "Z") {
    return &utc();
  }
  static std::mutex mutex;
  // Never emptied: at most as many as there are zones, and their addresses are handed out.
  static auto& known = *new std::map<std::string, std::unique_ptr<TimeZone>, std::less<>>;
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return found->second.get();
  auto zone = std::make_unique<TimeZone>();
  if (const std::optional<int64_t> offset = parse_offset(name)) {
    zone->offset_ = *offset;
  } else {
    if (!is_safe_name(name)) return nullptr;
    const std::optional<std::string> bytes = read_file(std::string(kZoneFolder).append(name));
    if (!bytes || !ZoneFile(*bytes).read(*zone)) return nullptr;
  }
  return known.emplace(std::string(name), std::move(zone)).first->second.get();
}

const TimeZone::Change* TimeZone::last_change(int64_t seconds) const {
  const auto after = std::upper_bound(
      changes_.begin(), changes_.end(), seconds,
      [](int64_t value, const Change& change) { return value < change.at_seconds; });
  return after == changes_.begin() ? nullptr : &*(after - 1);
}

int64_t TimeZone::rule_instant(const Rule& rule, int64_t year, int64_t offset_before) const {
  int64_t day = 0;
  if (rule.kind == 'M') {
    const int64_t first = days_from_civil(year, rule.month, 1);
    const int64_t weekday = iso_day_of_week(first) % 7;  // 0 Sunday
    day = first + ((rule.day - weekday + 7) % 7) + int64_t{7} * (rule.week - 1);
    while (day >= first + days_in_month(year, rule.month)) day -= 7;
  } else {
    // J counts no 29 February, the bare form does and starts at 0.
    day = days_from_civil(year, 1, 1) + rule.day - (rule.kind == 'J' ? 1 : 0);
    if (rule.kind == 'J' && is_leap(year) && rule.day >= 60) ++day;
  }
  return day * 86400 + rule.seconds - offset_before;
}

bool TimeZone::is_summer(int64_t seconds) const {
  const int64_t day = floor_divide(seconds + standard_offset_, 86400);
  const int64_t year = civil_from_days(day).year;
  const int64_t begins = rule_instant(summer_begins_, year, standard_offset_);
  const int64_t ends = rule_instant(summer_ends_, year, summer_offset_);
  if (begins < ends) return seconds >= begins && seconds < ends;
  return seconds >= begins || seconds < ends;  // the southern hemisphere
}

int64_t TimeZone::offset_seconds_at(int64_t utc_micros) const {
  if (changes_.empty() && !has_rule_) return offset_;
  const int64_t seconds = floor_divide(utc_micros, kMicrosPerSecond);
  if (has_rule_ && (changes_.empty() || seconds >= changes_.back().at_seconds)) {
    return is_summer(seconds) ? summer_offset_ : standard_offset_;
  }
  const Change* change = last_change(seconds);
  return change == nullptr ? offset_ : change->offset_seconds;
}

int64_t TimeZone::to_utc(int64_t local_micros) const {
  // The offset in force well before, then the one that this guess falls into.
  const int64_t before = offset_seconds_at(local_micros - kMicrosPerDay);
  const int64_t with_before = local_micros - before * kMicrosPerSecond;
  if (offset_seconds_at(with_before) == before) return with_before;
  const int64_t after = offset_seconds_at(local_micros + kMicrosPerDay);
  const int64_t with_after = local_micros - after * kMicrosPerSecond;
  return offset_seconds_at(with_after) == after ? with_after : with_before;
}

std::string_view TimeZone::abbreviation_at(int64_t utc_micros) const {
  if (is_utc()) return "UTC";
  const int64_t offset = offset_seconds_at(utc_micros);
  const Change* change = last_change(floor_divide(utc_micros, kMicrosPerSecond));
  if (change != nullptr && change->offset_seconds == offset) {
    return abbreviations_[change->abbreviation];
  }
  // Under the final rule: the newest change with this offset has its name.
  for (auto candidate = changes_.rbegin(); candidate != changes_.rend(); ++candidate) {
    if (candidate->offset_seconds == offset) return abbreviations_[candidate->abbreviation];
  }
  return "";
}

}  // namespace sluice::engine::functions
