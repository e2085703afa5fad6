// Who signs the requests.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "secrets/secret_string.h"

namespace sluice::s3 {

struct Credentials {
  std::string access_key_id;
  secrets::SecretString secret_access_key;
  secrets::SecretString session_token;  // empty: none
  std::optional<std::chrono::system_clock::time_point> expiry;
};

// Asked before every try of every request, so that a retry after an expiry gets new ones.
// Safe from any thread. get() may wait for the network, and is never called on a thread that
// network answers come from.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  virtual Result<Credentials> get(std::stop_token stop) = 0;
  // The same for a request that undoes what others have done. Where no new credentials can be had,
  // the last minute of the old ones is for these alone.
  virtual Result<Credentials> get_to_clean_up(std::stop_token stop) { return get(std::move(stop)); }
  // Told that a service has taken these for expired, or does not know them. Returns whether get()
  // may give others now. Does not wait.
  virtual bool refused(const Credentials& /*credentials*/) { return false; }
};

// Always the same ones.
std::shared_ptr<CredentialsProvider> fixed_credentials(Credentials credentials);

}  // namespace sluice::s3
