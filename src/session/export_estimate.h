// What EXPLAIN COPY thinks of an export's size: rows, bytes, partitions and files, before anything
// is written.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "session/execution.h"
#include "session/export_layout.h"

namespace sluice::session {

struct ExportEstimate {
  std::optional<uint64_t> rows;  // nothing: nobody knows, and so of bytes and files
  bool are_counted = false;      // the rows: they are so many
  uint64_t sampled_rows = 0;     // that `bytes` was measured on; 0: it is a guess from types
  std::string trouble;           // why there was no sample; may be empty
  uint64_t bytes = 0;
  uint64_t least_files = 0, most_files = 0;  // by `bytes`; by more of them, and all threads at work
};

// Reads some rows, for a second at most. What is wrong with them is no error: it is told. `query`
// is the one that is exported; with partitions theirs is read.
Result<ExportEstimate> estimate_export(const Execution& execution, const exports::ExportSpec& spec,
                                       const engine::Query& query, const Partitions& partitions);

}  // namespace sluice::session
