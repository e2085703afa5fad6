#include "collection/unique_index.h"

#include <algorithm>
#include <bit>

namespace sluice::collection {

bool UniqueIndex::Table::put(const engine::RowKey& key, int64_t row) {
  if (is_full()) grow(std::max(kFewestSlots, entries.size() * 2));
  Entry& entry = entries[slot(key)];
  const bool added = entry.row == kEmpty;
  entry = {key, row};
  used += added ? 1 : 0;
  return added;
}

std::optional<int64_t> UniqueIndex::find(const engine::RowKey& key) const {
  const Table& in = table(key);
  if (in.entries.empty()) return std::nullopt;
  const Entry& entry = in.entries[in.slot(key)];
  if (entry.row == kEmpty) return std::nullopt;
  return entry.row;
}

void UniqueIndex::put(const engine::RowKey& key, int64_t row) {
  if (tables_.size() == 1 && size_ >= kSplitFrom) split();
  Table& in = table(key);
  const size_t slots = in.entries.size();
  if (in.put(key, row)) ++size_;
  slots_ += in.entries.size() - slots;
}

void UniqueIndex::remove(const engine::RowKey& key, int64_t row) {
  Table& in = table(key);
  if (in.entries.empty()) return;
  const size_t at = in.slot(key);
  if (in.entries[at].row != row || row == kEmpty) return;
  in.close_gap(at);
  --size_;
}

void UniqueIndex::remove_rows(size_t number, const std::function<bool(int64_t)>& of) {
  std::vector<Entry> found;
  for (const Entry& entry : tables_[number].entries) {
    if (entry.row != kEmpty && of(entry.row)) found.push_back(entry);
  }
  for (const Entry& entry : found) remove(entry.key, entry.row);
  Table& table = tables_[number];
  if (table.entries.size() <= 16 || table.used * 4 > table.entries.size()) return;
  slots_ -= table.entries.size();
  table.grow(std::bit_ceil(std::max<size_t>(16, table.used * 2)));
  slots_ += table.entries.size();
}

void UniqueIndex::split() {
  const Table one = std::move(tables_[0]);
  tables_ = std::vector<Table>(size_t{1} << kTableBits);
  slots_ = 0;
  size_ = 0;
  for (const Entry& entry : one.entries) {
    if (entry.row != kEmpty) put(entry.key, entry.row);
  }
}

}  // namespace sluice::collection
