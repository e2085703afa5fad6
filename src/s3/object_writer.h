// Writes one object to S3 from a stream of bytes whose length is not known beforehand.
//
//   append ...  -> parts travel while the next one is filled     (CreateMultipartUpload,
//   UploadPart) close       -> all parts are at the store, nothing is visible complete    -> the
//   object is there, whole                    (CompleteMultipartUpload) abort       -> neither
//   upload nor object is there
//
// Always a multipart upload, also for a single small part: a plain PutObject could not be ended
// without being visible. A writer that is dropped publishes nothing; the client then removes the
// upload on its own thread.
//
// An S3 service keeps, and bills, a part that arrives after the upload was aborted, so aborting
// waits for the parts under way and then aborts again. And where the answer to
// CreateMultipartUpload was lost there may be an upload whose id nobody knows: then *all* uploads
// to this key are aborted. A key belongs to one writer at a time.
//
// Threads: one at a time. Parts travel on the client's threads. Memory: the part being filled, and
// under the pool's bound those in flight.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "s3/client.h"
#include "s3/part_pool.h"

namespace sluice::s3 {

inline constexpr int kMaxParts = 10'000;
inline constexpr int kPartsOfOneSize = 1'000;

// The size of a part, from 1 on: doubled every 1,000 parts, so that S3's 10,000 parts are enough
// for S3's largest object of 5 TiB.
uint64_t part_bytes(int part_number, uint64_t first_part_bytes);

class ObjectWriter {
 public:
  struct Options {
    uint64_t first_part_bytes = uint64_t{8} << 20;  // S3 takes no less than 5 MiB
    int parts_in_flight = 4;
    // How long an abort waits for parts under way before it cuts them off; and how long it takes
    // at most, less that.
    std::chrono::milliseconds settle_bound{2'000};
    std::chrono::milliseconds abort_bound{8'000};
  };

  // `client` and `pool` must outlive the writer, and the client must be destroyed before the pool.
  // No request is made before a part is full.
  ObjectWriter(Client& client, PartPool& pool, ObjectName name, Options options);
  ~ObjectWriter();

  // Copies `bytes`. Waits while too many parts are in flight: that wait slows the producer down to
  // the speed of the network. After an error every later call but abort() returns that error.
  Status append(std::span<const std::byte> bytes, std::stop_token stop);
  Status close(std::stop_token stop);
  // kUnknown: an answer was lost and looking failed too; the object may be there.
  Result<ObjectInfo> complete(std::stop_token stop);
  // Takes bounded time. May be called in any state, also again.
  Status abort();
  uint64_t bytes() const { return bytes_; }

 private:
  class Bound;    // of the time that cleaning up takes
  struct Upload;  // shared with the parts in flight, which may end after the writer
  enum class State { kOpen, kClosed, kCompleted, kAborted };

  Status fail(Error error);
  Status send_part(std::stop_token stop);
  Status begin_upload(const std::stop_token& stop);
  static Status clean_up(Client& client, Upload& upload, std::stop_token stop);
  static Status abort_uploads_of_key(Client& client, const Upload& upload, const Bound& bound,
                                     std::stop_token stop);

  Client& client_;
  PartPool& pool_;
  const Options options_;
  const std::shared_ptr<Upload> upload_;
  State state_ = State::kOpen;
  std::optional<Error> failure_;
  PartBuffer current_;
  int parts_begun_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace sluice::s3
