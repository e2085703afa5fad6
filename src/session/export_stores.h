// How an export's target becomes an object store; behind an interface, so that tests of statements
// need no network.
//
// Threads: safe from any.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/object_store.h"

namespace sluice::session {

// What a connection TO AWS says, secrets resolved. Never logged.
struct AwsAccess {
  std::string endpoint;  // empty: Amazon's own
  std::string region;    // empty: the environment's, else us-east-1
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
};

class ExportStores {
 public:
  virtual ~ExportStores() = default;
  virtual Result<std::unique_ptr<store::ObjectStore>> s3(const AwsAccess& access,
                                                         const std::string& bucket) = 0;
  // Where a `file:///…` leads. kDenied unless that is in a folder named by --local-export-dir.
  struct LocalPlace {
    std::unique_ptr<store::ObjectStore> store;
    std::string prefix;
  };
  virtual Result<LocalPlace> local(const std::string& url) = 0;
};

}  // namespace sluice::session
