// A file's columns as Arrow describes them: what its readers take from the
// footer's text ARROW:schema instead of guessing it from Parquet's types.
//
// Pure function.
#pragma once

#include <string>
#include <vector>

#include "parquet/schema.h"

namespace sluice::parquet {

inline constexpr char kArrowSchemaKey[] = "ARROW:schema";

// An encapsulated message with Arrow's Schema, in base64.
std::string arrow_schema(const std::vector<Field>& fields);

}  // namespace sluice::parquet
