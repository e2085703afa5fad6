// PostgreSQL's binary form of values, out and in, and the text form in: what Bind and binary
// result columns need.
//
// Threads: pure functions over the caller's data.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/chunk.h"
#include "format/text.h"
#include "types/sql_type.h"

namespace sluice::format {

// Booleans, integers, floats, numeric, texts, bytea, uuid, date, time, timestamp, timestamptz,
// interval, jsonb, oid, and arrays of them.
bool supports_binary(const types::SqlType& type);

// As encode_text, with PostgreSQL's send format; the length word is not part of a value.
Status encode_binary(const types::SqlType& type, engine::Vector& vector, size_t rows,
                     const TextOptions& options, TextColumn& out);

// A parameter's value as to_engine(type). 22P03 for bytes that no value has.
Result<engine::Value> decode_binary(const types::SqlType& type, std::span<const std::byte> bytes);
// 22P02 `invalid input syntax for type integer: "x"`, 22003, 22007, 22008.
Result<engine::Value> decode_text(const types::SqlType& type, std::string_view text,
                                  const std::string& time_zone = "UTC");

}  // namespace sluice::format
