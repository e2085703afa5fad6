#include "dataflow/sort_keys.h"

#include <duckdb/function/create_sort_key.hpp>

namespace sluice::dataflow {
namespace {

duckdb::OrderModifiers modifiers_of(const OrderKey& key) {
  using duckdb::OrderByNullType;
  using duckdb::OrderType;
  return {key.descending ? OrderType::DESCENDING : OrderType::ASCENDING,
          key.nulls_first ? OrderByNullType::NULLS_FIRST : OrderByNullType::NULLS_LAST};
}

}  // namespace

std::vector<std::string> sort_keys(const engine::Chunk& rows, const std::vector<OrderKey>& order) {
  std::vector<std::string> result(rows.size());
  if (order.empty()) return result;
  engine::Chunk chosen;
  duckdb::vector<engine::LogicalType> types;
  duckdb::vector<duckdb::OrderModifiers> modifiers;
  for (const OrderKey& key : order) {
    types.push_back(rows.data[key.column].GetType());
    modifiers.push_back(modifiers_of(key));
  }
  chosen.InitializeEmpty(types);
  for (size_t i = 0; i < order.size(); ++i) {
    chosen.data[i].Reference(rows.data[order[i].column]);
  }
  chosen.SetCardinality(rows.size());
  engine::Vector encoded(engine::LogicalType::BLOB, std::max<size_t>(rows.size(), 1));
  duckdb::CreateSortKeyHelpers::CreateSortKey(chosen, modifiers, encoded);
  duckdb::UnifiedVectorFormat format;
  encoded.ToUnifiedFormat(rows.size(), format);
  const auto* blobs = reinterpret_cast<const duckdb::string_t*>(format.data);
  for (size_t row = 0; row < rows.size(); ++row) {
    const duckdb::string_t& blob = blobs[format.sel->get_index(row)];
    result[row].assign(blob.GetData(), blob.GetSize());
  }
  return result;
}

void decode_sort_key(const std::string& key, const OrderKey& order, engine::Vector& result,
                     size_t row) {
  const duckdb::string_t bytes(key.data(), static_cast<uint32_t>(key.size()));
  duckdb::CreateSortKeyHelpers::DecodeSortKey(bytes, result, row, modifiers_of(order));
}

}  // namespace sluice::dataflow
