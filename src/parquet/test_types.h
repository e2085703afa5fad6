// Types by their SQL names, for tests.
#pragma once

#include <string>
#include <vector>

#include "types/sql_type.h"

namespace sluice::parquet {

inline std::vector<types::SqlType> types_of(const std::vector<std::string>& names) {
  std::vector<types::SqlType> types;
  types.reserve(names.size());
  for (const std::string& name : names) types.push_back(*types::parse_type_name(name));
  return types;
}

}  // namespace sluice::parquet
