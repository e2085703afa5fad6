// The values of some columns of a row as 128 bits that stand for them: equal exactly when SQL's =
// says so for each (0.0 and -0.0 are, NaN and NaN too).
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::engine {

// A keyed hash (SipHash, 128 bits): two different rows collide with a probability of 2^-128 even
// when a user picks the values, since the key is drawn anew in each process.
struct RowKey {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const RowKey&) const = default;
};

struct RowKeys {
  std::vector<RowKey> keys;
  std::vector<bool> has_null;  // whether any of the columns is NULL
};

Result<RowKeys> row_keys(const Chunk& rows, std::span<const size_t> columns);

}  // namespace sluice::engine
