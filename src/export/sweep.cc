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
  Sweep(store::ObjectStore& store, const RunTraces& traces, const std::stop_token& stop)
      : store_(store),
        traces_(traces),
        below_(run_key(traces.prefix, traces.id, "-")),
        sentinel_(run_key(traces.prefix, traces.id, kSentinelSuffix)),
        stop_(stop) {}

  Swept run() {
    abort(traces_.uploads);
    abort_unknown();
    const bool listed = remove_listed();
    if (!listed || traces_.is_scattered) remove_known(traces_.uploads);
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
    const std::string below = traces_.is_scattered ? folder_of(traces_.prefix) : below_;
    for (int page = 0; page < kMostPages; ++page) {
      auto open = store_.list_uploads(below, stop_);
      if (!open.ok() && open.error().code == ErrorCode::kDenied) {
        swept_.uploads_not_listed = true;
        return;
      }
      if (!open.ok()) return keep(open.error());
      std::erase_if(*open, [this](const auto& upload) { return !is_ours(upload.key); });
      if (open->empty()) return;
      abort(*open);
      if (!swept_.status.ok()) return;
    }
  }

  // Whether the id stands in the key's name, not as a part of a longer one.
  bool is_ours(const std::string& key) const {
    if (key.starts_with(below_)) return true;
    const std::string& id = traces_.id;
    const auto is_letter = [&](size_t i) {
      return std::isalnum(static_cast<unsigned char>(key[i])) != 0;
    };
    for (size_t at = key.find(id, key.rfind('/') + 1); at != std::string::npos;
         at = key.find(id, at + 1)) {
      const bool begins = at == 0 || !is_letter(at - 1);
      const bool ends = at + id.size() == key.size() || !is_letter(at + id.size());
      if (begins && ends) return true;
    }
    return false;
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
  const RunTraces& traces_;
  const std::string below_;
  const std::string sentinel_;
  const std::stop_token& stop_;
  Swept swept_;
  bool sentinel_is_there_ = false;
};

}  // namespace

Swept sweep(store::ObjectStore& store, const RunTraces& traces, const std::stop_token& stop) {
  return Sweep(store, traces, stop).run();
}

Status remove_objects(store::ObjectStore& store, const std::vector<std::string>& keys,
                      const std::stop_token& stop) {
  std::vector<Status> ends(keys.size());
  in_parallel(keys.size(), kThreads, [&](size_t i) {
    ends[i] = stop.stop_requested() ? Status(cancelled()) : store.remove(keys[i], stop);
  });
  for (Status& end : ends) {
    if (!end.ok() && end.error().code != ErrorCode::kNotFound) return std::move(end);
  }
  return ok();
}

Result<bool> sentinel_is_gone(store::ObjectStore& store, const std::string& prefix,
                              const std::string& id, const std::stop_token& stop) {
  TRY_ASSIGN(const store::Listing listing,
             store.list(run_key(prefix, id, kSentinelSuffix), 1, stop));
  return listing.objects.empty();
}

}  // namespace sluice::exports
