// A function that breaks the engine's instance, for tests of what happens then.
#pragma once

namespace duckdb {
class DatabaseInstance;
}

namespace sluice::engine::testing {

// break_engine('fatal'), break_engine('internal'); anything else is given back.
void register_breaking(duckdb::DatabaseInstance& instance);

}  // namespace sluice::engine::testing
