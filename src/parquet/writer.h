// Parquet files, written from the engine's chunks as they come: one file after
// the other, each handed on as bytes that are only appended.
//
//   make() -> begin() -> append… -> finish() -> begin() -> …
//   (docs/design/parquet.md)
//
// Where several threads write to one file, each encodes row groups of its own
// and hands them over finished: then a thread waits for another one just while
// that appends bytes.
//
// Buffers, and what was learned about the columns, live as long as the writer,
// so take one for all files of a thread.
//
// Threads: one at a time; different writers are independent of each other.
#pragma once

#include <memory>
#include <stop_token>

#include "base/result.h"
#include "engine/chunk.h"
#include "parquet/column.h"
#include "parquet/group_encoder.h"

namespace sluice::parquet {

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
  // The rows of a group that has ended, made with the same options; it is ready
  // for the next ones then.
  virtual Status append(GroupEncoder& group, std::stop_token stop) = 0;
  // The last row group and the footer. Without rows: a file of schema only.
  virtual Status finish(std::stop_token stop) = 0;
  // How large the file would be if it were finished now: exact after finish();
  // before it, what is compressed, and an estimate of the open pages, which are
  // small.
  virtual uint64_t bytes() const = 0;
  // Whether what is remembered of the file until its end has half of the memory that there is for
  // it.
  virtual bool should_end() const = 0;
};

}  // namespace sluice::parquet
