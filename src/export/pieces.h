// Chunks of huge rows, taken in small pieces: 2,048 rows of 100 kB would be 200 MB at once.
//
// Pure functions over the caller's data.
#pragma once

#include <functional>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::exports {

// Bytes of a chunk's rows in memory, about: what texts and blobs hold, and the rest by its width.
size_t approximate_bytes(engine::Chunk& chunk);

// Calls `work` with the chunk's rows, in order: all at once if they have up to `piece_bytes`, else
// in pieces of about that size, though never of less than a row. Ends at the first error.
Status for_each_piece(engine::Chunk& chunk, size_t piece_bytes,
                      const std::function<Status(engine::Chunk&)>& work);

}  // namespace sluice::exports
