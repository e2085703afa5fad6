// The scalar function sluice_live(handle, row_id): whether a row is not deleted.
#pragma once

#include "engine/registry.h"

namespace sluice::engine {

void register_row_filter(duckdb::DatabaseInstance& instance,
                         std::shared_ptr<const Registry<RowFilter>> registry);

}  // namespace sluice::engine
