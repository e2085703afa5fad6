// Bloom filters of column chunks: with one a reader skips a row group that lacks the value it looks
// for, where the value lies between the chunk's bounds. Parquet's split-block filters: a value, by
// its hash, sets one bit in each of a block's eight words.
//
//   add_plain() … -> build(): BloomFilterHeader, then the blocks
//
// Threads: one at a time; the functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "parquet/buffer.h"
#include "parquet/schema.h"

namespace sluice::parquet {

// Which chunks of a column have one.
enum class BloomFilters : uint8_t {
  kNone,
  kAutomatic,  // those that are written by dictionary, where it takes 1 % at most
  kAll,
};

// Whether a filter can be made for one of the field's leaves. Not for booleans; not for floating
// point, of which different bytes may be equal: two zeros, many NaN; and not for plain bytes, since
// DuckDB (1.5.6 too) looks for them in the filter by their text, and so finds none.
bool can_have_bloom_filter(const Field& field);

// XXH64 with seed 0, by which the format has values hashed.
uint64_t xxh64(std::span<const uint8_t> bytes);

// Of so many different values: a power of two, as some readers demand, of 8 to 16 bits a value. At
// 8 bits one value in 40 that is not there seems to be.
size_t bloom_filter_bytes(size_t values);

// The values of a column chunk, as their hashes.
class ValueHashes {
 public:
  // `leaf` must outlive the object.
  explicit ValueHashes(const Field& leaf) : leaf_(leaf) {}

  // Values as PLAIN has them, whole.
  void add_plain(std::span<const uint8_t> values);
  size_t size() const { return hashes_.size() / sizeof(uint64_t); }
  size_t buffered_bytes() const { return hashes_.size(); }
  std::string build() const;
  void clear();

 private:
  void add(uint64_t hash) { hashes_.append(&hash, sizeof hash); }

  const Field& leaf_;
  Buffer hashes_;
};

}  // namespace sluice::parquet
