// The PostgreSQL text form of values: one column of a chunk at a time. Everything that leaves as
// text goes through here: the wire, COPY TO STDOUT, CSV files.
//
// Threads: pure functions over the caller's data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "types/sql_type.h"

namespace sluice::format {

struct TextOptions {
  bool spaced_json = true;        // {"a": 1}: the wire. False, {"a":1}: files.
  std::string time_zone = "UTC";  // of timestamptz, as IANA name or offset
};

// The texts of one column, one behind the other.
struct TextColumn {
  std::string bytes;
  std::vector<uint32_t> ends;  // of row i in `bytes`
  std::vector<uint8_t> null;   // 1: NULL, and its text is empty

  size_t size() const { return ends.size(); }
  std::string_view operator[](size_t row) const {
    const uint32_t begin = row == 0 ? 0 : ends[row - 1];
    return {bytes.data() + begin, ends[row] - begin};
  }
};

// Replaces `out`'s content; reusing one TextColumn saves allocations. `vector` may have any layout
// (flat, constant, dictionary) and any engine type that `type` can stand for.
Status encode_text(const types::SqlType& type, engine::Vector& vector, size_t rows,
                   const TextOptions& options, TextColumn& out);

// Whether decimals of a column print without zeros at their end: those of bare numeric do.
bool trims_decimals(const types::SqlType& type, const engine::LogicalType& stored);

// One value as text; for parameters, messages and tests. Not for NULL.
Result<std::string> text_of(const types::SqlType& type, const engine::Value& value,
                            const TextOptions& options = {});

}  // namespace sluice::format
