#include "engine/push/stream_file_system.h"

#include <atomic>
#include <duckdb/common/file_system.hpp>
#include <duckdb/main/database.hpp>
#include <string>

namespace sluice::engine {
namespace {

// What is not overridden here throws in the base class: reading, writing, removing, moving, globs.
class StreamFileSystem final : public duckdb::FileSystem {
 public:
  std::string GetName() const override { return "SluiceStreams"; }
  bool CanHandleFile(const std::string& path) override { return path.starts_with(kStreamScheme); }
  bool FileExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return false;
  }
  bool IsPipe(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return false;
  }
  std::string PathSeparator(const std::string&) override { return "/"; }
  duckdb::unique_ptr<duckdb::FileHandle> OpenFile(
      const std::string& path, duckdb::FileOpenFlags,
      duckdb::optional_ptr<duckdb::FileOpener>) override {
    throw duckdb::PermissionException("\"%s\" cannot be opened", path);
  }
};

}  // namespace

uint64_t next_stream_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

void register_stream_file_system(duckdb::DatabaseInstance& instance) {
  instance.GetFileSystem().RegisterSubSystem(duckdb::make_uniq<StreamFileSystem>());
}

}  // namespace sluice::engine
