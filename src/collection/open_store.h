// Store::open() with the disk handed in: for tests.
#pragma once

#include "collection/files.h"
#include "collection/store.h"

namespace sluice::collection {

Result<std::unique_ptr<Store>> open_store(Store::Options options, engine::Engine& engine,
                                          Clock& clock, Files& files);

}  // namespace sluice::collection
