// The disk behind one narrow interface, so that tests can make any call fail.
//
// Segment files are written and read by DuckDB itself and pass here only to be synced, renamed and
// removed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::collection {

// A file that only grows. One thread at a time. After an error nothing is known about what of the
// failed call has reached the disk.
class File {
 public:
  virtual ~File() = default;
  virtual Status append(std::string_view bytes) = 0;
  // What has been appended survives a loss of power from here on.
  virtual Status sync() = 0;
  virtual Status truncate(uint64_t bytes) = 0;
};

// Safe from any thread. Errors say the path; a full disk is kExhausted with SQLSTATE 53100, others
// kUnavailable with 58030.
class Files {
 public:
  virtual ~Files() = default;
  static Files& real();

  virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;
  virtual Result<std::string> read(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;  // names
  virtual Result<uint64_t> size(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  virtual Status make_directory(const std::string& path) = 0;  // and those above it
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Status truncate(const std::string& path, uint64_t bytes) = 0;  // synced
  virtual Status sync_file(const std::string& path) = 0;
  // New names, and names gone, survive a loss of power from here on.
  virtual Status sync_directory(const std::string& path) = 0;
  // Kept until the token is dropped or the process ends. kExists when another process has it.
  virtual Result<std::shared_ptr<void>> lock(const std::string& path) = 0;

  // Writes the whole file under a temporary name, syncs it and puts it in place of `path`.
  Status replace(const std::string& directory, const std::string& name, std::string_view bytes);
};

}  // namespace sluice::collection
