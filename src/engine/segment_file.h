// Writes one segment: a database file with a single table `rows` that the engine attaches for
// reading. It is written by a throw-away instance of its own, so that whatever goes wrong there
// (memory, disk) touches neither the serving instance nor any data.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::engine {

// The engine reads a table in vectors of 2048 rows, and holds all the texts of a vector in memory
// at once: of rows of some MB each that is more than any memory. So where rows are wide, a vector
// is filled up with rows of next to no size, and the next row begins a new one. Such fillers are
// NULL in every column of a fixed size; padded() says whether there are any, and readers leave them
// out by a column that is never NULL in the rows given.
//
// One thread at a time. Dropped before finish(), the file is left for its owner to remove.
class SegmentFileWriter {
 public:
  struct Options {
    std::string path;            // must not exist
    std::string temp_directory;  // for rows that do not fit into memory; any number of writers'
    uint64_t memory_limit_bytes = uint64_t{256} << 20;  // a vector takes an eighth at most
  };
  // Columns as in `shape`.
  static Result<std::unique_ptr<SegmentFileWriter>> create(const Options& options,
                                                           const Shape& shape);
  virtual ~SegmentFileWriter() = default;
  virtual Status append(const Chunk& rows) = 0;
  virtual bool padded() const = 0;
  // The file is complete, though not synced.
  virtual Status finish() = 0;
};

}  // namespace sluice::engine
