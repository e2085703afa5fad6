#include "dataflow/shells.h"

#include <charconv>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/function/table/table_scan.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/planner/operator/logical_get.hpp>
#include <duckdb/storage/statistics/node_statistics.hpp>
#include <duckdb/transaction/meta_transaction.hpp>

namespace sluice::dataflow {
namespace {

constexpr const char* kIdTag = "sluice_source";
constexpr const char* kRowsTag = "sluice_rows";

std::optional<uint64_t> number_tag(const duckdb::TableCatalogEntry& table, const char* tag) {
  const auto found = table.tags.find(tag);
  if (found == table.tags.end()) return std::nullopt;
  const std::string& text = found->second;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

duckdb::unique_ptr<duckdb::NodeStatistics> live_rows(duckdb::ClientContext&,
                                                     const duckdb::FunctionData* bind_data) {
  const auto& table = bind_data->Cast<duckdb::TableScanBindData>().table;
  const uint64_t rows = number_tag(table, kRowsTag).value_or(0);
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

}  // namespace

void create_shells(duckdb::ClientContext& context, std::span<const SourceTable> sources) {
  auto& catalog = duckdb::Catalog::GetCatalog(context, INVALID_CATALOG);
  duckdb::MetaTransaction::Get(context).ModifyDatabase(catalog.GetAttached());
  for (const SourceTable& source : sources) {
    auto info =
        duckdb::make_uniq<duckdb::CreateTableInfo>(catalog.GetName(), DEFAULT_SCHEMA, source.name);
    for (size_t i = 0; i < source.shape.names.size(); ++i) {
      info->columns.AddColumn({source.shape.names[i], source.shape.types[i]});
    }
    info->tags[kIdTag] = std::to_string(source.id.value);
    info->tags[kRowsTag] = std::to_string(source.rows);
    catalog.CreateTable(context, std::move(info));
  }
}

void detach_scans(duckdb::LogicalOperator& bound) {
  if (bound.type == duckdb::LogicalOperatorType::LOGICAL_GET) {
    auto& scan = bound.Cast<duckdb::LogicalGet>();
    if (source_of(scan)) {
      scan.function.filter_pushdown = false;
      scan.function.filter_prune = false;
      scan.function.pushdown_complex_filter = nullptr;
      scan.function.statistics = nullptr;
      scan.function.cardinality = live_rows;
      // A scan whose columns nobody wants then reads its first one, not the row ids.
      scan.virtual_columns.clear();
    }
  }
  for (auto& child : bound.children) detach_scans(*child);
}

std::optional<SourceId> source_of(const duckdb::LogicalGet& scan) {
  const auto table = scan.GetTable();
  if (!table) return std::nullopt;
  const auto id = number_tag(*table, kIdTag);
  if (!id) return std::nullopt;
  return SourceId{*id};
}

}  // namespace sluice::dataflow
