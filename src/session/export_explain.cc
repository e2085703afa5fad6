#include "session/export_explain.h"

#include <set>

#include "export/file_types.h"
#include "export/names.h"
#include "parquet/losses.h"
#include "parquet/mapping.h"
#include "parquet/writer.h"

namespace sluice::session {
namespace {

// Of export_description_columns().
using Row = std::vector<std::string>;

std::string loss_in_csv(const types::SqlType& type) {
  return type.id == types::TypeId::kTimestampTz ? "in UTC" : "";
}

Row text_column(const std::string& name, const types::SqlType& type) {
  return {"column", name, types::exact_name(type), "text", "", loss_in_csv(type)};
}

Row file_column(const std::string& name, const types::SqlType& type,
                const parquet::MappedColumn& column, const parquet::Profile& profile) {
  const std::string loss = parquet::loss_of(type, column.field, profile);
  std::string note = column.name == name ? "" : fmt::format("named {} in the file", column.name);
  if (!note.empty() && !loss.empty()) note += "; ";
  return {"column",
          name,
          types::exact_name(type),
          exports::parquet_type(column.field) + (column.field.nullable ? "" : " REQUIRED"),
          exports::arrow_type(column.field),
          note + loss};
}

std::string note_on_bytes(const ExportEstimate& estimate) {
  if (estimate.sampled_rows > 0) {
    return fmt::format("estimated: {} rows, encoded and compressed, took so much each",
                       estimate.sampled_rows);
  }
  if (!estimate.trouble.empty()) {
    return "guessed from the types' usual widths, since the first rows failed: " + estimate.trouble;
  }
  return estimate.are_counted ? "" : "guessed from the types' usual widths";
}

std::string note_on_files(const exports::ExportSpec& spec, const Partitions& partitions,
                          const ExportEstimate& estimate) {
  if (estimate.most_files == estimate.least_files) return "";
  return fmt::format("estimated; up to {}, as each of {} threads has files of its own{}",
                     estimate.most_files, partitions.threads,
                     spec.partition_names.empty() ? "" : " in each partition");
}

void add_estimates(const exports::ExportSpec& spec, const Partitions& partitions,
                   const ExportEstimate& estimate, std::vector<Row>& out) {
  const auto add = [&](const char* name, const std::string& value, const std::string& note) {
    out.push_back({"estimate", name, "", value, "", note});
  };
  const auto number = [](const auto& value) { return std::to_string(value); };
  if (!estimate.rows) return add("rows", "unknown", "");
  add("rows", number(*estimate.rows), estimate.are_counted ? "counted" : "as the planner sees it");
  add("bytes", number(estimate.bytes), note_on_bytes(estimate));
  if (!partitions.is_all) {
    return add("partitions", fmt::format("more than {}", partitions.found),
               "the COPY would fail: that many files is the most that one makes");
  }
  if (!spec.partition_names.empty()) add("partitions", number(partitions.found), "counted");
  add("files", number(estimate.least_files), note_on_files(spec, partitions, estimate));
}

// What the statement's options, or what is usual in their place, make of the files.
void add_options(const exports::ExportSpec& spec, std::vector<Row>& out) {
  using parquet::BloomFilters;
  const auto add = [&](const char* name, const std::string& value, const std::string& note = "") {
    out.push_back({"option", name, "", value, "", note});
  };
  if (spec.format == exports::FileFormat::kCsv) {
    return add("COMPRESSION", spec.csv_compression.text());
  }
  add("PROFILE", std::string(spec.profile.name), parquet::advice_of(spec.profile));
  add("COMPRESSION", spec.parquet_compression.text());
  add("ROW GROUP SIZE", std::to_string(spec.row_group_bytes.value_or(parquet::kGroupBytes)),
      spec.row_group_bytes ? "at most, before compression"
                           : "at most, before compression; 122880 rows at most too");
  add("STATISTICS", spec.parquet_statistics ? "true" : "false");
  std::vector<std::string> filtered;
  for (size_t i = 0; i < spec.bloom_filters.size(); ++i) {
    if (spec.bloom_filters[i] == BloomFilters::kAll) filtered.push_back(spec.names[i]);
  }
  if (spec.bloom_filters.empty()) {
    add("BLOOM FILTERS", "true", "where a dictionary makes them small");
  } else {
    add("BLOOM FILTERS",
        filtered.empty() ? "false" : fmt::format("({})", fmt::join(filtered, ", ")));
  }
}

}  // namespace

std::vector<std::string> export_description_columns() {
  return {"item", "name", "sql_type", "file_type", "arrow_type", "note"};
}

Result<std::vector<Row>> describe_export(const exports::ExportSpec& given,
                                         const Partitions& partitions,
                                         const ExportEstimate& estimate) {
  exports::ExportSpec spec = given;
  spec.id = "{id}";
  const bool csv = spec.format == exports::FileFormat::kCsv;
  std::vector<parquet::MappedColumn> mapped;
  if (!csv) {
    TRY_ASSIGN(mapped, parquet::map_columns(spec.names, spec.types, spec.profile, spec.required));
  }
  std::vector<Row> out;
  std::set<std::string> in_files;
  for (size_t i = 0; i < spec.names.size(); ++i) {
    const types::SqlType& type = spec.types[i];
    in_files.insert(csv ? spec.names[i] : mapped[i].name);
    out.push_back(csv ? text_column(spec.names[i], type)
                      : file_column(spec.names[i], type, mapped[i], spec.profile));
  }
  std::string folders;
  for (const std::string& name : spec.partition_names) {
    out.push_back({"partition", name, "", "key", "",
                   fmt::format("{}; NULL and an empty text are one",
                               in_files.contains(name) ? "in the files too" : "in the keys only")});
    folders += fmt::format("{}={{value}}/", name);
  }
  add_options(spec, out);
  add_estimates(spec, partitions, estimate, out);
  const std::string data = exports::data_key(spec, folders, 0, csv ? 1 : 0);
  out.push_back({"object", "data", "", data, "", "the first; {id} is the run's"});
  if (spec.manifest) {
    out.push_back(
        {"object", "manifest", "", exports::run_key(spec, exports::kManifestSuffix), "", ""});
  }
  out.push_back({"object", "sentinel", "", exports::run_key(spec, exports::kSentinelSuffix), "",
                 "gone when all is there"});
  return out;
}

}  // namespace sluice::session
