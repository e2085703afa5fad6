#include "session/export_layout.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "export/names.h"
#include "parquet/mapping.h"
#include "sql/query_trees.h"

namespace sluice::session {
namespace {

constexpr size_t kMostPartitionColumns = 16;
// Files that are open at once, of all threads and of one.
constexpr size_t kOpenFiles = 16;
constexpr size_t kMostOfThread = 8;

Error layout_error(std::string message, std::string_view sqlstate = "22023") {
  return Error(ErrorCode::kInvalid, std::move(message)).with_sqlstate(sqlstate);
}

void replace(engine::Query& query, sql::QueryPtr select) {
  auto keep = std::move(query.keep);
  query = engine::Query(std::move(select));
  query.keep = std::move(keep);
}

// How many different partitions there are, counted up to `most` and one more.
Result<size_t> count_partitions(const Execution& execution, const engine::Query& query,
                                size_t columns, size_t keys, size_t most) {
  std::vector<size_t> of;
  for (size_t i = columns - keys; i < columns; ++i) of.push_back(i);
  engine::Query counting(sql::distinct_rows(sql::copied_select(query), columns, of, most + 1));
  counting.keep = query.keep;
  TRY_ASSIGN(auto connection, execution.connect());
  TRY_ASSIGN(auto rows,
             connection->stream(std::move(counting), execution.parameters, execution.stop));
  size_t found = 0;
  while (true) {
    TRY_ASSIGN(engine::Chunk* const chunk, rows->next(execution.stop));
    if (chunk == nullptr) return found;
    found += chunk->size();
  }
}

// A folder's key has the name that its column has in the files, or would have beside theirs.
void name_keys(exports::ExportSpec& spec) {
  if (spec.format == exports::FileFormat::kCsv) return;
  std::vector<std::string> names = spec.names;
  std::vector<size_t> places;
  for (const std::string& key : spec.partition_names) {
    const auto found = std::find(spec.names.begin(), spec.names.end(), key);
    const bool is_in_files = found != spec.names.end();
    places.push_back(is_in_files ? static_cast<size_t>(found - spec.names.begin()) : names.size());
    if (!is_in_files) names.push_back(key);
  }
  const std::vector<std::string> in_file = parquet::names_in_file(names, spec.profile);
  for (size_t i = 0; i < places.size(); ++i) spec.partition_names[i] = in_file[places[i]];
}

}  // namespace

Status set_layout(const sql::CopyToOptions& options, exports::ExportSpec& spec) {
  switch (options.overwrite) {
    case sql::CopyToOptions::Overwrite::kError:
      spec.overwrite = exports::Overwrite::kError;
      break;
    case sql::CopyToOptions::Overwrite::kReplace:
      spec.overwrite = exports::Overwrite::kReplace;
      break;
    case sql::CopyToOptions::Overwrite::kAppend:
      spec.overwrite = exports::Overwrite::kAppend;
      break;
  }
  spec.manifest = options.manifest;
  spec.single_file = options.single_file;
  if (!options.file_name_pattern) return ok();
  TRY(exports::check_file_name_pattern(*options.file_name_pattern, spec.single_file));
  spec.file_name_pattern = *options.file_name_pattern;
  return ok();
}

Status check_names_for_partitions(std::span<const std::string> names,
                                  const sql::CopyToOptions& options) {
  std::map<std::string, std::string> seen;  // name by its lower case
  for (const std::string& name : names) {
    const auto [at, is_new] = seen.emplace(ascii_lower(name), name);
    if (is_new) continue;
    return layout_error("PARTITION BY cannot tell columns of one name apart", "42701")
        .with_detail(fmt::format("The rows have the columns \"{}\" and \"{}\".", at->second, name))
        .with_hint("Name them differently, without regard to case: COPY (SELECT … AS …) TO ….")
        .at(options.partition_position);
  }
  return ok();
}

Result<sql::QueryPtr> with_partitions(sql::QueryPtr query, const sql::CopyToOptions& options,
                                      exports::ExportSpec& spec) {
  if (options.partition_by.size() > kMostPartitionColumns) {
    return layout_error(fmt::format("PARTITION BY takes at most {} columns", kMostPartitionColumns))
        .at(options.partition_position);
  }
  std::vector<sql::ExpressionPtr> expressions;
  for (const std::string& text : options.partition_by) {
    auto partition = sql::parse_partition(text);
    if (!partition.ok()) return std::move(partition).error().at(options.partition_position);
    const auto& names = spec.partition_names;
    if (std::find(names.begin(), names.end(), partition->name) != names.end()) {
      return layout_error(fmt::format("PARTITION BY has the name {} twice", partition->name),
                          "42701")
          .at(options.partition_position);
    }
    spec.partition_names.push_back(partition->name);
    expressions.push_back(std::move(partition->expression));
  }
  return sql::with_texts(std::move(query), std::move(expressions));
}

Result<Partitions> arrange_partitions(const Execution& execution, const sql::CopyToOptions& options,
                                      size_t counted, exports::ExportSpec& spec,
                                      engine::Query& query) {
  const size_t keys = spec.partition_names.size();
  const size_t columns = spec.names.size();
  spec.names.resize(columns - keys);
  spec.types.resize(columns - keys);
  if (!spec.required.empty()) spec.required.resize(columns - keys);
  std::vector<size_t> dropped;
  for (size_t i = 0; i < spec.names.size() && !options.write_partition_columns; ++i) {
    const auto& names = spec.partition_names;
    if (std::find(names.begin(), names.end(), spec.names[i]) != names.end()) dropped.push_back(i);
  }
  if (dropped.size() == spec.names.size()) {
    return layout_error("PARTITION BY leaves no column for the files")
        .with_hint("WRITE PARTITION COLUMNS = true writes them too.")
        .at(options.partition_position);
  }
  for (auto column = dropped.rbegin(); column != dropped.rend(); ++column) {
    spec.names.erase(spec.names.begin() + static_cast<ptrdiff_t>(*column));
    spec.types.erase(spec.types.begin() + static_cast<ptrdiff_t>(*column));
    if (!spec.required.empty()) {
      spec.required.erase(spec.required.begin() + static_cast<ptrdiff_t>(*column));
    }
  }
  name_keys(spec);
  Partitions partitions;
  TRY_ASSIGN(auto connection, execution.connect());
  TRY_ASSIGN(partitions.threads, writing_threads(*connection));
  const size_t open =
      std::clamp<size_t>(kOpenFiles / std::max<size_t>(1, partitions.threads), 2, kMostOfThread);
  const size_t most = std::max(open, counted);
  TRY_ASSIGN(const size_t found, count_partitions(execution, query, columns, keys, most));
  partitions.found = std::min(found, most);
  partitions.is_all = found <= most;
  const bool few = found <= open;
  spec.max_open_files = few ? open : 1;
  std::vector<size_t> not_in_files = dropped;
  for (size_t i = columns - keys; i < columns; ++i) not_in_files.push_back(i);
  partitions.rows =
      engine::Query(sql::clustered(sql::copied_select(query), columns, not_in_files, 0));
  partitions.rows.keep = query.keep;
  replace(query, sql::clustered(sql::copied_select(query), columns, dropped, few ? 0 : keys));
  return partitions;
}

Result<size_t> writing_threads(engine::Connection& connection) {
  TRY_ASSIGN(const auto rows, connection.query("SELECT current_setting('threads')::BIGINT"));
  return static_cast<size_t>(rows.at(0).at(0).GetValue<int64_t>());
}

}  // namespace sluice::session
