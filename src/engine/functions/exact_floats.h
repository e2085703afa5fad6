// The cast of decimals to floating-point numbers that takes the nearest one.
#pragma once

#include <duckdb/function/cast/default_casts.hpp>

#include "engine/chunk.h"

namespace sluice::engine::functions {

bool is_decimal_to_float(const LogicalType& source, const LogicalType& target);
// Of such types.
duckdb::BoundCastInfo cast_to_nearest(const LogicalType& target);

}  // namespace sluice::engine::functions
