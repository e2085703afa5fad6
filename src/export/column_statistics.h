// What a manifest tells of each column of a file: how many NULLs it has, and its least and greatest
// value where its type has an order that every reader shares.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/chunk.h"
#include "types/sql_type.h"

namespace sluice::exports {

class ColumnStatistics {
 public:
  explicit ColumnStatistics(const std::vector<types::SqlType>& types);

  // Rows from `from` to before `to` of the chunk, whose first columns are the file's.
  void add(engine::Chunk& chunk, size_t from, size_t to);
  // What was found in other rows of the same types.
  void add(const ColumnStatistics& others);

  struct Column {
    bool is_ordered = false;
    uint64_t nulls = 0;
    std::optional<engine::Value> min, max;  // without any value, or any but NaN, nothing
  };
  const std::vector<Column>& columns() const { return columns_; }

 private:
  static void widen(Column& column, engine::Value min, engine::Value max);

  std::vector<Column> columns_;
};

}  // namespace sluice::exports
