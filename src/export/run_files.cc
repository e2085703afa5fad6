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

void RunFile::keep_facts(const std::vector<types::SqlType>& types) {
  facts_ = std::make_unique<Facts>(Facts{0, Digest(), ColumnStatistics(types)});
}

Status RunFile::append(std::span<const std::byte> bytes, std::stop_token stop) {
  TRY(writer_->append(bytes, std::move(stop)));
  if (facts_) facts_->digest.add(bytes);
  if (keeps_tail_) tail_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  bytes_ += bytes.size();
  progress_.bytes += bytes.size();
  count_parts();
  return ok();
}

Status RunFile::end(std::stop_token stop) {
  TRY(writer_->end(std::move(stop)));
  count_parts();
  ++progress_.files;
  state_ = State::kEnded;
  return ok();
}

Status RunFile::close(std::stop_token stop) {
  if (state_ == State::kWriting) TRY(end(stop));
  TRY(writer_->close(std::move(stop)));
  state_ = State::kClosed;
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

std::unique_ptr<RunFile> RunFiles::make(const std::string& key, ExportProgress& progress) {
  store::ObjectStore::UploadBegun begun;
  if (log_ != nullptr) {
    begun = [log = log_](const store::OpenUpload& upload, const std::stop_token& stop) {
      return log->upload_begun(upload, stop);
    };
  }
  return std::make_unique<RunFile>(key, store_.writer(key, std::move(begun)), progress);
}

RunFile& RunFiles::open(const std::string& key) {
  auto file = make(key, progress_);
  if (spec_.manifest) file->keep_facts(spec_.types);
  const std::lock_guard lock(mutex_);
  return *files_.emplace_back(std::move(file));
}

RunFile& RunFiles::open_aside(const std::string& key) {
  auto file = make(key, nobodys_progress_);
  const std::lock_guard lock(mutex_);
  return *aside_.emplace_back(std::move(file));
}

std::vector<RunFile*> RunFiles::data() {
  std::sort(files_.begin(), files_.end(),
            [](const auto& a, const auto& b) { return a->key() < b->key(); });
  std::vector<RunFile*> files;
  for (const auto& file : files_) files.push_back(file.get());
  return files;
}

bool RunFiles::empty() const {
  const std::lock_guard lock(mutex_);
  return files_.empty();
}

Status RunFiles::look_after_ended(const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  for (size_t i = first_unclosed_; i < files_.size(); ++i) {
    RunFile& file = *files_[i];
    if (file.state_ == RunFile::State::kEnded && file.writer_->is_sent()) TRY(file.close(stop));
  }
  while (first_unclosed_ < files_.size() &&
         files_[first_unclosed_]->state_ == RunFile::State::kClosed) {
    ++first_unclosed_;
  }
  return ok();
}

Result<std::vector<store::ObjectInfo>> RunFiles::complete(std::stop_token stop) {
  const std::vector<RunFile*> files = data();
  for (RunFile* const file : files) {
    if (file->state_ == RunFile::State::kEnded) TRY(file->close(stop));
  }
  std::vector<store::ObjectInfo> infos;
  for (RunFile* const file : files) {
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
  std::vector<RunFile*> files = data();
  for (const auto& file : aside_) files.push_back(file.get());
  std::vector<char> gone(files.size());  // not bool: threads write to them side by side
  in_parallel(files.size(), kUndoThreads, [&](size_t i) { gone[i] = remove(*files[i], stop); });
  Leftovers left;
  for (size_t i = 0; i < files.size(); ++i) {
    if (gone[i]) continue;
    const std::string upload = files[i]->writer_->upload_id();
    left.urls.push_back(store_.url(files[i]->key()) +
                        (upload.empty() ? "" : fmt::format(" (upload {})", upload)));
    left.uploads = left.uploads || !upload.empty();
    if (files[i]->state_ >= RunFile::State::kPublishing) left.visible = true;
  }
  return left;
}

}  // namespace sluice::exports
