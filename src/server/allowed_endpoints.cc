#include "server/allowed_endpoints.h"

#include <algorithm>
#include <charconv>

#include "http/address.h"
#include "s3/endpoint.h"

namespace sluice::server {
namespace {

constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

struct HostAndPort {
  std::string host;  // lower case, without brackets
  std::optional<uint16_t> port;
};

// `host`, `host:port`, `[::1]`, `[::1]:port`
std::optional<HostAndPort> split(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  HostAndPort out;
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    rest = std::string_view(text).substr(close + 1);
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    out.host = text.substr(0, colon);
    rest = std::string_view(text).substr(colon);
  }
  // A name may end with the root's dot.
  while (out.host.ends_with('.')) out.host.pop_back();
  if (out.host.empty()) return std::nullopt;
  if (rest.empty()) return out;
  uint16_t port = 0;
  const char* const end = rest.data() + rest.size();
  const auto [stop, failure] = std::from_chars(rest.data() + 1, end, port);
  if (rest[0] != ':' || failure != std::errc() || stop != end || port == 0) return std::nullopt;
  out.port = port;
  return out;
}

bool is_metadata_name(std::string_view host) {
  return host == "metadata" || host.starts_with("metadata.") || host == "instance-data" ||
         host.starts_with("instance-data.");
}

Error refused(const std::string& endpoint, std::string_view why) {
  return error(ErrorCode::kDenied, "ENDPOINT \"{}\" is not allowed: {}", endpoint, why)
      .with_sqlstate("42501");
}

}  // namespace

Result<AllowedEndpoints> AllowedEndpoints::parse(const std::vector<std::string>& entries) {
  AllowedEndpoints out;
  for (const std::string& text : entries) {
    Entry entry;
    entry.below = text.starts_with("*.");
    auto host = split(entry.below ? text.substr(2) : text);
    if (!host || host->host.find_first_of("*/@ ") != std::string::npos) {
      return invalid("'{}' is neither HOST, HOST:PORT nor *.SUFFIX", text);
    }
    entry.host = (entry.below ? "." : "") + host->host;
    entry.port = host->port;
    out.entries_.push_back(std::move(entry));
  }
  return out;
}

Status AllowedEndpoints::check(const std::string& endpoint) const {
  if (endpoint.empty()) return ok();
  auto made = s3::Endpoint::make({.url = endpoint, .region = {}, .path_style = true});
  if (!made.ok()) return std::move(made).error();
  const auto where = split(made->target("bucket", "").host);
  if (!where) return refused(endpoint, "its host is not sound");
  if (is_metadata_name(where->host) || http::is_reserved_address(where->host)) {
    return refused(endpoint,
                   "link-local addresses and metadata services give away credentials of "
                   "the server's own");
  }
  const uint16_t port = where->port.value_or(made->tls() ? kHttpsPort : kHttpPort);
  const bool listed = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    if (entry.port && *entry.port != port) return false;
    return entry.below ? where->host.ends_with(entry.host) : where->host == entry.host;
  });
  if (entries_.empty() || listed) return ok();
  return refused(endpoint, "it is not one of the server's --allowed-endpoints")
      .with_hint("Ask whoever runs the server, or leave ENDPOINT out for AWS itself.");
}

}  // namespace sluice::server
