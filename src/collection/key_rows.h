// For each key the ids of all rows that have it: what an index of CREATE INDEX remembers. About 40
// bytes a row where keys are unique, 8 to 16 where many rows share one.
//
// Rows are entered and taken out by their ids, many at a time. A key that more than kMostRows rows
// have is remembered as such, without them: nobody would read so many one by one.
//
// As a UniqueIndex, it is many small hash tables past some ten thousand keys, each of which grows
// alone. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "collection/deletions.h"
#include "collection/row_table.h"

namespace sluice::collection {

class KeyRows {
 public:
  static constexpr size_t kMostRows = size_t{1} << 20;
  // What a row takes at least, unless it shares its key with very many.
  static constexpr size_t kLeastRowBytes = sizeof(int64_t);

  // `row` is not negative, and was not entered before.
  void put(const engine::RowKey& key, int64_t row);
  // Good until the next change; nothing: more than kMostRows.
  std::optional<std::span<const int64_t>> find(const engine::RowKey& key) const;

  size_t rows() const { return rows_; }  // but for keys of too many
  size_t bytes() const { return slots_ * sizeof(Entry) + list_bytes_; }

  // Takes out what is in `rows`, in parts: of table 0, 1 … until table_count().
  size_t table_count() const { return tables_.size(); }
  void remove_rows(size_t number, const DeletionSet& rows);

 private:
  static constexpr int64_t kEmpty = RowTable::kEmpty;
  static constexpr int64_t kTooMany = kEmpty + 1;
  static constexpr int kTableBits = 9;
  static constexpr size_t kSplitFrom = 50'000;
  // A row of -1 and below: the number of a list, from 0, is -1 - row.
  using Entry = RowTable::Entry;
  struct Table : RowTable {
    std::vector<std::vector<int64_t>> lists;
    std::vector<size_t> free_lists;
  };
  size_t number_of(const engine::RowKey& key) const {
    return tables_.size() == 1 ? 0 : key.high >> (64 - kTableBits);
  }
  static std::vector<int64_t>& list_of(Table& table, const Entry& entry) {
    return table.lists[static_cast<size_t>(-1 - entry.row)];
  }
  static bool is_list(const Entry& entry) { return entry.row < 0 && entry.row > kTooMany; }
  void insert(Table& table, const Entry& entry);
  void add(Table& table, Entry& entry, int64_t row);
  void free_list(Table& table, const Entry& entry);
  bool prune(Table& table, Entry& entry, const DeletionSet& rows);
  void split();

  std::vector<Table> tables_ = std::vector<Table>(1);
  size_t keys_ = 0;
  size_t rows_ = 0;
  size_t slots_ = 0;
  size_t list_bytes_ = 0;
};

}  // namespace sluice::collection
