// Rows of a chunk as the keys and payloads of an arrangement, and back.
//
// The key is some columns in key form. A column of the key is in the payload, too, only if equal
// values of its type may differ (floats, intervals), so mostly nothing is kept twice.
//
// Immutable and safe from any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "arrangement/row_bytes.h"
#include "engine/chunk.h"

namespace sluice::arrangement {

class KeyedCodec {
 public:
  // Of rows of `types`, the columns `key` in this order; a column may be there twice.
  KeyedCodec(std::vector<engine::LogicalType> types, std::vector<size_t> key);

  // Appends one for each row.
  void encode_keys(const engine::Chunk& rows, ByteRows& keys) const;
  void encode_payloads(const engine::Chunk& rows, ByteRows& payloads) const;

  // Fills the columns of `out` from `first_column` on with the rows, from row 0 on.
  void decode(std::span<const std::string_view> keys, std::span<const std::string_view> payloads,
              size_t first_column, engine::Chunk& out) const;

  const std::vector<engine::LogicalType>& types() const { return types_; }

 private:
  const std::vector<engine::LogicalType> types_;
  const std::vector<size_t> key_;
  std::vector<size_t> key_to_;   // for each column of the key where it goes, or kNoColumn
  std::vector<size_t> payload_;  // the columns of the payload
  RowCodec key_codec_;
  RowCodec payload_codec_;
};

// Whether value `column` of a row or key in bytes is NULL, as 1 or 0.
uint32_t is_null(std::string_view row, size_t column);

}  // namespace sluice::arrangement
