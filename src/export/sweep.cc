#include "export/sweep.h"

#include <set>

#include "export/parallel.h"
#include "export/run_files.h"

namespace sluice::exports {
namespace {

constexpr size_t kThreads = 8;
constexpr int kPage = 1'000;
// Pages that still show something after all of it was removed: then a store lists what is gone.
constexpr int kMostPages = 10'000;

class Sweep {
 public:
  Sweep(store::ObjectStore& store, const std::string& prefix, const std::string& id,
        const std::stop_token& stop)
      : store_(store),
        below_(run_key(prefix, id, "-")),
        sentinel_(run_key(prefix, id, kSentinelSuffix)),
        stop_(stop) {}

  Swept run(const std::vector<store::OpenUpload>& uploads) {
    abort(uploads);
    abort_unknown();
    const bool listed = remove_listed();
    if (!listed) remove_known(uploads);
    if (swept_.status.ok() && (!listed || sentinel_is_there_)) {
      remove({sentinel_});
    } else if (!swept_.status.ok()) {
      swept_.left.push_back(store_.url(sentinel_));
    }
    return std::move(swept_);
  }

 private:
  void keep(const Status& status) {
    if (swept_.status.ok() && !status.ok()) swept_.status = status;
  }

  void abort(const std::vector<store::OpenUpload>& uploads) {
    std::vector<Status> ends(uploads.size());
    in_parallel(uploads.size(), kThreads,
                [&](size_t i) { ends[i] = store_.abort_upload(uploads[i], stop_); });
    for (size_t i = 0; i < uploads.size(); ++i) {
      keep(ends[i]);
      if (ends[i].ok()) continue;
      swept_.left.push_back(
          fmt::format("upload {} of {}", uploads[i].id, store_.url(uploads[i].key)));
    }
  }

  void abort_unknown() {
    for (int page = 0; page < kMostPages; ++page) {
      const auto open = store_.list_uploads(below_, stop_);
      if (!open.ok() && open.error().code == ErrorCode::kDenied) {
        swept_.uploads_not_listed = true;
        return;
      }
      if (!open.ok()) return keep(open.error());
      if (open->empty()) return;
      abort(*open);
      if (!swept_.status.ok()) return;
    }
  }

  void remove(const std::vector<std::string>& keys) {
    std::vector<Status> ends(keys.size());
    in_parallel(keys.size(), kThreads, [&](size_t i) { ends[i] = store_.remove(keys[i], stop_); });
    for (size_t i = 0; i < keys.size(); ++i) {
      if (ends[i].ok() || ends[i].error().code == ErrorCode::kNotFound) continue;
      keep(ends[i]);
      swept_.left.push_back(store_.url(keys[i]));
    }
  }

  // Whether listing is allowed.
  bool remove_listed() {
    for (int page = 0; page < kMostPages; ++page) {
      const auto listing = store_.list(below_, kPage, stop_);
      if (!listing.ok() && listing.error().code == ErrorCode::kDenied) return false;
      if (!listing.ok()) {
        keep(listing.error());
        return true;
      }
      std::vector<std::string> keys;
      sentinel_is_there_ = false;
      for (const store::ObjectInfo& object : listing->objects) {
        if (object.key == sentinel_) {
          sentinel_is_there_ = true;
        } else {
          keys.push_back(object.key);
        }
      }
      if (keys.empty() && !listing->truncated) return true;
      remove(keys);
      if (!swept_.status.ok()) return true;
    }
    return true;
  }

  void remove_known(const std::vector<store::OpenUpload>& uploads) {
    std::set<std::string> keys;
    for (const store::OpenUpload& upload : uploads) keys.insert(upload.key);
    remove({keys.begin(), keys.end()});
  }

  store::ObjectStore& store_;
  const std::string below_;
  const std::string sentinel_;
  const std::stop_token& stop_;
  Swept swept_;
  bool sentinel_is_there_ = false;
};

}  // namespace

Swept sweep(store::ObjectStore& store, const std::string& prefix, const std::string& id,
            const std::vector<store::OpenUpload>& uploads, const std::stop_token& stop) {
  return Sweep(store, prefix, id, stop).run(uploads);
}

Result<bool> sentinel_is_gone(store::ObjectStore& store, const std::string& prefix,
                              const std::string& id, const std::stop_token& stop) {
  TRY_ASSIGN(const store::Listing listing,
             store.list(run_key(prefix, id, kSentinelSuffix), 1, stop));
  return listing.objects.empty();
}

}  // namespace sluice::exports
