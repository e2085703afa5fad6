#include "store/local_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <random>

namespace sluice::store {
namespace {

constexpr std::string_view kScheme = "file://";
constexpr std::string_view kPartSuffix = ".sluice-part";
constexpr size_t kMaxSmallObjectBytes = size_t{64} << 20;
constexpr int kMaxKeysOfPage = 1000;
constexpr size_t kMaxDepth = 64;
constexpr mode_t kFileMode = 0666;  // less the umask

bool is_temporary(std::string_view name) {
  return name.starts_with('.') && name.ends_with(kPartSuffix);
}

// A key as the folders to walk and the name in the last of them.
struct Place {
  std::vector<std::string> folders;
  std::string name;
};

Result<Place> place_of(const std::string& key) {
  Place place;
  TRY_ASSIGN(place.folders, split_path(key));
  place.name = std::move(place.folders.back());
  place.folders.pop_back();
  if (is_temporary(place.name)) return invalid("invalid path \"{}\": a name of our own", key);
  return place;
}

Status write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error("write", errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return ok();
}

constexpr size_t kRandomDigits = 16;

// A name that no other writer takes, within what a name may have.
std::string temporary_name(const std::string& name) {
  std::random_device random;
  const uint64_t number = (uint64_t{random()} << 32) | random();
  const std::string tail = fmt::format(".{:016x}{}", number, kPartSuffix);
  return "." + name.substr(0, NAME_MAX - 1 - tail.size()) + tail;
}

// Of `.NAME.RANDOM.sluice-part`: NAME, cut where it was too long.
std::string name_of_temporary(const std::string& temporary) {
  const size_t rest = 2 + kRandomDigits + kPartSuffix.size();
  return temporary.size() <= rest ? "" : temporary.substr(1, temporary.size() - rest);
}

class LocalWriter final : public ObjectWriter {
 public:
  LocalWriter(const Folder& folder, std::string key, std::string url,
              ObjectStore::UploadBegun begun)
      : root_(folder), key_(std::move(key)), url_(std::move(url)), begun_(std::move(begun)) {}

  ~LocalWriter() override { remove_temporary(); }

  Status append(std::span<const std::byte> bytes, std::stop_token stop) override {
    TRY(check_open(stop));
    TRY(keep(begin(stop)));
    TRY(keep(write_all(file_.get(), bytes)));
    bytes_ += bytes.size();
    return ok();
  }

  Status close(std::stop_token stop) override {
    if (state_ == State::kClosed) return ok();
    TRY(check_open(stop));
    TRY(keep(begin(stop)));
    if (::fsync(file_.get()) != 0) return keep(system_error("sync", errno));
    file_.close();
    folder_.close();  // an export may have thousands of files
    state_ = State::kClosed;
    return ok();
  }

  Result<ObjectInfo> complete(std::stop_token stop) override {
    if (failure_) return *failure_;
    CHECK(state_ == State::kClosed);
    if (stop.stop_requested()) return cancelled();
    TRY(keep(open_folder(Folder::IfMissing::kFail)));
    if (::renameat(folder_.get(), temporary_.c_str(), folder_.get(), name_.c_str()) != 0) {
      TRY(keep(system_error("rename", errno)));
    }
    temporary_.clear();
    state_ = State::kCompleted;
    is_published_ = true;
    if (::fsync(folder_.get()) != 0) TRY(keep(system_error("sync folder", errno)));
    folder_.close();
    return ObjectInfo{key_, bytes_, ""};
  }

  Status abort(std::stop_token) override {
    const bool was_published = is_published_;
    failure_ = error(ErrorCode::kCancelled, "write {}: it was aborted", url_);
    state_ = State::kAborted;
    remove_temporary();
    if (was_published) TRY(open_folder(Folder::IfMissing::kFail));
    if (was_published && ::unlinkat(folder_.get(), name_.c_str(), 0) != 0 && errno != ENOENT) {
      return system_error(fmt::format("remove {}", url_), errno);
    }
    is_published_ = false;
    return ok();
  }

  uint64_t bytes() const override { return bytes_; }

 private:
  enum class State { kOpen, kClosed, kCompleted, kAborted };

  Status check_open(const std::stop_token& stop) {
    if (failure_) return *failure_;
    CHECK(state_ == State::kOpen);
    if (stop.stop_requested()) return keep(cancelled());
    return ok();
  }

  // Remembers an error for all later calls.
  Status keep(Status status) {
    if (status.ok()) return status;
    failure_ = std::move(status).error();
    if (failure_->code != ErrorCode::kCancelled) {
      failure_->message = fmt::format("write {}: {}", url_, failure_->message);
    }
    return *failure_;
  }

  Status begin(const std::stop_token& stop) {
    if (file_.is_open()) return ok();
    TRY(open_folder(Folder::IfMissing::kCreate));
    struct stat there {};
    if (::fstatat(folder_.get(), name_.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(there.st_mode)) {
      return invalid("a folder has this name");
    }
    std::string name = temporary_name(name_);
    file_ = FileHandle(::openat(folder_.get(), name.c_str(),
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (!file_.is_open()) return system_error("create file", errno);
    temporary_ = std::move(name);
    return begun_ ? begun_({key_, temporary_}, stop) : ok();
  }

  Status open_folder(Folder::IfMissing if_missing) {
    if (folder_.is_open()) return ok();
    TRY_ASSIGN(const Place place, place_of(key_));
    TRY_ASSIGN(folder_, root_.descend(place.folders, if_missing));
    name_ = place.name;
    return ok();
  }

  void remove_temporary() {
    file_.close();
    if (!temporary_.empty() && open_folder(Folder::IfMissing::kFail).ok()) {
      ::unlinkat(folder_.get(), temporary_.c_str(), 0);
    }
    temporary_.clear();
  }

  const Folder& root_;
  const std::string key_;
  const std::string url_;
  const ObjectStore::UploadBegun begun_;
  State state_ = State::kOpen;
  std::optional<Error> failure_;
  bool is_published_ = false;
  FileHandle folder_;
  FileHandle file_;
  std::string name_;       // in folder_, as the next
  std::string temporary_;  // empty: there is none
  uint64_t bytes_ = 0;
};

struct Entry {
  std::string name;  // a folder's ends with `/`, so that entries sort as keys do
  uint64_t bytes = 0;
};

// Calls `take` with each name in a folder.
Status for_each_name(int folder, const std::function<void(const std::string&)>& take) {
  // With a position of its own, that readdir() moves; the stream then owns it.
  FileHandle handle(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.is_open()) return system_error("read folder", errno);
  const auto close_stream = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close_stream)> stream(::fdopendir(handle.get()),
                                                            close_stream);
  if (!stream) return system_error("read folder", errno);
  handle.release();
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") take(name);
  }
  return ok();
}

Result<std::vector<std::string>> temporaries_of(int folder) {
  std::vector<std::string> names;
  TRY(for_each_name(folder, [&names](const std::string& name) {
    if (is_temporary(name)) names.push_back(name);
  }));
  return names;
}

Result<std::vector<Entry>> entries_of(int folder) {
  std::vector<Entry> entries;
  TRY(for_each_name(folder, [&entries, folder](const std::string& name) {
    struct stat there {};
    if (is_temporary(name) || ::fstatat(folder, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
      return;
    }
    if (S_ISDIR(there.st_mode)) entries.push_back({name + "/", 0});
    if (S_ISREG(there.st_mode)) entries.push_back({name, static_cast<uint64_t>(there.st_size)});
  }));
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

// Lists what begins with a prefix, in the order of keys, up to a number of them.
class Lister {
 public:
  Lister(std::string prefix, std::string after, size_t max_keys, std::stop_token stop)
      : prefix_(std::move(prefix)),
        after_(std::move(after)),
        max_keys_(max_keys),
        stop_(std::move(stop)) {}

  Status walk(int folder, const std::string& folder_key, size_t depth) {
    if (depth > kMaxDepth) return error(ErrorCode::kExhausted, "folders nested too deeply");
    TRY_ASSIGN(const auto entries, entries_of(folder));
    for (const Entry& entry : entries) {
      if (stop_.stop_requested()) return cancelled();
      if (listing.truncated) return ok();
      const std::string key = folder_key + entry.name;
      const bool is_folder = entry.name.ends_with('/');
      if (!key.starts_with(prefix_) && !(is_folder && prefix_.starts_with(key))) continue;
      if (is_folder) {
        const std::string name = entry.name.substr(0, entry.name.size() - 1);
        const FileHandle inner(
            ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!inner.is_open() && errno == ENOENT) continue;
        if (!inner.is_open()) return system_error(fmt::format("folder {}", key), errno);
        TRY(walk(inner.get(), key, depth + 1));
      } else if (key <= after_) {
        continue;
      } else if (listing.objects.size() == max_keys_) {
        listing.truncated = true;
      } else {
        listing.objects.push_back({key, entry.bytes, ""});
      }
    }
    return ok();
  }

  Listing listing;

 private:
  const std::string prefix_;
  const std::string after_;
  const size_t max_keys_;
  const std::stop_token stop_;
};

}  // namespace

Result<std::unique_ptr<LocalStore>> LocalStore::make(const std::string& folder) {
  if (!folder.starts_with('/')) return invalid("folder \"{}\" is not an absolute path", folder);
  std::string path = folder;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  TRY_ASSIGN(Folder opened, Folder::open(path));
  return std::unique_ptr<LocalStore>(new LocalStore(std::move(opened)));
}

Result<Listing> LocalStore::list_after(const std::string& prefix, const std::string& after,
                                       int max_keys, std::stop_token stop) {
  const int limit = std::clamp(max_keys, 1, kMaxKeysOfPage);
  TRY_ASSIGN(const FileHandle top, folder_.descend({}, Folder::IfMissing::kFail));
  Lister lister(prefix, after, static_cast<size_t>(limit), std::move(stop));
  if (auto status = lister.walk(top.get(), "", 0); !status.ok()) {
    return std::move(status).error().within(fmt::format("list {}", url(prefix)));
  }
  return std::move(lister.listing);
}

Status LocalStore::put(const std::string& key, std::span<const std::byte> bytes,
                       std::stop_token stop) {
  const auto one = writer(key);
  TRY(one->append(bytes, stop));
  TRY(one->close(stop));
  TRY(one->complete(stop));
  return ok();
}

Status LocalStore::remove(const std::string& key, std::stop_token stop) {
  if (stop.stop_requested()) return cancelled();
  TRY_ASSIGN(const Place place, place_of(key));
  const std::string what = fmt::format("remove {}", url(key));
  auto folder = folder_.descend(place.folders, Folder::IfMissing::kFail);
  if (!folder.ok()) return std::move(folder).error().within(what);
  if (::unlinkat(folder->get(), place.name.c_str(), 0) != 0) return system_error(what, errno);
  if (::fsync(folder->get()) != 0) return system_error(what, errno);
  return ok();
}

Result<std::string> LocalStore::get(const std::string& key, std::stop_token stop) {
  if (stop.stop_requested()) return cancelled();
  TRY_ASSIGN(const Place place, place_of(key));
  const std::string what = fmt::format("read {}", url(key));
  auto folder = folder_.descend(place.folders, Folder::IfMissing::kFail);
  if (!folder.ok()) return std::move(folder).error().within(what);
  // Not to be held up by a pipe that somebody put there.
  const FileHandle file(
      ::openat(folder->get(), place.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) return system_error(what, errno);
  struct stat there {};
  if (::fstat(file.get(), &there) != 0) return system_error(what, errno);
  if (!S_ISREG(there.st_mode)) return invalid("{}: not a regular file", what);
  if (static_cast<uint64_t>(there.st_size) > kMaxSmallObjectBytes) {
    return error(ErrorCode::kExhausted, "{}: longer than {} bytes", what, kMaxSmallObjectBytes);
  }
  std::string content(static_cast<size_t>(there.st_size), '\0');
  size_t at = 0;
  while (at < content.size()) {
    const ssize_t got = ::read(file.get(), content.data() + at, content.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(what, errno);
    if (got == 0) break;
    at += static_cast<size_t>(got);
  }
  content.resize(at);
  return content;
}

std::unique_ptr<ObjectWriter> LocalStore::writer(const std::string& key, UploadBegun begun) {
  return std::make_unique<LocalWriter>(folder_, key, url(key), std::move(begun));
}

// The folder of the prefix holds them all, as an export's names have no folders behind it.
Result<std::vector<OpenUpload>> LocalStore::list_uploads(const std::string& prefix,
                                                         std::stop_token stop) {
  if (stop.stop_requested()) return cancelled();
  const size_t slash = prefix.rfind('/');
  const std::string folder_key = slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
  std::vector<std::string> names;
  if (!folder_key.empty()) {
    TRY_ASSIGN(names, split_path(std::string_view(folder_key).substr(0, folder_key.size() - 1)));
  }
  auto folder = folder_.descend(names, Folder::IfMissing::kFail);
  if (!folder.ok() && folder.error().code == ErrorCode::kNotFound) return std::vector<OpenUpload>();
  if (!folder.ok()) return std::move(folder).error();
  TRY_ASSIGN(const auto temporaries, temporaries_of(folder->get()));
  std::vector<OpenUpload> uploads;
  for (const std::string& name : temporaries) {
    const std::string key = folder_key + name_of_temporary(name);
    if (key.starts_with(prefix)) uploads.push_back({key, name});
  }
  return uploads;
}

Status LocalStore::abort_upload(const OpenUpload& upload, std::stop_token stop) {
  if (stop.stop_requested()) return cancelled();
  TRY_ASSIGN(const Place place, place_of(upload.key));
  if (!is_temporary(upload.id) || upload.id.find('/') != std::string::npos) {
    return invalid("\"{}\" is no upload of {}", upload.id, url(upload.key));
  }
  auto folder = folder_.descend(place.folders, Folder::IfMissing::kFail);
  if (!folder.ok() && folder.error().code == ErrorCode::kNotFound) return ok();
  if (!folder.ok()) return std::move(folder).error();
  if (::unlinkat(folder->get(), upload.id.c_str(), 0) != 0 && errno != ENOENT) {
    return system_error(fmt::format("remove what was written of {}", url(upload.key)), errno);
  }
  return ok();
}

std::string LocalStore::url(const std::string& key) const {
  const std::string_view root = folder_.path() == "/" ? std::string_view() : folder_.path();
  return fmt::format("{}{}/{}", kScheme, root, key);
}

Result<LocalTarget> open_local_target(const std::string& url,
                                      const std::vector<std::string>& allowed_folders) {
  if (!url.starts_with("file:///")) {
    return invalid("invalid file url \"{}\"", url).with_hint("It looks like file:///folder/path.");
  }
  std::string path = url.substr(kScheme.size());
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path != "/") TRY(split_path(std::string_view(path).substr(1)));
  std::string best;
  for (std::string folder : allowed_folders) {
    while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
    const bool lies_in = path == folder || path.starts_with(folder == "/" ? folder : folder + "/");
    if (lies_in && folder.size() > best.size()) best = folder;
  }
  if (best.empty()) {
    return error(ErrorCode::kDenied, "{} is in no folder that exports may write to", url)
        .with_hint("Start the server with --local-export-dir to allow a folder.");
  }
  LocalTarget target;
  TRY_ASSIGN(target.store, LocalStore::make(best));
  if (path != best) target.key = path.substr(best == "/" ? 1 : best.size() + 1);
  return target;
}

}  // namespace sluice::store
