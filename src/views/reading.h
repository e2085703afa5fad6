// Rows of the store as changes for a dataflow.
//
// Threads: any; what is read is on the caller's.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>

#include "collection/store.h"
#include "dataflow/batch.h"
#include "dataflow/plan.h"
#include "engine/engine.h"

namespace sluice::views {

// Chunks are valid during the call only.
using TakeChunk = std::function<Status(engine::Chunk&)>;

// A collection as a plan names it.
inline dataflow::SourceId source_of(collection::CollectionId id) { return {id.value}; }

// A time as a dataflow has it.
inline uint64_t now_at(collection::Time time) {
  return static_cast<uint64_t>(std::max<int64_t>(time.milliseconds, 0));
}

// c0, c1, …: the names of columns in the next ones.
std::vector<std::string> column_names(size_t count);

// The rows of `sql`, a statement of ours.
Status read_chunks(engine::Engine& engine, const std::string& sql, const TakeChunk& take,
                   std::stop_token stop);

// Rows with a greater id than `ids_after`; the id is one more column, the last one.
Status read_snapshot(engine::Engine& engine, const collection::Snapshot& snapshot, size_t columns,
                     collection::RowId ids_after, const TakeChunk& take, std::stop_token stop);

// All rows, or those for which a condition on c0, c1, … is true, as batches of `types`, of which
// the columns `read` (ascending) are read and the others are NULL. Batches are valid during the
// call only.
using TakeBatch = std::function<Status(const dataflow::BatchPtr&)>;
Status read_columns(engine::Engine& engine, const collection::Snapshot& snapshot,
                    const std::vector<engine::LogicalType>& types, const std::vector<size_t>& read,
                    const std::optional<std::string>& condition, const TakeBatch& take,
                    std::stop_token stop);

// Appends copies of what has changed, with diffs as weights. False: it is more than `most` rows, of
// which some may have been appended.
Result<bool> read_changes(engine::Engine& engine, const collection::Changes& changes,
                          const std::vector<engine::LogicalType>& types, size_t most,
                          dataflow::Delta& to, std::stop_token stop);

// A batch that refers to the chunk's first columns, each row with weight 1 or -1.
dataflow::BatchPtr referring(const engine::Chunk& chunk,
                             const std::vector<engine::LogicalType>& types, int64_t weight);

// The same with rows of their own.
dataflow::Delta copied(const dataflow::Delta& delta);

}  // namespace sluice::views
