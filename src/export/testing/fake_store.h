// An object store in memory for tests of runs: stricter than a real one, and able to fail or to be
// stopped at any call.
//
// Every call of the store and of its writers has a number, from 1. Strict: it CHECKs that a writer
// is used in its order, that nothing outlives it, and remembers what was sent but neither published
// nor aborted.
//
// Threads: safe from any; the numbers then depend on the threads.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/object_store.h"

namespace sluice::exports::testing {

class FakeStore : public store::ObjectStore {
 public:
  enum class Answer {
    kDo,
    kFail,        // nothing happens, and an error says so
    kLoseAnswer,  // it happens, and an error says that it may or may not have
    kDeny,        // nothing happens, for want of rights
  };
  // Decides each call's fate; `what` is like `put a/mz-t1-INCOMPLETE`. May trip a stop token.
  using Decide = std::function<Answer(int number, const std::string& what)>;

  explicit FakeStore(Decide decide = {}) : decide_(std::move(decide)) {}
  ~FakeStore() override;

  Result<store::Listing> list_after(const std::string& prefix, const std::string& after,
                                    int max_keys, std::stop_token stop) override;
  Status put(const std::string& key, std::span<const std::byte> bytes,
             std::stop_token stop) override;
  Status remove(const std::string& key, std::stop_token stop) override;
  Result<std::string> get(const std::string& key, std::stop_token stop) override;
  std::unique_ptr<store::ObjectWriter> writer(const std::string& key, UploadBegun begun) override;
  using ObjectStore::writer;
  Result<std::vector<store::OpenUpload>> list_uploads(const std::string& prefix,
                                                      std::stop_token stop) override;
  Status abort_upload(const store::OpenUpload& upload, std::stop_token stop) override;
  std::string url(const std::string& key) const override { return "fake://" + key; }

  // For the tests' own eyes.
  std::map<std::string, std::string> objects() const;
  std::set<std::string> open_uploads() const;  // sent in part, neither published nor aborted
  std::vector<std::string> calls() const;      // in their order: `list a/`, `append a/b`, …
  int call_count() const;
  void seed(const std::string& key, std::string content);
  void seed_upload(const std::string& key);  // its id is the key with `#`
  // Bytes are counted, not kept.
  void discard_contents() { discard_ = true; }
  void answer_missing_with_not_found() { missing_is_not_found_ = true; }

 private:
  class Writer;
  Answer next(const std::string& what, const std::stop_token& stop, Status& status);

  const Decide decide_;
  bool discard_ = false;
  bool missing_is_not_found_ = false;
  mutable std::mutex mutex_;  // for the rest
  std::map<std::string, std::string> objects_;
  std::map<std::string, uint64_t> sizes_;
  std::set<std::string> uploads_;
  std::vector<std::string> calls_;
  int writers_ = 0;
};

}  // namespace sluice::exports::testing
