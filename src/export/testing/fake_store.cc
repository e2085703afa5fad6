#include "export/testing/fake_store.h"

#include "base/check.h"

namespace sluice::exports::testing {

class FakeStore::Writer final : public store::ObjectWriter {
 public:
  Writer(FakeStore& store, std::string key, UploadBegun begun)
      : store_(store), key_(std::move(key)), begun_(std::move(begun)) {}
  ~Writer() override {
    const std::lock_guard lock(store_.mutex_);
    --store_.writers_;
  }

  Status append(std::span<const std::byte> bytes, std::stop_token stop) override {
    CHECK(state_ == State::kOpen);
    TRY(tell(stop));
    TRY(step("append", stop, [&] {
      store_.uploads_.insert(key_);
      if (!store_.discard_) {
        content_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      }
    }));
    bytes_ += bytes.size();
    return ok();
  }

  Status close(std::stop_token stop) override {
    if (state_ == State::kClosed) return ok();
    CHECK(state_ == State::kOpen);
    TRY(tell(stop));
    return step("close", stop, [&] {
      store_.uploads_.insert(key_);
      state_ = State::kClosed;
    });
  }

  Result<store::ObjectInfo> complete(std::stop_token stop) override {
    CHECK(state_ == State::kClosed);
    TRY(step("complete", stop, [&] {
      CHECK(!store_.sizes_.contains(key_));  // two files of one name would lose one
      state_ = State::kComplete;
      store_.uploads_.erase(key_);
      store_.sizes_[key_] = bytes_;
      store_.objects_[key_] = std::move(content_);
    }));
    return store::ObjectInfo{key_, bytes_, "etag"};
  }

  Status abort(std::stop_token stop) override {
    return step("abort", stop, [&] {
      state_ = State::kAborted;
      store_.uploads_.erase(key_);
      store_.objects_.erase(key_);
      store_.sizes_.erase(key_);
    });
  }

  uint64_t bytes() const override { return bytes_; }

 private:
  enum class State { kOpen, kClosed, kComplete, kAborted };

  Status tell(const std::stop_token& stop) {
    if (UploadBegun begun = std::exchange(begun_, {})) return begun({key_, key_ + "#"}, stop);
    return ok();
  }

  template <typename Work>
  Status step(const char* what, const std::stop_token& stop, const Work& work) {
    if (failed_ && std::string_view(what) != "abort") {
      return error(ErrorCode::kUnavailable, "{} {}: the writer has failed", what, key_);
    }
    Status status;
    const Answer answer = store_.next(fmt::format("{} {}", what, key_), stop, status);
    if (answer == Answer::kDo || answer == Answer::kLoseAnswer) {
      const std::lock_guard lock(store_.mutex_);
      work();
    }
    failed_ = failed_ || !status.ok();
    return status;
  }

  FakeStore& store_;
  const std::string key_;
  UploadBegun begun_;
  State state_ = State::kOpen;
  bool failed_ = false;
  std::string content_;
  uint64_t bytes_ = 0;
};

FakeStore::~FakeStore() { CHECK(writers_ == 0); }

// Numbers the call, and lets the test decide on it outside the lock.
FakeStore::Answer FakeStore::next(const std::string& what, const std::stop_token& stop,
                                  Status& status) {
  int number = 0;
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(what);
    number = static_cast<int>(calls_.size());
  }
  const Answer answer = decide_ ? decide_(number, what) : Answer::kDo;
  if (stop.stop_requested()) {
    status = cancelled();
    return Answer::kFail;
  }
  if (answer == Answer::kFail) status = error(ErrorCode::kUnavailable, "{}: 503 SlowDown", what);
  if (answer == Answer::kLoseAnswer) status = error(ErrorCode::kUnknown, "{}: no answer", what);
  if (answer == Answer::kDeny) status = error(ErrorCode::kDenied, "{}: 403 AccessDenied", what);
  return answer;
}

Result<store::Listing> FakeStore::list_after(const std::string& prefix, const std::string& after,
                                             int max_keys, std::stop_token stop) {
  Status status;
  next("list " + prefix, stop, status);
  TRY(std::move(status));
  store::Listing listing;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, bytes] : sizes_) {
    if (!key.starts_with(prefix) || key <= after) continue;
    if (static_cast<int>(listing.objects.size()) == std::min(max_keys, 1000)) {
      listing.truncated = true;
      break;
    }
    listing.objects.push_back({key, bytes, "etag"});
  }
  return listing;
}

Status FakeStore::put(const std::string& key, std::span<const std::byte> bytes,
                      std::stop_token stop) {
  Status status;
  const Answer answer = next("put " + key, stop, status);
  if (answer == Answer::kDo || answer == Answer::kLoseAnswer) {
    const std::lock_guard lock(mutex_);
    objects_[key].assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    sizes_[key] = bytes.size();
  }
  return status;
}

Status FakeStore::remove(const std::string& key, std::stop_token stop) {
  Status status;
  const Answer answer = next("remove " + key, stop, status);
  if (answer == Answer::kDo || answer == Answer::kLoseAnswer) {
    const std::lock_guard lock(mutex_);
    sizes_.erase(key);
    if (objects_.erase(key) == 0 && missing_is_not_found_ && status.ok()) {
      return error(ErrorCode::kNotFound, "remove {}: 404 NoSuchKey", key);
    }
  }
  return status;
}

Result<std::string> FakeStore::get(const std::string& key, std::stop_token stop) {
  Status status;
  next("get " + key, stop, status);
  TRY(std::move(status));
  const std::lock_guard lock(mutex_);
  const auto object = objects_.find(key);
  if (object == objects_.end()) return error(ErrorCode::kNotFound, "get {}: 404 NoSuchKey", key);
  return object->second;
}

std::unique_ptr<store::ObjectWriter> FakeStore::writer(const std::string& key, UploadBegun begun) {
  const std::lock_guard lock(mutex_);
  ++writers_;
  return std::make_unique<Writer>(*this, key, std::move(begun));
}

Result<std::vector<store::OpenUpload>> FakeStore::list_uploads(const std::string& prefix,
                                                               std::stop_token stop) {
  Status status;
  next("uploads " + prefix, stop, status);
  TRY(std::move(status));
  std::vector<store::OpenUpload> found;
  const std::lock_guard lock(mutex_);
  for (const std::string& key : uploads_) {
    if (key.starts_with(prefix)) found.push_back({key, key + "#"});
  }
  return found;
}

Status FakeStore::abort_upload(const store::OpenUpload& upload, std::stop_token stop) {
  CHECK(upload.id == upload.key + "#");
  Status status;
  const Answer answer = next("abort " + upload.key, stop, status);
  if (answer == Answer::kDo || answer == Answer::kLoseAnswer) {
    const std::lock_guard lock(mutex_);
    uploads_.erase(upload.key);
  }
  return status;
}

void FakeStore::seed_upload(const std::string& key) {
  const std::lock_guard lock(mutex_);
  uploads_.insert(key);
}

std::map<std::string, std::string> FakeStore::objects() const {
  const std::lock_guard lock(mutex_);
  return objects_;
}
std::set<std::string> FakeStore::open_uploads() const {
  const std::lock_guard lock(mutex_);
  return uploads_;
}
std::vector<std::string> FakeStore::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}
int FakeStore::call_count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(calls_.size());
}
void FakeStore::seed(const std::string& key, std::string content) {
  const std::lock_guard lock(mutex_);
  sizes_[key] = content.size();
  objects_[key] = std::move(content);
}

}  // namespace sluice::exports::testing
