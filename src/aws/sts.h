// AWS's Security Token Service: roles for credentials, and who somebody is. The Query API: a form
// is posted, XML comes back.
//
// Errors carry AWS's own words, its code and its request id, and SQLSTATE 58000; never a secret.
// What may pass by itself (a lost connection, 5xx, throttling) is tried again, for `retry.deadline`
// at most, and so is a request whose base credentials had expired, with new ones.
//
// Threads: safe from any; they wait for the network, so never from the HTTP loop's.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "s3/credentials.h"
#include "s3/requester.h"

namespace sluice::aws {

// Where STS is and how patiently it is asked.
struct Sts {
  std::string endpoint;  // http[s]://HOST[:PORT][/PATH]; empty: AWS's own for the region
  std::string region;
  std::string ca_file;  // empty: the system's
  std::chrono::milliseconds connect_timeout{3'000};
  s3::RetryPolicy retry{.tries = 4,
                        .throttled_tries = 4,
                        .base = std::chrono::milliseconds(100),
                        .cap = std::chrono::milliseconds(2'000),
                        .deadline = std::chrono::milliseconds(20'000)};
  Clock* clock = &Clock::real();
};

// Which role, and how its session is called.
struct RoleSession {
  std::string role_arn;
  std::string session_name;
  std::string external_id;           // empty: none
  std::chrono::seconds duration{0};  // 0: STS's own, an hour
};

// XML that was parsed is wiped from then on. To be called before anybody parses some.
void wipe_parsed_answers();

// The expiry of what comes back is by this machine's clock, however wrong that is.
Result<s3::Credentials> assume_role(http::Client& http, const Sts& sts, const RoleSession& session,
                                    s3::CredentialsProvider& base, std::stop_token stop);

// The same with a token that an identity provider has signed, and without other credentials.
Result<s3::Credentials> assume_role_with_web_identity(http::Client& http, const Sts& sts,
                                                      const RoleSession& session,
                                                      const std::string& token,
                                                      std::stop_token stop);

struct CallerIdentity {
  std::string account;
  std::string arn;
  std::string user_id;
};
Result<CallerIdentity> get_caller_identity(http::Client& http, const Sts& sts,
                                           s3::CredentialsProvider& credentials,
                                           std::stop_token stop);

}  // namespace sluice::aws
