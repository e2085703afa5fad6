#include "collection/unique_index.h"

#include <bit>

namespace sluice::collection {

size_t UniqueIndex::slot(const engine::RowKey& key) const {
  const size_t mask = entries_.size() - 1;
  size_t at = key.low & mask;
  while (entries_[at].row != kEmpty && entries_[at].key != key) at = (at + 1) & mask;
  return at;
}

std::optional<int64_t> UniqueIndex::find(const engine::RowKey& key) const {
  if (entries_.empty()) return std::nullopt;
  const Entry& entry = entries_[slot(key)];
  if (entry.row == kEmpty) return std::nullopt;
  return entry.row;
}

void UniqueIndex::put(const engine::RowKey& key, int64_t row) {
  if ((size_ + 1) * 4 > entries_.size() * 3) grow(std::max<size_t>(16, entries_.size() * 2));
  Entry& entry = entries_[slot(key)];
  if (entry.row == kEmpty) ++size_;
  entry = {key, row};
}

void UniqueIndex::remove(const engine::RowKey& key, int64_t row) {
  if (entries_.empty()) return;
  size_t hole = slot(key);
  if (entries_[hole].row != row) return;
  // Closes the gap: what probed past it moves up.
  const size_t mask = entries_.size() - 1;
  for (size_t at = (hole + 1) & mask; entries_[at].row != kEmpty; at = (at + 1) & mask) {
    const size_t home = entries_[at].key.low & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    entries_[hole] = entries_[at];
    hole = at;
  }
  entries_[hole] = {};
  --size_;
}

void UniqueIndex::reserve(size_t keys) {
  const size_t slots = std::bit_ceil(std::max<size_t>(16, keys * 4 / 3 + 1));
  if (slots > entries_.size()) grow(slots);
}

void UniqueIndex::grow(size_t slots) {
  std::vector<Entry> old(slots);
  old.swap(entries_);
  for (const Entry& entry : old) {
    if (entry.row != kEmpty) entries_[slot(entry.key)] = entry;
  }
}

}  // namespace sluice::collection
