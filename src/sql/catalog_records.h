// The durable form of catalog objects: one JSON value for each, under `object/u12`.
//
//   {"kind": "table", "schema": "u1", "name": "t", "columns": [...], "keys": [...], ...}
//
// Values of secrets, and texts of connections that are credentials, are sealed (secrets/keyring.h)
// for the very place where they are. An unknown field is ignored, an unknown kind or a missing
// field is an error. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "secrets/keyring.h"
#include "sql/catalog.h"

namespace sluice::sql {

inline constexpr std::string_view kObjectKeyPrefix = "object/";
// The number of the next object: those of dropped ones are never given again.
inline constexpr std::string_view kNextNumberKey = "catalog/next_object_number";

std::string record_key(ObjectId id);
// `keys` may be null for what holds no secrets.
Result<std::string> write_record(const Object& object, const secrets::Keyring* keys);
Result<Object> read_record(ObjectId id, std::string_view json, const secrets::Keyring* keys);
// The record with its secrets sealed by the first key; nothing where it has none.
struct Reseal {
  bool discard_lost = false;  // values whose key is not there become empty, instead of an error
};
Result<std::optional<std::string>> resealed_record(ObjectId id, std::string_view json,
                                                   const secrets::Keyring& keys, Reseal options);

}  // namespace sluice::sql
