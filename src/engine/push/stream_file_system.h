// The paths `sluice://…` inside DuckDB: how bytes that its writers produce reach us without a file.
//
// A path leads somewhere only while a StreamFile stands behind it, and can be opened once, for
// writing; bytes can only be appended. Everything else a file system can do is refused, so that a
// user who gets such a path into a statement gains nothing.
//
// Threads: the registry is safe from any thread; one StreamFile serves one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace duckdb {
class DatabaseInstance;
}

namespace sluice::engine {

inline constexpr char kStreamScheme[] = "sluice://";

// A number that no other run or file of this process has.
uint64_t next_stream_id();

// One file that is being written: path() leads here until the object goes. It must not go before
// the writer that opened the path.
class StreamFile {
 public:
  using Write = std::function<Status(std::span<const std::byte>)>;

  explicit StreamFile(Write write);
  ~StreamFile();
  StreamFile(const StreamFile&) = delete;
  StreamFile& operator=(const StreamFile&) = delete;

  const std::string& path() const { return path_; }
  uint64_t bytes() const { return bytes_; }
  // The first error of `write`, kept here since DuckDB only carries texts; taken at most once.
  std::optional<Error> take_error();

  // For the file system: false when the bytes were refused.
  bool append(std::span<const std::byte> bytes);

 private:
  const uint64_t id_;
  const std::string path_;
  const Write write_;
  uint64_t bytes_ = 0;
  std::optional<Error> error_;
  bool failed_ = false;
};

void register_stream_file_system(duckdb::DatabaseInstance& instance);

}  // namespace sluice::engine
