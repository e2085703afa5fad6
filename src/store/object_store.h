// A place that keeps whole objects under keys: what exports write to, and the seam behind which
// S3 (s3_store.h) and a local folder (local_store.h) lie.
//
// Keys are relative to the store: `a/b.parquet`, UTF-8, `/` separates; no store adds or drops a
// character of them. Errors carry the operation and the object's url in their text.
//
// Threads: an ObjectStore may be used from any thread; an ObjectWriter by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice::store {

struct ObjectInfo {
  std::string key;
  uint64_t bytes = 0;
  std::string etag;
};

struct Listing {
  std::vector<ObjectInfo> objects;  // in the order of their keys' bytes
  bool truncated = false;           // there are more objects than these
};

// What a writer has begun and not yet published, by the name that the store gave it: whoever has
// it can remove it, also after the writer's process has ended.
struct OpenUpload {
  std::string key;
  std::string id;
  bool operator==(const OpenUpload&) const = default;
};

// One object, written from a stream of bytes in two phases: close() ends the upload with nothing
// visible, complete() publishes it whole. A writer that is dropped before complete() publishes
// nothing, and what it has sent so far is removed. Must not outlive its store.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;

  // Copies `bytes`. May wait for the network: that is the back-pressure. After an error every
  // later call but abort() returns that error.
  virtual Status append(std::span<const std::byte> bytes, std::stop_token stop) = 0;

  // No append() may follow. Sends what is left, without waiting for it where the store can do so:
  // the next object can be written meanwhile. May be left out.
  virtual Status end(std::stop_token stop) { return close(std::move(stop)); }
  // After end(): whether close() has nothing to wait for, be it an error.
  virtual bool is_sent() const { return true; }

  // Waits until everything is at the store. Nothing is visible yet; no append() may follow. Does
  // nothing where it was done.
  virtual Status close(std::stop_token stop) = 0;

  // Publishes the object; only after a successful close(). A lost answer is looked into before
  // anything is said, so a success is certain; kUnknown means that even looking failed.
  virtual Result<ObjectInfo> complete(std::stop_token stop) = 0;

  // Cuts off what is under way, removes what was sent, and the object too if complete() may have
  // published it. Takes bounded time, and less when it is stopped. To be called from any state,
  // also again. What it could not remove is the caller's: a dropped writer does not try after it.
  // Also after a success a store may keep what arrives late, so it is to be aborted again by its
  // id.
  virtual Status abort(std::stop_token stop) = 0;

  // What append() has taken so far.
  virtual uint64_t bytes() const = 0;

  // What the store calls the upload that has begun; empty: none has, or it has no name.
  virtual std::string upload_id() const { return {}; }

  // Requests that carried bytes so far, where the store counts them.
  virtual uint64_t parts() const { return 0; }
};

class ObjectStore {
 public:
  // Is told of a writer's upload, by the writer's thread, before any of its bytes is at the store.
  // Its error is the writer's. May wait.
  using UploadBegun = std::function<Status(const OpenUpload& upload, const std::stop_token& stop)>;

  virtual ~ObjectStore() = default;

  // Objects whose key begins with `prefix`, only the first page of at most `max_keys` (and 1,000).
  Result<Listing> list(const std::string& prefix, int max_keys, std::stop_token stop) {
    return list_after(prefix, "", max_keys, std::move(stop));
  }
  // The same of those whose key's bytes come after `after`'s: the next page.
  virtual Result<Listing> list_after(const std::string& prefix, const std::string& after,
                                     int max_keys, std::stop_token stop) = 0;

  // Writes a small object at once, in place of one that may be there.
  virtual Status put(const std::string& key, std::span<const std::byte> bytes,
                     std::stop_token stop) = 0;

  // kNotFound where the store says so (S3 itself answers a missing key with success), kDenied
  // where rights are missing.
  virtual Status remove(const std::string& key, std::stop_token stop) = 0;

  // The content of a small object (64 MiB at most), for manifests and tests.
  virtual Result<std::string> get(const std::string& key, std::stop_token stop) = 0;

  // Begins an object; nothing happens at the store before the first append() or close().
  std::unique_ptr<ObjectWriter> writer(const std::string& key) { return writer(key, {}); }
  virtual std::unique_ptr<ObjectWriter> writer(const std::string& key, UploadBegun begun) = 0;

  // What was begun below `prefix` and neither published nor aborted: not necessarily all, so it is
  // to be called again after those are aborted. kDenied is common: see s3/client.h.
  virtual Result<std::vector<OpenUpload>> list_uploads(const std::string& prefix,
                                                       std::stop_token stop) = 0;
  // One that is gone, or published, is a success, and then stays as it is.
  virtual Status abort_upload(const OpenUpload& upload, std::stop_token stop) = 0;

  // How often a request had to be sent again so far.
  virtual uint64_t retries() const { return 0; }

  // `s3://bucket/key` or `file:///folder/key`, for messages.
  virtual std::string url(const std::string& key) const = 0;
};

}  // namespace sluice::store
