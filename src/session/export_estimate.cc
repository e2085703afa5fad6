#include "session/export_estimate.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "export/deadline.h"
#include "export/sample.h"
#include "sql/query_trees.h"

namespace sluice::session {
namespace {

using types::TypeId;

constexpr exports::Deadline::Options kSampleTime{.after = std::chrono::milliseconds(1'000),
                                                 .after_stop = std::chrono::milliseconds(0)};

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

double usual_row_bytes(const exports::ExportSpec& spec) {
  constexpr double kParquetShare = 0.5;
  double bytes = 0;
  for (const types::SqlType& type : spec.types) bytes += usual_text_bytes(type);
  return spec.format == exports::FileFormat::kParquet ? bytes * kParquetShare : bytes;
}

// Of an operator in the planner's own description. Of a UNION ALL, such as the rows of a table in
// segments and those in memory, it says those of the larger part only.
std::optional<uint64_t> rows_of(const nlohmann::json& of) {
  const std::string name = of.value("name", "");
  const auto& children = of.value("children", nlohmann::json::array());
  if (name == "UNION" || name == "PROJECTION") {
    std::optional<uint64_t> rows;
    for (const nlohmann::json& child : children) {
      if (const auto some = rows_of(child)) rows = rows.value_or(0) + *some;
    }
    if (rows) return rows;
  }
  const auto& extra = of.value("extra_info", nlohmann::json::object());
  const auto number = extra.find("Estimated Cardinality");
  if (number != extra.end() && number->is_string()) {
    return std::strtoull(number->get<std::string>().c_str(), nullptr, 10);
  }
  return children.empty() ? std::nullopt : rows_of(children[0]);
}

Result<std::optional<uint64_t>> planned_rows(const Execution& execution,
                                             const engine::Query& query) {
  engine::Query explained(sql::explained(query.statement()));
  explained.keep = query.keep;
  TRY_ASSIGN(auto connection, execution.connect());
  TRY_ASSIGN(auto rows,
             connection->stream(std::move(explained), execution.parameters, execution.stop));
  TRY_ASSIGN(engine::Chunk* const chunk, rows->next(execution.stop));
  if (chunk == nullptr || chunk->size() == 0) return std::optional<uint64_t>();
  const auto plan = nlohmann::json::parse(chunk->GetValue(1, 0).ToString(), nullptr, false);
  if (!plan.is_array() || plan.empty()) return std::optional<uint64_t>();
  return rows_of(plan[0]);
}

Result<exports::Sample> sample(const Execution& execution, exports::ExportSpec spec,
                               const engine::Query& query, uint64_t file_rows) {
  spec.partition_names.clear();
  const exports::Deadline deadline(kSampleTime, execution.stop);
  TRY_ASSIGN(auto connection, execution.connect());
  TRY_ASSIGN(const auto rows,
             connection->stream(query.copy(), execution.parameters, deadline.token()));
  return exports::write_sample(spec, file_rows, execution.database.engine(), *rows,
                               deadline.token());
}

uint64_t rounded_up(double number) { return static_cast<uint64_t>(std::ceil(number)); }

// Every writing thread has files of its own, in each partition; and there may be more bytes than
// thought.
void set_files(const exports::ExportSpec& spec, uint64_t partitions, size_t threads,
               double content_bytes, ExportEstimate& out) {
  constexpr double kMoreThanThought = 1.25;
  const double of_partition = content_bytes / static_cast<double>(partitions);
  const auto files = [&](double bytes) -> uint64_t {
    if (spec.single_file) return 1;
    return std::max<uint64_t>(1, rounded_up(bytes / static_cast<double>(spec.max_file_bytes)));
  };
  const uint64_t of_other_threads = spec.single_file ? 0 : threads - 1;
  out.least_files = partitions * files(of_partition);
  const uint64_t most = partitions * (files(of_partition * kMoreThanThought) + of_other_threads);
  // None is without rows.
  out.most_files = std::max(out.least_files, std::min(most, *out.rows));
}

}  // namespace

Result<ExportEstimate> estimate_export(const Execution& execution, const exports::ExportSpec& spec,
                                       const engine::Query& query, const Partitions& partitions) {
  ExportEstimate out;
  const uint64_t parts = std::max<uint64_t>(1, partitions.found);
  const engine::Query& unsorted = parts > 1 ? partitions.rows : query;
  TRY_ASSIGN(out.rows, planned_rows(execution, unsorted));
  const uint64_t file_rows = out.rows ? *out.rows / parts : UINT64_MAX;
  auto taken = sample(execution, spec, unsorted, file_rows);
  TRY(execution.check_stop());
  if (!taken.ok() && taken.error().code != ErrorCode::kCancelled) {
    out.trouble = taken.error().message;
  }
  const exports::Sample seen = taken.ok() ? *taken : exports::Sample();
  out.sampled_rows = seen.rows;
  out.are_counted = seen.is_all;
  if (seen.is_all) out.rows = seen.rows;
  if (!out.rows) return out;
  out.rows = std::max(*out.rows, seen.rows);
  const auto files_seen = static_cast<double>(seen.files * seen.empty_bytes);
  const double row_bytes = seen.rows == 0 ? usual_row_bytes(spec)
                                          : (static_cast<double>(seen.bytes) - files_seen) /
                                                static_cast<double>(seen.rows);
  const double content = row_bytes * static_cast<double>(*out.rows);
  set_files(spec, parts, partitions.threads, content, out);
  out.bytes = rounded_up(content) + out.least_files * seen.empty_bytes;
  return out;
}

}  // namespace sluice::session
