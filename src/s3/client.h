// S3's operations, one call each: what is sent, what comes back, and what a lost answer means.
//
// Requests are retried in one place (requester.h). An operation that must not happen twice is
// looked into after a lost answer, before it is tried again. Errors read like
// `PutObject s3://lake/a.parquet: 403 AccessDenied: Access Denied (request tx0001)`.
//
// Threads: safe from any. `done` runs on a thread of the client and must not wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "http/client.h"
#include "s3/checksum.h"
#include "s3/credentials.h"
#include "s3/dialect.h"
#include "s3/requester.h"

namespace sluice::s3 {

struct ObjectName {
  std::string bucket;
  std::string key;

  std::string url() const { return fmt::format("s3://{}/{}", bucket, key); }
};

struct ObjectInfo {
  std::string key;
  uint64_t bytes = 0;
  std::string etag;  // without quotes
};

struct Listing {
  std::vector<ObjectInfo> objects;
  bool truncated = false;
};

struct OpenUpload {
  std::string key;
  std::string id;
};

enum class IfExists { kReplace, kFail };

class Client {
 public:
  using Options = Requester::Options;
  using Deadline = std::optional<std::chrono::milliseconds>;  // instead of the policy's

  // `http` must outlive the client. kInvalid: the endpoint is none.
  static Result<std::unique_ptr<Client>> make(http::Client& http,
                                              std::shared_ptr<CredentialsProvider> credentials,
                                              Options options);
  // Waits up to kCleanUpBound for what clean_up_later() was given, then ends the rest.
  ~Client();

  // The first page: at most `max_keys`, and 1,000. Of keys after `after`.
  Result<Listing> list(const std::string& bucket, const std::string& prefix, int max_keys,
                       std::stop_token stop, const std::string& after = {});
  // Returns the ETag. With kFail: kExists where there is an object already, even if an answer was
  // lost on the way.
  Result<std::string> put_object(const ObjectName& name, std::span<const std::byte> body,
                                 IfExists if_exists, std::stop_token stop);
  Result<std::string> get_object(const ObjectName& name, size_t max_bytes, std::stop_token stop);
  Result<ObjectInfo> head_object(const ObjectName& name, std::stop_token stop);
  // S3 answers a missing key with success; other services with kNotFound.
  Status delete_object(const ObjectName& name, std::stop_token stop, Deadline deadline = {});

  // Returns the upload's id. `may_be_others`, if given, becomes true when an answer was lost: then
  // there may be more uploads than the one whose id came back, or one although the call has failed.
  Result<std::string> create_upload(const ObjectName& name, bool* may_be_others,
                                    std::stop_token stop);
  // `body` must stay valid until `done`. Its checksum is made here, on the caller's thread.
  void upload_part(const ObjectName& name, const std::string& upload_id, int part_number,
                   std::span<const std::byte> body, std::stop_token stop,
                   std::function<void(Result<SentPart>)> done);

  struct Completion {
    Result<ObjectInfo> object = cancelled();
    bool may_have_happened = false;  // on an error: the object may be there all the same
  };
  // Of parts 1, 2, ... Looks at the object after a lost answer.
  Completion complete_upload(const ObjectName& name, const std::string& upload_id,
                             const std::vector<SentPart>& parts, std::stop_token stop);
  // An upload that is gone already is a success.
  Status abort_upload(const ObjectName& name, const std::string& upload_id, std::stop_token stop,
                      Deadline deadline = {});
  // The first page of the uploads whose key begins with `prefix`. kDenied is common: guides to
  // rights for writing seldom name s3:ListBucketMultipartUploads.
  Result<std::vector<OpenUpload>> list_uploads(const std::string& bucket, const std::string& prefix,
                                               std::stop_token stop, Deadline deadline = {});

  // Puts it with this as the sum of its bytes, be it theirs or not, and tries once: a store that
  // verifies checksums refuses a wrong one (kInvalid).
  Status put_with_checksum(const ObjectName& name, std::span<const std::byte> body,
                           Checksum checksum, std::string_view sum, std::stop_token stop);

  const Dialect& dialect() const { return requester_->dialect(); }
  // How often a request was sent again.
  uint64_t retries() const { return requester_->counters().retries; }

  // Runs `task` on the client's own thread, one after the other. Its token is stopped when the
  // client is destroyed and the bound has passed.
  void clean_up_later(std::function<void(std::stop_token)> task);
  // Waits until all of them have run; false: not within `bound`.
  bool wait_for_clean_up(std::chrono::milliseconds bound);

  static constexpr std::chrono::milliseconds kCleanUpBound{5'000};

 private:
  explicit Client(std::unique_ptr<Requester> requester);
  // Nothing where there is no such object. Asks for a listing where it may not read.
  Result<std::optional<ObjectInfo>> look(const ObjectName& name, std::stop_token stop);
  void clean_up(std::stop_token stop);

  const std::unique_ptr<Requester> requester_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void(std::stop_token)>> tasks_;  // guarded, as the next
  bool cleaning_ = false;
  std::jthread cleaner_;  // last
};

// The ETag that S3 gives an object made of parts with these, where they are MD5 sums (that is:
// without encryption by a key of the customer). Empty where they can't be.
std::string multipart_etag(const std::vector<SentPart>& parts);

}  // namespace sluice::s3
