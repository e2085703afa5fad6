#include "session/export_copy.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "base/log.h"
#include "export/export.h"
#include "parquet/compression.h"
#include "parquet/mapping.h"
#include "session/connections.h"
#include "session/export_estimate.h"
#include "session/export_explain.h"
#include "session/export_layout.h"
#include "session/portals.h"
#include "sql/copy_options.h"
#include "sql/declared_types.h"
#include "sql/query_trees.h"

namespace sluice::session {
namespace {

constexpr std::chrono::seconds kNoticeEvery{2};

// Everything about an export that its statement says, checked.
struct Planned {
  exports::ExportSpec spec;
  exports::Target target;
  std::string url;         // the target as it was given
  std::string connection;  // the id of its object; empty for a local target
  collection::Time logical_time;
  std::unique_ptr<store::ObjectStore> store;
  sql::Resolved query;
  Partitions partitions;
};

Error plan_error(std::string_view text, std::string_view sqlstate) {
  return Error(ErrorCode::kInvalid, std::string(text)).with_sqlstate(sqlstate);
}

Result<sql::QueryPtr> source_query(const sql::Copy& copy, const sql::CopyToOptions& options) {
  if (options.preserve_order && (copy.object || !sql::has_order_by(*copy.query))) {
    return plan_error("PRESERVE ORDER needs a query with ORDER BY", "22023")
        .with_detail("Rows of anything else have no order.");
  }
  if (copy.object) {
    if (!copy.columns.empty()) {
      return plan_error(
          "specifying columns for COPY <table_name> TO commands not yet supported; use COPY "
          "(SELECT...) TO ... instead",
          "0A000");
    }
    return sql::select_all(*copy.object);
  }
  if (sql::has_order_by(*copy.query) && !options.preserve_order) {
    return plan_error("ORDER BY is not supported in SELECT query for COPY statements", "0A000")
        .with_hint("PRESERVE ORDER = true writes the rows in this order, by one thread.");
  }
  return sql::Query(copy.query).release();
}

// The target's text, or what is wrong with it: to be said when its turn comes in the order of
// checks. A NULL is an empty optional.
Result<std::optional<std::string>> evaluate_target(const Execution& execution,
                                                   const sql::Copy& copy) {
  if (sql::is_null_constant(*copy.target)) return std::optional<std::string>();
  TRY_ASSIGN(const engine::Value value,
             execution.evaluate(sql::Expression(copy.target).release(), false));
  // Before its type: a NULL within `||` makes the whole one NULL, of no type in particular.
  if (value.IsNull()) return std::optional<std::string>();
  if (value.type().id() != engine::LogicalTypeId::VARCHAR) {
    return plan_error(fmt::format("COPY TO target must have type text, not type {}",
                                  types::name(types::from_engine(value.type()))),
                      "42804")
        .at(copy.target_position);
  }
  return std::optional<std::string>(duckdb::StringValue::Get(value));
}

// The connection's place among the checks; nothing for a local target, which has none.
Result<const sql::Object*> connection_of(const Execution& execution, const sql::Catalog& catalog,
                                         const sql::CopyToOptions& options, bool local) {
  if (local) {
    if (!options.connection) return static_cast<const sql::Object*>(nullptr);
    return plan_error("COPY TO 'file://…' takes no AWS CONNECTION", "22023");
  }
  if (!options.connection) {
    return plan_error("AWS CONNECTION is required for COPY ... TO <expr>", "22023")
        .with_hint("Make one with CREATE CONNECTION c TO AWS (…) and name it: AWS CONNECTION = c.");
  }
  auto object = catalog.lookup(options.connection->parts, execution.settings.search_path());
  if (!object.ok()) return std::move(object).error().at(options.connection->position);
  if (*object != nullptr &&
      ((*object)->connection() == nullptr || (*object)->connection()->type != "aws")) {
    return plan_error("only AWS CONNECTION is supported for COPY ... TO <expr>", "22023")
        .at(options.connection->position);
  }
  return catalog.require(sql::ObjectKind::kConnection, options.connection->parts,
                         execution.settings.search_path());
}

Result<uint64_t> checked_file_bytes(const sql::CopyToOptions& options) {
  const uint64_t bytes = options.max_file_bytes.value_or(exports::kDefaultFileBytes);
  if (bytes < exports::kMinFileBytes) {
    return plan_error("MAX FILE SIZE cannot be less than 16MB", "22023");
  }
  if (bytes > exports::kMaxFileBytes) {
    return plan_error("MAX FILE SIZE cannot be greater than 4GB", "22023");
  }
  return bytes;
}

// A number that was computed keeps all digits behind its point that the engine gave it.
std::vector<sql::Column> exported_columns(
    const engine::Shape& shape, const std::vector<std::optional<types::SqlType>>& declared) {
  const bool known = declared.size() == shape.names.size();
  std::vector<sql::Column> columns;
  for (size_t i = 0; i < shape.names.size(); ++i) {
    columns.push_back({.name = shape.names[i],
                       .type = known && declared[i] ? sql::result_type(shape.types[i], declared[i])
                                                    : types::from_engine(shape.types[i])});
  }
  return columns;
}

Result<parquet::Profile> profile_of(const sql::CopyToOptions& options) {
  if (!options.profile) return parquet::Profile::materialize();
  auto profile = parquet::Profile::named(*options.profile);
  if (!profile.ok()) return std::move(profile).error().at(options.profile_position);
  return profile;
}

// Casts the query's columns to what the files hold.
Status set_columns(const std::vector<sql::Column>& columns, exports::FileFormat format,
                   exports::ExportSpec& spec, sql::Resolved& query) {
  std::vector<types::SqlType> types;
  std::vector<std::string> names;
  for (const sql::Column& column : columns) {
    names.push_back(column.name);
    types.push_back(column.type.id == types::TypeId::kUnknown ? types::make(types::TypeId::kText)
                                                              : column.type);
  }
  std::vector<engine::LogicalType> stored;
  if (format == exports::FileFormat::kParquet) {
    names = parquet::names_in_file(names);
    TRY_ASSIGN(const auto parquet, parquet::map_columns(names, types, spec.profile));
    for (const parquet::MappedColumn& column : parquet) stored.push_back(column.input);
  } else {
    for (const types::SqlType& type : types) stored.push_back(types::to_engine(type));
  }
  spec.names = names;
  spec.types = std::move(types);
  auto keep = std::move(query.query.keep);
  query.query = engine::Query(
      sql::with_column_types(sql::copied_select(query.query), names, stored, sql::Digits::kExact));
  query.query.keep = std::move(keep);
  return ok();
}

// BLOOM FILTERS as the writer takes them: for each column of the files.
Status set_bloom_filters(const sql::CopyBloomFilters& wanted, exports::ExportSpec& spec) {
  using Kind = sql::CopyBloomFilters::Kind;
  using parquet::BloomFilters;
  if (wanted.kind == Kind::kAutomatic) return ok();
  spec.bloom_filters.assign(spec.names.size(),
                            wanted.kind == Kind::kAll ? BloomFilters::kAll : BloomFilters::kNone);
  TRY_ASSIGN(const auto mapped, parquet::map_columns(spec.names, spec.types, spec.profile));
  for (const std::string& name : wanted.columns) {
    const auto found = std::find(spec.names.begin(), spec.names.end(), name);
    if (found == spec.names.end()) {
      return plan_error(fmt::format("column \"{}\" does not exist", name), "42703")
          .with_detail("BLOOM FILTERS names columns of the files.")
          .at(wanted.position);
    }
    const auto column = static_cast<size_t>(found - spec.names.begin());
    if (!parquet::can_have_bloom_filter(mapped[column].field)) {
      return plan_error(fmt::format("column \"{}\" cannot have a Bloom filter", name), "0A000")
          .with_detail(fmt::format("Its type is {}.", types::exact_name(spec.types[column])))
          .with_hint("All types can but boolean, real, double precision and bytea.")
          .at(wanted.position);
    }
    spec.bloom_filters[column] = BloomFilters::kAll;
  }
  return ok();
}

Status set_parquet_options(const sql::CopyToOptions& options, exports::ExportSpec& spec) {
  if (options.row_group_bytes && *options.row_group_bytes < exports::kMinGroupBytes) {
    return plan_error("ROW GROUP SIZE cannot be less than 1MB", "22023");
  }
  if (options.row_group_bytes && *options.row_group_bytes > exports::kMaxGroupBytes) {
    return plan_error("ROW GROUP SIZE cannot be greater than 1GB", "22023");
  }
  spec.row_group_bytes = options.row_group_bytes;
  spec.parquet_statistics = options.statistics;
  return set_bloom_filters(options.bloom_filters, spec);
}

Status set_format_options(const sql::CopyToOptions& options, exports::ExportSpec& spec) {
  const bool csv = spec.format == exports::FileFormat::kCsv;
  if (!csv) TRY(set_parquet_options(options, spec));
  TRY(sql::check_force_quote(options, spec.names));
  spec.csv = options.csv;
  if (!options.compression) return ok();
  const sql::CopyCompression& wanted = *options.compression;
  const auto set = [&wanted](auto& codec, auto named) -> Status {
    if (!named.ok()) return std::move(named).error().at(wanted.position);
    codec = *named;
    return ok();
  };
  return csv ? set(spec.csv_compression, format::Compression::named(wanted.name, wanted.level))
             : set(spec.parquet_compression,
                   parquet::Compression::named(wanted.name, wanted.level));
}

// All checks before anything touches the store, in the reference's order (docs/exports.md).
// Partitions are counted up to `counted`, or as far as the run needs it.
Result<Planned> plan(const Execution& execution, const sql::Copy& copy, size_t counted) {
  Planned planned;
  TRY_ASSIGN(const sql::CopyToOptions options, sql::copy_to_options(copy.options));
  if (!options.format) {
    return plan_error("COPY TO <expr> requires a FORMAT option", "22023")
        .with_hint("Say FORMAT = 'parquet' or FORMAT = 'csv'.");
  }
  TRY_ASSIGN(auto query, source_query(copy, options));
  auto target = evaluate_target(execution, copy);
  const bool local = target.ok() && *target && (*target)->starts_with("file:");
  TRY_ASSIGN(const auto catalog, execution.transaction->catalog());
  TRY_ASSIGN(const sql::Object* const connection,
             connection_of(execution, *catalog, options, local));
  TRY(sql::check_csv_options(copy.options, options.csv));
  TRY_ASSIGN(auto view, view_as_of(execution, copy.as_of));
  TRY_ASSIGN(const sql::ResolveContext context, execution.context(view));
  auto declared = sql::declared_types(*query, *catalog, context.search_path);
  planned.spec.required = sql::columns_without_null(*query, *catalog, context.search_path);
  if (!options.partition_by.empty()) {
    TRY_ASSIGN(const auto plain, sql::resolve(sql::copied_select(*query), context));
    TRY_ASSIGN(const auto describing, execution.connect());
    TRY_ASSIGN(const engine::Description rows, describing->describe(plain.query));
    TRY(check_names_for_partitions(rows.shape.names, options));
    declared.resize(declared.size() + options.partition_by.size());
    TRY_ASSIGN(query, with_partitions(std::move(query), options, planned.spec));
  }
  TRY_ASSIGN(planned.query, sql::resolve(std::move(query), context));
  TRY_ASSIGN(auto engine_connection, execution.connect());
  TRY_ASSIGN(const engine::Description described, engine_connection->describe(planned.query.query));
  const std::vector<sql::Column> columns = exported_columns(described.shape, declared);
  // Partitions' columns come last, and say nothing of NULL.
  auto& required = planned.spec.required;
  if (required.size() + options.partition_by.size() != columns.size()) required.clear();
  if (!required.empty()) required.resize(columns.size());
  if (*options.format == sql::CopyFormat::kText || *options.format == sql::CopyFormat::kBinary) {
    return plan_error(fmt::format("FORMAT {} not yet supported",
                                  *options.format == sql::CopyFormat::kText ? "TEXT" : "BINARY"),
                      "0A000");
  }
  planned.spec.format = *options.format == sql::CopyFormat::kCsv ? exports::FileFormat::kCsv
                                                                 : exports::FileFormat::kParquet;
  TRY_ASSIGN(planned.spec.profile, profile_of(options));
  TRY(set_columns(columns, planned.spec.format, planned.spec, planned.query));
  if (!target.ok()) return std::move(target).error();
  TRY_ASSIGN(planned.spec.max_file_bytes, checked_file_bytes(options));
  if (!*target) return plan_error("COPY TO target value can not be null", "22004");
  TRY_ASSIGN(planned.target, exports::parse_target(**target));
  planned.url = **target;
  planned.logical_time = context.logical_time.value_or(collection::Time());
  TRY(set_layout(options, planned.spec));
  if (planned.spec.partition_names.empty()) {
    TRY_ASSIGN(planned.partitions.threads, writing_threads(*engine_connection));
  } else {
    TRY_ASSIGN(planned.partitions,
               arrange_partitions(execution, options, counted, planned.spec, planned.query.query));
  }
  TRY(sql::check_options_of_format(copy.options, *options.format));
  TRY(set_format_options(options, planned.spec));
  planned.spec.query = copy.object ? "SELECT * FROM " + copy.object->text() : copy.query_text;
  planned.spec.target = planned.url;
  planned.spec.logical_time = planned.logical_time.milliseconds;
  if (local) {
    TRY_ASSIGN(auto place, execution.database.stores().local(**target));
    planned.store = std::move(place.store);
    planned.spec.prefix = std::move(place.prefix);
  } else {
    planned.spec.prefix = planned.target.prefix;
    planned.connection = connection->id.text();
    TRY_ASSIGN(planned.store, execution.database.stores().s3(
                                  access_of(*catalog, *connection, execution.database.aws_server()),
                                  planned.target.bucket));
  }
  return planned;
}

exports::RunRecord record_of(const Execution& execution, const Planned& planned,
                             const std::string& text) {
  exports::RunRecord record;
  record.id = planned.spec.id;
  record.statement = text;
  record.target = planned.url;
  record.connection = planned.connection;
  record.user = execution.user;
  record.format = planned.spec.format == exports::FileFormat::kCsv ? "csv" : "parquet";
  record.logical_time = planned.logical_time.milliseconds;
  record.is_scattered =
      !planned.spec.file_name_pattern.empty() || !planned.spec.partition_names.empty();
  return record;
}

void tell_progress(const Execution& execution, exports::RecordedRun& run,
                   std::chrono::steady_clock::duration since_begin) {
  const exports::ExportProgress& progress = run.progress();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_begin).count();
  execution.client.notice(
      {.severity = "NOTICE",
       .sqlstate = "00000",
       .message = fmt::format("COPY {}: {} rows, {} bytes, {} files after {} s", run.id(),
                              progress.rows.load(), progress.bytes.load(), progress.files.load(),
                              milliseconds / 1000),
       .detail = {},
       .hint = {}});
  if (execution.client.flush) execution.client.flush();
}

// Does `work`, and tells the client how far it is if that is wanted. A client hears of things from
// its session's thread only, so the work is done on another one meanwhile.
Result<exports::ExportResult> with_notices(
    const Execution& execution, exports::RecordedRun& run,
    const std::function<Result<exports::ExportResult>()>& work) {
  if (execution.settings.get("copy_progress") != "on" || !execution.client.notice) return work();
  const auto begin = std::chrono::steady_clock::now();
  auto result = std::async(std::launch::async, work);
  while (result.wait_for(kNoticeEvery) != std::future_status::ready) {
    tell_progress(execution, run, std::chrono::steady_clock::now() - begin);
  }
  return result.get();
}

void count(DatabaseCounters& counters, const Result<exports::ExportResult>& result,
           const exports::ExportProgress& progress) {
  --counters.exports_running;
  counters.export_parts += progress.parts;
  counters.export_retries += progress.retries;
  if (!result.ok()) {
    ++counters.exports_failed;
    return;
  }
  ++counters.exports_done;
  counters.exported_rows += result->rows;
  counters.exported_bytes += result->bytes;
  counters.exported_files += result->files.size();
}

}  // namespace

Result<std::vector<std::vector<std::string>>> explain_export_copy(const Execution& execution,
                                                                  const sql::Copy& copy) {
  TRY_ASSIGN(const Planned planned, plan(execution, copy, exports::kMostPartitionFiles));
  TRY_ASSIGN(const ExportEstimate estimate,
             estimate_export(execution, planned.spec, planned.query.query, planned.partitions));
  return describe_export(planned.spec, planned.partitions, estimate);
}

Result<std::string> run_export_copy(const Execution& execution, const sql::Copy& copy,
                                    const std::string& text) {
  if (execution.transaction->writes()) {
    return plan_error("COPY TO a store cannot follow changes in the same transaction", "25001")
        .with_detail("What it would write might be rolled back, and the files would stay.")
        .with_hint("COMMIT the changes first.");
  }
  TRY_ASSIGN(Planned planned, plan(execution, copy, 0));
  Database& database = execution.database;
  planned.spec.id = database.next_run_id();
  planned.spec.statement = text;
  TRY_ASSIGN(auto connection, execution.connect());
  TRY_ASSIGN(auto reader, connection->reader(std::move(planned.query.query), execution.parameters));
  TRY_ASSIGN(const auto run,
             database.export_journal().begin(record_of(execution, planned, text), execution.stop));
  ++database.counters().exports_running;
  auto result = with_notices(execution, *run, [&] {
    return exports::run_export(planned.spec, database.engine(), *reader, *planned.store,
                               run->progress(), execution.stop, run.get());
  });
  run->ended(result);
  count(database.counters(), result, run->progress());
  if (!result.ok()) {
    database.export_sweeper().add(run->id());
    log::warning("export {} to {} failed: {}", run->id(), planned.url, result.error().message);
    return std::move(result).error();
  }
  log::info("export {} to {}: {} rows, {} bytes, {} files", run->id(), planned.url, result->rows,
            result->bytes, result->files.size());
  return fmt::format("COPY {}", result->rows);
}

std::vector<sql::ExportRun> export_run_rows(const exports::Journal& journal) {
  std::vector<sql::ExportRun> rows;
  for (exports::Journal::Shown& shown : journal.runs()) {
    exports::RunRecord& run = shown.record;
    rows.push_back({.id = std::move(run.id),
                    .statement = std::move(run.statement),
                    .target = std::move(run.target),
                    .connection = std::move(run.connection),
                    .user = std::move(run.user),
                    .format = std::move(run.format),
                    .state = std::move(shown.state),
                    .logical_time = run.logical_time,
                    .rows = run.rows,
                    .bytes = run.bytes,
                    .files = run.files,
                    .parts = run.parts,
                    .retries = run.retries,
                    .started = run.started,
                    .finished = run.finished,
                    .error = std::move(run.error),
                    .to_clean = run.to_clean,
                    .trouble = std::move(run.trouble)});
  }
  return rows;
}

}  // namespace sluice::session
