#include "aws/timestamps.h"

#include <algorithm>
#include <ctime>

namespace sluice::aws {
namespace {

using TimePoint = std::chrono::system_clock::time_point;

// `rest` becomes what follows the time in `text`.
std::optional<TimePoint> parse(const std::string& text, const char* format,
                               std::string_view& rest) {
  std::tm utc{};
  const char* end = strptime(text.c_str(), format, &utc);
  if (end == nullptr) return std::nullopt;
  rest = end;
  return std::chrono::system_clock::from_time_t(timegm(&utc));
}

}  // namespace

std::optional<TimePoint> parse_timestamp(const std::string& text) {
  std::string_view rest;
  const auto time = parse(text, "%Y-%m-%dT%H:%M:%S", rest);
  if (!time) return std::nullopt;
  if (rest.starts_with('.')) {
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
  }
  if (rest != "Z" && rest != "+00:00" && rest != "+0000") return std::nullopt;
  return time;
}

std::optional<TimePoint> parse_http_date(std::string_view text) {
  const std::string owned(text);  // `rest` is a part of it
  std::string_view rest;
  const auto time = parse(owned, "%a, %d %b %Y %H:%M:%S", rest);
  return time && rest == " GMT" ? time : std::nullopt;
}

}  // namespace sluice::aws
