// Writes one object to S3 from a stream of bytes whose length is not known beforehand.
//
//   append ...  -> parts travel while the next one is filled   (CreateMultipartUpload, UploadPart)
//   end         -> the last part travels, too
//   close       -> all parts are at the store, nothing is visible
//   complete    -> the object is there, whole                  (CompleteMultipartUpload)
//   abort       -> neither upload nor object is there
//
// Always a multipart upload, also for a single small part: a plain PutObject could not be ended
// without being visible. A writer that is dropped publishes nothing; the client then removes the
// upload on its own thread.
//
// An S3 service keeps, and bills, a part that arrives after the upload was aborted. abort() is for
// a caller who is waited for: it cuts the parts under way off and aborts once; who calls it aborts
// the upload again some time later. A dropped writer's upload is aborted on the client's thread,
// which lets the parts under way end and then aborts again. Where the answer to
// CreateMultipartUpload was lost there may be an upload whose id nobody knows: then *all* uploads
// to this key are aborted. A key belongs to one writer at a time.
//
// Threads: one at a time. Parts travel on the client's threads. Memory: the part being filled, and
// under the pool's bound those in flight.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "s3/client.h"
#include "s3/part_pool.h"

namespace sluice::s3 {

// The size of a part, from 1 on: doubled after each tenth of the parts that the store allows, so
// that S3's 10,000 parts are enough for S3's largest object of 5 TiB. Always the first one's where
// the store demands equal parts. Not more than `most_bytes`, and so does the object have an end
// before those 5 TiB.
uint64_t part_bytes(int part_number, uint64_t first_part_bytes, const Dialect& dialect,
                    uint64_t most_bytes = UINT64_MAX);

class ObjectWriter {
 public:
  struct Options {
    uint64_t first_part_bytes = uint64_t{8} << 20;  // S3 takes no less than 5 MiB
    // What memory there is for a part. A large object has one of this size being filled, and one
    // under way or as many as fit into the pool.
    uint64_t most_part_bytes = UINT64_MAX;
    int parts_in_flight = 4;
    // How long cleaning up after a dropped writer waits for parts under way before it cuts them
    // off; and how long cleaning up and aborting take at most, less that.
    std::chrono::milliseconds settle_bound{2'000};
    std::chrono::milliseconds abort_bound{8'000};
  };

  // Is told the upload's id before any of its parts is sent; its error is the writer's.
  using Begun = std::function<Status(const std::string& upload_id, const std::stop_token& stop)>;

  // `client` and `pool` must outlive the writer, and the client must be destroyed before the pool.
  // No request is made before a part is full.
  ObjectWriter(Client& client, PartPool& pool, ObjectName name, Options options, Begun begun = {});
  ~ObjectWriter();

  // Copies `bytes`. Waits while too many parts are in flight: that wait slows the producer down to
  // the speed of the network. After an error every later call but abort() returns that error.
  Status append(std::span<const std::byte> bytes, std::stop_token stop);
  // No append() may follow.
  Status end(std::stop_token stop);
  // After end(): whether no part is in flight, or one has failed. From any thread.
  bool is_sent() const;
  // Does what end() does where that was left out, and waits for all parts.
  Status close(std::stop_token stop);
  // kUnknown: an answer was lost and looking failed too; the object may be there.
  Result<ObjectInfo> complete(std::stop_token stop);
  // Takes bounded time, and less when it is stopped. May be called in any state, also again. What
  // it could not remove is the caller's from then on: the destructor does not try.
  Status abort(std::stop_token stop = {});
  uint64_t bytes() const { return bytes_; }
  uint64_t parts() const { return static_cast<uint64_t>(parts_begun_); }
  const std::string& upload_id() const;  // empty: none has begun

 private:
  class Bound;    // of the time that cleaning up takes
  struct Upload;  // shared with the parts in flight, which may end after the writer
  enum class State { kOpen, kEnded, kClosed, kCompleted, kAborted };

  Status fail(Error error);
  Error too_large() const;
  Status send_part(std::stop_token stop);
  Status begin_upload(const std::stop_token& stop);
  static Status clean_up(Client& client, Upload& upload, std::stop_token stop);
  static Status remove(Client& client, const Upload& upload, const Bound& bound,
                       const std::stop_token& stop);
  static Status abort_uploads_of_key(Client& client, const Upload& upload, const Bound& bound,
                                     std::stop_token stop);

  Client& client_;
  PartPool& pool_;
  const Options options_;
  const Begun begun_;
  const std::shared_ptr<Upload> upload_;
  State state_ = State::kOpen;
  bool abort_was_tried_ = false;
  std::optional<Error> failure_;
  PartBuffer current_;
  int parts_begun_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace sluice::s3
