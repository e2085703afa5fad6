#include <algorithm>

#include "export/export.h"

namespace sluice::exports {
namespace {

// The same SQLSTATE for all of them: a parameter of the statement has a bad value.
constexpr char kInvalidParameterValue[] = "22023";

Error could_not_parse(std::string_view reason) {
  return invalid("could not parse COPY TO target url: {}", reason)
      .with_sqlstate(kInvalidParameterValue);
}

bool is_lower_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// S3's rules for names of buckets; they also keep a user name, a port or an IPv6 address out.
bool is_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return false;
  if (!is_lower_alphanumeric(name.front()) || !is_lower_alphanumeric(name.back())) return false;
  if (name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_lower_alphanumeric(c) || c == '-' || c == '.'; });
}

std::string_view trim_slashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// A key is the path as it is written, percent signs included: nothing is decoded. What an URL would
// cut off, or a proxy or a client would fold away, is refused instead of being lost silently.
Status check_path(std::string_view path) {
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '"' || c == '<' || c == '>' || c == '\\') {
      return could_not_parse("invalid uri character");
    }
    if (c == '?' || c == '#') {
      return could_not_parse(fmt::format("'{}' is not allowed in the path", c));
    }
  }
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") {
      return could_not_parse(fmt::format("'{}' is not allowed as a part of the path", segment));
    }
    begin = end + 1;
  }
  return ok();
}

Result<Target> parse_s3(std::string_view rest) {
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view bucket = rest.substr(0, slash);
  if (bucket.empty()) return could_not_parse("invalid format");
  if (!is_bucket_name(bucket)) {
    return could_not_parse(fmt::format("'{}' is not a valid name of a bucket", bucket));
  }
  const std::string_view path = trim_slashes(rest.substr(slash));
  TRY(check_path(path));
  return Target{Target::Scheme::kS3, std::string(bucket), std::string(path)};
}

Result<Target> parse_file(std::string_view rest) {
  if (!rest.starts_with('/')) return could_not_parse("a file url needs an absolute path");
  TRY(check_path(rest));
  return Target{Target::Scheme::kFile, "", fmt::format("/{}", trim_slashes(rest))};
}

}  // namespace

Result<Target> parse_target(const std::string& url) {
  if (url.empty()) return could_not_parse("empty string");
  const size_t mark = url.find("://");
  const std::string_view scheme = std::string_view(url).substr(0, mark);
  const std::string_view rest =
      mark == std::string::npos ? std::string_view() : std::string_view(url).substr(mark + 3);
  if (scheme == "s3" && mark != std::string::npos) return parse_s3(rest);
  if (scheme == "file" && mark != std::string::npos) return parse_file(rest);
  return invalid("only 's3://...' urls are supported as COPY TO target")
      .with_sqlstate(kInvalidParameterValue);
}

}  // namespace sluice::exports
