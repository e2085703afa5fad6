// One run of an export: reads a relation at one logical time, encodes it into files, uploads them
// to an object store, and publishes them whole or not at all.
//
//   check path empty -> probe delete -> put sentinel -> write files -> complete uploads
//     -> delete sentinel                            any error or stop: undo, sentinel last
//
// A RunLog is told what must be known when the process ends in the middle (journal.h).
//
// The rules of names, sizes and checks are Materialize's (docs/formats.md, docs/exports.md).
// Threads: run_export() may be called from many threads at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/reader.h"
#include "format/compression.h"
#include "format/csv.h"
#include "parquet/bloom_filter.h"
#include "parquet/compression.h"
#include "parquet/profile.h"
#include "store/object_store.h"
#include "types/sql_type.h"

namespace sluice::exports {

enum class FileFormat { kCsv, kParquet };

// Bounds of MAX FILE SIZE, both inclusive.
inline constexpr uint64_t kMinFileBytes = uint64_t{16} << 20;
inline constexpr uint64_t kMaxFileBytes = uint64_t{4} << 30;
inline constexpr uint64_t kDefaultFileBytes = uint64_t{256} << 20;

// Bounds of ROW GROUP SIZE, both inclusive.
inline constexpr uint64_t kMinGroupBytes = uint64_t{1} << 20;
inline constexpr uint64_t kMaxGroupBytes = uint64_t{1} << 30;

// Each is remembered until the end, and is some requests; nobody reads so many.
inline constexpr uint64_t kMostPartitionFiles = 10'000;

// What becomes of objects that are at the path already.
enum class Overwrite : uint8_t {
  kError,    // they refuse the run
  kReplace,  // they go when the run's own files are whole, before the sentinel does
  kAppend,   // they stay
};

struct ExportSpec {
  std::string id;      // of the run, in object names: t12
  std::string prefix;  // path in the store, no slash at either end; may be empty
  Overwrite overwrite = Overwrite::kError;
  std::string file_name_pattern;  // empty: the reference's names (names.h)
  bool single_file = false;       // then max_file_bytes bounds nothing
  // The reader's last columns, texts, are the values of these; its rows go into a folder for each.
  std::vector<std::string> partition_names;
  size_t max_open_files = 1;  // of a thread with partitions; more would each cost memory
  bool manifest = false;      // then the next three are in it
  std::string target;         // the url as it was given
  std::string statement;      // secrets masked
  std::string query;          // within it; what it reads
  int64_t logical_time = 0;   // milliseconds since 1970
  FileFormat format = FileFormat::kParquet;
  uint64_t max_file_bytes = kDefaultFileBytes;
  format::CsvOptions csv;
  format::Compression csv_compression;
  parquet::Compression parquet_compression;
  parquet::Profile profile;                 // kParquet only
  std::optional<uint64_t> row_group_bytes;  // before compression; nothing: the writer's own
  bool parquet_statistics = true;
  std::vector<parquet::BloomFilters> bloom_filters;  // of each column; empty: automatic for all
  std::vector<std::string> names;
  std::vector<types::SqlType> types;
  std::vector<bool> required;  // the columns without NULLs, as far as that is known; may be empty
};

struct ExportResult {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::vector<store::ObjectInfo> files;  // of data
};

enum class RunPhase : uint8_t { kProbing, kWriting, kCommitting };

// Numbers of a run under way; written by its threads, read by anyone.
struct ExportProgress {
  std::atomic<RunPhase> phase{RunPhase::kProbing};
  std::atomic<uint64_t> rows{0}, bytes{0}, files{0}, parts{0}, retries{0};
};

// What a run leaves on record as it goes, so that its end is right whatever happens to the process.
// Each call returns when that is durable.
//
// Threads: upload_begun() from any of the run's; the others from the one that runs it.
class RunLog {
 public:
  virtual ~RunLog() = default;
  // Before a byte of the upload is at the store.
  virtual Status upload_begun(const store::OpenUpload& upload, const std::stop_token& stop) = 0;
  // All files are whole; the sentinel is removed next. From here on it alone says whether the run
  // has succeeded.
  virtual Status publishing(const std::stop_token& stop) = 0;
  // The same where the files replace others: these objects are removed next, and whatever happens
  // then, they and the sentinel will be.
  virtual Status replacing(const std::vector<std::string>& keys, const std::stop_token& stop) {
    static_cast<void>(keys);
    return publishing(stop);
  }
  // The run has come to nothing, whatever is at the store; what is there is removed next.
  virtual Status failed(const Error& error) = 0;
};

// 's3://bucket/a/b' or 'file:///dir/a/b' taken apart. Errors as the reference: only these schemes;
// SQLSTATE 22023.
struct Target {
  enum class Scheme { kS3, kFile } scheme = Scheme::kS3;
  std::string bucket;  // kS3
  std::string prefix;  // without slashes at its ends; kFile: the absolute folder
};
Result<Target> parse_target(const std::string& url);

// `reader` gives the rows with types already cast to what the format needs
// (parquet::map_columns); `engine` says how much memory there is. When it returns an error, the
// store holds nothing of the run, or the error's detail says what could not be removed in the
// little time that there is, or (kUnknown) that the sentinel's end is not known. Without a `log`
// nothing is kept for later. After a stop it returns within a second.
Result<ExportResult> run_export(const ExportSpec& spec, engine::Engine& engine,
                                engine::Reader& reader, store::ObjectStore& store,
                                ExportProgress& progress, std::stop_token stop,
                                RunLog* log = nullptr);

}  // namespace sluice::exports
