#include "arrangement/column_rows.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>

#include "arrangement/hash.h"
#include "arrangement/row_bytes.h"
#include "base/check.h"

namespace sluice::arrangement {
namespace {

using duckdb::PhysicalType;
using duckdb::string_t;
using duckdb::UnifiedVectorFormat;

constexpr uint64_t kNullHash = 0x5bd1e995a7c3f10dULL;

template <typename T>
T read(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Calls what(width) with a constant for the width, so that copies of it are no calls.
template <typename What>
void with_width(size_t width, const What& what) {
  switch (width) {
    case 1:
      return what(std::integral_constant<size_t, 1>());
    case 2:
      return what(std::integral_constant<size_t, 2>());
    case 4:
      return what(std::integral_constant<size_t, 4>());
    case 8:
      return what(std::integral_constant<size_t, 8>());
    default:
      return what(std::integral_constant<size_t, 16>());
  }
}

const char* value_at(const UnifiedVectorFormat& format, size_t width, size_t index) {
  return reinterpret_cast<const char*>(format.data) + index * width;
}

// What a value of so many bytes takes here; 0: a text.
size_t place_width(size_t fixed) { return fixed == 0 ? sizeof(string_t) : fixed; }

uint64_t hash_value(size_t fixed, const char* value) {
  switch (fixed) {
    case 0: {
      const auto text = read<string_t>(value);
      return hash_bytes({text.GetData(), text.GetSize()});
    }
    case 1:
      return read<uint8_t>(value);
    case 2:
      return read<uint16_t>(value);
    case 4:
      return read<uint32_t>(value);
    case 8:
      return read<uint64_t>(value);
    default:
      return combine_hashes(read<uint64_t>(value), read<uint64_t>(value + 8));
  }
}

uint32_t folded(uint64_t hash) { return static_cast<uint32_t>(hash ^ (hash >> 32)); }

}  // namespace

void PagedValues::grow_to(size_t count) {
  constexpr size_t kPage = size_t{1} << kShift;
  while (capacity_ < count) {
    if (capacity_ < kPage) {
      // The first page grows, since most states are small.
      const size_t size = std::min(kPage, std::max<size_t>(64, capacity_ * 4));
      std::unique_ptr<char[]> page(new char[size * width_]);
      if (pages_.empty()) {
        pages_.push_back(std::move(page));
      } else {
        std::memcpy(page.get(), pages_[0].get(), capacity_ * width_);
        pages_[0] = std::move(page);
      }
      capacity_ = size;
    } else {
      pages_.push_back(std::unique_ptr<char[]>(new char[kPage * width_]));
      capacity_ += kPage;
    }
  }
}

char* ColumnRows::TextHeap::allocate(size_t count) {
  constexpr size_t kSmallest = 1024;
  constexpr size_t kLargest = 65536;
  if (count > left) {
    const size_t size = std::max(count, std::clamp(bytes, kSmallest, kLargest));
    blocks.push_back(std::unique_ptr<char[]>(new char[size]));
    at = blocks.back().get();
    left = size;
    bytes += size;
  }
  char* const given = at;
  at += count;
  left -= count;
  return given;
}

string_t ColumnRows::TextHeap::copy(const string_t& text) {
  const auto length = static_cast<uint32_t>(text.GetSize());
  char* const kept = allocate(length);
  std::memcpy(kept, text.GetData(), length);
  return {kept, length};
}

// ---- types

bool ColumnRows::can_keep(std::span<const engine::LogicalType> types, std::span<const size_t> key) {
  const auto fits = [](const engine::LogicalType& type) {
    const PhysicalType physical = type.InternalType();
    return fixed_width(physical) > 0 || physical == PhysicalType::VARCHAR;
  };
  return std::all_of(types.begin(), types.end(), fits) &&
         std::none_of(key.begin(), key.end(),
                      [&](size_t column) { return has_equal_values_that_differ(types[column]); });
}

ColumnRows::ColumnRows(std::span<const engine::LogicalType> types, std::vector<size_t> key)
    : key_(std::move(key)), keys_(1) {
  CHECK(can_keep(types, key_));
  columns_.reserve(types.size());
  for (const engine::LogicalType& type : types) {
    const size_t fixed = fixed_width(type.InternalType());
    columns_.push_back({fixed, PagedValues(place_width(fixed)), std::nullopt});
  }
}

// ---- what comes

ColumnRows::Vectors ColumnRows::vectors_of(engine::Chunk& rows, std::span<const size_t> columns) {
  Vectors vectors;
  vectors.rows = rows.size();
  vectors.references.reserve(columns.size());
  vectors.columns.resize(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    // Asked of a reference: what it changes for it must not be what others read.
    vectors.references.emplace_back(rows.data[columns[i]]);
    vectors.references.back().ToUnifiedFormat(rows.size(), vectors.columns[i]);
  }
  return vectors;
}

ColumnRows::Keys ColumnRows::keys_of(engine::Chunk& rows, std::span<const size_t> columns) {
  Keys keys;
  static_cast<Vectors&>(keys) = vectors_of(rows, columns);
  std::vector<uint64_t> hashes(rows.size(), columns.size());
  for (size_t column = 0; column < columns.size(); ++column) {
    const UnifiedVectorFormat& format = keys.columns[column];
    const size_t fixed = fixed_width(rows.data[columns[column]].GetType().InternalType());
    const size_t width = place_width(fixed);
    for (size_t row = 0; row < rows.size(); ++row) {
      const size_t index = format.sel->get_index(row);
      const uint64_t value = format.validity.RowIsValid(index)
                                 ? hash_value(fixed, value_at(format, width, index))
                                 : kNullHash;
      hashes[row] = combine_hashes(hashes[row], value);
    }
  }
  keys.hashes.resize(rows.size());
  for (size_t row = 0; row < rows.size(); ++row) keys.hashes[row] = folded(hashes[row]);
  return keys;
}

// ---- comparing

bool ColumnRows::is_equal(const Column& column, Id row, const UnifiedVectorFormat& values,
                          size_t at) {
  const size_t index = values.sel->get_index(at);
  const bool is_null = !values.validity.RowIsValid(index);
  if (is_null || column.is_null(row)) return is_null == column.is_null(row);
  const char* const own = column.values.at(row);
  const char* const other = value_at(values, column.values.width(), index);
  if (column.fixed == 0) return read<string_t>(own) == read<string_t>(other);
  bool equal = false;
  with_width(column.fixed, [&](auto width) { equal = std::memcmp(own, other, width) == 0; });
  return equal;
}

bool ColumnRows::has_key(Id row, const Keys& keys, size_t at) const {
  for (size_t i = 0; i < key_.size(); ++i) {
    if (!is_equal(columns_[key_[i]], row, keys.columns[i], at)) return false;
  }
  return true;
}

bool ColumnRows::has_values(Id row, const Vectors& rows, size_t at) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (!is_equal(columns_[i], row, rows.columns[i], at)) return false;
  }
  return true;
}

uint32_t ColumnRows::hash_of(const Vectors& rows, size_t at) const {
  uint64_t hash = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const UnifiedVectorFormat& format = rows.columns[i];
    const size_t index = format.sel->get_index(at);
    const bool valid = format.validity.RowIsValid(index);
    const char* const value = value_at(format, columns_[i].values.width(), index);
    hash = combine_hashes(hash, valid ? hash_value(columns_[i].fixed, value) : kNullHash);
  }
  return folded(hash);
}

uint32_t ColumnRows::hash_of(Id row) const {
  uint64_t hash = 0;
  for (const Column& column : columns_) {
    hash = combine_hashes(
        hash, column.is_null(row) ? kNullHash : hash_value(column.fixed, column.values.at(row)));
  }
  return folded(hash);
}

// ---- looking up

ColumnRows::Id ColumnRows::find(const Keys& keys, size_t row) const {
  return index_.find(keys.hashes[row], [&](Id id) { return has_key(id, keys, row); });
}

void ColumnRows::find(const Keys& keys, std::vector<Id>& firsts) const {
  firsts.resize(keys.rows);
  for (const uint32_t hash : keys.hashes) index_.prefetch(hash);
  for (size_t row = 0; row < keys.rows; ++row) {
    firsts[row] = index_.first(keys.hashes[row]);
    if (firsts[row] != 0) prefetch_row(firsts[row]);
  }
  for (size_t row = 0; row < keys.rows; ++row) {
    if (firsts[row] != 0 && !has_key(firsts[row], keys, row)) firsts[row] = find(keys, row);
  }
}

// A row with these values and a count of that sign, of the key that begins with `first`.
ColumnRows::Id ColumnRows::find_row(Id first, const Vectors& rows, size_t at, bool negative) const {
  const auto matches = [&](Id id) {
    return (link(id).weight < 0) == negative && has_values(id, rows, at);
  };
  if (is_indexed(first)) return row_index_.find(hash_of(rows, at), matches);
  for (Id id = first; id != 0; id = link(id).next) {
    if (matches(id)) return id;
  }
  return 0;
}

// ---- changing

ColumnRows::Id ColumnRows::take_place() {
  if (free_ != 0) {
    const Id row = free_;
    free_ = link(row).next;
    return row;
  }
  if (used_ == UINT32_MAX) throw std::bad_alloc();
  if (used_ >= capacity_) {
    const size_t wanted = size_t{used_} + 1;
    links_.grow_to(wanted);
    for (Column& column : columns_) {
      column.values.grow_to(wanted);
      if (column.nulls) column.nulls->grow_to(wanted);
    }
    capacity_ = links_.capacity();
  }
  return used_++;
}

void ColumnRows::give_place(Id row) {
  for (const Column& column : columns_) {
    if (column.fixed != 0 || column.is_null(row)) continue;
    const auto text = read<string_t>(column.values.at(row));
    if (!text.IsInlined()) texts_.garbage += text.GetSize();
  }
  link(row).weight = 0;
  link(row).next = free_;
  free_ = row;
  --rows_;
  collect_garbage();
}

uint32_t ColumnRows::take_key() {
  if (free_key_ != 0) {
    const uint32_t taken = free_key_;
    free_key_ = keys_[taken].rows;
    return taken;
  }
  if (keys_.size() > UINT32_MAX) throw std::bad_alloc();
  keys_.emplace_back();
  return static_cast<uint32_t>(keys_.size() - 1);
}

void ColumnRows::store(Id row, const Vectors& rows, size_t at) {
  const auto from = static_cast<uint32_t>(at);
  for (size_t column = 0; column < columns_.size(); ++column) {
    store_column(column, {&row, 1}, rows, {&from, 1});
  }
}

void ColumnRows::store_column(size_t number, std::span<const Id> to, const Vectors& rows,
                              std::span<const uint32_t> from) {
  Column& column = columns_[number];
  const UnifiedVectorFormat& format = rows.columns[number];
  const auto is_null = [&](size_t i) {
    return !format.validity.RowIsValid(format.sel->get_index(from[i]));
  };
  if (!column.nulls && !format.validity.AllValid()) {
    bool any = false;
    for (size_t i = 0; i < to.size() && !any; ++i) any = is_null(i);
    if (any) {
      PagedValues nulls(1);
      nulls.grow_to(capacity_);
      for (size_t id = 0; id < capacity_; ++id) *nulls.at(static_cast<Id>(id)) = 0;
      column.nulls = std::move(nulls);
    }
  }
  if (column.nulls) {
    for (size_t i = 0; i < to.size(); ++i) *column.nulls->at(to[i]) = is_null(i) ? 1 : 0;
  }
  if (column.fixed != 0) {
    // What lies under a NULL is of no meaning, there as here.
    with_width(column.values.width(), [&](auto width) {
      for (size_t i = 0; i < to.size(); ++i) {
        std::memcpy(column.values.at(to[i]),
                    value_at(format, width, format.sel->get_index(from[i])), width);
      }
    });
    return;
  }
  for (size_t i = 0; i < to.size(); ++i) {
    if (column.is_null(to[i])) continue;
    auto text = read<string_t>(value_at(format, sizeof(string_t), format.sel->get_index(from[i])));
    if (!text.IsInlined()) text = texts_.copy(text);
    std::memcpy(column.values.at(to[i]), &text, sizeof text);
  }
}

ColumnRows::Id ColumnRows::insert(Id first, const Vectors& rows, const Keys& keys, size_t at,
                                  int64_t weight) {
  const Id row = take_place();
  store(row, rows, at);
  enter(first, row, rows, keys, at, weight);
  return first == 0 ? row : first;
}

// A row whose values are stored, of the key that begins with `first`; 0: which has none yet.
void ColumnRows::enter(Id first, Id row, const Vectors& rows, const Keys& keys, size_t at,
                       int64_t weight) {
  link(row) = {weight, 0, 0, 0, 0};
  ++rows_;
  negative_rows_ += weight < 0 ? 1 : 0;
  if (first == 0) return index_.insert(keys.hashes[at], row);
  if (link(first).key == 0) {
    const uint32_t taken = take_key();
    keys_[taken] = {link(first).weight, 1, false};
    link(first).key = taken;
  }
  // Behind the first, which stays what the index knows.
  Link& added = link(row);
  added.key = link(first).key;
  added.next = link(first).next;
  link(first).next = row;
  KeyTotals& totals = keys_[added.key];
  totals.weight += weight;
  ++totals.rows;
  if (totals.indexed) {
    added.previous = first;
    if (added.next != 0) link(added.next).previous = row;
    added.hash = hash_of(rows, at);
    row_index_.insert(added.hash, row);
  } else if (totals.rows > kWalked) {
    index_rows(first);
  }
}

void ColumnRows::index_rows(Id first) {
  Id previous = 0;
  for (Id row = first; row != 0; row = link(row).next) {
    link(row).hash = hash_of(row);
    link(row).previous = previous;
    row_index_.insert(link(row).hash, row);
    previous = row;
  }
  keys_[link(first).key].indexed = true;
}

void ColumnRows::forget_rows(Id first) {
  for (Id row = first; row != 0; row = link(row).next) row_index_.erase(link(row).hash, row);
  keys_[link(first).key].indexed = false;
}

void ColumnRows::change_weight(Id row, int64_t by) {
  link(row).weight += by;
  if (link(row).key != 0) keys_[link(row).key].weight += by;
}

// Returns the key's first row from now on.
ColumnRows::Id ColumnRows::remove(Id first, Id row, uint32_t key_hash) {
  const Link gone = link(row);
  const bool indexed = is_indexed(first);
  Id left = first;
  Id previous = 0;
  if (row == first && gone.next == 0) {
    index_.erase(key_hash, row);
    left = 0;
  } else if (row == first) {
    index_.replace(key_hash, row, gone.next);
    left = gone.next;
  } else {
    previous = indexed ? gone.previous : first;
    while (link(previous).next != row) previous = link(previous).next;
    link(previous).next = gone.next;
  }
  if (indexed && gone.next != 0) link(gone.next).previous = previous;
  if (gone.key != 0) {
    KeyTotals& totals = keys_[gone.key];
    --totals.rows;
    totals.weight -= gone.weight;
    if (indexed) {
      row_index_.erase(gone.hash, row);
      // Not at once, or a key at the border would go to and fro.
      if (totals.rows <= kWalked / 2) forget_rows(left);
    }
    if (totals.rows == 1) {
      link(left).key = 0;
      totals.rows = free_key_;
      free_key_ = gone.key;
    }
  }
  negative_rows_ -= gone.weight < 0 ? 1 : 0;
  give_place(row);
  return left;
}

ColumnRows::Added ColumnRows::add(const Vectors& rows, const Keys& keys, size_t row,
                                  int64_t weight) {
  const uint32_t key_hash = keys.hashes[row];
  Added added{find(keys, row), 0};
  added.key_weight_before = key_weight(added.first);
  // What is there with the other sign goes first. Else there is nothing to look for.
  while (added.first != 0 && (weight < 0 || negative_rows_ > 0)) {
    const Id equal = find_row(added.first, rows, row, weight > 0);
    if (equal == 0) break;
    const int64_t sum = link(equal).weight + weight;
    if (sum != 0 && (sum < 0) != (weight < 0)) {
      change_weight(equal, weight);
      return added;
    }
    weight = sum;
    added.first = remove(added.first, equal, key_hash);
    if (weight == 0) return added;
  }
  if (added.first != 0 && is_indexed(added.first)) {
    const Id equal = find_row(added.first, rows, row, weight < 0);
    if (equal != 0) {
      change_weight(equal, weight);
      return added;
    }
  }
  added.first = insert(added.first, rows, keys, row, weight);
  return added;
}

void ColumnRows::add_all(const Vectors& rows, const Keys& keys, std::span<const int64_t> weights,
                         const std::vector<uint32_t>* chosen) {
  std::vector<uint32_t> all;
  if (chosen == nullptr) {
    all.resize(keys.rows);
    std::iota(all.begin(), all.end(), 0);
    chosen = &all;
  }
  // What may meet an equal row of the other sign has to come in order.
  const bool only_more =
      negative_rows_ == 0 &&
      std::all_of(chosen->begin(), chosen->end(), [&](uint32_t row) { return weights[row] > 0; });
  if (!only_more) {
    for (const uint32_t row : *chosen) add(rows, keys, row, weights[row]);
    return;
  }
  std::vector<Id> firsts;
  find(keys, firsts);
  for (const uint32_t row : *chosen) {
    if (firsts[row] != 0 && link(firsts[row]).key != 0) prefetch(&keys_[link(firsts[row]).key]);
  }
  std::vector<uint32_t> from;
  std::vector<Id> to;
  from.reserve(chosen->size());
  to.reserve(chosen->size());
  for (const uint32_t row : *chosen) {
    if (firsts[row] != 0 && is_indexed(firsts[row])) {
      add(rows, keys, row, weights[row]);  // equal rows become one
    } else {
      from.push_back(row);
      to.push_back(take_place());
    }
  }
  for (size_t column = 0; column < columns_.size(); ++column) store_column(column, to, rows, from);
  for (size_t i = 0; i < to.size(); ++i) {
    const uint32_t row = from[i];
    // A key that was not there may have come with a row before. None has gone.
    const Id first = firsts[row] != 0 ? firsts[row] : find(keys, row);
    enter(first, to[i], rows, keys, row, weights[row]);
  }
}

// Once more than half of the heap is of texts that are gone, the others move to a new one.
void ColumnRows::collect_garbage() {
  constexpr size_t kWorthIt = 65536;
  if (texts_.garbage < kWorthIt || texts_.garbage * 2 < texts_.bytes) return;
  TextHeap fresh;
  try {
    for (Column& column : columns_) {
      if (column.fixed != 0) continue;
      for_each([&](Id row) {
        if (column.is_null(row)) return;
        char* const place = column.values.at(row);
        auto text = read<string_t>(place);
        if (text.IsInlined()) return;
        text = fresh.copy(text);
        std::memcpy(place, &text, sizeof text);
      });
    }
  } catch (const std::bad_alloc&) {
    // Some texts lie in the one, some in the other: both stay.
    for (auto& block : fresh.blocks) texts_.blocks.push_back(std::move(block));
    texts_.bytes += fresh.bytes;
    throw;
  }
  texts_ = std::move(fresh);
}

void ColumnRows::gather(std::span<const Id> rows, engine::Chunk& to, size_t first_column) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    engine::Vector& vector = to.data[first_column + i];
    char* const out = reinterpret_cast<char*>(duckdb::FlatVector::GetData(vector));
    if (column.fixed == 0) {
      for (size_t row = 0; row < rows.size(); ++row) {
        if (column.is_null(rows[row])) continue;
        auto text = read<string_t>(column.values.at(rows[row]));
        if (!text.IsInlined()) text = duckdb::StringVector::AddStringOrBlob(vector, text);
        std::memcpy(out + row * sizeof text, &text, sizeof text);
      }
    } else {
      with_width(column.values.width(), [&](auto width) {
        for (size_t row = 0; row < rows.size(); ++row) {
          std::memcpy(out + row * width, column.values.at(rows[row]), width);
        }
      });
    }
    if (!column.nulls) continue;
    for (size_t row = 0; row < rows.size(); ++row) {
      if (column.is_null(rows[row])) duckdb::FlatVector::SetNull(vector, row, true);
    }
  }
}

size_t ColumnRows::bytes() const {
  size_t bytes = sizeof *this + links_.bytes() + index_.bytes() + row_index_.bytes() +
                 texts_.bytes + keys_.capacity() * sizeof(KeyTotals);
  for (const Column& column : columns_) {
    bytes += sizeof column + column.values.bytes() + (column.nulls ? column.nulls->bytes() : 0);
  }
  return bytes;
}

}  // namespace sluice::arrangement
