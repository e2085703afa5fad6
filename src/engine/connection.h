// A connection to the embedded engine; see engine.h for what it promises.
#pragma once

#include <memory>

#include "engine/engine.h"

namespace sluice::engine {

// `database` is shared: connections keep the instance alive until the last is gone.
Result<std::unique_ptr<Connection>> make_connection(std::shared_ptr<duckdb::DuckDB> database);

}  // namespace sluice::engine
