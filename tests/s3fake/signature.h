// Checks AWS Signature Version 4 (header form) on the server's side.
//
// Written from the specification and apart from src/s3/signer.cc, so that a mistake made there is
// not made here again.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3fake/http_server.h"

namespace sluice::s3fake {

struct Keys {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // if not empty, requests must carry it
};

// Why a request is refused; code is empty where it is not.
struct Refusal {
  std::string code;
  std::string message;
};

// `body_allowed_unsigned`: whether UNSIGNED-PAYLOAD may be said.
Refusal check_signature(const HttpRequest& request, const Keys& keys, const std::string& region,
                        time_t now, bool body_allowed_unsigned, const std::string& service = "s3");
// Whose key it says it is signed with; empty: it says none.
std::string claimed_access_key(const HttpRequest& request);

// The query's parameters, decoded, in the order they came. False: not well encoded.
bool parse_query(std::string_view query, std::vector<std::pair<std::string, std::string>>& out);
// False: a bad escape.
bool percent_decode(std::string_view text, std::string& out);
std::string percent_encode(std::string_view text, std::string_view kept);
std::string hex(std::string_view bytes);
std::string sha256(std::string_view bytes);  // raw, as the next
std::string md5(std::string_view bytes);
std::string base64(std::string_view bytes);

}  // namespace sluice::s3fake
