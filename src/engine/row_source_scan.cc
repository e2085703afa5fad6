#include "engine/row_source_scan.h"

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/function/table_function.hpp>
#include <duckdb/main/database.hpp>
#include <duckdb/parser/parsed_data/create_table_function_info.hpp>

namespace sluice::engine {
namespace {

struct ScanInfo final : duckdb::TableFunctionInfo {
  explicit ScanInfo(std::shared_ptr<const Registry<RowSource>> sources)
      : registry(std::move(sources)) {}
  const std::shared_ptr<const Registry<RowSource>> registry;
};

struct ScanBinding final : duckdb::FunctionData {
  explicit ScanBinding(const RowSource& rows) : source(rows) {}
  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override {
    return duckdb::make_uniq<ScanBinding>(source);
  }
  bool Equals(const duckdb::FunctionData& other) const override {
    return &source == &other.Cast<ScanBinding>().source;
  }
  const RowSource& source;  // its token outlives the query
};

struct ScanState final : duckdb::GlobalTableFunctionState {
  idx_t MaxThreads() const override { return threads; }
  std::atomic<size_t> next_batch = 0;
  size_t threads = 1;
  // The source's columns to read, and where each goes. A row id that only count(*) asks for has
  // no column in the source.
  std::vector<size_t> columns;
};

struct ScanLocal final : duckdb::LocalTableFunctionState {
  size_t batch = 0;
  size_t row = 0;
  bool has_batch = false;
  duckdb::DataChunk scratch;  // where a scan without any real column reads its rows
};

duckdb::unique_ptr<duckdb::FunctionData> bind(duckdb::ClientContext&,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<std::string>& names) {
  const auto& info = static_cast<const ScanInfo&>(*input.info);
  const RowSource* source =
      input.inputs[0].IsNull() ? nullptr : info.registry->find(input.inputs[0].GetValue<int64_t>());
  if (source == nullptr) throw duckdb::InvalidInputException("rows in memory are gone");
  for (const LogicalType& type : source->shape().types) types.push_back(type);
  for (const std::string& name : source->shape().names) names.push_back(name);
  return duckdb::make_uniq<ScanBinding>(*source);
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> begin(duckdb::ClientContext&,
                                                           duckdb::TableFunctionInitInput& input) {
  const RowSource& source = input.bind_data->Cast<ScanBinding>().source;
  auto state = duckdb::make_uniq<ScanState>();
  state->threads = std::max<size_t>(1, source.batch_count());
  for (const auto column : input.column_ids) {
    if (column < source.shape().types.size()) state->columns.push_back(column);
  }
  return state;
}

duckdb::unique_ptr<duckdb::LocalTableFunctionState> begin_local(duckdb::ExecutionContext&,
                                                                duckdb::TableFunctionInitInput&,
                                                                duckdb::GlobalTableFunctionState*) {
  return duckdb::make_uniq<ScanLocal>();
}

void scan(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& out) {
  const RowSource& source = input.bind_data->Cast<ScanBinding>().source;
  auto& state = input.global_state->Cast<ScanState>();
  auto& local = input.local_state->Cast<ScanLocal>();
  // Rows are all that is wanted of a chunk with no column of ours: count(*).
  const bool counted = state.columns.size() != out.ColumnCount();
  duckdb::DataChunk& into = counted ? local.scratch : out;
  while (true) {
    if (!local.has_batch) {
      local.batch = state.next_batch.fetch_add(1);
      local.row = 0;
      if (local.batch >= source.batch_count()) return out.SetCardinality(0);
      local.has_batch = true;
    }
    into.Reset();
    const size_t taken = source.read(local.batch, local.row, state.columns, into);
    local.row += taken;
    if (taken == 0) {
      local.has_batch = false;
    } else if (into.size() > 0) {
      return out.SetCardinality(into.size());
    }
  }
}

duckdb::unique_ptr<duckdb::NodeStatistics> cardinality(duckdb::ClientContext&,
                                                       const duckdb::FunctionData* data) {
  const uint64_t rows = data->Cast<ScanBinding>().source.row_count();
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

double progress(duckdb::ClientContext&, const duckdb::FunctionData* data,
                const duckdb::GlobalTableFunctionState* global) {
  const size_t batches = data->Cast<ScanBinding>().source.batch_count();
  const size_t taken = std::min(batches, global->Cast<ScanState>().next_batch.load());
  return batches == 0 ? 100.0 : 100.0 * static_cast<double>(taken) / static_cast<double>(batches);
}

}  // namespace

void register_row_source_scan(duckdb::DatabaseInstance& instance,
                              std::shared_ptr<const Registry<RowSource>> registry) {
  duckdb::TableFunction function("sluice_rows", {LogicalType::BIGINT}, scan, bind, begin,
                                 begin_local);
  function.projection_pushdown = true;
  function.cardinality = cardinality;
  function.table_scan_progress = progress;
  function.function_info = duckdb::make_shared_ptr<ScanInfo>(std::move(registry));
  duckdb::CreateTableFunctionInfo info(std::move(function));
  duckdb::Catalog::GetSystemCatalog(instance).CreateTableFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(instance), info);
}

}  // namespace sluice::engine
