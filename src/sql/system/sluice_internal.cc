// sluice_internal: what this server does beside answering.
#include "sql/store_dialect.h"
#include "sql/system/groups.h"

namespace sluice::sql::system {
namespace {

using engine::Value;

Value number(uint64_t value) { return Value::BIGINT(static_cast<int64_t>(value)); }

Value time_or_null(int64_t microseconds) {
  if (microseconds == 0) return null();
  return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(microseconds));
}

// What is still at the store, or may be; NULL when nothing is.
Value cleanup(const ExportRun& run) {
  if (!run.to_clean) return null();
  return Value(run.trouble.empty() ? "pending" : run.trouble);
}

void export_runs(const ResolveContext& context, RowWriter& out) {
  if (!context.export_runs) return;
  for (const ExportRun& run : context.export_runs()) {
    out.row({Value(run.id), Value(run.statement), Value(run.target), Value(run.state),
             Value::UBIGINT(static_cast<uint64_t>(run.logical_time)), number(run.rows),
             number(run.bytes), number(run.files), number(run.parts), number(run.retries),
             time_or_null(run.started), time_or_null(run.finished), text_or_null(run.error),
             text_or_null(run.connection), Value(run.user), Value(run.format), cleanup(run)});
  }
}

void store_dialects(const ResolveContext& context, RowWriter& out) {
  for (const auto& [id, object] : context.catalog->objects()) {
    if (object->connection() == nullptr) continue;
    for (const DialectProperty& one : dialect_properties_of(*object->connection())) {
      out.row({Value(id.text()), Value(one.property), Value(one.value),
               Value(std::string(name(one.origin))), time_or_null(one.found_at)});
    }
  }
}

}  // namespace

void add_sluice_internal(Definitions& all) {
  const Column logical_time{.name = "logical_time",
                            .type = types::make(types::TypeId::kMzTimestamp)};
  all.push_back(
      {.schema = "sluice_internal",
       .name = "export_runs",
       .oid = 0,
       .columns = {text("id"), text("statement"), text("target"), text("state"), logical_time,
                   int8("rows"), int8("bytes"), int8("files"), int8("parts"), int8("retries"),
                   timestamptz("started"), timestamptz("finished"), text("error"),
                   text("connection_id"), text("user_name"), text("format"), text("cleanup")},
       .write_rows = export_runs});
  all.push_back({.schema = "sluice_internal",
                 .name = "store_dialects",
                 .oid = 0,
                 .columns = {text("connection_id"), text("property"), text("value"), text("origin"),
                             timestamptz("probed_at")},
                 .write_rows = store_dialects});
}

}  // namespace sluice::sql::system
