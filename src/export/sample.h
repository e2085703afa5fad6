// What an export's files would take, seen from some of its rows: they are encoded and compressed as
// a run would do it, and then thrown away. No store is asked anything.
//
// Threads: any; the rows are read by the caller's.
#pragma once

#include <cstdint>
#include <stop_token>

#include "base/result.h"
#include "engine/engine.h"
#include "export/export.h"

namespace sluice::exports {

struct Sample {
  uint64_t rows = 0;
  uint64_t files = 0;
  uint64_t bytes = 0;        // of the files
  uint64_t empty_bytes = 0;  // of a file without rows
  bool is_all = false;       // there are no more rows
};

// Takes rows until they say enough about files of `file_rows` rows each (at least one), or `stop`
// is requested: then what was taken until then, perhaps nothing. `rows` must give the columns of
// the files only, so the spec has no partitions.
Result<Sample> write_sample(const ExportSpec& spec, uint64_t file_rows, engine::Engine& engine,
                            engine::RowStream& rows, const std::stop_token& stop);

}  // namespace sluice::exports
