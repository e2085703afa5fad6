#include "export/manifest.h"

#include <fmt/chrono.h>

#include <nlohmann/json.hpp>

#include "export/file_types.h"
#include "format/text.h"
#include "parquet/mapping.h"

namespace sluice::exports {
namespace {

// Keeps the order in which people read it.
using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
// Longer texts are left out: a manifest is no place for them.
constexpr size_t kMostTextBytes = 256;

// NULL too where a column has no values, or no order.
Json extreme(const types::SqlType& type, const std::optional<engine::Value>& value) {
  if (!value) return nullptr;
  const auto text = format::text_of(type, *value);
  if (!text.ok() || text->size() > kMostTextBytes) return nullptr;
  return *text;
}

Result<Json> schema_of(const ExportSpec& spec) {
  std::vector<parquet::MappedColumn> mapped;
  if (spec.format == FileFormat::kParquet) {
    TRY_ASSIGN(mapped, parquet::map_columns(spec.names, spec.types, spec.profile, spec.required));
  }
  Json columns = Json::array();
  for (size_t i = 0; i < spec.names.size(); ++i) {
    Json column{{"name", mapped.empty() ? spec.names[i] : mapped[i].name},
                {"sql", types::exact_name(spec.types[i])}};
    column["arrow"] = mapped.empty() ? "string" : arrow_type(mapped[i].field);
    column["parquet"] = mapped.empty() ? Json(nullptr) : Json(parquet_type(mapped[i].field));
    columns.push_back(std::move(column));
  }
  return columns;
}

Json statistics_of(const ExportSpec& spec, const Json& schema, const RunFile::Facts& facts) {
  Json columns = Json::array();
  const auto& all = facts.columns.columns();
  for (size_t i = 0; i < all.size(); ++i) {
    columns.push_back({{"name", schema[i]["name"]},
                       {"nulls", all[i].nulls},
                       {"min", extreme(spec.types[i], all[i].min)},
                       {"max", extreme(spec.types[i], all[i].max)}});
  }
  return columns;
}

std::string utc(int64_t milliseconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(milliseconds / 1000),
                     milliseconds % 1000);
}

}  // namespace

Result<std::string> manifest_of(const ExportSpec& spec, const ExportResult& result,
                                const std::vector<RunFile*>& data) {
  TRY_ASSIGN(Json schema, schema_of(spec));
  Json files = Json::array();
  uint64_t rows = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    RunFile::Facts& facts = *data[i]->facts();
    rows += facts.rows;
    files.push_back({{"key", result.files[i].key},
                     {"rows", facts.rows},
                     {"bytes", result.files[i].bytes},
                     {"checksum", "sha256:" + facts.digest.finish()},
                     {"columns", statistics_of(spec, schema, facts)}});
  }
  if (rows != result.rows) {
    return internal("the files have {} rows, the query gave {}", rows, result.rows);
  }
  const Json manifest{
      {"version", kVersion},
      {"id", spec.id},
      {"target", spec.target},
      {"format", spec.format == FileFormat::kCsv ? "csv" : "parquet"},
      {"logical_time", std::to_string(spec.logical_time)},
      {"logical_time_utc", utc(spec.logical_time)},
      {"statement", spec.statement},
      {"statement_sha256", sha256(spec.statement)},
      {"query_sha256", sha256(spec.query)},
      {"partition_by", spec.partition_names},
      {"schema", std::move(schema)},
      {"totals", {{"files", result.files.size()}, {"rows", result.rows}, {"bytes", result.bytes}}},
      {"files", std::move(files)}};
  return manifest.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::exports
