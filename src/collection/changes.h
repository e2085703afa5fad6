// The reader of what changed in a collection; see Changes in store.h.
#pragma once

#include "collection/collection.h"

namespace sluice::collection {

struct TimeSpan {
  Time lower;  // not in it
  Time upper;  // in it
};
std::shared_ptr<const Changes> make_changes(engine::Engine& engine, const engine::Shape& shape,
                                            TimeSpan span, Collection::Changed changed);

}  // namespace sluice::collection
