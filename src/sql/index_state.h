// What the server knows of an index, for relations of mz_internal.
#pragma once

#include <cstdint>
#include <string>

#include "sql/catalog.h"

namespace sluice::sql {

struct IndexState {
  ObjectId id;
  std::string phase;   // building, ready, out of use
  std::string reason;  // why it is out of use
  uint64_t rows = 0;   // that are entered: some may be gone
  uint64_t bytes = 0;
};

}  // namespace sluice::sql
