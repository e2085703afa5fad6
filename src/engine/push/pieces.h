// Chunks of huge rows, taken in small pieces: 2,048 rows of 100 kB would be 200 MB at once. Whoever
// turns rows into bytes takes them through here.
//
// Pure over the caller's data; one thread at a time.
#pragma once

#include <functional>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::engine {

// Bytes of a chunk's rows in memory, about: what texts and blobs hold, and the rest by its width.
size_t approximate_bytes(Chunk& chunk);

// A chunk's rows in order: all at once if they have up to `piece_bytes`, else in pieces of about
// that size, though never of less than a row.
class Pieces {
 public:
  // `chunk` must stay as it is until the last piece has been used.
  Pieces(Chunk& chunk, size_t piece_bytes);
  // Valid until the next call; nullptr at the end.
  Chunk* next();

 private:
  Chunk* chunk_;
  size_t pieces_ = 0;
  size_t next_ = 0;
  std::unique_ptr<Chunk> piece_;
};

// Calls `work` with each piece. Ends at the first error.
Status for_each_piece(Chunk& chunk, size_t piece_bytes, const std::function<Status(Chunk&)>& work);

}  // namespace sluice::engine
