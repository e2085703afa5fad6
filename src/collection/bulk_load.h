// Bulk loads: rows written into segment files ahead of their commit.
#pragma once

#include "collection/state.h"

namespace sluice::collection {

Result<std::unique_ptr<BulkLoad>> make_bulk_load(State& state, CollectionId id,
                                                 const engine::Shape& shape);

}  // namespace sluice::collection
