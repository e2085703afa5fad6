// Rows and types as bytes, for logs: every type that a chunk can hold, nested ones included, and
// aliases of types (JSON) too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"

namespace sluice::engine {

// Names and types are written once a collection; rows without them.
std::string encode_shape(const Shape& shape);
Result<Shape> decode_shape(std::string_view bytes);

// Appends the bytes of all rows to `out`.
Status encode_rows(const Chunk& rows, std::string& out);
// Initializes `rows` with `types` and fills in `count` rows.
Status decode_rows(std::string_view bytes, const std::vector<LogicalType>& types, size_t count,
                   Chunk& rows);

// A chunk of `types` with room for `rows`, and no more, since most are small.
void initialize(Chunk& chunk, const std::vector<LogicalType>& types, size_t rows);
// Appends `rows` (`count` of them by `selection` if given) to `to`, which must have room for them.
void append_rows(const Chunk& rows, Chunk& to, const duckdb::SelectionVector* selection = nullptr,
                 size_t count = 0);
// Roughly what `rows` take in memory, strings included.
uint64_t memory_bytes(const Chunk& rows);

}  // namespace sluice::engine
