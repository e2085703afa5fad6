#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "export/export.h"
#include "export/file_sink.h"
#include "export/run_files.h"

namespace sluice::exports {
namespace {

// What undoing, and removing the sentinel, may take; what is left then is reported. Less than the
// server's time to stop, also when the store answers nothing.
constexpr std::chrono::seconds kUndoTime{6};
// Names in an error's detail; more would hide the error.
constexpr size_t kNamedLeftovers = 20;

// The errors of the checks before a run carry no SQLSTATE of their own in the reference.
constexpr char kGenericState[] = "XX000";

// A stop token that trips by itself after some time.
class Deadline {
 public:
  explicit Deadline(std::chrono::nanoseconds after)
      : thread_([this, after](const std::stop_token& ended) {
          std::unique_lock lock(mutex_);
          changed_.wait_for(lock, ended, after, [] { return false; });
          if (!ended.stop_requested()) source_.request_stop();
        }) {}

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

class Run {
 public:
  Run(const ExportSpec& spec, engine::Engine& engine, store::ObjectStore& store,
      ExportProgress& progress)
      : spec_(spec),
        store_(store),
        files_(spec, store, progress),
        sink_(spec, engine, files_, progress) {}

  Result<ExportResult> execute(engine::Reader& reader, const std::stop_token& stop) {
    TRY(sink_.prepare(reader.shape()));
    TRY(check_path_is_empty(stop));
    TRY(check_right_to_delete(stop));
    Result<ExportResult> result = write_and_publish(reader, stop);
    if (!result.ok() && !published_) return undo(std::move(result).error());
    return result;
  }

 private:
  Status check_path_is_empty(const std::stop_token& stop);
  Status check_path_is_ours(const std::stop_token& stop);
  Result<bool> sentinel_is_gone(const std::stop_token& stop);
  Status check_right_to_delete(const std::stop_token& stop);
  Result<ExportResult> write_and_publish(engine::Reader& reader, const std::stop_token& stop);
  Status put_sentinel(const std::stop_token& stop);
  Status remove_sentinel(const std::stop_token& stop);
  Error undo(Error error);

  std::string sentinel() const { return run_key(spec_, "-INCOMPLETE"); }

  const ExportSpec& spec_;
  store::ObjectStore& store_;
  RunFiles files_;
  FileSink sink_;
  bool sentinel_is_there_ = false;  // or may be
  bool published_ = false;          // consumers may have seen the end of a whole run
};

Status Run::check_path_is_empty(const std::stop_token& stop) {
  // Up to the separator: `exp/20` does not stand in the way of `exp/2`.
  const std::string folder = spec_.prefix.empty() ? "" : spec_.prefix + "/";
  TRY_ASSIGN(const store::Listing listing, store_.list(folder, 1000, stop));
  if (listing.objects.empty()) return ok();
  return error(ErrorCode::kExists, "S3 bucket path is not empty, contains {} objects",
               listing.objects.size())
      .with_sqlstate(kGenericState);
}

// A run that could not delete would leave its sentinel behind, and on an error its files.
Status Run::check_right_to_delete(const std::stop_token& stop) {
  const Status removed = store_.remove(run_key(spec_, "-batch-0000-0000.delete_object_test"), stop);
  if (removed.ok() || removed.error().code == ErrorCode::kNotFound) return ok();
  const Error& cause = removed.error();
  if (cause.code == ErrorCode::kCancelled) return cause;
  if (cause.code == ErrorCode::kDenied) {
    return error(ErrorCode::kDenied, "AccessDenied error when using DeleteObject")
        .with_sqlstate(kGenericState)
        .with_detail(cause.message);
  }
  return error(cause.code, "Error when using DeleteObject: {}", cause.message)
      .with_sqlstate(kGenericState)
      .with_detail(cause.detail);
}

Status Run::put_sentinel(const std::stop_token& stop) {
  Status put = store_.put(sentinel(), {}, stop);
  // Only a clear refusal says that nothing was written.
  sentinel_is_there_ = put.ok() || (put.error().code != ErrorCode::kDenied &&
                                    put.error().code != ErrorCode::kInvalid &&
                                    put.error().code != ErrorCode::kNotFound);
  return put;
}

Status Run::remove_sentinel(const std::stop_token& stop) {
  if (!sentinel_is_there_) return ok();
  const Status removed = store_.remove(sentinel(), stop);
  if (!removed.ok() && removed.error().code != ErrorCode::kNotFound) return removed;
  sentinel_is_there_ = false;
  return ok();
}

Result<ExportResult> Run::write_and_publish(engine::Reader& reader, const std::stop_token& stop) {
  TRY(put_sentinel(stop));
  TRY(check_path_is_ours(stop));
  TRY(reader.run(sink_, stop));
  if (files_.empty()) TRY(sink_.write_empty(stop));

  // Not before: a query can still fail when all its files are uploaded.
  ExportResult result;
  TRY_ASSIGN(result.files, files_.complete(stop));
  result.rows = sink_.rows();
  for (const store::ObjectInfo& file : result.files) result.bytes += file.bytes;

  // The last moment to stop. From here on consumers may see the end of the run, so the sentinel
  // goes whether somebody asks to stop or not, and once more if the store did not take it.
  if (stop.stop_requested()) return cancelled();
  const Deadline deadline(kUndoTime);
  if (remove_sentinel(deadline.token()).ok()) return result;
  const Status again = remove_sentinel(deadline.token());
  if (again.ok() || again.error().code == ErrorCode::kDenied) {
    if (again.ok()) return result;
    return again.error();
  }
  // The request may have been carried out and only its answer lost. Then consumers have seen the
  // end of a whole run, and its files must stay.
  const Deadline looking(kUndoTime);
  const auto gone = sentinel_is_gone(looking.token());
  if (gone.ok() && *gone) return result;
  if (gone.ok()) return again.error();
  published_ = true;
  return error(ErrorCode::kUnknown,
               "all files are written, but whether the sentinel is removed is unknown: {}",
               again.error().message)
      .with_detail(fmt::format("If {} is gone, the export is complete.", store_.url(sentinel())));
}

// Two runs that began at the same time have both seen an empty path; at least one of them sees the
// other's sentinel now.
Status Run::check_path_is_ours(const std::stop_token& stop) {
  const std::string folder = spec_.prefix.empty() ? "" : spec_.prefix + "/";
  TRY_ASSIGN(const store::Listing listing, store_.list(folder, 2, stop));
  for (const store::ObjectInfo& object : listing.objects) {
    if (object.key == sentinel()) continue;
    return error(ErrorCode::kExists, "another export to {} began at the same time",
                 store_.url(spec_.prefix))
        .with_sqlstate(kGenericState)
        .with_hint("Wait until it has ended, or export to another path.");
  }
  return ok();
}

Result<bool> Run::sentinel_is_gone(const std::stop_token& stop) {
  TRY_ASSIGN(const store::Listing listing, store_.list(sentinel(), 1, stop));
  return listing.objects.empty();
}

// Works on a time of its own: the token of the run may have been tripped long ago.
Error Run::undo(Error error) {
  const Deadline deadline(kUndoTime);
  RunFiles::Leftovers left = files_.undo(deadline.token());
  // The sentinel is the last to go. It stays where a file may be seen, to tell that it is no good.
  if (left.visible || !remove_sentinel(deadline.token()).ok()) {
    left.urls.push_back(store_.url(sentinel()));
  }
  if (left.urls.empty()) return error;

  std::string names;
  for (size_t i = 0; i < std::min(left.urls.size(), kNamedLeftovers); ++i) {
    names += (i == 0 ? "" : ", ") + left.urls[i];
  }
  if (left.urls.size() > kNamedLeftovers) {
    names += fmt::format(" and {} more", left.urls.size() - kNamedLeftovers);
  }
  log::warning("export {}: could not remove {}", spec_.id, names);
  if (!error.detail.empty()) error.detail += "\n";
  error.detail += "Could not be removed: " + names;
  return error;
}

}  // namespace

Result<ExportResult> run_export(const ExportSpec& spec, engine::Engine& engine,
                                engine::Reader& reader, store::ObjectStore& store,
                                ExportProgress& progress, std::stop_token stop) {
  Run run(spec, engine, store, progress);
  return run.execute(reader, stop);
}

}  // namespace sluice::exports
