#include "s3fake/signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace sluice::s3fake {
namespace {

constexpr time_t kMaxSkewSeconds = 900;

std::string digest(const EVP_MD* kind, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(bytes.data(), bytes.size(), out, &length, kind, nullptr);
  return std::string(reinterpret_cast<char*>(out), length);
}

std::string hmac(std::string_view key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &length);
  return std::string(reinterpret_cast<char*>(out), length);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

bool unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// 20130524T000000Z
bool parse_time(const std::string& text, time_t& out) {
  std::tm tm{};
  const char* end = strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &tm);
  if (text.size() != 16 || end == nullptr || *end != 0) return false;
  out = timegm(&tm);
  return true;
}

struct Authorization {
  std::vector<std::string> scope;  // access key, date, region, service, aws4_request
  std::vector<std::string> signed_headers;
  std::string signature;
};

bool parse_authorization(const std::string& text, Authorization& out) {
  const std::string scheme = "AWS4-HMAC-SHA256 ";
  if (text.rfind(scheme, 0) != 0) return false;
  for (std::string field : split(text.substr(scheme.size()), ',')) {
    field.erase(0, field.find_first_not_of(' '));
    const auto equals = field.find('=');
    if (equals == std::string::npos) return false;
    const std::string name = field.substr(0, equals);
    const std::string value = field.substr(equals + 1);
    if (name == "Credential") {
      out.scope = split(value, '/');
    } else if (name == "SignedHeaders") {
      out.signed_headers = split(value, ';');
    } else if (name == "Signature") {
      out.signature = value;
    } else {
      return false;
    }
  }
  return out.scope.size() == 5 && !out.signed_headers.empty() && out.signature.size() == 64;
}

std::string collapsed(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c != ' ' || out.empty() || out.back() != ' ') out += c;
  }
  return out;
}

Refusal check_signed_headers(const HttpRequest& request, const Authorization& authorization) {
  const auto& names = authorization.signed_headers;
  if (!std::is_sorted(names.begin(), names.end())) {
    return {"AuthorizationHeaderMalformed", "SignedHeaders are not sorted"};
  }
  for (const auto& [name, value] : request.headers) {
    const bool must = name == "host" || name == "content-md5" || name.rfind("x-amz-", 0) == 0;
    if (must && std::find(names.begin(), names.end(), name) == names.end()) {
      return {
          "AccessDenied",
          fmt::format("There were headers present in the request which were not signed: {}", name)};
    }
  }
  for (const std::string& name : names) {
    if (request.headers.count(name) == 0) {
      return {"SignatureDoesNotMatch", fmt::format("signed header {} is absent", name)};
    }
  }
  return {};
}

std::string canonical_request(const HttpRequest& request, const Authorization& authorization) {
  const auto mark = request.target.find('?');
  std::string path;
  percent_decode(request.target.substr(0, mark), path);
  std::vector<std::pair<std::string, std::string>> query;
  if (mark != std::string::npos) parse_query(request.target.substr(mark + 1), query);
  for (auto& [name, value] : query) {
    name = percent_encode(name, "");
    value = percent_encode(value, "");
  }
  std::sort(query.begin(), query.end());
  std::string text = request.method + "\n" + percent_encode(path, "/") + "\n";
  for (size_t i = 0; i < query.size(); ++i) {
    text += (i > 0 ? "&" : "") + query[i].first + "=" + query[i].second;
  }
  text += "\n";
  std::string names;
  for (const std::string& name : authorization.signed_headers) {
    text += name + ":" + collapsed(request.header(name)) + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  return text + "\n" + names + "\n" + request.header("x-amz-content-sha256");
}

}  // namespace

Refusal check_signature(const HttpRequest& request, const Keys& keys, const std::string& region,
                        time_t now, bool body_allowed_unsigned, const std::string& service) {
  Authorization authorization;
  if (request.header("authorization").empty()) return {"AccessDenied", "Access Denied"};
  if (!parse_authorization(request.header("authorization"), authorization)) {
    return {"AuthorizationHeaderMalformed", "The authorization header is malformed"};
  }
  const auto& scope = authorization.scope;
  if (scope[0] != keys.access_key) {
    return {"InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist"};
  }
  if (request.header("x-amz-security-token") != keys.session_token) {
    return {"InvalidToken", "The provided token is malformed or otherwise invalid."};
  }
  const std::string date = request.header("x-amz-date");
  time_t when = 0;
  if (!parse_time(date, when)) return {"AccessDenied", "x-amz-date is missing or malformed"};
  if (std::abs(now - when) > kMaxSkewSeconds) {
    return {"RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large."};
  }
  if (scope[1] != date.substr(0, 8) || scope[3] != service || scope[4] != "aws4_request" ||
      scope[2] != region) {
    return {"AuthorizationHeaderMalformed",
            fmt::format("the credential scope is wrong; expecting region '{}'", region)};
  }
  if (Refusal refusal = check_signed_headers(request, authorization); !refusal.code.empty()) {
    return refusal;
  }
  const std::string payload = request.header("x-amz-content-sha256");
  const bool is_digest =
      payload.size() == 64 && payload.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_digest && !(payload == "UNSIGNED-PAYLOAD" && body_allowed_unsigned)) {
    return {"InvalidRequest", "x-amz-content-sha256 is missing, or not acceptable here"};
  }
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}/{}/{}/aws4_request\n{}", date, scope[1], scope[2],
                  service, hex(sha256(canonical_request(request, authorization))));
  std::string key = hmac("AWS4" + keys.secret_key, scope[1]);
  for (const std::string& step : {scope[2], service, std::string("aws4_request")}) {
    key = hmac(key, step);
  }
  if (hex(hmac(key, to_sign)) != authorization.signature) {
    return {"SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided."};
  }
  return {};
}

std::string claimed_access_key(const HttpRequest& request) {
  Authorization authorization;
  if (!parse_authorization(request.header("authorization"), authorization)) return "";
  return authorization.scope[0];
}

bool percent_decode(std::string_view text, std::string& out) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;  // lower case too: the canonical form is in upper case
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return false;
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return true;
}

std::string percent_encode(std::string_view text, std::string_view kept) {
  std::string out;
  for (const char c : text) {
    if (unreserved(c) || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

bool parse_query(std::string_view query, std::vector<std::pair<std::string, std::string>>& out) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    const auto equals = one.find('=');
    std::pair<std::string, std::string> parameter;
    if (!percent_decode(one.substr(0, equals), parameter.first)) return false;
    if (equals != std::string_view::npos &&
        !percent_decode(one.substr(equals + 1), parameter.second)) {
      return false;
    }
    out.push_back(std::move(parameter));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return true;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}
std::string sha256(std::string_view bytes) { return digest(EVP_sha256(), bytes); }
std::string md5(std::string_view bytes) { return digest(EVP_md5(), bytes); }
std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return out;
}

}  // namespace sluice::s3fake
