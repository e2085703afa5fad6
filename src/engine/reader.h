// The seam between what produces rows and what exports them: a reader pushes chunks from its own
// threads into a sink. The embedded engine is one make of reader, a remote engine may be another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::engine {

// One producing thread's end of a sink. Used by one thread at a time; chunks come in no order.
class LocalSink {
 public:
  virtual ~LocalSink() = default;
  // Reads `chunk` during the call only. May wait (back-pressure). An error ends the whole run.
  virtual Status append(Chunk& chunk, std::stop_token stop) = 0;
  // No more rows from this thread. Not called after an error anywhere in the run.
  virtual Status finish(std::stop_token stop) = 0;
};

// Where a reader pushes to. open_local() is safe from any thread and called once a producing
// thread.
class ChunkSink {
 public:
  virtual ~ChunkSink() = default;
  virtual Result<std::unique_ptr<LocalSink>> open_local() = 0;
};

// Rows of one relation at one logical time.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual const Shape& shape() const = 0;
  // Pushes every row once and returns when all local sinks have finished, or the first error. To
  // be called once.
  virtual Status run(ChunkSink& sink, std::stop_token stop) = 0;

  // How far run() is. A guess, and nothing where it has none.
  struct Progress {
    double done = 0;             // of its work, from 0 to 1
    uint64_t expected_rows = 0;  // in all; 0: unknown
  };
  // For sinks, from a thread that is in append().
  virtual std::optional<Progress> progress() const { return std::nullopt; }
};

}  // namespace sluice::engine
