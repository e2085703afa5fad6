// The table function sluice_rows(handle): rows in memory as a relation.
#pragma once

#include "engine/registry.h"

namespace sluice::engine {

void register_row_source_scan(duckdb::DatabaseInstance& instance,
                              std::shared_ptr<const Registry<RowSource>> registry);

}  // namespace sluice::engine
