// Rows on the wire: chunks are encoded a column at a time, then put together as DataRow messages.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "format/text.h"
#include "pgwire/replies.h"
#include "session/session.h"

namespace sluice::pgwire {

// One format for each of `columns`, from the codes of a Bind: none means text, one is for all.
// 08P01 for another number of codes, 22023 for an unknown one, 0A000 for a type without binary
// form.
Result<std::vector<Format>> column_formats(std::span<const int16_t> codes,
                                           const std::vector<session::Column>& columns);

// The rows of one portal. Keeps what is encoded and not yet sent, so that a portal can be suspended
// within a chunk.
class RowEncoder {
 public:
  // `columns` must outlive it. `formats`: one for each column.
  RowEncoder(const std::vector<session::Column>& columns, std::vector<Format> formats);

  const std::vector<Format>& formats() const { return formats_; }

  // Reads `chunk` during the call only. Everything of the last one must have been taken.
  Status encode(engine::Chunk& chunk, const format::TextOptions& options);
  bool at_end() const { return next_ == rows_; }

  struct Limits {
    uint64_t rows;
    size_t bytes;  // no further row is begun once `out` has so many
  };
  // Appends DataRow messages; returns their number. 54000 for a row that no message can hold.
  Result<uint64_t> take(const Limits& limits, std::string& out);

 private:
  Status append_row(size_t row, std::string& out) const;

  const std::vector<session::Column>& columns_;
  const std::vector<Format> formats_;
  std::vector<format::TextColumn> encoded_;
  size_t rows_ = 0;
  size_t next_ = 0;
};

}  // namespace sluice::pgwire
