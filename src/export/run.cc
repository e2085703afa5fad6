#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "export/deadline.h"
#include "export/export.h"
#include "export/file_sink.h"
#include "export/manifest.h"
#include "export/run_files.h"
#include "export/sweep.h"

namespace sluice::exports {
namespace {

using std::chrono::milliseconds;

// What undoing may take while the client waits; what is left then is removed in the background. A
// client that asks to stop waits no longer than a second for all that is left to do.
constexpr Deadline::Options kUndoTime{.after = milliseconds(2'000),
                                      .after_stop = milliseconds(400)};
// What removing the sentinel may take, tries included, and finding out whether it is gone.
constexpr Deadline::Options kSentinelTime{.after = milliseconds(30'000),
                                          .after_stop = milliseconds(400)};
constexpr Deadline::Options kReplaceTime{.after = milliseconds(120'000),
                                         .after_stop = milliseconds(400)};
// Keys on record while they are removed.
constexpr size_t kMostReplaced = 100'000;
constexpr milliseconds kSettleTime{2'000};
constexpr Deadline::Options kLookTime{.after = milliseconds(5'000),
                                      .after_stop = milliseconds(200)};
// Names in an error's detail; more would hide the error.
constexpr size_t kNamedLeftovers = 20;

// The errors of the checks before a run carry no SQLSTATE of their own in the reference.
constexpr char kGenericState[] = "XX000";

// Lets a request that was cut off arrive, or fail to; false: somebody asked to stop meanwhile.
bool settled(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, kSettleTime, [] { return false; });
  return !stop.stop_requested();
}

class Run {
 public:
  Run(const ExportSpec& spec, engine::Engine& engine, store::ObjectStore& store,
      ExportProgress& progress, RunLog* log)
      : spec_(spec),
        store_(store),
        progress_(progress),
        log_(log),
        files_(spec, store, progress, log),
        sink_(spec, engine, files_, progress) {}

  Result<ExportResult> execute(engine::Reader& reader, const std::stop_token& stop) {
    TRY(sink_.prepare(reader));
    if (spec_.overwrite == Overwrite::kError) TRY(check_path_is_empty(stop));
    if (spec_.overwrite == Overwrite::kReplace) TRY(find_replaced(stop));
    TRY(check_right_to_delete(stop));
    progress_.phase = RunPhase::kWriting;
    Result<ExportResult> result = write_and_publish(reader, stop);
    progress_.retries = store_.retries();
    if (!result.ok() && !is_undecided_) return undo(std::move(result).error(), stop);
    return result;
  }

 private:
  Status check_path_is_empty(const std::stop_token& stop);
  Status check_path_is_ours(const std::stop_token& stop);
  Status find_replaced(const std::stop_token& stop);
  Status write_manifest(const ExportResult& result, const std::stop_token& stop);
  Result<bool> sentinel_is_gone(const std::stop_token& stop);
  Status check_right_to_delete(const std::stop_token& stop);
  Result<ExportResult> write_and_publish(engine::Reader& reader, const std::stop_token& stop);
  Status put_sentinel(const std::stop_token& stop);
  Status publish(const std::stop_token& stop);
  Status replace(const std::stop_token& stop);
  Status remove_sentinel(const std::stop_token& stop);
  Error undo(Error error, const std::stop_token& stop);

  std::string sentinel() const { return run_key(spec_, kSentinelSuffix); }

  const ExportSpec& spec_;
  store::ObjectStore& store_;
  ExportProgress& progress_;
  RunLog* const log_;  // may be null
  RunFiles files_;
  FileSink sink_;
  bool sentinel_is_there_ = false;     // or may be
  bool is_publishing_ = false;         // on record: the sentinel alone tells how the run ended
  std::vector<std::string> replaced_;  // keys of what goes when the run has succeeded
  bool is_undecided_ = false;          // consumers may have seen the end of a whole run
};

Status Run::check_path_is_empty(const std::stop_token& stop) {
  // Up to the separator: `exp/20` does not stand in the way of `exp/2`.
  TRY_ASSIGN(const store::Listing listing, store_.list(folder_of(spec_.prefix), 1000, stop));
  if (listing.objects.empty()) return ok();
  return error(ErrorCode::kExists, "S3 bucket path is not empty, contains {} objects",
               listing.objects.size())
      .with_sqlstate(kGenericState)
      .with_hint("Export to another path, or remove what is there.");
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
        .with_detail(cause.message)
        .with_hint(cause.hint);
  }
  return error(cause.code, "Error when using DeleteObject: {}", cause.message)
      .with_sqlstate(kGenericState)
      .with_detail(cause.detail)
      .with_hint(cause.hint);
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
  Status removed = store_.remove(sentinel(), stop);
  if (!removed.ok() && removed.error().code != ErrorCode::kNotFound) return removed;
  sentinel_is_there_ = false;
  return ok();
}

Result<ExportResult> Run::write_and_publish(engine::Reader& reader, const std::stop_token& stop) {
  TRY(put_sentinel(stop));
  if (spec_.overwrite == Overwrite::kError) TRY(check_path_is_ours(stop));
  if (spec_.overwrite == Overwrite::kReplace) TRY(find_replaced(stop));
  TRY(reader.run(sink_, stop));
  TRY(sink_.finish(stop));
  if (files_.empty()) TRY(sink_.write_empty(stop));

  // Not before: a query can still fail when all its files are uploaded.
  ExportResult result;
  progress_.phase = RunPhase::kCommitting;
  TRY_ASSIGN(result.files, files_.complete(stop));
  result.rows = sink_.rows();
  for (const store::ObjectInfo& file : result.files) result.bytes += file.bytes;

  if (spec_.manifest) TRY(write_manifest(result, stop));
  TRY(publish(stop));
  return result;
}

Status Run::publish(const std::stop_token& stop) {
  // The last moment to stop. From here on consumers may see the end of the run, so the sentinel
  // goes whether somebody asks to stop or not, and once more if the store did not take it.
  if (stop.stop_requested()) return cancelled();
  if (log_ != nullptr) {
    TRY(replaced_.empty() ? log_->publishing(stop) : log_->replacing(replaced_, stop));
  }
  is_publishing_ = log_ != nullptr;
  if (stop.stop_requested()) return cancelled();
  if (!replaced_.empty()) return replace(stop);
  const Deadline deadline(kSentinelTime, stop);
  if (remove_sentinel(deadline.token()).ok()) return ok();
  Status again = remove_sentinel(deadline.token());
  if (again.ok() || again.error().code == ErrorCode::kDenied) return again;
  // The request may have been carried out and only its answer lost. Then consumers have seen the
  // end of a whole run, and its files must stay. Or it is still on its way: then undoing now could
  // show them half a run.
  const Deadline looking(kLookTime, stop);
  auto gone = sentinel_is_gone(looking.token());
  if (gone.ok() && !*gone && settled(stop)) gone = sentinel_is_gone(looking.token());
  if (gone.ok() && *gone) return ok();
  if (gone.ok() && !stop.stop_requested()) return again;
  is_undecided_ = true;
  return error(ErrorCode::kUnknown,
               "all files are written, but whether the sentinel is removed is unknown: {}",
               again.error().message)
      .with_detail(fmt::format("If {} is gone, the export is complete.", store_.url(sentinel())))
      .with_hint("sluice_internal.export_runs tells as soon as it is known.");
}

// There is no way back once the first old object is gone: the new ones stay, and what cannot be
// removed now is removed in the background.
Status Run::replace(const std::stop_token& stop) {
  is_undecided_ = true;
  const Deadline deadline(kReplaceTime, stop);
  Status removed = remove_objects(store_, replaced_, deadline.token());
  if (removed.ok()) removed = remove_sentinel(deadline.token());
  if (removed.ok()) return ok();
  return error(ErrorCode::kUnknown,
               "all files are written, but not all that they replace is removed yet: {}",
               removed.error().message)
      .with_detail(fmt::format("It is tried again in the background. When {} is gone, the export "
                               "is complete.",
                               store_.url(sentinel())))
      .with_hint("sluice_internal.export_runs tells as soon as it is known.");
}

// What is at the path; to be called again when the sentinel is there, since another run may have
// begun at the same time.
Status Run::find_replaced(const std::stop_token& stop) {
  replaced_.clear();
  std::string after;
  while (true) {
    TRY_ASSIGN(const store::Listing page,
               store_.list_after(folder_of(spec_.prefix), after, 1000, stop));
    for (const store::ObjectInfo& object : page.objects) {
      after = object.key;
      if (object.key == sentinel()) continue;
      if (object.key.ends_with(kSentinelSuffix)) {
        return error(ErrorCode::kExists, "an export to {} is under way, or was left behind",
                     store_.url(spec_.prefix))
            .with_sqlstate("55006")
            .with_detail(fmt::format("Its sentinel {} is there.", store_.url(object.key)))
            .with_hint("Wait until it has ended, or remove what is there.");
      }
      replaced_.push_back(object.key);
    }
    if (replaced_.size() > kMostReplaced) {
      return error(ErrorCode::kExhausted, "{} holds more than {} objects, too many to replace",
                   store_.url(spec_.prefix), kMostReplaced)
          .with_sqlstate("54000")
          .with_hint("Remove them, or export to another path.");
    }
    if (!page.truncated || page.objects.empty()) return ok();
  }
}

Status Run::write_manifest(const ExportResult& result, const std::stop_token& stop) {
  TRY_ASSIGN(const std::string text, manifest_of(spec_, result, files_.data()));
  RunFile& file = files_.open_aside(run_key(spec_, kManifestSuffix));
  TRY(file.append(std::as_bytes(std::span(text)), stop));
  TRY(file.close(stop));
  TRY(file.complete(stop));
  return ok();
}

// Two runs that began at the same time have both seen an empty path; at least one of them sees the
// other's sentinel now.
Status Run::check_path_is_ours(const std::stop_token& stop) {
  TRY_ASSIGN(const store::Listing listing, store_.list(folder_of(spec_.prefix), 2, stop));
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
Error Run::undo(Error error, const std::stop_token& stop) {
  if (!sentinel_is_there_ && files_.empty()) return error;
  // On record first: were the sentinel gone and nothing said why, a restart would take the run for
  // a success.
  const Status recorded = log_ == nullptr ? ok() : log_->failed(error);
  if (!recorded.ok() && is_publishing_) {
    error.detail += fmt::format("{}It cannot be undone before that is on record: {}",
                                error.detail.empty() ? "" : "\n", recorded.error().message);
    return error;
  }
  const Deadline deadline(kUndoTime, stop);
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
  log::warning("export {}: could not remove yet: {}", spec_.id, names);
  if (!error.detail.empty()) error.detail += "\n";
  error.detail += "Could not be removed yet: " + names;
  if (left.uploads) {
    error.detail +=
        "\nUploads that stay take space unseen. A lifecycle rule of the bucket that aborts "
        "incomplete multipart uploads (AbortIncompleteMultipartUpload) removes them.";
  }
  if (log_ != nullptr) {
    error.detail += "\nIt is tried again in the background; see sluice_internal.export_runs.";
  }
  return error;
}

}  // namespace

Result<ExportResult> run_export(const ExportSpec& spec, engine::Engine& engine,
                                engine::Reader& reader, store::ObjectStore& store,
                                ExportProgress& progress, std::stop_token stop, RunLog* log) {
  Run run(spec, engine, store, progress, log);
  return run.execute(reader, stop);
}

}  // namespace sluice::exports
