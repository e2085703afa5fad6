// Rows in columns, with signed counts, found by a key: the state of joins on plain keys.
//
//   index    hash of key -> the first row of the key ── next ── next …
//   links    of each row: its count, the next and the previous one of its key, the key's totals
//   columns  of each row: a place of fixed width in each; texts of over 12 bytes lie in a heap
//
// What Arrangement does with rows as bytes, for whole vectors at a time, and for types of fixed
// width and texts only. A row takes its values, 24
// bytes, 11 to 21 for its key, and what its texts take; a key of several rows 16 more.
//
// A row that comes twice may be kept as two, each with its count, while its key has few: so that
// nothing is compared when rows come. Sums over the rows of a key are right in any case.
//
// Rows are named by ids, which stay as they are until the row goes; 0 is none.
//
// Threads: one at a time; reading only, any number.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "arrangement/id_index.h"
#include "arrangement/prefetch.h"
#include "engine/chunk.h"

namespace sluice::arrangement {

// Memory for values of one width, in pages, so that it grows without moving what is there.
class PagedValues {
 public:
  explicit PagedValues(size_t width) : width_(width) {}
  void grow_to(size_t count);  // throws std::bad_alloc, and is then as before
  char* at(uint32_t index) { return pages_[index >> kShift].get() + (index & kMask) * width_; }
  const char* at(uint32_t index) const {
    return pages_[index >> kShift].get() + (index & kMask) * width_;
  }
  size_t width() const { return width_; }
  size_t capacity() const { return capacity_; }
  size_t bytes() const { return capacity_ * width_ + pages_.capacity() * sizeof pages_[0]; }

 private:
  static constexpr uint32_t kShift = 12;
  static constexpr uint32_t kMask = (1U << kShift) - 1;
  size_t width_;
  size_t capacity_ = 0;
  std::vector<std::unique_ptr<char[]>> pages_;  // the first one may be smaller
};

class ColumnRows {
 public:
  using Id = uint32_t;

  // Whether rows of these types, found by these columns, can be kept so: equal keys are equal
  // bytes, and nothing is nested.
  static bool can_keep(std::span<const engine::LogicalType> types, std::span<const size_t> key);

  // Some columns of a chunk, which must stay as it is meanwhile. Keys have their hashes, too: the
  // same for a NULL and a NULL.
  struct Vectors {
    std::vector<duckdb::UnifiedVectorFormat> columns;
    size_t rows = 0;
    bool is_null(size_t column, size_t row) const {
      const duckdb::UnifiedVectorFormat& format = columns[column];
      return !format.validity.RowIsValid(format.sel->get_index(row));
    }
    std::vector<engine::Vector> references;  // what the formats may refer to
  };
  struct Keys : Vectors {
    std::vector<uint32_t> hashes;
  };
  static Vectors vectors_of(engine::Chunk& rows, std::span<const size_t> columns);
  static Keys keys_of(engine::Chunk& rows, std::span<const size_t> columns);

  // Rows of `types`; the columns `key`, in this order, are what they are found by.
  ColumnRows(std::span<const engine::LogicalType> types, std::vector<size_t> key);

  // The first row of each key, in the order of `keys`: 0 where there is none. Keys are compared
  // with those of rows by their order, and NULLs are equal.
  void find(const Keys& keys, std::vector<Id>& firsts) const;
  Id find(const Keys& keys, size_t row) const;
  Id next(Id row) const { return link(row).next; }
  int64_t weight(Id row) const { return link(row).weight; }
  // The sum of the counts of all rows of a key, by its first one; 0: of none.
  int64_t key_weight(Id first) const {
    if (first == 0) return 0;
    return link(first).key == 0 ? link(first).weight : key(link(first).key).weight;
  }

  struct Added {
    Id first = 0;  // the first row of the key from now on
    int64_t key_weight_before = 0;
  };
  // Adds `weight`, which is not 0, to the count of a row; one whose count becomes 0 is gone.
  // `rows` has all columns, `keys` those of the key, of the same chunk. Throws std::bad_alloc, and
  // what is kept is worth nothing then.
  Added add(const Vectors& rows, const Keys& keys, size_t row, int64_t weight);
  // The same for some rows of a batch, ascending, or for all where `chosen` is null.
  void add_all(const Vectors& rows, const Keys& keys, std::span<const int64_t> weights,
               const std::vector<uint32_t>* chosen = nullptr);
  // Asks for the values of a row that will be gathered.
  void prefetch_values(Id row) const {
    for (const Column& column : columns_) prefetch(column.values.at(row));
  }

  // Fills the columns of `to` from `first_column` on, which are flat and have room, with these
  // rows, from row 0 on.
  void gather(std::span<const Id> rows, engine::Chunk& to, size_t first_column) const;

  // Every row, in no order: what(id).
  template <typename What>
  void for_each(const What& what) const {
    for (Id row = 1; row < used_; ++row) {
      if (link(row).weight != 0) what(row);
    }
  }
  size_t rows() const { return rows_; }
  size_t bytes() const;  // all memory that it holds

 private:
  struct Link {
    int64_t weight;  // 0: the place is free, and `next` the next one that is
    Id next;
    Id previous;    // where the key's rows are indexed
    uint32_t key;   // among keys_; 0 for a key's only row
    uint32_t hash;  // of all values, where the key's rows are indexed
  };
  // Of several rows.
  struct KeyTotals {
    int64_t weight = 0;
    uint32_t rows = 0;     // of a free place: the next one that is
    bool indexed = false;  // whether its rows are in row_index_
  };
  struct Column {
    size_t fixed;  // the bytes of a value; 0: texts
    PagedValues values;
    std::optional<PagedValues> nulls;  // a byte each, once there is a NULL
    bool is_null(Id row) const { return nulls && *nulls->at(row) != 0; }
  };
  struct TextHeap {
    std::vector<std::unique_ptr<char[]>> blocks;
    char* at = nullptr;
    size_t left = 0;
    size_t bytes = 0;    // of all blocks
    size_t garbage = 0;  // of texts that are gone
    char* allocate(size_t count);
    duckdb::string_t copy(const duckdb::string_t& text);
  };
  static constexpr uint32_t kWalked = 16;  // rows of a key that is not indexed

  const Link& link(Id row) const { return *reinterpret_cast<const Link*>(links_.at(row)); }
  Link& link(Id row) { return *reinterpret_cast<Link*>(links_.at(row)); }
  const KeyTotals& key(uint32_t id) const { return keys_[id]; }
  void prefetch_row(Id first) const {
    prefetch(links_.at(first));
    if (!key_.empty()) prefetch(columns_[key_[0]].values.at(first));
  }
  static bool is_equal(const Column& column, Id row, const duckdb::UnifiedVectorFormat& values,
                       size_t at);
  bool has_key(Id row, const Keys& keys, size_t at) const;
  bool has_values(Id row, const Vectors& rows, size_t at) const;
  uint32_t hash_of(const Vectors& rows, size_t at) const;
  uint32_t hash_of(Id row) const;
  bool is_indexed(Id first) const { return link(first).key != 0 && key(link(first).key).indexed; }
  Id take_place();
  void give_place(Id row);
  uint32_t take_key();
  void store(Id row, const Vectors& rows, size_t at);
  void store_column(size_t column, std::span<const Id> to, const Vectors& rows,
                    std::span<const uint32_t> from);
  void enter(Id first, Id row, const Vectors& rows, const Keys& keys, size_t at, int64_t weight);
  Id insert(Id first, const Vectors& rows, const Keys& keys, size_t at, int64_t weight);
  Id remove(Id first, Id row, uint32_t key_hash);
  Id find_row(Id first, const Vectors& rows, size_t at, bool negative) const;
  void change_weight(Id row, int64_t by);
  void index_rows(Id first);
  void forget_rows(Id first);
  void collect_garbage();

  const std::vector<size_t> key_;
  std::vector<Column> columns_;
  PagedValues links_{sizeof(Link)};
  std::vector<KeyTotals> keys_;  // 0 is none
  TextHeap texts_;
  IdIndex index_;      // first rows by the key's hash
  IdIndex row_index_;  // rows by the hash of all their values, of keys with many
  Id used_ = 1;        // places that were ever taken
  Id free_ = 0;
  uint32_t free_key_ = 0;
  size_t capacity_ = 0;
  size_t rows_ = 0;
  size_t negative_rows_ = 0;
};

}  // namespace sluice::arrangement
