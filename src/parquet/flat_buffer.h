// FlatBuffers, as far as Arrow's schema needs them: written front to back, a
// table before what it refers to, since offsets lead forward only.
//
//   table    its vtable in front: {u16 bytes of it, u16 bytes of the table, u16
//            where each field is}; then i32 back to the vtable, the fields
//   vector   u32 size, elements    text   u32 size, bytes, 0
//
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::parquet {

class FlatBuffer {
 public:
  // A field of a table: a number of `bytes` bytes, or an offset, to be set by point().
  struct Value {
    uint16_t id = 0;
    uint16_t bytes = 0;
    uint32_t number = 0;
  };
  static Value number(uint16_t id, uint16_t bytes, uint32_t value) { return {id, bytes, value}; }
  static Value offset(uint16_t id) { return {id, sizeof(uint32_t), 0}; }

  // Where a table is, and its fields.
  struct Table {
    static constexpr size_t kMostFields = 8;
    size_t begin = 0;
    std::array<size_t, kMostFields> fields{};
  };

  // The first table is the root.
  FlatBuffer() { bytes_.resize(sizeof(uint32_t)); }

  Table table(std::vector<Value> values) {
    // The wide ones first: then none needs padding.
    std::stable_sort(values.begin(), values.end(),
                     [](const Value& a, const Value& b) { return a.bytes > b.bytes; });
    size_t ids = 0, size = sizeof(int32_t);
    for (const Value& value : values) {
      CHECK(value.id < Table::kMostFields);
      ids = std::max<size_t>(ids, value.id + size_t{1});
      size += value.bytes;
    }
    align(sizeof(uint16_t));
    const size_t vtable = bytes_.size();
    const size_t vtable_bytes = (2 + ids) * sizeof(uint16_t);
    bytes_.resize(vtable + vtable_bytes);
    align(sizeof(uint32_t));
    Table table;
    table.begin = bytes_.size();
    bytes_.resize(table.begin + size);
    put(vtable, static_cast<uint16_t>(vtable_bytes));
    put(vtable + sizeof(uint16_t), static_cast<uint16_t>(size));
    put(table.begin, static_cast<uint32_t>(table.begin - vtable));
    size_t at = sizeof(int32_t);
    for (const Value& value : values) {
      put(vtable + (2 + value.id) * sizeof(uint16_t), static_cast<uint16_t>(at));
      table.fields[value.id] = table.begin + at;
      std::memcpy(bytes_.data() + table.begin + at, &value.number, value.bytes);
      at += value.bytes;
    }
    if (root_ == 0) point(0, root_ = table.begin);
    return table;
  }
  // Of offsets, the first of them behind its size.
  size_t vector(size_t size) {
    align(sizeof(uint32_t));
    const size_t begin = bytes_.size();
    bytes_.resize(begin + (size + 1) * sizeof(uint32_t));
    put(begin, static_cast<uint32_t>(size));
    return begin;
  }
  static size_t element(size_t vector, size_t index) {
    return vector + (index + 1) * sizeof(uint32_t);
  }
  size_t text(std::string_view text) {
    align(sizeof(uint32_t));
    const size_t begin = bytes_.size();
    bytes_.resize(begin + sizeof(uint32_t));
    put(begin, static_cast<uint32_t>(text.size()));
    bytes_ += text;
    bytes_ += '\0';
    return begin;
  }
  // Sets the offset at `at`.
  void point(size_t at, size_t target) { put(at, static_cast<uint32_t>(target - at)); }

  void align(size_t bytes) { bytes_.resize((bytes_.size() + bytes - 1) / bytes * bytes); }
  const std::string& bytes() const { return bytes_; }

 private:
  template <typename Number>
  void put(size_t at, Number value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }

  std::string bytes_;
  size_t root_ = 0;
};

}  // namespace sluice::parquet
