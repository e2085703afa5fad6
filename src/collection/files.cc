#include "collection/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace sluice::collection {
namespace {

Error failed(const char* what, const std::string& path, int code = errno) {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  return error(full ? ErrorCode::kExhausted : ErrorCode::kUnavailable, "{} {}: {}", what, path,
               std::strerror(code))
      .with_sqlstate(full ? "53100" : "58030");
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) {
    do {
      value_ = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
    } while (value_ < 0 && errno == EINTR);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  bool ok() const { return value_ >= 0; }

 private:
  int value_ = -1;
};

class RealFile final : public File {
 public:
  RealFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Status append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return failed("write", path_, written < 0 ? errno : ENOSPC);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return ok();
  }
  Status sync() override {
    if (::fdatasync(descriptor_.get()) != 0) return failed("sync", path_);
    return ok();
  }
  Status truncate(uint64_t bytes) override {
    if (::ftruncate(descriptor_.get(), static_cast<off_t>(bytes)) != 0) {
      return failed("truncate", path_);
    }
    return ok();
  }

 private:
  const Descriptor descriptor_;
  const std::string path_;
};

class RealFiles final : public Files {
 public:
  Result<std::unique_ptr<File>> create(const std::string& path) override {
    Descriptor descriptor(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    if (!descriptor.ok()) return failed("create", path);
    return std::unique_ptr<File>(std::make_unique<RealFile>(std::move(descriptor), path));
  }

  Result<std::string> read(const std::string& path) override {
    const Descriptor descriptor(path, O_RDONLY);
    if (!descriptor.ok()) return failed("open", path);
    TRY_ASSIGN(const uint64_t bytes, size(path));
    std::string content(bytes, '\0');
    size_t at = 0;
    while (at < content.size()) {
      const ssize_t got = ::read(descriptor.get(), content.data() + at, content.size() - at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed("read", path);
      if (got == 0) break;
      at += static_cast<size_t>(got);
    }
    content.resize(at);
    return content;
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::error_code code;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at(directory, code), end; !code && at != end;
         at.increment(code)) {
      names.push_back(at->path().filename().string());
    }
    if (code) return failed("list", directory, code.value());
    return names;
  }

  Result<uint64_t> size(const std::string& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return failed("stat", path);
    return static_cast<uint64_t>(info.st_size);
  }
  bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }
  Status make_directory(const std::string& path) override {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code) return failed("create", path, code.value());
    return ok();
  }
  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from);
    return ok();
  }
  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove", path);
    return ok();
  }
  Status truncate(const std::string& path, uint64_t bytes) override {
    if (::truncate(path.c_str(), static_cast<off_t>(bytes)) != 0) return failed("truncate", path);
    return sync_file(path);
  }
  Status sync_file(const std::string& path) override {
    const Descriptor descriptor(path, O_RDWR);
    if (!descriptor.ok()) return failed("open", path);
    if (::fsync(descriptor.get()) != 0) return failed("sync", path);
    return ok();
  }
  Status sync_directory(const std::string& path) override {
    const Descriptor descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!descriptor.ok()) return failed("open", path);
    if (::fsync(descriptor.get()) != 0) return failed("sync", path);
    return ok();
  }
  Result<std::shared_ptr<void>> lock(const std::string& path) override {
    auto descriptor = std::make_shared<Descriptor>(path, O_RDWR | O_CREAT);
    if (!descriptor->ok()) return failed("open", path);
    if (::flock(descriptor->get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return failed("lock", path);
      return error(ErrorCode::kExists,
                   "another server is using the data folder (it holds the lock on {})", path);
    }
    return std::shared_ptr<void>(std::move(descriptor));
  }
};

}  // namespace

Files& Files::real() {
  static RealFiles files;
  return files;
}

Status Files::replace(const std::string& directory, const std::string& name,
                      std::string_view bytes) {
  const std::string temporary = directory + "/" + name + ".new";
  TRY_ASSIGN(const auto file, create(temporary));
  TRY(file->append(bytes));
  TRY(file->sync());
  TRY(rename(temporary, directory + "/" + name));
  return sync_directory(directory);
}

}  // namespace sluice::collection
