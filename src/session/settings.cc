#include "session/settings.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <span>

#include "base/check.h"
#include "base/text.h"

namespace sluice::session {
namespace {

Error bad_value(std::string_view name, std::string_view value) {
  return invalid("invalid value for parameter \"{}\": \"{}\"", name, value).with_sqlstate("22023");
}

using Check = Result<std::string> (*)(std::string_view name, std::string_view value);

Result<std::string> any(std::string_view, std::string_view value) { return std::string(value); }

Result<std::string> boolean(std::string_view name, std::string_view value) {
  const std::string word = ascii_lower(value);
  for (const char* yes : {"on", "true", "yes", "t", "1"}) {
    if (word == yes) return std::string("on");
  }
  for (const char* no : {"off", "false", "no", "f", "0"}) {
    if (word == no) return std::string("off");
  }
  return invalid("parameter \"{}\" requires a Boolean value", name).with_sqlstate("22023");
}

Result<std::string> only_on(std::string_view name, std::string_view value) {
  TRY_ASSIGN(const std::string word, boolean(name, value));
  return word == "on" ? Result<std::string>(word) : bad_value(name, value);
}

Result<std::string> integer(std::string_view name, std::string_view value) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure != std::errc() || end != value.data() + value.size()) return bad_value(name, value);
  return std::string(value);
}

Result<std::string> utf8(std::string_view name, std::string_view value) {
  const std::string word = ascii_lower(value);
  if (word == "utf8" || word == "utf-8" || word == "unicode") return std::string("UTF8");
  return bad_value(name, value).with_hint("Sluice speaks UTF8 only.");
}

Result<std::string> iso_dates(std::string_view name, std::string_view value) {
  // The order of day and month matters to input only, and input is ISO.
  if (ascii_lower(value).starts_with("iso") || ascii_lower(value) == "mdy")
    return std::string("ISO, MDY");
  return bad_value(name, value).with_hint("Dates are written in ISO form only.");
}

Result<std::string> postgres_intervals(std::string_view name, std::string_view value) {
  if (ascii_lower(value) == "postgres") return std::string("postgres");
  return bad_value(name, value);
}

Result<std::string> isolation(std::string_view name, std::string_view value) {
  const std::string word = ascii_lower(value);
  // Each statement and transaction reads one time, and commits are in one order; weaker levels are
  // given that too, as PostgreSQL does.
  for (const char* level : {"strict serializable", "serializable", "repeatable read",
                            "read committed", "read uncommitted"}) {
    if (word == level) return word;
  }
  return bad_value(name, value);
}

// Milliseconds, or a number with ms, s, min, h or d.
std::optional<int64_t> milliseconds(std::string_view text) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || number < 0) return {};
  std::string unit(end, text.data() + text.size());
  unit.erase(std::remove(unit.begin(), unit.end(), ' '), unit.end());
  constexpr int64_t kLongest = int64_t{1} << 41;  // about 70 years; keeps the product in range
  if (number > kLongest / 86'400'000) return {};
  if (unit.empty() || unit == "ms") return number;
  if (unit == "s") return number * 1000;
  if (unit == "min") return number * 60'000;
  if (unit == "h") return number * 3'600'000;
  if (unit == "d") return number * 86'400'000;
  return {};
}

Result<std::string> duration(std::string_view name, std::string_view value) {
  return milliseconds(value) ? Result<std::string>(std::string(value)) : bad_value(name, value);
}

Result<std::string> time_zone_name(std::string_view name, std::string_view value) {
  // The engine knows whether a zone exists; the session asks it when the value is used.
  if (value.empty() || value.size() > 100) return bad_value(name, value);
  const std::string word = ascii_lower(value);
  if (word == "utc" || word == "default" || word == "local") return std::string("UTC");
  return std::string(value);
}

struct Setting {
  const char* name;  // canonical spelling
  const char* value;
  Check check;  // nullptr: cannot be changed
  bool reported;
  const char* description;
};

constexpr Setting kSettings[] = {
    {"application_name", "", any, true, "Sets the application name to be reported in logs."},
    {"bytea_output", "hex", any, false, "Output format of bytea: hex."},
    {"client_encoding", "UTF8", utf8, true, "The client's character set encoding: UTF8."},
    {"client_min_messages", "notice", any, false, "Message levels that are sent to the client."},
    {"cluster", "quickstart", any, false, "The cluster that runs statements; there is one."},
    {"cluster_replica", "", any, false, "Has no effect: there are no replicas."},
    {"copy_progress", "off", boolean, false,
     "Whether COPY to a store sends a NOTICE every few seconds that tells how far it is."},
    {"database", "materialize", nullptr, false, "The current database."},
    {"DateStyle", "ISO, MDY", iso_dates, true, "Display format of dates and times."},
    {"default_transaction_isolation", "strict serializable", isolation, false,
     "The isolation level of new transactions."},
    {"default_transaction_read_only", "off", boolean, false,
     "Whether new transactions are read-only."},
    {"extra_float_digits", "3", integer, false, "Accepted; floats are written exactly."},
    {"idle_in_transaction_session_timeout", "0", duration, false,
     "Accepted; an idle transaction holds up nobody."},
    {"integer_datetimes", "on", nullptr, true, "Datetimes are 64-bit integers."},
    {"IntervalStyle", "postgres", postgres_intervals, true, "Display format of intervals."},
    {"is_superuser", "on", nullptr, true, "Whether the user is a superuser."},
    {"lock_timeout", "0", duration, false, "Accepted; there are no locks to wait for."},
    {"max_identifier_length", "255", nullptr, false, "The longest identifier, in bytes."},
    {"row_security", "on", boolean, false, "Accepted; there is no row security."},
    {"search_path", "public", any, false, "Schemas that unqualified names are looked up in."},
    {"server_encoding", "UTF8", nullptr, true, "The server's character set encoding."},
    {"server_version", "9.5.0", nullptr, true, "The PostgreSQL version that clients may assume."},
    {"server_version_num", "90500", nullptr, false, "The same as a number."},
    {"standard_conforming_strings", "on", only_on, true,
     "'...' strings treat backslashes literally."},
    {"statement_timeout", "0", duration, false, "The longest a statement may take; 0: no limit."},
    {"TimeZone", "UTC", time_zone_name, true, "The time zone of timestamptz as text."},
    {"transaction_isolation", "strict serializable", isolation, false,
     "The isolation level of the current transaction."},
    {"transaction_read_only", "off", boolean, false, "Whether the transaction is read-only."},
};

const Setting* find(std::string_view name) {
  const std::string key = ascii_lower(name);
  for (const Setting& setting : kSettings) {
    if (ascii_lower(setting.name) == key) return &setting;
  }
  return nullptr;
}

Error unknown(std::string_view name) {
  return Error(ErrorCode::kNotFound,
               fmt::format("unrecognized configuration parameter \"{}\"", name))
      .with_sqlstate("42704");
}

}  // namespace

Settings::Settings() {
  for (const Setting& setting : kSettings) values_[ascii_lower(setting.name)] = setting.value;
}

std::optional<std::string> Settings::get(std::string_view name) const {
  const auto found = values_.find(ascii_lower(name));
  if (found == values_.end()) return {};
  return found->second;
}

Status Settings::set(std::string_view name, std::string_view value) {
  const Setting* setting = find(name);
  if (setting == nullptr) return unknown(name);
  if (setting->check == nullptr) {
    return invalid("parameter \"{}\" cannot be changed", setting->name).with_sqlstate("55P02");
  }
  TRY_ASSIGN(const std::string checked, setting->check(setting->name, value));
  assign(ascii_lower(setting->name), checked);
  return ok();
}

Status Settings::reset(std::string_view name) {
  const Setting* setting = find(name);
  if (setting == nullptr) return unknown(name);
  assign(ascii_lower(setting->name), setting->value);
  return ok();
}

void Settings::reset_all() {
  for (const Setting& setting : kSettings) {
    if (setting.check != nullptr) assign(ascii_lower(setting.name), setting.value);
  }
}

void Settings::assign(const std::string& key, const std::string& value) {
  if (values_[key] == value) return;
  values_[key] = value;
  const Setting* setting = find(key);
  if (setting->reported && reported) reported(setting->name, value);
}

std::vector<Settings::Shown> Settings::all() const {
  std::vector<Shown> shown;
  for (const Setting& setting : kSettings) {
    shown.push_back({setting.name, values_.at(ascii_lower(setting.name)), setting.description});
  }
  return shown;
}

int64_t Settings::statement_timeout_ms() const {
  return milliseconds(values_.at("statement_timeout")).value_or(0);
}

std::vector<std::string> Settings::search_path() const {
  std::vector<std::string> path;
  const std::string& text = values_.find("search_path")->second;
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] == ' ' || text[at] == ',') {
      ++at;
      continue;
    }
    std::string part;
    if (text[at] == '"') {  // up to the closing quote; two of them stand for one
      for (++at; at < text.size(); ++at) {
        if (text[at] == '"' && (at + 1 == text.size() || text[at + 1] != '"')) break;
        if (text[at] == '"') ++at;
        part += text[at];
      }
      ++at;
    } else {
      const size_t end = std::min(text.find(',', at), text.size());
      part = ascii_lower(text.substr(at, end - at));
      while (!part.empty() && part.back() == ' ') part.pop_back();
      at = end;
    }
    path.push_back(std::move(part));
  }
  return path;
}

bool Settings::is_time_zone(std::string_view name) { return ascii_lower(name) == "timezone"; }

const std::string& Settings::time_zone() const { return values_.find("timezone")->second; }

bool Settings::read_only() const { return values_.at("transaction_read_only") == "on"; }

void Settings::default_read_only() {
  values_["transaction_read_only"] = values_["default_transaction_read_only"];
}

void Settings::begin_transaction() {
  default_read_only();
  at_begin_ = values_;
  before_local_.clear();
}

void Settings::set_local(std::string_view name) {
  const std::string key = ascii_lower(name);
  if (const auto found = values_.find(key); found != values_.end()) before_local_.insert(*found);
}

void Settings::end_transaction(bool committed) {
  if (!at_begin_) return;
  const Values back = committed ? std::move(before_local_) : std::move(*at_begin_);
  at_begin_.reset();
  before_local_.clear();
  for (const auto& [key, value] : back) assign(key, value);
  default_read_only();
}

}  // namespace sluice::session
