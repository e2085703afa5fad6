#include "collection/row_table.h"

namespace sluice::collection {

size_t RowTable::slot(const engine::RowKey& key) const {
  const size_t mask = entries.size() - 1;
  size_t at = key.low & mask;
  while (entries[at].row != kEmpty && entries[at].key != key) at = (at + 1) & mask;
  return at;
}

void RowTable::grow(size_t slots) {
  std::vector<Entry> old(slots);
  old.swap(entries);
  for (const Entry& entry : old) {
    if (entry.row != kEmpty) entries[slot(entry.key)] = entry;
  }
}

void RowTable::close_gap(size_t hole) {
  // What probed past it moves up.
  const size_t mask = entries.size() - 1;
  for (size_t at = (hole + 1) & mask; entries[at].row != kEmpty; at = (at + 1) & mask) {
    const size_t home = entries[at].key.low & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    entries[hole] = entries[at];
    hole = at;
  }
  entries[hole] = {};
  --used;
}

}  // namespace sluice::collection
