// One unique key of a collection: the key of each live row -> its row id, in memory, 24 bytes an
// entry plus a third of empty ones. Rebuilt at start.
//
// Deleting a row leaves its entry: whoever finds an entry asks whether its row is deleted. Entries
// go when their rows are folded away. One thread at a time.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "engine/row_key.h"

namespace sluice::collection {

class UniqueIndex {
 public:
  std::optional<int64_t> find(const engine::RowKey& key) const;
  // Gives `key` to `row`, whoever had it before.
  void put(const engine::RowKey& key, int64_t row);
  // Only if `row` has it.
  void remove(const engine::RowKey& key, int64_t row);
  size_t size() const { return size_; }
  void reserve(size_t keys);

 private:
  static constexpr int64_t kEmpty = std::numeric_limits<int64_t>::min();
  struct Entry {
    engine::RowKey key;
    int64_t row = kEmpty;
  };
  size_t slot(const engine::RowKey& key) const;  // where it is, or where it would go
  void grow(size_t slots);

  std::vector<Entry> entries_;  // a power of two; linear probing
  size_t size_ = 0;
};

}  // namespace sluice::collection
