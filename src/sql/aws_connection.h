// Connections to AWS: which options they take, what they must be together, and the values behind
// them when an export asks. docs: reference of CREATE CONNECTION … TO AWS.
//
//   credentials mode   ACCESS KEY ID, SECRET ACCESS KEY [, SESSION TOKEN]
//   role mode          ASSUME ROLE ARN [, ASSUME ROLE SESSION NAME]
//   either             ENDPOINT, REGION
//
// Role mode can be created and shown; using it is refused until the server has a role of its own.
//
// Pure functions over a catalog; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
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

// What a request to S3 needs. Never print it.
struct AwsAccess {
  std::string endpoint;  // empty: AWS's own
  std::string region;    // empty: the environment's
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
};
// Secrets are read now, so that a new value takes effect at the next use. 0A000 in role mode.
Result<AwsAccess> aws_access(const Catalog& catalog, const Object& connection);

}  // namespace sluice::sql
