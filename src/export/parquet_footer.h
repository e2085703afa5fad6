// Reads again how many rows a Parquet file has, from its last bytes.
//
// Pure function.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace sluice::exports {

// `tail` has the whole footer in it. kInternal: it is none, or its row groups have not as many rows
// in all as the file.
Result<uint64_t> rows_of_parquet_footer(std::string_view tail);

}  // namespace sluice::exports
