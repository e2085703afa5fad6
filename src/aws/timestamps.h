// Times as AWS writes them. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::aws {

// 2026-11-22T03:28:29Z, with or without a fraction of the second.
std::optional<std::chrono::system_clock::time_point> parse_timestamp(const std::string& text);
// Sun, 22 Nov 2026 03:28:29 GMT: HTTP's Date header.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

}  // namespace sluice::aws
