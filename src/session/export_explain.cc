#include "session/export_explain.h"

#include <algorithm>

#include "export/file_types.h"
#include "export/names.h"
#include "parquet/mapping.h"

namespace sluice::session {
namespace {

using types::TypeId;
using Row = std::vector<std::string>;

// What the file does not say any more. Empty: nothing.
std::string loss_in_parquet(const types::SqlType& type, const parquet::Field& field) {
  if (field.text_of) return "as its text";
  switch (type.id) {
    case TypeId::kVarchar:
    case TypeId::kChar:
      return type.precision >= 0 ? "the length is not kept" : "";
    case TypeId::kNumeric:
      if (type.precision < 0) return fmt::format("digits behind the point: {}", field.scale);
      return type.precision != field.precision ? "the precision is not kept" : "";
    case TypeId::kMzTimestamp:
      return "milliseconds as a number";
    case TypeId::kTimestampTz:
      return "in UTC";
    default:
      return "";
  }
}

std::string loss_in_csv(const types::SqlType& type) {
  return type.id == TypeId::kTimestampTz ? "in UTC" : "";
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
    out.push_back({"estimate", name, "", value, note});
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

}  // namespace

std::vector<std::string> export_description_columns() {
  return {"item", "name", "sql_type", "file_type", "note"};
}

Result<std::vector<Row>> describe_export(const exports::ExportSpec& given,
                                         std::optional<uint64_t> rows) {
  exports::ExportSpec spec = given;
  spec.id = "{id}";
  const bool csv = spec.format == exports::FileFormat::kCsv;
  std::vector<parquet::MappedColumn> mapped;
  if (!csv) {
    TRY_ASSIGN(mapped, parquet::map_columns(spec.names, spec.types));
  }
  std::vector<Row> out;
  for (size_t i = 0; i < spec.names.size(); ++i) {
    const std::string sql = types::exact_name(spec.types[i]);
    if (csv) {
      out.push_back({"column", spec.names[i], sql, "text", loss_in_csv(spec.types[i])});
    } else {
      out.push_back({"column", mapped[i].name, sql, exports::parquet_type(mapped[i].field),
                     loss_in_parquet(spec.types[i], mapped[i].field)});
    }
  }
  std::string folders;
  for (const std::string& name : spec.partition_names) {
    const bool written = std::find(spec.names.begin(), spec.names.end(), name) != spec.names.end();
    out.push_back({"partition", name, "", "key",
                   fmt::format("{}; NULL and an empty text are one",
                               written ? "in the files too" : "in the keys only")});
    folders += fmt::format("{}={{value}}/", name);
  }
  add_estimates(spec, rows, out);
  const std::string data = exports::data_key(spec, folders, 0, csv ? 1 : 0);
  out.push_back({"object", "data", "", data, "the first; {id} is the run's"});
  if (spec.manifest) {
    out.push_back({"object", "manifest", "", exports::run_key(spec, exports::kManifestSuffix), ""});
  }
  out.push_back({"object", "sentinel", "", exports::run_key(spec, exports::kSentinelSuffix),
                 "gone when all is there"});
  return out;
}

}  // namespace sluice::session
