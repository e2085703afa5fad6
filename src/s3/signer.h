// AWS Signature Version 4, in the Authorization header.
//
// S3's variant: the path is percent-encoded once and never normalized, so `a//b/../c` is a key like
// any other. Pure functions; safe from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"
#include "s3/credentials.h"

namespace sluice::s3 {

// In place of a payload's digest: the payload is not signed. Only where nobody on the way can
// change it (Endpoint::is_private).
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct Parameter {
  std::string name;
  std::string value;
};

// What a signature is made over: not encoded yet, except `payload_hash`.
struct Unsigned {
  std::string method;
  std::string host;  // as it will be sent: with the port unless it is the scheme's own
  std::string path;  // "/" + ...
  std::vector<Parameter> query;
  std::vector<http::Header> headers;  // all of them are signed, with the host
  std::string payload_hash;           // hex SHA-256, or kUnsignedPayload
};

struct Scope {
  std::string region;
  std::string service = "s3";
};

using WallTime = std::chrono::system_clock::time_point;

// The value of the Authorization header. x-amz-date must be among the headers.
std::string authorization(const Unsigned& request, const Credentials& credentials,
                          const Scope& scope, WallTime time);

// What is to be sent: the headers of `request`, x-amz-date, x-amz-content-sha256, the session token
// and Authorization.
std::vector<http::Header> signed_headers(Unsigned request, const Credentials& credentials,
                                         const Scope& scope, WallTime time);

// Whether a request may have been refused because its signature grew old on the way, so that a new
// one is worth a try: services take none that is 15 minutes off their clock, and a machine that was
// suspended sends what it signed before.
inline bool may_have_grown_old(WallTime signed_at, WallTime now) {
  return now - signed_at > std::chrono::minutes(5);
}

// Everything but A-Z a-z 0-9 - . _ ~ becomes %XX, and `/` stays with `keep_slash`.
enum class Slash { kEncode, kKeep };
std::string percent_encoded(std::string_view text, Slash slash);
// Sorted and encoded, as it is signed and sent; a parameter without value keeps its `=`.
std::string canonical_query(const std::vector<Parameter>& query);

std::string hex_sha256(std::span<const std::byte> bytes);
std::string hex(std::string_view bytes);

}  // namespace sluice::s3
