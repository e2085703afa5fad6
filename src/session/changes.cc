#include "session/changes.h"

#include <array>

#include "session/row_writer.h"
#include "sql/dml.h"

namespace sluice::session {
namespace {

Error not_supported(std::string_view what, std::string hint) {
  return invalid("{} is not supported", what).with_sqlstate("0A000").with_hint(std::move(hint));
}

Status check_clauses(const std::vector<sql::Expression>& returning) {
  if (returning.empty()) return ok();
  return not_supported("RETURNING", "Read the rows with a SELECT after the change.");
}

struct Target {
  std::shared_ptr<const sql::Catalog> catalog;  // keeps `table`
  const sql::Object* table = nullptr;
};

Result<Target> target_of(const Execution& execution, const sql::ObjectName& name) {
  Target target;
  TRY_ASSIGN(target.table, execution.writable_table(name, target.catalog));
  return target;
}

// Erases the rows whose ids are in the chunk's last column; gives the positions of those that had
// not been erased before. A query with FROM or USING may find a row many times.
Result<std::vector<uint32_t>> erase_rows(engine::Chunk& chunk, collection::Overlay& overlay) {
  std::array<collection::RowId, STANDARD_VECTOR_SIZE> ids;
  std::array<bool, STANDARD_VECTOR_SIZE> fresh;
  duckdb::UnifiedVectorFormat format;
  chunk.data.back().ToUnifiedFormat(chunk.size(), format);
  const auto* values = reinterpret_cast<const int64_t*>(format.data);
  for (size_t row = 0; row < chunk.size(); ++row) ids[row] = {values[format.sel->get_index(row)]};
  TRY(overlay.erase({ids.data(), chunk.size()}, fresh.data()));
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < chunk.size(); ++row) {
    if (fresh[row]) rows.push_back(row);
  }
  return rows;
}

// How many columns the rows of an INSERT have, where only the engine can tell. Nothing where it
// can't either, as with parameters whose types follow from the table's.
Result<std::optional<size_t>> inserted_width(const Execution& execution, const sql::Insert& insert,
                                             const sql::ResolveContext& context) {
  auto query = sql::query_of_unknown_width(insert);
  if (query == nullptr) return std::nullopt;
  TRY_ASSIGN(const sql::Resolved resolved, sql::resolve(std::move(query), context));
  TRY_ASSIGN(const auto connection, execution.connect());
  const auto description = connection->describe(resolved.query);
  if (!description.ok()) return std::nullopt;
  return description->shape.names.size();
}

}  // namespace

Result<sql::Resolved> insert_query(const Execution& execution, const sql::Insert& insert) {
  TRY(check_clauses(insert.returning));
  if (insert.on_conflict) {
    return not_supported("ON CONFLICT", "Delete the old rows and insert the new in a transaction.");
  }
  TRY_ASSIGN(const Target target, target_of(execution, insert.table));
  TRY_ASSIGN(const sql::ResolveContext context, execution.context());
  TRY_ASSIGN(const auto width, inserted_width(execution, insert, context));
  return sql::insert_rows(insert, *target.table, context, width);
}

Result<sql::Resolved> update_query(const Execution& execution, const sql::Update& update) {
  TRY(check_clauses(update.returning));
  TRY_ASSIGN(const Target target, target_of(execution, update.table));
  TRY_ASSIGN(const sql::ResolveContext context, execution.context());
  TRY_ASSIGN(auto snapshot, execution.transaction->snapshot(target.table->table()->collection));
  return sql::update_rows(update, *target.table, std::move(snapshot), context);
}

Result<sql::Resolved> delete_query(const Execution& execution, const sql::Delete& statement) {
  TRY(check_clauses(statement.returning));
  TRY_ASSIGN(const Target target, target_of(execution, statement.table));
  TRY_ASSIGN(const sql::ResolveContext context, execution.context());
  TRY_ASSIGN(auto snapshot, execution.transaction->snapshot(target.table->table()->collection));
  return sql::delete_rows(statement, *target.table, std::move(snapshot), context);
}

Result<std::string> run_insert(const Execution& execution, const sql::Insert& insert) {
  TRY_ASSIGN(sql::Resolved resolved, insert_query(execution, insert));
  TRY_ASSIGN(const Target target, target_of(execution, insert.table));
  TRY_ASSIGN(RunningQuery running, run_query(execution, std::move(resolved)));
  RowWriter writer(execution, *target.table);
  while (true) {
    TRY_ASSIGN(engine::Chunk* const chunk, running.rows->next(execution.stop));
    if (chunk == nullptr) break;
    TRY(writer.append(*chunk));
  }
  TRY_ASSIGN(const uint64_t rows, writer.finish());
  return fmt::format("INSERT 0 {}", rows);
}

Result<std::string> run_update(const Execution& execution, const sql::Update& update) {
  TRY_ASSIGN(sql::Resolved resolved, update_query(execution, update));
  TRY_ASSIGN(const Target target, target_of(execution, update.table));
  TRY_ASSIGN(RunningQuery running, run_query(execution, std::move(resolved)));
  // What is read is the snapshot from before, so it does not see changes of its own statement.
  RowWriter writer(execution, *target.table);
  while (true) {
    TRY_ASSIGN(engine::Chunk* const chunk, running.rows->next(execution.stop));
    if (chunk == nullptr) break;
    TRY_ASSIGN(collection::Overlay* const overlay,
               execution.transaction->overlay(*target.table->table()));
    TRY_ASSIGN(const std::vector<uint32_t> rows, erase_rows(*chunk, *overlay));
    if (rows.empty()) continue;
    duckdb::SelectionVector selection(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) selection.set_index(i, rows[i]);
    engine::Chunk values;
    auto types = chunk->GetTypes();
    types.pop_back();
    values.InitializeEmpty(types);
    for (size_t i = 0; i < types.size(); ++i) {
      values.data[i].Slice(chunk->data[i], selection, rows.size());
    }
    values.SetCardinality(rows.size());
    TRY(writer.append(values));
  }
  TRY_ASSIGN(const uint64_t rows, writer.finish());
  return fmt::format("UPDATE {}", rows);
}

Result<std::string> run_delete(const Execution& execution, const sql::Delete& statement) {
  TRY_ASSIGN(sql::Resolved resolved, delete_query(execution, statement));
  TRY_ASSIGN(const Target target, target_of(execution, statement.table));
  TRY_ASSIGN(RunningQuery running, run_query(execution, std::move(resolved)));
  uint64_t erased = 0;
  while (true) {
    TRY_ASSIGN(engine::Chunk* const chunk, running.rows->next(execution.stop));
    if (chunk == nullptr) break;
    TRY_ASSIGN(collection::Overlay* const overlay,
               execution.transaction->overlay(*target.table->table()));
    TRY_ASSIGN(const std::vector<uint32_t> rows, erase_rows(*chunk, *overlay));
    erased += rows.size();
  }
  return fmt::format("DELETE {}", erased);
}

Result<std::string> run_truncate(const Execution& execution, const sql::Truncate& truncate) {
  for (const sql::ObjectName& table : truncate.tables) {
    sql::Delete all;
    all.table = table;
    TRY(run_delete(execution, all));
  }
  return std::string("TRUNCATE TABLE");
}

}  // namespace sluice::session
