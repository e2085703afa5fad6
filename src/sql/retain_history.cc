#include "sql/retain_history.h"

#include "engine/functions/text_in.h"

namespace sluice::sql {
namespace {

constexpr int64_t kMillisOfDay = int64_t{24} * 60 * 60 * 1000;
constexpr int64_t kDaysOfMonth = 30;
constexpr int64_t kMostDays = int64_t{365} * 1000;

Error refused(const std::string& text, const char* why) {
  return invalid("invalid RETAIN HISTORY: '{}' {}", text, why)
      .with_sqlstate("22023")
      .with_hint("Write an interval: RETAIN HISTORY FOR '1 hour'.");
}

}  // namespace

Result<RetainHistory> read_retain_history(const std::string& text) {
  duckdb::interval_t interval;
  if (!engine::functions::read_interval(text, interval).ok()) {
    return refused(text, "is not an interval");
  }
  const int64_t days = interval.months * kDaysOfMonth + interval.days;
  if (days > kMostDays || interval.micros / 1000 / kMillisOfDay > kMostDays) {
    return refused(text, "is more than a thousand years");
  }
  const int64_t millis = days * kMillisOfDay + interval.micros / 1000;
  if (millis <= 0) return refused(text, "is not positive");
  return RetainHistory{text, std::chrono::milliseconds(millis)};
}

}  // namespace sluice::sql
