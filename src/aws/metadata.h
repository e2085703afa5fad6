// Credentials that the machine or the container gives the programs on it, over plain HTTP.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "http/client.h"
#include "s3/credentials.h"

namespace sluice::aws {

// One search of a source of ambient credentials. Used on one thread.
struct Search {
  http::Client& http;
  std::function<std::optional<std::string>(const std::string&)>
      variable;  // none: not set, or empty
  std::chrono::steady_clock::time_point deadline;
  std::chrono::milliseconds connect_timeout;
  std::stop_token stop;

  std::chrono::milliseconds left() const;
};

// What a source gave: credentials, or why it is not set up. One that is set up and does not work is
// an error.
struct Found {
  std::optional<s3::Credentials> credentials;
  std::string why_not;
};

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI below `endpoint`, or _FULL_URI. Without TLS the latter may
// only be this machine's or the addresses of ECS and EKS, since a token is sent there.
Result<Found> container_credentials(const Search& search, const std::string& endpoint);

// EC2's metadata service at `endpoint`, by the requests of its version 2 alone: the older ones can
// be forged through a careless proxy.
Result<Found> instance_credentials(const Search& search, const std::string& endpoint);

// A file of a few KiB: a token, settings. Nothing where there is none.
Result<std::optional<std::string>> read_small_file(const std::string& path);

}  // namespace sluice::aws
