// Rows as strings of bytes and back, for state: small, without pointers, every type of a chunk.
//
//   row     = null bits, (columns + 7) / 8 bytes, 1 = NULL | the values that are not NULL, in order
//   value   = fixed width: its bytes as DuckDB has them
//             string:      length | bytes
//             list:        length | one null byte and the value for each element
//             struct:      one null byte and the value for each field; an array: for each element
//   length  = 7 bits a byte, low ones first, the top bit: more follow
//
// There are two forms. The exact one gives back what went in, to the bit, so equal bytes mean the
// same row. In the key form two values have equal bytes exactly when SQL's IS NOT DISTINCT FROM
// says so: -0.0 is 0.0, there is one NaN, an interval of 30 days is one of a month, in nested
// values too. What is decoded from it is such an equal value, always the same one.
//
// A codec is immutable and safe from any thread. The bytes never leave the process.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chunk.h"

namespace sluice::arrangement {

// Strings of bytes one behind the other.
struct ByteRows {
  std::string bytes;
  std::vector<size_t> ends;

  size_t size() const { return ends.size(); }
  std::string_view operator[](size_t row) const {
    const size_t begin = row == 0 ? 0 : ends[row - 1];
    return std::string_view(bytes).substr(begin, ends[row] - begin);
  }
  void push_back(std::string_view row) {
    bytes.append(row);
    ends.push_back(bytes.size());
  }
  void clear() {
    bytes.clear();
    ends.clear();
  }
};

enum class Form : uint8_t { kExact, kKey };

class RowCodec {
 public:
  RowCodec(std::vector<engine::LogicalType> types, Form form);

  const std::vector<engine::LogicalType>& types() const { return types_; }

  // Appends all rows of `rows`; value i of a row is column columns[i].
  void encode(const engine::Chunk& rows, std::span<const size_t> columns, ByteRows& out) const;

  // Fills `out`'s columns columns[i] (those that are npos are left out) with the values i of
  // `rows`, from row 0 on. `out` has room for them; its cardinality is the caller's.
  void decode(std::span<const std::string_view> rows, std::span<const size_t> columns,
              engine::Chunk& out) const;

 private:
  const std::vector<engine::LogicalType> types_;
  const Form form_;
};

inline constexpr size_t kNoColumn = static_cast<size_t>(-1);

// The bytes of a value of fixed width; 0 for strings and nested types.
size_t fixed_width(duckdb::PhysicalType type);

// Whether values of `type` exist that are equal to SQL and yet differ.
bool has_equal_values_that_differ(const engine::LogicalType& type);

}  // namespace sluice::arrangement
