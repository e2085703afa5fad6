#include "engine/push/stream_file_system.h"

#include <duckdb/common/file_system.hpp>
#include <duckdb/main/database.hpp>
#include <map>
#include <mutex>

namespace sluice::engine {
namespace {

constexpr std::string_view kFilePrefix = "sluice://file/";

// The files that are being written in this process. The file system itself belongs to an instance,
// but DuckDB gives no way back to it from there, and the ids are unique in the process anyway.
class Registry {
 public:
  void add(uint64_t id, StreamFile* file) {
    const std::lock_guard lock(mutex_);
    files_.emplace(id, file);
  }
  void remove(uint64_t id) {
    const std::lock_guard lock(mutex_);
    files_.erase(id);
  }
  // The file behind the path, which is thereby used up; nullptr if there is none.
  StreamFile* open(const std::string& path) {
    const std::lock_guard lock(mutex_);
    for (auto entry = files_.begin(); entry != files_.end(); ++entry) {
      if (entry->second->path() != path) continue;
      StreamFile* const file = entry->second;
      files_.erase(entry);
      return file;
    }
    return nullptr;
  }

 private:
  std::mutex mutex_;
  std::map<uint64_t, StreamFile*> files_;  // those not opened yet: few, and for moments only
};

Registry& registry() {
  static Registry registry;
  return registry;
}

class StreamHandle final : public duckdb::FileHandle {
 public:
  StreamHandle(duckdb::FileSystem& system, const std::string& stream_path,
               duckdb::FileOpenFlags open_flags, StreamFile& stream)
      : FileHandle(system, stream_path, open_flags), file(stream) {}
  void Close() override {}

  StreamFile& file;
};

// What is not overridden here throws in the base class: reading, seeking, removing, moving, globs.
class StreamFileSystem final : public duckdb::FileSystem {
 public:
  std::string GetName() const override { return "SluiceStreams"; }
  bool CanHandleFile(const std::string& path) override { return path.starts_with(kStreamScheme); }
  bool CanSeek() override { return false; }
  bool OnDiskFile(duckdb::FileHandle&) override { return false; }
  bool FileExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return false;
  }
  bool IsPipe(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return false;
  }
  std::string PathSeparator(const std::string&) override { return "/"; }
  duckdb::FileType GetFileType(duckdb::FileHandle&) override {
    return duckdb::FileType::FILE_TYPE_REGULAR;
  }
  void FileSync(duckdb::FileHandle&) override {}

  duckdb::unique_ptr<duckdb::FileHandle> OpenFile(
      const std::string& path, duckdb::FileOpenFlags flags,
      duckdb::optional_ptr<duckdb::FileOpener>) override {
    StreamFile* const file = flags.OpenForReading() ? nullptr : registry().open(path);
    if (file == nullptr) {
      throw duckdb::PermissionException("\"%s\" cannot be opened", path);
    }
    return duckdb::make_uniq<StreamHandle>(*this, path, flags, *file);
  }

  int64_t Write(duckdb::FileHandle& handle, void* buffer, int64_t size) override {
    StreamFile& file = handle.Cast<StreamHandle>().file;
    if (!file.append({static_cast<const std::byte*>(buffer), static_cast<size_t>(size)})) {
      throw duckdb::IOException("the stream was refused");  // the real error waits in the file
    }
    return size;
  }

  int64_t GetFileSize(duckdb::FileHandle& handle) override {
    return static_cast<int64_t>(handle.Cast<StreamHandle>().file.bytes());
  }
};

}  // namespace

uint64_t next_stream_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

StreamFile::StreamFile(Write write)
    : id_(next_stream_id()),
      path_(fmt::format("{}{}", kFilePrefix, id_)),
      write_(std::move(write)) {
  registry().add(id_, this);
}

StreamFile::~StreamFile() { registry().remove(id_); }

bool StreamFile::append(std::span<const std::byte> bytes) {
  if (failed_) return false;
  if (Status status = write_(bytes); !status.ok()) {
    failed_ = true;
    error_ = std::move(status).error();
    return false;
  }
  bytes_ += bytes.size();
  return true;
}

std::optional<Error> StreamFile::take_error() { return std::exchange(error_, std::nullopt); }

void register_stream_file_system(duckdb::DatabaseInstance& instance) {
  instance.GetFileSystem().RegisterSubSystem(duckdb::make_uniq<StreamFileSystem>());
}

}  // namespace sluice::engine
