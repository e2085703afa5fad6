// A connection to the embedded engine; see engine.h for what it promises.
#pragma once

#include "engine/instances.h"

namespace sluice::engine {

// A connection keeps its instance alive.
Result<std::unique_ptr<Connection>> make_connection(std::shared_ptr<Instances> instances);

}  // namespace sluice::engine
