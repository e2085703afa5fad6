// Where a run's rows go: each producing thread encodes into a file of its own, and begins the next
// when that one has reached its size.
//
//   csv      a row that would pass max_file_bytes goes to the next file; a row that passes it alone
//            has a file to itself. The header is in every file and counts, but never fails a row.
//   parquet  a file ends when it would have max_file_bytes if it were finished now.
//
// No file without rows, but for write_empty().
//
// Threads: open_local() from any; each local sink by one thread at a time.
#pragma once

#include <atomic>
#include <memory>

#include "export/export.h"
#include "export/run_files.h"

namespace sluice::exports {

class FileSink final : public engine::ChunkSink {
 public:
  // All must outlive the sink and its local sinks.
  FileSink(const ExportSpec& spec, engine::Engine& engine, RunFiles& files,
           ExportProgress& progress)
      : spec_(spec), engine_(engine), files_(files), progress_(progress) {}

  // Checks that the format can take rows of this shape; to be called first.
  Status prepare(const engine::Shape& shape);

  Result<std::unique_ptr<engine::LocalSink>> open_local() override;
  // The one file of an empty result: header or schema only.
  Status write_empty(std::stop_token stop);
  uint64_t rows() const { return rows_; }

 private:
  class Local;
  class CsvLocal;
  class ParquetLocal;
  std::unique_ptr<Local> make_local();

  const ExportSpec& spec_;
  engine::Engine& engine_;
  RunFiles& files_;
  ExportProgress& progress_;
  engine::Shape shape_;  // set by prepare(): unique names, types as the reader gives them
  std::atomic<uint64_t> rows_{0};
};

}  // namespace sluice::exports
