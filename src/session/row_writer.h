// Rows on their way into a table: checked against NOT NULL, then into the transaction's overlay,
// or, where many come, into a load beside it.
//
// Threads: one at a time. Memory: the overlay's; past kOverlayBytes or kLoadRows rows go to a load.
#pragma once

#include <memory>

#include "session/execution.h"

namespace sluice::session {

class RowWriter {
 public:
  // From here on rows go to segment files of their own, which hold up no other commit.
  static constexpr uint64_t kLoadRows = 50'000;
  static constexpr uint64_t kOverlayBytes = uint64_t{16} << 20;

  // `table` must outlive the writer.
  RowWriter(const Execution& execution, const sql::Object& table);

  // Rows with all the table's columns, in the engine types that are stored.
  Status append(engine::Chunk& rows);
  // Hands everything to the transaction; returns how many rows it were.
  Result<uint64_t> finish();

 private:
  Status check_not_null(engine::Chunk& rows) const;

  const Execution& execution_;
  const sql::Object& table_;
  collection::Overlay* overlay_ = nullptr;
  std::unique_ptr<collection::BulkLoad> load_;
  uint64_t rows_ = 0;
};

// The types in which the engine stores a table's columns, and their names.
engine::Shape stored_shape(std::span<const sql::Column> columns);

}  // namespace sluice::session
