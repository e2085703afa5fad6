// How an export's target becomes an object store; behind an interface, so that tests of statements
// need no network.
//
// Threads: safe from any.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "s3/dialect.h"
#include "secrets/secret_string.h"
#include "store/object_store.h"
#include "store/probe_dialect.h"

namespace sluice::session {

// A role that is assumed with the credentials of this server.
struct AwsRole {
  std::string arn;
  std::string session_name;
  std::string external_id;          // empty: none is sent
  std::string server_role_arn;      // assumed before it; empty: none is
  std::string server_session_name;  // of that one
};

// What a connection TO AWS says, secrets resolved: keys, or a role. Never logged.
struct AwsAccess {
  // Its id: all who name the same one share the credentials of its role, and their refresh. Empty:
  // nobody does.
  std::string connection;
  std::string endpoint;  // empty: Amazon's own; else of STS too
  std::string region;    // empty: the environment's, else us-east-1
  std::string access_key_id;
  secrets::SecretString secret_access_key;
  secrets::SecretString session_token;
  std::optional<AwsRole> role;  // instead of the keys
  bool of_server = false;       // instead of both: this server's own. Never for a user's requests
  // Of objects written: S3's own words, empty where the bucket's rule is to hold.
  std::string sse;  // AES256, aws:kms
  std::string kms_key_id;
  std::string storage_class;
  std::string bucket_owner;             // the account that the bucket must belong to
  s3::Dialect dialect;                  // what the store understands
  std::set<std::string> given_dialect;  // the properties of it that the connection's options say
};

// Whom AWS takes somebody for.
struct AwsIdentity {
  std::string account;
  std::string arn;
  std::string user_id;
};

class ExportStores {
 public:
  virtual ~ExportStores() = default;
  virtual Result<std::unique_ptr<store::ObjectStore>> s3(const AwsAccess& access,
                                                         const std::string& bucket) = 0;
  // Gets the credentials anew, sharing nothing, and asks STS (GetCallerIdentity) whose they are. An
  // error holds AWS's own words, with SQLSTATE 58000.
  virtual Result<AwsIdentity> aws_identity(const AwsAccess& access, std::stop_token stop) = 0;
  // Whether a connection may name this one (--allowed-endpoints); empty, AWS's own, always. 42501.
  virtual Status check_endpoint(const std::string& endpoint) = 0;
  // Tries what an export does below the prefix, and what the store understands; leaves nothing
  // there.
  virtual Result<store::Probed> probe(const AwsAccess& access, const std::string& bucket,
                                      const std::string& prefix, std::stop_token stop) = 0;
  // Credentials of roles are kept for these connections only, by their ids, from now on.
  virtual void keep_only(const std::set<std::string>& connections) = 0;
  // Where a `file:///…` leads. kDenied unless that is in a folder named by --local-export-dir.
  struct LocalPlace {
    std::unique_ptr<store::ObjectStore> store;
    std::string prefix;
  };
  virtual Result<LocalPlace> local(const std::string& url) = 0;
};

}  // namespace sluice::session
