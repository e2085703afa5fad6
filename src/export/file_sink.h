// Where a run's rows go: each producing thread encodes into a file of its own, and begins the next
// when that one has reached its size.
//
//   csv      a row that would pass max_file_bytes goes to the next file; a row that passes it alone
//            has a file to itself. The header is in every file and counts, but never fails a row.
//   parquet  a file ends when it would have max_file_bytes if it were finished now.
//
// Files that are not full. A thread that ends leaves its file to whichever begins one next. And as
// far as it can be foreseen that a writer's last file would be a small one, it shares what is left
// evenly between the last two (size_balance.h).
//
// With partitions each thread has a file for the folder of the rows at hand, and keeps some others
// open. More than that are not expected at once: rows of more folders come clustered.
//
// No file without rows, but for write_empty().
//
// Threads: open_local() from any; each local sink by one thread at a time; the others by the run's
// own thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "export/export.h"
#include "export/open_file.h"
#include "export/run_files.h"
#include "export/size_balance.h"

namespace sluice::exports {

class FileSink final : public engine::ChunkSink {
 public:
  // All must outlive the sink and its local sinks.
  FileSink(const ExportSpec& spec, engine::Engine& engine, RunFiles& files,
           ExportProgress& progress)
      : spec_(spec),
        engine_(engine),
        files_(files),
        progress_(progress),
        largest_bytes_(spec.single_file ? UINT64_MAX : spec.max_file_bytes),
        balance_(largest_bytes_) {}

  // Checks that the format can take what the reader gives; to be called first. `reader` must
  // outlive the local sinks.
  Status prepare(const engine::Reader& reader);

  Result<std::unique_ptr<engine::LocalSink>> open_local() override;
  // When all local sinks have finished: ends the files that nobody has filled.
  Status finish(const std::stop_token& stop);
  // The one file of an empty result: header or schema only.
  Status write_empty(const std::stop_token& stop);
  uint64_t rows() const { return rows_; }

 private:
  class Local;
  class CsvLocal;
  class ParquetLocal;
  std::unique_ptr<Local> make_local();
  std::unique_ptr<OpenFile> take_unfilled(const std::string& folder);
  // One that has written a file before, or a new one.
  Result<std::unique_ptr<parquet::Writer>> take_writer();
  void give_back(std::unique_ptr<parquet::Writer> writer);

  const ExportSpec& spec_;
  engine::Engine& engine_;
  RunFiles& files_;
  ExportProgress& progress_;
  const uint64_t largest_bytes_;
  SizeBalance balance_;
  parquet::WriterOptions parquet_;  // set by prepare()
  std::atomic<uint64_t> rows_{0};
  std::atomic<uint64_t> partition_files_{0};  // that were begun
  std::mutex single_file_mutex_;              // with a single file: held while it is written to
  std::mutex mutex_;
  struct Unfilled {
    std::string folder;
    std::unique_ptr<OpenFile> file;
  };
  std::vector<Unfilled> unfilled_;                              // guarded; that no thread writes to
  std::vector<std::unique_ptr<parquet::Writer>> idle_writers_;  // guarded
};

}  // namespace sluice::exports
