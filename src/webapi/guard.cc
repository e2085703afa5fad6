#include "webapi/guard.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace sluice::webapi {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char digit) {
    return digit >= '0' && digit <= '9';
  });
}

}  // namespace

std::string host_without_port(std::string_view host) {
  size_t end = host.find(':');
  if (host.starts_with('[')) {
    const size_t bracket = host.find(']');
    if (bracket == std::string_view::npos) return {};
    end = bracket + 1 == host.size() ? std::string_view::npos : bracket + 1;
  }
  if (end == std::string_view::npos) return ascii_lower(host);
  if (host[end] != ':' || !is_port(host.substr(end + 1))) return {};
  return ascii_lower(host.substr(0, end));
}

bool is_host_name(std::string_view text) {
  const bool is_v6 = std::count(text.begin(), text.end(), ':') > 1;
  return !text.empty() && std::all_of(text.begin(), text.end(), [is_v6](unsigned char c) {
    if (is_v6) return std::isxdigit(c) != 0 || c == ':' || c == '.';
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  });
}

bool is_allowed_host(std::string_view host, std::string_view local_address,
                     const std::vector<std::string>& allowed) {
  const std::string name = host_without_port(host);
  if (name.empty()) return false;
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]") return true;
  const auto is_named = [&name](std::string_view one) {
    const bool is_v6 = one.find(':') != std::string_view::npos;
    return !one.empty() && (is_v6 ? '[' + ascii_lower(one) + ']' : ascii_lower(one)) == name;
  };
  return is_named(local_address) || std::any_of(allowed.begin(), allowed.end(), is_named);
}

bool is_same_origin(std::string_view origin, std::string_view host) {
  // Which of the two a proxy in front of us speaks cannot be known here.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (ascii_lower(origin) == ascii_lower(std::string(scheme) + std::string(host))) return true;
  }
  return false;
}

bool is_json(std::string_view content_type) {
  const size_t semicolon = std::min(content_type.find(';'), content_type.size());
  if (ascii_lower(trimmed(content_type.substr(0, semicolon))) != "application/json") return false;
  const std::string rest = ascii_lower(trimmed(content_type.substr(semicolon)));
  const size_t charset = rest.find("charset=");
  if (charset == std::string::npos) return true;
  const std::string_view value = std::string_view(rest).substr(charset + 8);
  return value.starts_with("utf-8") || value.starts_with("\"utf-8");
}

}  // namespace sluice::webapi
