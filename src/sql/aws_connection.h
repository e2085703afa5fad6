// Connections to AWS: which options they take, what they must be together, and the values behind
// them when an export asks. docs: reference of CREATE CONNECTION … TO AWS.
//
//   credentials mode   ACCESS KEY ID, SECRET ACCESS KEY [, SESSION TOKEN]
//   role mode          ASSUME ROLE ARN [, ASSUME ROLE SESSION NAME]
//   either             ENDPOINT, REGION; of the objects: SSE, KMS KEY ID, STORAGE CLASS, BUCKET
//                      OWNER; what the store understands: store_dialect.h
//
// Pure functions over a catalog; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "s3/dialect.h"
#include "secrets/secret_string.h"
#include "sql/aws_policies.h"
#include "sql/catalog.h"
#include "sql/catalog_edit.h"
#include "sql/front/statement.h"

namespace sluice::sql {

// The body of CREATE CONNECTION, options checked and secrets found. 42704 for a secret that isn't
// there; anything else wrong is 22023 or 0A000 in the words of the reference.
Result<Connection> make_aws_connection(const CreateConnection& statement, const Catalog& catalog,
                                       const SearchPath& path);

// The same after ALTER CONNECTION … SET (…) / RESET (…) / DROP (…): all changes at once.
Result<Connection> altered_aws_connection(const Connection& old, const AlterConnection& statement,
                                          const Catalog& catalog, const SearchPath& path);

// Whether VALIDATE = true was asked for; the only option of WITH.
Result<bool> wants_validation(const std::vector<Option>& with);

// The value of CREATE SECRET … AS / ALTER SECRET … AS: a text or bytea constant, already resolved.
// Its errors never hold the value.
Result<Secret> make_secret(const engine::Value& value);
// The value of a plain string, which needs no evaluation; null for any other expression.
const engine::Value* literal_text(const Expression& expression);

// What VALIDATE CONNECTION … WITH (S3 PATH = 's3://…') names; nothing without it.
Result<std::optional<std::string>> validated_path(const std::vector<Option>& with);

// What a request to AWS needs. Never print it.
struct AwsAccess {
  std::string endpoint;  // empty: AWS's own
  std::string region;    // empty: the environment's
  // Keys, or none of the three in role mode.
  std::string access_key_id;
  secrets::SecretString secret_access_key;
  secrets::SecretString session_token;
  struct Role {
    std::string arn;
    std::string session_name;
    std::string external_id;
    std::string server_arn;           // to be taken on first; empty: none
    std::string server_session_name;  // there
  };
  std::optional<Role> role;
  // Of what is written; each empty where the bucket's own rule is to hold.
  std::string sse;
  std::string kms_key_id;
  std::string storage_class;
  std::string bucket_owner;  // the account that the bucket must belong to
  s3::Dialect dialect;
};
// Secrets are read now, so that a new value takes effect at the next use.
AwsAccess aws_access(const Catalog& catalog, const Object& connection, const AwsServer& server);

}  // namespace sluice::sql
