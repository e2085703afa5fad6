// Who the server is to AWS, and the two policies that let it write: what its role may do in a
// bucket, and who may take that role on. docs/aws.md walks an administrator through them.
//
// Pure functions; safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sql/catalog.h"

namespace sluice::sql {

// What all connections of a server have in common.
struct AwsServer {
  // Of the server, on the way to the users' roles; empty: these are taken on directly.
  std::string role_arn = {};
  std::string external_id_prefix = {};  // a UUID in lower case; empty: none yet

  // What a role's trust policy asks for: this server's and this connection's alone, and never
  // another one while both live.
  std::string external_id(ObjectId connection) const;
  // Under which the sessions of a role appear in its account's records.
  std::string session_name(ObjectId connection) const;
};

// 8-4-4-4-12 hexadecimal digits, in lower case after this.
Result<std::string> checked_external_id_prefix(std::string_view text);

// What a role must trust: indented, ready to paste.
std::string trust_policy(const std::string& principal, const std::string& external_id);

// The arn of the role behind `arn:aws:sts::1:assumed-role/name/session`, without the role's path,
// which that does not tell; any other arn as it is.
std::string principal_of(const std::string& caller_arn);

struct PolicyTarget {
  std::string bucket;
  std::string prefix = {};      // without slashes around it; empty: the whole bucket
  std::string region = {};      // empty: not known
  std::string kms_key_id = {};  // empty: none
};
// What exporting below the target needs, and no more.
std::string iam_policy(const PolicyTarget& target);

}  // namespace sluice::sql
