// Rows on their way into a row group: columns encode and compress them, page by
// page, and hold them until the group is written.
//
//   make() -> append… -> (is_full()) -> end() -> Writer::append(group) -> append…
//
// Memory: what a row group holds after compression, and an open page for each
// column. Buffers, and what was learned about the columns, live as long as the
// object.
//
// Threads: one at a time; different objects are independent of each other.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/version.h"
#include "engine/chunk.h"
#include "engine/engine.h"
#include "parquet/column.h"
#include "parquet/compression.h"
#include "parquet/schema.h"

namespace sluice::parquet {

class Node;

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
  // All row groups that are encoded at one time buffer so much together, about;
  // each at least 1 MiB. What is to be said at a file's end of its row groups and pages takes no
  // more either, or the file fails.
  uint64_t memory_bytes = uint64_t{128} << 20;
  bool has_checksums = true;
  bool has_statistics = true;  // of chunks and pages
  // Of each of `fields`, for all its leaves; empty: automatic for all.
  std::vector<BloomFilters> bloom_filters;
  std::vector<std::pair<std::string, std::string>> key_values;  // in the footer
  std::string created_by = fmt::format("sluice version {}", kVersion);
};

class GroupEncoder {
 public:
  static Result<std::unique_ptr<GroupEncoder>> make(WriterOptions options);
  ~GroupEncoder();
  GroupEncoder(const GroupEncoder&) = delete;
  GroupEncoder& operator=(const GroupEncoder&) = delete;

  // Reads `chunk` during the call only; it may change the layout of its
  // vectors. After an error the object is of no use.
  Status append(engine::Chunk& chunk);
  uint64_t rows() const { return rows_; }
  // The group should be written before there are more rows.
  bool is_full() const;
  // What the group takes of a file and its footer, about.
  uint64_t file_bytes() const;
  // Compresses what is open. Nothing else happens to the group then until it is
  // written.
  Status end();

  const WriterOptions& options() const { return options_; }
  // For the writer of the file: after end(), and once they are written.
  const std::vector<std::unique_ptr<Column>>& columns() const { return columns_; }
  void begin_next() { rows_ = 0; }

 private:
  explicit GroupEncoder(WriterOptions options);
  Status prepare();

  const WriterOptions options_;
  const std::unique_ptr<Compressor> compressor_;
  Buffer scratch_;
  std::unique_ptr<BlockPool> blocks_;
  std::vector<std::unique_ptr<Column>> columns_;
  std::vector<std::unique_ptr<Node>> nodes_;
  uint64_t rows_ = 0;
};

// The engine's vectors, and memory that is not there, throw.
template <typename Work>
auto guarded(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& exception) {
    return engine::engine_error(exception);
  }
}

}  // namespace sluice::parquet
