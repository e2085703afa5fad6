// What S3 says when it refuses, and what that means to a caller.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"

namespace sluice::s3 {

// Which request of ours it was.
struct Subject {
  std::string operation;  // PutObject, as in S3's manual
  std::string bucket;
  std::string key;  // empty: the bucket

  std::string text() const;  // PutObject s3://lake/a.parquet
};

// An answer that is an error.
struct ServiceError {
  int status = 0;
  std::string code;  // S3's word, or one for the status where the answer has no body
  std::string message;
  std::string request_id;
  std::string region;  // of the bucket, where it is another than the request's
  std::string hint;

  // Whether the same request may succeed a little later.
  bool is_transient() const;
  // Whether the service is asked too much: fewer requests at once would help.
  bool is_throttling() const;
  // Whether what came is not what was sent: a checksum told.
  bool is_damage() const;
  // Whether S3 may have done it all the same. Refused requests have not been.
  bool is_ambiguous() const;
  ErrorCode meaning() const;
  // `PutObject s3://lake/a.parquet: 403 AccessDenied: Access Denied (request tx0001)`
  Error error(const Subject& subject) const;
};

// Whether a service that answers with this code asks for newer temporary credentials.
bool says_outdated(std::string_view code);

// None where the answer is a success. S3 may answer 200 and put an error in the body, so the status
// line alone proves nothing; but an object's content may look like an error and is none.
enum class Body { kOfService, kOfObject };
std::optional<ServiceError> service_error(const http::Response& response, Body body);

}  // namespace sluice::s3
