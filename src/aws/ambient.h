// The credentials of this process, found as AWS's own tools find them, in this order:
//
//   environment     AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   files           ~/.aws/credentials and ~/.aws/config, the profile AWS_PROFILE: keys; role_arn
//   with
//                   source_profile, credential_source or web_identity_token_file;
//                   credential_process
//   web identity    AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME
//   container       AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI (ECS, EKS)
//   instance        EC2's metadata service, version 2
//
// A source that is not set up is passed over; one that is set up and does not work ends the search.
// Whichever: the error lists what was tried and why each gave nothing. All together takes 10
// seconds at most, whatever hangs.
//
// Threads: safe from any.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "http/client.h"
#include "s3/credentials.h"

namespace sluice::aws {

struct AmbientOptions {
  // A variable of the environment; none where it is not set.
  std::function<std::optional<std::string>(const std::string&)>
      environment;  // empty: the process's
  std::string container_endpoint = "http://169.254.170.2";
  std::string instance_endpoint;  // empty: AWS_EC2_METADATA_SERVICE_ENDPOINT, else EC2's own
  std::chrono::milliseconds bound{10'000};
  std::chrono::milliseconds metadata_connect_timeout{1'000};
  Clock* clock = &Clock::real();
};

// Kept, and refreshed before they expire. `http` must outlive the provider.
std::shared_ptr<s3::CredentialsProvider> ambient_credentials(http::Client& http,
                                                             AmbientOptions options = {});

// AWS_REGION, AWS_DEFAULT_REGION, the profile's region, us-east-1.
std::string ambient_region(const AmbientOptions& options = {});
// AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL; empty: AWS's own.
std::string ambient_sts_endpoint(const AmbientOptions& options = {});
// AWS_CA_BUNDLE; empty: the system's.
std::string ambient_ca_file(const AmbientOptions& options = {});

}  // namespace sluice::aws
