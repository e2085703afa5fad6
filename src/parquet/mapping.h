// What each SQL type is in a Parquet file, and which types no file can hold.
//
// Pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "parquet/profile.h"
#include "parquet/schema.h"
#include "types/sql_type.h"

namespace sluice::parquet {

struct MappedColumn {
  std::string name;  // unique in the file: a, a2, a3
  Field field;
  // The type to which the engine must cast the column before it is encoded.
  engine::LogicalType input;
};

// The file's columns under `profile`, or the error that names all columns at
// once that cannot be written: `Cannot encode the following columns/types: ["a:
// Numeric …"]` (0A000). `required` says which columns hold no NULL; empty:
// nothing is known.
Result<std::vector<MappedColumn>> map_columns(const std::vector<std::string>& names,
                                              const std::vector<types::SqlType>& types,
                                              const Profile& profile = {},
                                              const std::vector<bool>& required = {});

// The same names, told apart under `profile`, as the file has them.
std::vector<std::string> names_in_file(const std::vector<std::string>& names,
                                       const Profile& profile = {});

}  // namespace sluice::parquet
