#include "s3/endpoint.h"

#include <algorithm>

namespace sluice::s3 {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string of_aws(std::string_view region) {
  return fmt::format("https://s3.{}.amazonaws.com{}", region,
                     region.starts_with("cn-") ? ".cn" : "");
}

bool may_stand_in_authority(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
         c == ':' || c == '[' || c == ']';
}

}  // namespace

bool is_private(std::string_view url) {
  const auto endpoint =
      Endpoint::make({.url = std::string(url), .region = "us-east-1", .path_style = true});
  return !endpoint.ok() || endpoint->is_private();
}

// Nothing may end a host's name in it.
bool is_region_name(std::string_view region) {
  return !region.empty() && std::all_of(region.begin(), region.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<Endpoint> Endpoint::make(const Options& options) {
  if (options.url.empty() && !is_region_name(options.region)) {
    return invalid("invalid AWS region \"{}\"", options.region);
  }
  const std::string url = options.url.empty() ? of_aws(options.region) : options.url;
  const auto refuse = [&](std::string_view why) {
    return invalid("invalid S3 endpoint \"{}\": {}", options.url, why)
        .with_hint("An endpoint is http://HOST[:PORT] or https://HOST[:PORT].");
  };
  const auto colon = url.find("://");
  if (colon == std::string::npos) return refuse("it has no scheme");
  Endpoint out;
  out.scheme_ = url.substr(0, colon);
  std::transform(out.scheme_.begin(), out.scheme_.end(), out.scheme_.begin(), lower);
  if (out.scheme_ != "http" && out.scheme_ != "https") return refuse("its scheme is not http(s)");
  const auto slash = url.find('/', colon + 3);
  out.authority_ = url.substr(colon + 3, slash == std::string::npos ? slash : slash - colon - 3);
  std::transform(out.authority_.begin(), out.authority_.end(), out.authority_.begin(), lower);
  if (out.authority_.empty() || out.authority_.front() == ':' ||
      !std::all_of(out.authority_.begin(), out.authority_.end(), may_stand_in_authority)) {
    return refuse("its host is not sound");
  }
  // HTTP clients leave the scheme's own port out of the Host header, so it is not signed either.
  const std::string_view own_port = out.tls() ? ":443" : ":80";
  if (out.authority_.ends_with(own_port)) {
    out.authority_.erase(out.authority_.size() - own_port.size());
  }
  if (slash != std::string::npos) out.base_path_ = url.substr(slash);
  if (out.base_path_.find_first_of("?#%") != std::string::npos) {
    return refuse("its path is not plain");
  }
  while (out.base_path_.ends_with('/')) out.base_path_.pop_back();
  out.path_style_ = options.path_style.value_or(!options.url.empty());
  return out;
}

bool Endpoint::is_private() const {
  if (tls()) return true;
  const std::string_view host =
      std::string_view(authority_).substr(0, authority_.find_last_of(':'));
  const bool is_plain_number = std::all_of(
      host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return host == "localhost" || authority_.starts_with("[::1]") ||
         (is_plain_number && host.starts_with("127."));
}

Target Endpoint::target(std::string_view bucket, std::string_view key) const {
  // A certificate for *.host does not cover a.b.host.
  const bool in_path = path_style_ || (tls() && bucket.find('.') != std::string_view::npos);
  Target out;
  out.host = in_path ? authority_ : fmt::format("{}.{}", bucket, authority_);
  out.origin = fmt::format("{}://{}", scheme_, out.host);
  out.path = in_path ? fmt::format("{}/{}", base_path_, bucket) : base_path_;
  if (!key.empty() || out.path.empty()) out.path += fmt::format("/{}", key);
  return out;
}

}  // namespace sluice::s3
