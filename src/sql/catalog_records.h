// The durable form of catalog objects: one JSON value for each, under `object/u12`.
//
//   {"kind": "table", "schema": "u1", "name": "t", "columns": [...], "keys": [...], ...}
//
// Bytes (secrets) are in hexadecimal, since JSON holds only UTF-8. An unknown field is ignored, an
// unknown kind or a missing field is an error. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sql/catalog.h"

namespace sluice::sql {

inline constexpr std::string_view kObjectKeyPrefix = "object/";
// The number of the next object: those of dropped ones are never given again.
inline constexpr std::string_view kNextNumberKey = "catalog/next_object_number";

std::string record_key(ObjectId id);
std::string write_record(const Object& object);
Result<Object> read_record(ObjectId id, std::string_view json);

}  // namespace sluice::sql
