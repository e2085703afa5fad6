// Where an index fits what WHERE says of a relation, only the rows with the key are read:
// lookups.h.
#include <algorithm>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <numeric>

#include "sql/resolver.h"

namespace sluice::sql {
namespace {

// More are not read by id: a scan is as cheap.
constexpr size_t kMostRows = 1000;
constexpr size_t kMostKeys = 1000;

// A relation's columns as the query names them.
std::vector<std::string> shown_names(const Object& object, const duckdb::BaseTableRef& ref) {
  std::vector<std::string> names;
  for (const Column& column : object.columns()) names.push_back(column.name);
  for (size_t i = 0; i < std::min<size_t>(names.size(), ref.column_name_alias.size()); ++i)
    names[i] = ref.column_name_alias[i];
  return names;
}

Result<std::optional<std::vector<int64_t>>> find(
    const collection::KeyIndex& index, const std::vector<engine::LogicalType>& types,
    const std::vector<std::vector<engine::Value>>& keys) {
  engine::Chunk chunk;
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), {types.begin(), types.end()},
                   std::max<size_t>(keys.size(), 1));
  for (size_t row = 0; row < keys.size(); ++row)
    for (size_t i = 0; i < types.size(); ++i) chunk.SetValue(i, row, keys[row][i]);
  chunk.SetCardinality(keys.size());
  return index.find(chunk);
}

}  // namespace

// Ids of rows that may have what WHERE asks of the index's columns; nothing: it doesn't fit.
std::optional<std::vector<int64_t>> Resolver::candidates(const Object& object, const Object& index,
                                                         const duckdb::BaseTableRef& ref,
                                                         const Scope& scope) const {
  const auto rows = context_.index(index.id);
  if (!rows) return std::nullopt;
  const std::vector<std::string> names = shown_names(object, ref);
  const std::string& alias = ref.alias.empty() ? object.name : ref.alias;
  // What has no qualifier may be another relation's column.
  const bool alone = scope.from == &ref;
  std::vector<engine::LogicalType> types;
  std::vector<std::vector<engine::Value>> values;
  for (const size_t column : index.index()->columns) {
    const auto names_it = [&](const std::vector<std::string>& written) {
      if (written.back() != names[column]) return false;
      return written.size() == 1 ? alone : written.size() == 2 && written[0] == alias;
    };
    const auto condition =
        std::find_if(scope.conditions->begin(), scope.conditions->end(),
                     [&](const KeyCondition& each) { return names_it(each.column); });
    if (condition == scope.conditions->end()) return std::nullopt;
    types.push_back(types::to_engine(object.columns()[column].type));
    auto keys = key_values(*condition, types.back(), context_.constants);
    if (!keys) return std::nullopt;
    values.push_back(std::move(*keys));
  }
  const auto keys = combinations(values, kMostKeys);
  if (!keys) return std::nullopt;
  auto found = find(*rows, types, *keys);
  return found.ok() ? std::move(*found) : std::nullopt;
}

std::optional<std::string> Resolver::looked_up(const Object& object,
                                               const collection::Snapshot& snapshot,
                                               const std::optional<std::string>& row_ids,
                                               const duckdb::BaseTableRef& ref,
                                               const Scope& scope) {
  if (scope.conditions == nullptr || ref.sample) return std::nullopt;
  const Object* best = nullptr;
  std::vector<int64_t> fewest;
  for (const Object* const index : context_.catalog->indexes_of(object.id)) {
    auto ids = candidates(object, *index, ref, scope);
    if (!ids) continue;
    snapshot.keep_visible(*ids);
    if (ids->size() > kMostRows || (best != nullptr && ids->size() >= fewest.size())) continue;
    best = index;
    fewest = std::move(*ids);
  }
  if (best == nullptr) return std::nullopt;
  std::vector<std::string> names;
  for (const Column& column : object.columns()) names.push_back(column.name);
  collection::Snapshot::Part part = snapshot.rows_sql(fewest, names, row_ids);
  if (part.keep) keep_.push_back(std::move(part.keep));
  rows_read_.push_back({.relation = object.id, .index = best->id, .rows = fewest.size()});
  return std::move(part.sql);
}

}  // namespace sluice::sql
