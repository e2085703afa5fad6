// The kinds of objects that a catalog holds and statements name.
#pragma once

#include <cstdint>

namespace sluice::sql {

enum class ObjectKind : uint8_t {
  kSchema,
  kTable,
  kView,
  kMaterializedView,
  kSecret,
  kConnection,
  kIndex
};

}  // namespace sluice::sql
