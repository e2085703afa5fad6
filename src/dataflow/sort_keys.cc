#include "dataflow/sort_keys.h"

#include <duckdb/function/create_sort_key.hpp>

namespace sluice::dataflow {

std::vector<std::string> sort_keys(const engine::Chunk& rows, const std::vector<OrderKey>& order) {
  using duckdb::OrderByNullType;
  using duckdb::OrderType;
  std::vector<std::string> result(rows.size());
  if (order.empty()) return result;
  engine::Chunk chosen;
  duckdb::vector<engine::LogicalType> types;
  duckdb::vector<duckdb::OrderModifiers> modifiers;
  for (const OrderKey& key : order) {
    types.push_back(rows.data[key.column].GetType());
    modifiers.emplace_back(
        key.descending ? OrderType::DESCENDING : OrderType::ASCENDING,
        key.nulls_first ? OrderByNullType::NULLS_FIRST : OrderByNullType::NULLS_LAST);
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

}  // namespace sluice::dataflow
