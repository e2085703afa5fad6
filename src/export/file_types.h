// The names of a file's types, for people and manifests: as parquet's and Arrow's own tools print
// them.
//
// Pure functions.
#pragma once

#include <string>

#include "parquet/schema.h"

namespace sluice::exports {

// `INT64 TIMESTAMP(MICROS,UTC)`, `LIST<BYTE_ARRAY STRING>`.
std::string parquet_type(const parquet::Field& field);
// `timestamp[us, tz=UTC]`, `list<string>`.
std::string arrow_type(const parquet::Field& field);

}  // namespace sluice::exports
