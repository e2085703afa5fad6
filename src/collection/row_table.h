// A hash table of row ids by key, as the indexes of a collection are made of: open addressing with
// linear probing, 24 bytes a place. What the number beside a key means, but for kEmpty, is its
// owner's.
//
// Threads: one at a time.
#pragma once

#include <limits>
#include <vector>

#include "engine/row_key.h"

namespace sluice::collection {

struct RowTable {
  static constexpr int64_t kEmpty = std::numeric_limits<int64_t>::min();
  static constexpr size_t kFewestSlots = 16;
  struct Entry {
    engine::RowKey key;
    int64_t row = kEmpty;
  };

  size_t slot(const engine::RowKey& key) const;  // where it is, or where it would go
  void grow(size_t slots);                       // or shrink, to a power of two
  void close_gap(size_t hole);                   // takes out the entry there
  // Whether one more entry would be too many for its size.
  bool is_full() const { return (used + 1) * 4 > entries.size() * 3; }

  std::vector<Entry> entries;  // a power of two of them, or none
  size_t used = 0;
};

}  // namespace sluice::collection
