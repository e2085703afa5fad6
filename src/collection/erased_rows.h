// The values of rows that a commit is about to erase, by their ids.
//
// They are looked up on the commit's own thread, before it queues: rows never change, and when one
// is gone by then the commit fails anyway.
#pragma once

#include <optional>
#include <stop_token>

#include "collection/state.h"

namespace sluice::collection {

// Of more rows it is cheaper to read the collection anew.
inline constexpr uint64_t kMostErasedRows = 50'000;

// Nothing where nobody wants to know, where they are too many, and where one is gone.
Result<std::optional<std::vector<std::shared_ptr<Batch>>>> erased_rows(State& state,
                                                                       const Collection& collection,
                                                                       const DeletionSet& rows,
                                                                       const std::stop_token& stop);

}  // namespace sluice::collection
