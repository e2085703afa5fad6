#include "sql/system/keys.h"

namespace sluice::sql::system {
namespace {

constexpr uint32_t kIndexOids = 1'000'000'000;
constexpr uint32_t kConstraintOids = 2'000'000'000;
constexpr uint32_t kDefaultOids = 3'000'000'000;
// More than any table has keys.
constexpr uint32_t kPerTable = 64;

uint32_t make_oid(uint32_t base, const Object& table, size_t index) {
  return base + static_cast<uint32_t>(table.id.number) * kPerTable + static_cast<uint32_t>(index);
}

}  // namespace

uint32_t index_oid(const Object& table, size_t key) { return make_oid(kIndexOids, table, key); }
uint32_t constraint_oid(const Object& table, size_t key) {
  return make_oid(kConstraintOids, table, key);
}
uint32_t default_oid(const Object& table, size_t column) {
  return make_oid(kDefaultOids, table, column);
}

std::optional<KeyOfTable> find_key(const Catalog& catalog, uint32_t oid) {
  if (oid < kIndexOids || oid >= kDefaultOids) return std::nullopt;
  const uint32_t offset = oid - (oid < kConstraintOids ? kIndexOids : kConstraintOids);
  const Object* object = catalog.find({.system = false, .number = offset / kPerTable});
  const Table* table = object == nullptr ? nullptr : object->table();
  const size_t key = offset % kPerTable;
  if (table == nullptr || key >= table->keys.size()) return std::nullopt;
  return KeyOfTable{.table = object, .key = &table->keys[key]};
}

}  // namespace sluice::sql::system
