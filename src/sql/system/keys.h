// Oids of what pg_catalog shows apart but the catalog keeps inside tables: keys, as constraints and
// as the indexes that clients expect behind them, and defaults.
#pragma once

#include <cstdint>
#include <optional>

#include "sql/catalog.h"

namespace sluice::sql::system {

// Of table `table`, key `key` (from 0).
uint32_t index_oid(const Object& table, size_t key);
uint32_t constraint_oid(const Object& table, size_t key);
uint32_t default_oid(const Object& table, size_t column);

struct KeyOfTable {
  const Object* table = nullptr;
  const KeyConstraint* key = nullptr;
};
// The key behind either of its oids.
std::optional<KeyOfTable> find_key(const Catalog& catalog, uint32_t oid);

}  // namespace sluice::sql::system
