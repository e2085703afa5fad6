// Rows with signed counts, found by a key: the state of joins, groups, DISTINCT.
//
//   key index   hash of key -> the first row of the key ── next ── next …
//   row index   hash of key and payload -> the row, for keys of many rows
//
//   row (32 bytes) | key bytes | payload bytes          key (24 bytes): for keys of two rows or
//   more
//
// A row is a key and a payload, both strings of bytes (row_bytes.h); together they are what it is
// equal by. Two levels, so that applying a change takes the same time however many rows share a
// key. A row takes 32 bytes beyond its own, at most 7 to round up, and 11 to 21 for each index.
//
// A count may become negative: a change may come before the one that it takes back, and a node
// decides itself what such a row means. negative_rows() tells whether there are any.
//
// Threads: one at a time; reading only, any number.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "arrangement/block_pool.h"
#include "arrangement/hash.h"
#include "arrangement/id_index.h"
#include "arrangement/prefetch.h"

namespace sluice::arrangement {

class Arrangement {
 public:
  struct Options {
    // Rows are keys alone, with empty payloads: one index does for both.
    bool keys_only = false;
  };
  struct Change {
    int64_t before = 0;  // the row's count; 0: it was not there
    int64_t after = 0;
    size_t key_rows_before = 0;  // rows with a count, of whatever sign
    size_t key_rows_after = 0;
    int64_t key_weight_before = 0;  // the sum of their counts
    int64_t key_weight_after = 0;

    bool key_appeared() const { return key_rows_before == 0 && key_rows_after != 0; }
    bool key_vanished() const { return key_rows_before != 0 && key_rows_after == 0; }
  };
  struct RowView {
    std::string_view key;
    std::string_view payload;
    int64_t weight;
  };

 private:
  struct Row {
    int64_t weight;
    uint32_t next;
    uint32_t previous;  // where the key's rows are indexed
    uint32_t hash;      // of key and payload
    uint32_t key;       // the Key's block, 0 for a key's only row
    uint32_t key_bytes;
    uint32_t payload_bytes;
    const char* data() const { return reinterpret_cast<const char*>(this + 1); }
    std::string_view key_view() const { return {data(), key_bytes}; }
    std::string_view payload_view() const { return {data() + key_bytes, payload_bytes}; }
  };
  struct Key {
    int64_t weight;
    uint32_t rows;
    uint32_t indexed;  // whether its rows are in the row index
    // A bit for each row's hash, and maybe for some that are gone: a new row need not be compared
    // with all others. Where the rows are not indexed.
    uint64_t seen;
  };

 public:
  // The rows of a key, in no order. Void after the next apply().
  class KeyRows {
   public:
    class Iterator {
     public:
      Iterator(const Arrangement* owner, uint32_t row) : owner_(owner), row_(row) {}
      RowView operator*() const {
        const Row& row = owner_->row(row_);
        return {row.key_view(), row.payload_view(), row.weight};
      }
      Iterator& operator++() { return row_ = owner_->row(row_).next, *this; }
      bool operator==(const Iterator& other) const { return row_ == other.row_; }

     private:
      const Arrangement* owner_;
      uint32_t row_;
    };
    Iterator begin() const { return {owner_, first_}; }
    Iterator end() const { return {owner_, 0}; }
    bool empty() const { return first_ == 0; }
    size_t rows() const;
    int64_t weight() const;  // the sum of all counts

   private:
    friend Arrangement;
    KeyRows(const Arrangement* owner, uint32_t first) : owner_(owner), first_(first) {}
    const Arrangement* owner_;
    uint32_t first_;
  };

  Arrangement() : Arrangement(Options()) {}
  explicit Arrangement(Options options) : options_(options) {}

  // Adds `weight` to the row's count; a row whose count becomes 0 is gone. Throws std::bad_alloc
  // without memory, and is then as before.
  Change apply(std::string_view key, std::string_view payload, int64_t weight) {
    return apply(key, payload, weight, hash_bytes(key));
  }
  Change apply(std::string_view key, std::string_view payload, int64_t weight, uint64_t key_hash);

  KeyRows find(std::string_view key) const { return find(key, hash_bytes(key)); }
  KeyRows find(std::string_view key, uint64_t key_hash) const;
  // The row's count, 0 when it is not there.
  int64_t weight(std::string_view key, std::string_view payload) const;
  // For a loop of apply() over rows with these hashes: asks for what the rows some places behind
  // `row` will need.
  void prefetch_ahead(std::span<const uint64_t> key_hashes, size_t row) const {
    constexpr size_t kAhead = 8;
    const size_t left = key_hashes.size() - row;
    if (left > 3 * kAhead) prefetch_slot(key_hashes[row + 3 * kAhead]);
    if (left > 2 * kAhead) prefetch_row(key_hashes[row + 2 * kAhead]);
    if (left > kAhead) prefetch_key(key_hashes[row + kAhead]);
  }
  void prefetch_slot(uint64_t key_hash) const { keys_.prefetch(static_cast<uint32_t>(key_hash)); }
  void prefetch_row(uint64_t key_hash) const {
    const uint32_t id = keys_.first(static_cast<uint32_t>(key_hash));
    if (id != 0) prefetch_block(id);
  }
  void prefetch_key(uint64_t key_hash) const {
    const uint32_t id = keys_.first(static_cast<uint32_t>(key_hash));
    if (id != 0 && row(id).key != 0) prefetch(pool_.at(row(id).key));
  }

  // Ask for all rows of the keys with these hashes, as far as a key has few: what walking over them
  // goes to one after another, for all keys side by side.
  void prefetch_rows(std::span<const uint64_t> key_hashes) const;

  // Every row, in no order: what(RowView).
  template <typename What>
  void for_each(const What& what) const {
    keys_.for_each([&](uint32_t first) {
      for (const RowView view : KeyRows(this, first)) what(view);
    });
  }

  // Every key, in no order: what(key, KeyRows).
  template <typename What>
  void for_each_key(const What& what) const {
    keys_.for_each([&](uint32_t first) { what(row(first).key_view(), KeyRows(this, first)); });
  }

  size_t rows() const { return rows_; }
  size_t keys() const { return keys_.size(); }
  size_t negative_rows() const { return negative_rows_; }
  // All memory that it holds, this object included.
  size_t bytes() const {
    return sizeof *this + pool_.bytes() - sizeof pool_ + keys_.bytes() + index_.bytes();
  }

 private:
  // What a row's head and a short key lie in.
  void prefetch_block(uint32_t id) const {
    const char* const at = pool_.at(id);
    prefetch(at);
    prefetch(at + sizeof(Row) + 8);
  }
  const Row& row(uint32_t id) const { return *reinterpret_cast<const Row*>(pool_.at(id)); }
  Row& row(uint32_t id) { return *reinterpret_cast<Row*>(pool_.at(id)); }
  const Key& key(uint32_t id) const { return *reinterpret_cast<const Key*>(pool_.at(id)); }
  Key& key(uint32_t id) { return *reinterpret_cast<Key*>(pool_.at(id)); }
  uint32_t find_row(uint32_t first, std::string_view key, std::string_view payload,
                    uint32_t hash) const;
  void add(uint32_t first, std::string_view key, std::string_view payload, int64_t weight,
           uint32_t key_hash, uint32_t hash);
  void remove(uint32_t first, uint32_t id, uint32_t key_hash);
  void index_rows(uint32_t first);
  void forget_rows(uint32_t first);
  static uint64_t bit_of(uint32_t hash) { return uint64_t{1} << (hash >> 26); }
  static constexpr uint32_t kWalked = 16;  // rows of a key that is not indexed

  const Options options_;
  BlockPool pool_;
  IdIndex keys_;   // first rows by the key's hash
  IdIndex index_;  // rows by their hash, of keys with many
  size_t rows_ = 0;
  size_t negative_rows_ = 0;
};

}  // namespace sluice::arrangement
