#include "session/changes.h"

#include <algorithm>
#include <unordered_set>

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

// Ids in the chunk's last column that have not come before.
std::vector<collection::RowId> new_ids(engine::Chunk& chunk, std::unordered_set<int64_t>& seen,
                                       std::vector<uint32_t>& rows) {
  std::vector<collection::RowId> ids;
  duckdb::UnifiedVectorFormat format;
  chunk.data.back().ToUnifiedFormat(chunk.size(), format);
  const auto* values = reinterpret_cast<const int64_t*>(format.data);
  for (uint32_t row = 0; row < chunk.size(); ++row) {
    const int64_t id = values[format.sel->get_index(row)];
    if (!seen.insert(id).second) continue;
    ids.push_back({id});
    rows.push_back(row);
  }
  return ids;
}

}  // namespace

Result<sql::Resolved> insert_query(const Execution& execution, const sql::Insert& insert) {
  TRY(check_clauses(insert.returning));
  if (insert.on_conflict) {
    return not_supported("ON CONFLICT", "Delete the old rows and insert the new in a transaction.");
  }
  TRY_ASSIGN(const Target target, target_of(execution, insert.table));
  TRY_ASSIGN(const sql::ResolveContext context, execution.context());
  return sql::insert_rows(insert, *target.table, context);
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
  // The rows are read whole before the first is changed, since what is read must not see changes
  // of its own statement. `seen` bounds that each row changes once.
  RowWriter writer(execution, *target.table);
  std::unordered_set<int64_t> seen;
  std::vector<collection::RowId> erased;
  while (true) {
    TRY_ASSIGN(engine::Chunk* const chunk, running.rows->next(execution.stop));
    if (chunk == nullptr) break;
    std::vector<uint32_t> rows;
    const std::vector<collection::RowId> ids = new_ids(*chunk, seen, rows);
    erased.insert(erased.end(), ids.begin(), ids.end());
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
  TRY_ASSIGN(collection::Overlay* const overlay,
             execution.transaction->overlay(*target.table->table()));
  TRY(overlay->erase(erased));
  TRY_ASSIGN(const uint64_t rows, writer.finish());
  return fmt::format("UPDATE {}", rows);
}

Result<std::string> run_delete(const Execution& execution, const sql::Delete& statement) {
  TRY_ASSIGN(sql::Resolved resolved, delete_query(execution, statement));
  TRY_ASSIGN(const Target target, target_of(execution, statement.table));
  TRY_ASSIGN(RunningQuery running, run_query(execution, std::move(resolved)));
  std::vector<collection::RowId> erased;  // eight bytes a row, and no more
  while (true) {
    TRY_ASSIGN(engine::Chunk* const chunk, running.rows->next(execution.stop));
    if (chunk == nullptr) break;
    duckdb::UnifiedVectorFormat format;
    chunk->data.back().ToUnifiedFormat(chunk->size(), format);
    const auto* values = reinterpret_cast<const int64_t*>(format.data);
    for (size_t row = 0; row < chunk->size(); ++row) {
      erased.push_back({values[format.sel->get_index(row)]});
    }
  }
  std::sort(erased.begin(), erased.end());
  erased.erase(std::unique(erased.begin(), erased.end()), erased.end());
  if (!erased.empty()) {
    TRY_ASSIGN(collection::Overlay* const overlay,
               execution.transaction->overlay(*target.table->table()));
    TRY(overlay->erase(erased));
  }
  return fmt::format("DELETE {}", erased.size());
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
