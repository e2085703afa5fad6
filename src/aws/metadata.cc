#include "aws/metadata.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "aws/credential_process.h"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMaxAnswerBytes = 64 << 10;
constexpr size_t kMaxFileBytes = size_t{1} << 20;
constexpr int kTries = 2;
constexpr milliseconds kAnswerTimeout{2'000};

// The host of http[s]://HOST[:PORT]/…
std::string_view host_of(std::string_view url) {
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  url = url.substr(0, url.find_first_of("/?#"));
  if (url.find('@') != std::string_view::npos) return url;  // a user: the host is none of ours
  if (url.starts_with('[')) return url.substr(0, url.find(']') + 1);
  return url.substr(0, url.find(':'));
}

bool is_dotted_number(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(),
                                      [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

// Where a token may be sent without TLS.
bool is_near(std::string_view host) {
  for (const std::string_view known :
       {"localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"}) {
    if (host == known) return true;
  }
  return is_dotted_number(host) && host.starts_with("127.");
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

struct Ask {
  std::string method = "GET";
  std::string url;
  std::vector<http::Header> headers;
};

// The body of an answer 200. Errors name the url and never the body.
Result<std::string> ask(const Search& search, const Ask& ask) {
  Error last;
  for (int i = 0; i < kTries; ++i) {
    http::Request request;
    request.method = ask.method;
    request.url = ask.url;
    request.headers = ask.headers;
    request.may_reach_metadata = true;
    request.has_secrets = true;
    request.connect_timeout = search.connect_timeout;
    request.total_timeout = std::max(std::min(search.left(), kAnswerTimeout), milliseconds(1));
    request.max_response_bytes = kMaxAnswerBytes;
    auto response = search.http.run(std::move(request), search.stop);
    if (response.ok() && response->status == 200) return std::move(response->body);
    if (response.ok()) {
      last = error(ErrorCode::kDenied, "{} answers {}", ask.url, response->status);
      if (response->status < 500) return last;
    } else {
      if (response.error().code == ErrorCode::kCancelled) return std::move(response).error();
      last = std::move(response).error().within(ask.url);
    }
    if (search.left() <= milliseconds(0)) break;
  }
  return last;
}

// The token that the container's endpoint wants; empty: none.
Result<std::string> container_token(const Search& search) {
  std::string token;
  if (const auto path = search.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    TRY_ASSIGN(const auto text, read_small_file(*path));
    if (!text) return error(ErrorCode::kNotFound, "there is no file {}", *path);
    token = *text;
  } else {
    token = search.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  }
  token = trimmed(token);
  if (token.find_first_of("\r\n") != std::string::npos) {
    return invalid("the authorization token has more than one line");
  }
  return token;
}

Result<s3::Credentials> credentials_at(const Search& search, const Ask& what) {
  TRY_ASSIGN(const std::string text, ask(search, what));
  auto credentials = credentials_from_json(text);
  if (!credentials.ok()) return std::move(credentials).error().within(what.url);
  return credentials;
}

}  // namespace

milliseconds Search::left() const {
  return std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
}

Result<Found> container_credentials(const Search& search, const std::string& endpoint) {
  const auto relative = search.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = search.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative && !full) {
    return Found{{}, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set"};
  }
  Ask what;
  if (relative) {
    if (!relative->starts_with('/')) {
      return invalid("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash");
    }
    what.url = endpoint + *relative;
  } else {
    if (!full->starts_with("https://") && !full->starts_with("http://")) {
      return invalid("AWS_CONTAINER_CREDENTIALS_FULL_URI is no url of http or https");
    }
    if (full->starts_with("http://") && !is_near(host_of(*full))) {
      return error(ErrorCode::kDenied,
                   "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to the host {}, which may only be "
                   "asked with https",
                   host_of(*full));
    }
    what.url = *full;
  }
  TRY_ASSIGN(const std::string token, container_token(search));
  if (!token.empty()) what.headers = {{"Authorization", token}};
  TRY_ASSIGN(auto credentials, credentials_at(search, what));
  return Found{std::move(credentials), {}};
}

Result<Found> instance_credentials(const Search& search, const std::string& endpoint) {
  const std::string off = search.variable("AWS_EC2_METADATA_DISABLED").value_or("");
  if (off == "true" || off == "TRUE" || off == "True") {
    return Found{{}, "AWS_EC2_METADATA_DISABLED is true"};
  }
  auto token = ask(
      search,
      {"PUT", endpoint + "/latest/api/token", {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}}});
  if (!token.ok()) {
    if (token.error().code == ErrorCode::kCancelled) return std::move(token).error();
    return Found{{},
                 fmt::format("no token ({}); this may be no EC2 instance, or a container on one "
                             "whose hop limit is 1",
                             token.error().message)};
  }
  const std::vector<http::Header> headers = {
      {"x-aws-ec2-metadata-token", std::string(trimmed(*token))}};
  const std::string roles = endpoint + "/latest/meta-data/iam/security-credentials/";
  auto listed = ask(search, {"GET", roles, headers});
  if (!listed.ok()) {
    if (listed.error().code != ErrorCode::kDenied) return std::move(listed).error();
    return Found{{}, fmt::format("the instance has no role ({})", listed.error().message)};
  }
  const std::string role(trimmed(listed->substr(0, listed->find('\n'))));
  if (role.empty()) return Found{{}, "the instance has no role"};
  TRY_ASSIGN(auto credentials, credentials_at(search, {"GET", roles + role, headers}));
  return Found{std::move(credentials), {}};
}

Result<std::optional<std::string>> read_small_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
    return error(ErrorCode::kDenied, "{} cannot be read: {}", path, std::strerror(errno));
  }
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return error(ErrorCode::kDenied, "{} cannot be read", path);
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return invalid("{} is longer than 1 MiB", path);
  return std::optional<std::string>(std::move(text));
}

}  // namespace sluice::aws
