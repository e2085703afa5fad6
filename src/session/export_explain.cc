#include "session/export_explain.h"

#include <set>

#include "export/file_types.h"
#include "export/names.h"
#include "parquet/losses.h"
#include "parquet/mapping.h"
#include "parquet/writer.h"

namespace sluice::session {
namespace {

using types::TypeId;

// Of export_description_columns().
using Row = std::vector<std::string>;

std::string loss_in_csv(const types::SqlType& type) {
  return type.id == TypeId::kTimestampTz ? "in UTC" : "";
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

// Bytes that a value takes about, as text; in Parquet it is less.
double usual_text_bytes(const types::SqlType& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return 2;
    case TypeId::kSmallInt:
    case TypeId::kUint2:
      return 5;
    case TypeId::kInteger:
    case TypeId::kUint4:
      return 8;
    case TypeId::kBigInt:
    case TypeId::kUint8:
    case TypeId::kNumeric:
    case TypeId::kDate:
      return 11;
    case TypeId::kMzTimestamp:
    case TypeId::kReal:
    case TypeId::kDouble:
      return 14;
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return 27;
    case TypeId::kUuid:
      return 37;
    case TypeId::kJsonb:
    case TypeId::kArray:
    case TypeId::kList:
    case TypeId::kMap:
    case TypeId::kRecord:
      return 80;
    default:
      return 25;
  }
}

void add_estimates(const exports::ExportSpec& spec, std::optional<uint64_t> rows,
                   std::vector<Row>& out) {
  const auto add = [&](const char* name, const std::string& value, const char* note) {
    out.push_back({"estimate", name, "", value, "", note});
  };
  if (!rows) return add("rows", "unknown", "");
  constexpr double kParquetShare = 0.5;
  double row_bytes = 0;
  for (const types::SqlType& type : spec.types) row_bytes += usual_text_bytes(type);
  if (spec.format == exports::FileFormat::kParquet) row_bytes *= kParquetShare;
  const double bytes = row_bytes * static_cast<double>(*rows);
  const auto files = static_cast<uint64_t>(bytes / static_cast<double>(spec.max_file_bytes)) + 1;
  add("rows", std::to_string(*rows), "as the planner sees it");
  add("bytes", fmt::format("{:.0f}", bytes), "from the types' usual widths");
  add("files", std::to_string(spec.single_file ? 1 : files),
      spec.single_file ? "" : "at least; each thread has files of its own");
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
                                         std::optional<uint64_t> rows) {
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
  add_estimates(spec, rows, out);
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
