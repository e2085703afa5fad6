#include "s3/signer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "secrets/wiping.h"

namespace sluice::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
using Digest = std::array<unsigned char, 32>;

// A digest that is a key: wiped in the end.
struct Key {
  Digest bytes;
  explicit Key(const Digest& digest) : bytes(digest) {}
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

std::string hex(std::span<const unsigned char> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

void hmac(std::span<const unsigned char> key, std::string_view text, Digest& out) {
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &length);
}

// Times as SigV4 writes them: 20130524T000000Z.
std::string basic_iso8601(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &utc);
  return text;
}

// Without spaces at the ends, and inside only one after the other.
std::string collapsed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

struct CanonicalHeaders {
  std::string lines;  // `name:value` each, sorted by name
  std::string names;  // joined by `;`
};

CanonicalHeaders canonical_headers(const Unsigned& request) {
  std::vector<http::Header> headers = {{"host", request.host}};
  for (const http::Header& header : request.headers) {
    headers.push_back({ascii_lower(header.name), collapsed(header.value)});
  }
  std::sort(headers.begin(), headers.end(),
            [](const http::Header& a, const http::Header& b) { return a.name < b.name; });
  CanonicalHeaders out;
  for (const http::Header& header : headers) {
    out.lines += header.name + ":" + header.value + "\n";
    out.names += (out.names.empty() ? "" : ";") + header.name;
  }
  return out;
}

// The signature of `text` with the day's key for this scope.
Digest signature(const Credentials& credentials, const Scope& scope, std::string_view date,
                 std::string_view text_to_sign) {
  const std::string_view whole = credentials.secret_access_key.view();
  std::string text;
  text.reserve(4 + whole.size());  // or growing would leave a copy of it behind
  const secrets::SecretString secret(std::move(text.append("AWS4").append(whole)));
  const std::span first(reinterpret_cast<const unsigned char*>(secret.view().data()),
                        secret.size());
  Key key({});
  hmac(first, date, key.bytes);
  for (const std::string_view step :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    const Key last(key.bytes);
    hmac(last.bytes, step, key.bytes);
  }
  Digest out;
  hmac(key.bytes, text_to_sign, out);
  return out;
}

}  // namespace

std::string authorization(const Unsigned& request, const Credentials& credentials,
                          const Scope& scope, WallTime time) {
  const CanonicalHeaders headers = canonical_headers(request);
  const std::string canonical = fmt::format(
      "{}\n{}\n{}\n{}\n{}\n{}", request.method, percent_encoded(request.path, Slash::kKeep),
      canonical_query(request.query), headers.lines, headers.names, request.payload_hash);
  const std::string timestamp = basic_iso8601(time);
  const std::string date = timestamp.substr(0, 8);
  const std::string scope_text =
      fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, timestamp, scope_text,
                                          hex_sha256(bytes_of(canonical)));
  return fmt::format("{} Credential={}/{},SignedHeaders={},Signature={}", kAlgorithm,
                     credentials.access_key_id, scope_text, headers.names,
                     hex(signature(credentials, scope, date, to_sign)));
}

std::vector<http::Header> signed_headers(Unsigned request, const Credentials& credentials,
                                         const Scope& scope, WallTime time) {
  request.headers.push_back({"x-amz-date", basic_iso8601(time)});
  request.headers.push_back({"x-amz-content-sha256", request.payload_hash});
  if (!credentials.session_token.empty()) {
    request.headers.push_back(
        {"x-amz-security-token", std::string(credentials.session_token.view())});
  }
  std::string value = authorization(request, credentials, scope, time);
  secrets::wipe_stack();
  request.headers.push_back({"Authorization", std::move(value)});
  return std::move(request.headers);
}

std::string percent_encoded(std::string_view text, Slash slash) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved || (c == '/' && slash == Slash::kKeep)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string canonical_query(const std::vector<Parameter>& query) {
  std::vector<std::pair<std::string, std::string>> encoded;
  encoded.reserve(query.size());
  for (const Parameter& parameter : query) {
    encoded.emplace_back(percent_encoded(parameter.name, Slash::kEncode),
                         percent_encoded(parameter.value, Slash::kEncode));
  }
  // By what is sent, not by what was meant: `%C3` sorts before `a`.
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

std::string hex(std::string_view bytes) {
  return hex(std::span(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::string hex_sha256(std::span<const std::byte> bytes) {
  Digest out;
  unsigned int length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, EVP_sha256(), nullptr) == 1);
  return hex(out);
}

}  // namespace sluice::s3
