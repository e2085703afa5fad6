#include "export/run_files.h"

#include <algorithm>

#include "export/parallel.h"

namespace sluice::exports {

namespace {

// Requests at once when a run is undone.
constexpr size_t kUndoThreads = 16;

}  // namespace

void RunFile::count_parts() {
  progress_.parts += writer_->parts() - parts_;
  parts_ = writer_->parts();
}

Status RunFile::append(std::span<const std::byte> bytes, std::stop_token stop) {
  TRY(writer_->append(bytes, std::move(stop)));
  bytes_ += bytes.size();
  progress_.bytes += bytes.size();
  count_parts();
  return ok();
}

Status RunFile::close(std::stop_token stop) {
  TRY(writer_->close(std::move(stop)));
  state_ = State::kClosed;
  count_parts();
  ++progress_.files;
  return ok();
}

Result<store::ObjectInfo> RunFile::complete(std::stop_token stop) {
  if (state_ != State::kClosed) return internal("{} was not closed", key_);
  state_ = State::kPublishing;
  TRY_ASSIGN(store::ObjectInfo info, writer_->complete(std::move(stop)));
  state_ = State::kPublished;
  if (info.bytes != bytes_ || writer_->bytes() != bytes_) {
    return error(ErrorCode::kUnavailable, "{} has {} bytes at the store, {} were written", key_,
                 info.bytes, bytes_);
  }
  return info;
}

uint32_t RunFiles::next_batch() {
  const std::lock_guard lock(mutex_);
  return batches_++;
}

RunFile& RunFiles::open(std::string key) {
  store::ObjectStore::UploadBegun begun;
  if (log_ != nullptr) {
    begun = [log = log_](const store::OpenUpload& upload, const std::stop_token& stop) {
      return log->upload_begun(upload, stop);
    };
  }
  auto file = std::make_unique<RunFile>(key, store_.writer(key, std::move(begun)), progress_);
  const std::lock_guard lock(mutex_);
  return *files_.emplace_back(std::move(file));
}

bool RunFiles::empty() const {
  const std::lock_guard lock(mutex_);
  return files_.empty();
}

Result<std::vector<store::ObjectInfo>> RunFiles::complete(std::stop_token stop) {
  std::sort(files_.begin(), files_.end(),
            [](const auto& a, const auto& b) { return a->key() < b->key(); });
  std::vector<store::ObjectInfo> infos;
  for (const auto& file : files_) {
    TRY_ASSIGN(store::ObjectInfo info, file->complete(stop));
    infos.push_back(std::move(info));
  }
  return infos;
}

bool RunFiles::remove(RunFile& file, const std::stop_token& stop) {
  // Also when there is no time left: it cuts off what is under way, and from then on the upload is
  // not the writer's affair any more, which would otherwise take its own time for it.
  if (file.state_ != RunFile::State::kPublished) return file.writer_->abort(stop).ok();
  if (stop.stop_requested()) return false;
  const Status removed = store_.remove(file.key(), stop);
  return removed.ok() || removed.error().code == ErrorCode::kNotFound;
}

RunFiles::Leftovers RunFiles::undo(std::stop_token stop) {
  std::vector<char> gone(files_.size());  // not bool: threads write to them side by side
  in_parallel(files_.size(), kUndoThreads, [&](size_t i) { gone[i] = remove(*files_[i], stop); });
  Leftovers left;
  for (size_t i = 0; i < files_.size(); ++i) {
    if (gone[i]) continue;
    left.urls.push_back(store_.url(files_[i]->key()));
    if (files_[i]->state_ >= RunFile::State::kPublishing) left.visible = true;
  }
  return left;
}

}  // namespace sluice::exports
