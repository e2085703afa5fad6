// A folder that nothing gets out of: every path below it is walked one name at a time, by open
// folders and never through a symbolic link, so neither `..` nor a link that somebody puts there at
// that very moment leads elsewhere.
//
// Threads: safe from any.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::store {

// An open file or folder; closed when it is destroyed.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int descriptor) : descriptor_(descriptor) {}
  FileHandle(FileHandle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileHandle() { close(); }

  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  void close();
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_ = -1;
};

// What errno means to a caller.
Error system_error(std::string_view what, int error_number);

// The names of `path`, split at `/`. kInvalid: one of them is empty, `.` or `..`, or too long, or
// has a NUL in it.
Result<std::vector<std::string>> split_path(std::string_view path);

class Folder {
 public:
  // The folder itself may be reached through links: it was named by whoever runs the server.
  static Result<Folder> open(const std::string& path);

  enum class IfMissing { kFail, kCreate };
  // The folder under these names, from here. kNotFound: it is not there (with kFail).
  Result<FileHandle> descend(const std::vector<std::string>& names, IfMissing if_missing) const;

  const std::string& path() const { return path_; }

 private:
  Folder(std::string path, FileHandle handle)
      : path_(std::move(path)), handle_(std::move(handle)) {}

  std::string path_;
  FileHandle handle_;
};

}  // namespace sluice::store
