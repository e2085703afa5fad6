// One unique key of a collection: the key of each live row -> its row id, in memory, 24 bytes an
// entry plus a third of empty ones. Rebuilt at start.
//
// Deleting a row leaves its entry: whoever finds an entry asks whether its row is deleted. Entries
// go when their rows are folded away. One thread at a time.
//
// Past some ten thousand keys it is many small hash tables, each of which grows alone: with one,
// the commit whose key makes it grow would hold up all others for a second.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "collection/row_table.h"

namespace sluice::collection {

class UniqueIndex {
 public:
  std::optional<int64_t> find(const engine::RowKey& key) const;
  // Gives `key` to `row`, whoever had it before.
  void put(const engine::RowKey& key, int64_t row);
  // Only if `row` has it.
  void remove(const engine::RowKey& key, int64_t row);
  size_t size() const { return size_; }
  size_t bytes() const { return slots_ * sizeof(Entry); }

  // Removes the entries of some rows, in parts: of table 0, 1 … until table_count(). Gives back the
  // memory that is not needed then.
  size_t table_count() const { return tables_.size(); }
  void remove_rows(size_t number, const std::function<bool(int64_t)>& of);

 private:
  static constexpr int kTableBits = 9;
  static constexpr size_t kSplitFrom = 50'000;
  static constexpr int64_t kEmpty = RowTable::kEmpty;
  using Entry = RowTable::Entry;
  struct Table : RowTable {
    bool put(const engine::RowKey& key, int64_t row);  // false: replaced
  };
  Table& table(const engine::RowKey& key) {
    return tables_[tables_.size() == 1 ? 0 : key.high >> (64 - kTableBits)];
  }
  const Table& table(const engine::RowKey& key) const {
    return tables_[tables_.size() == 1 ? 0 : key.high >> (64 - kTableBits)];
  }
  void split();

  std::vector<Table> tables_ = std::vector<Table>(1);
  size_t size_ = 0;
  size_t slots_ = 0;
};

}  // namespace sluice::collection
