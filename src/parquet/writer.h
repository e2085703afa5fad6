// Parquet files, written from the engine's chunks as they come: one file after
// the other, each handed on as bytes that are only appended.
//
//   make() -> begin() -> append… -> finish() -> begin() -> …
//   (docs/design/parquet.md)
//
// Memory: what a row group holds after compression, and an open page for each
// column. Buffers, and what was learned about the columns, live as long as the
// writer, so take one for all files of a thread.
//
// Threads: one at a time; different writers are independent of each other.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/version.h"
#include "engine/chunk.h"
#include "parquet/column.h"
#include "parquet/compression.h"
#include "parquet/schema.h"

namespace sluice::parquet {

// Where a row group ends, unless the options say otherwise.
inline constexpr uint64_t kGroupRows = 122'880;
inline constexpr uint64_t kGroupBytes = uint64_t{16} << 20;

struct WriterOptions {
  // Names must be unique on each level. `sources` are the types in which the
  // fields' values come.
  std::vector<Field> fields;
  std::vector<engine::LogicalType> sources;
  Compression compression;
  // A row group ends at this many rows, or bytes before compression, whichever
  // is first.
  uint64_t max_group_rows = kGroupRows;
  uint64_t max_group_bytes = kGroupBytes;
  // All open writers together buffer so much of their row groups, about; each
  // at least 1 MiB.
  uint64_t memory_bytes = uint64_t{128} << 20;
  bool has_checksums = true;
  bool has_statistics = true;  // of chunks and pages
  // Of each of `fields`, for all its leaves; empty: automatic for all.
  std::vector<BloomFilters> bloom_filters;
  std::vector<std::pair<std::string, std::string>> key_values;  // in the footer
  std::string created_by = fmt::format("sluice version {}", kVersion);
};

class Writer {
 public:
  static Result<std::unique_ptr<Writer>> make(WriterOptions options);
  virtual ~Writer() = default;

  // Writes the file's first bytes; `write` is called until finish() has
  // returned.
  virtual Status begin(Write write, std::stop_token stop) = 0;
  // Reads `chunk` during the call only; it may change the layout of its
  // vectors. After an error the writer is of no use.
  virtual Status append(engine::Chunk& chunk, std::stop_token stop) = 0;
  // The last row group and the footer. Without rows: a file of schema only.
  virtual Status finish(std::stop_token stop) = 0;
  // How large the file would be if it were finished now: exact after finish();
  // before it, what is compressed, and an estimate of the open pages, which are
  // small.
  virtual uint64_t bytes() const = 0;
};

}  // namespace sluice::parquet
