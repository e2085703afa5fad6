#include "collection/key_rows.h"

#include <algorithm>
#include <bit>

namespace sluice::collection {
namespace {

size_t bytes_of(const std::vector<int64_t>& list) {
  return sizeof(std::vector<int64_t>) + list.capacity() * sizeof(int64_t);
}

}  // namespace

std::optional<std::span<const int64_t>> KeyRows::find(const engine::RowKey& key) const {
  const Table& table = tables_[number_of(key)];
  if (table.entries.empty()) return std::span<const int64_t>();
  const Entry& entry = table.entries[table.slot(key)];
  if (entry.row == kEmpty) return std::span<const int64_t>();
  if (entry.row == kTooMany) return std::nullopt;
  if (!is_list(entry)) return std::span<const int64_t>(&entry.row, 1);
  return std::span<const int64_t>(table.lists[static_cast<size_t>(-1 - entry.row)]);
}

void KeyRows::put(const engine::RowKey& key, int64_t row) {
  if (tables_.size() == 1 && keys_ >= kSplitFrom) split();
  Table& table = tables_[number_of(key)];
  if (!table.entries.empty()) {
    Entry& entry = table.entries[table.slot(key)];
    if (entry.row != kEmpty) return add(table, entry, row);
  }
  insert(table, {key, row});
  ++rows_;
}

void KeyRows::insert(Table& table, const Entry& entry) {
  if (table.is_full()) {
    slots_ -= table.entries.size();
    table.grow(std::max(Table::kFewestSlots, table.entries.size() * 2));
    slots_ += table.entries.size();
  }
  table.entries[table.slot(entry.key)] = entry;
  ++table.used;
  ++keys_;
}

// One more row of a key that is there.
void KeyRows::add(Table& table, Entry& entry, int64_t row) {
  if (entry.row == kTooMany) return;
  if (!is_list(entry)) {
    size_t number = table.lists.size();
    if (table.free_lists.empty()) {
      table.lists.emplace_back();
    } else {
      number = table.free_lists.back();
      table.free_lists.pop_back();
    }
    table.lists[number] = {entry.row, row};
    entry.row = -1 - static_cast<int64_t>(number);
    list_bytes_ += bytes_of(table.lists[number]);
    ++rows_;
    return;
  }
  std::vector<int64_t>& list = list_of(table, entry);
  if (list.size() == kMostRows) {
    rows_ -= list.size();
    free_list(table, entry);
    entry.row = kTooMany;
    return;
  }
  list_bytes_ -= bytes_of(list);
  list.push_back(row);
  list_bytes_ += bytes_of(list);
  ++rows_;
}

void KeyRows::free_list(Table& table, const Entry& entry) {
  std::vector<int64_t>& list = list_of(table, entry);
  list_bytes_ -= bytes_of(list);
  std::vector<int64_t>().swap(list);
  table.free_lists.push_back(static_cast<size_t>(-1 - entry.row));
}

// False: the key has no rows any more.
bool KeyRows::prune(Table& table, Entry& entry, const DeletionSet& rows) {
  if (entry.row == kTooMany) return true;
  if (!is_list(entry)) {
    if (!rows.contains(entry.row)) return true;
    --rows_;
    return false;
  }
  std::vector<int64_t>& list = list_of(table, entry);
  const size_t gone = std::erase_if(list, [&](int64_t row) { return rows.contains(row); });
  rows_ -= gone;
  if (list.size() > 1) {
    if (list.size() * 4 > list.capacity()) return true;
    list_bytes_ -= bytes_of(list);
    list.shrink_to_fit();
    list_bytes_ += bytes_of(list);
    return true;
  }
  const std::optional<int64_t> last = list.empty() ? std::nullopt : std::optional(list.front());
  free_list(table, entry);
  if (last) entry.row = *last;
  return last.has_value();
}

void KeyRows::remove_rows(size_t number, const DeletionSet& rows) {
  Table& table = tables_[number];
  std::vector<engine::RowKey> empty;
  for (Entry& entry : table.entries) {
    if (entry.row != kEmpty && !prune(table, entry, rows)) empty.push_back(entry.key);
  }
  for (const engine::RowKey& key : empty) table.close_gap(table.slot(key));
  keys_ -= empty.size();
  if (table.entries.size() <= Table::kFewestSlots || table.used * 4 > table.entries.size()) return;
  slots_ -= table.entries.size();
  table.grow(std::bit_ceil(std::max(Table::kFewestSlots, table.used * 2)));
  slots_ += table.entries.size();
}

void KeyRows::split() {
  Table one = std::move(tables_[0]);
  tables_ = std::vector<Table>(size_t{1} << kTableBits);
  slots_ = keys_ = 0;
  for (Entry& entry : one.entries) {
    if (entry.row == kEmpty) continue;
    Table& table = tables_[number_of(entry.key)];
    if (is_list(entry)) {
      table.lists.push_back(std::move(list_of(one, entry)));
      entry.row = -static_cast<int64_t>(table.lists.size());
    }
    insert(table, entry);
  }
}

}  // namespace sluice::collection
