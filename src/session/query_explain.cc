#include "session/query_explain.h"

#include <algorithm>
#include <set>

#include "session/portals.h"

namespace sluice::session {
namespace {

Status check_form(const sql::Explain& explain) {
  const std::string& stage = explain.stage;
  const bool known =
      stage.empty() || stage == "PLAN" || stage == "OPTIMIZED PLAN" || stage == "PHYSICAL PLAN";
  if (known && explain.format == "TEXT" && !explain.analyze) return ok();
  const std::string what = explain.analyze ? "EXPLAIN ANALYZE"
                           : !known        ? fmt::format("EXPLAIN {} FOR", stage)
                                           : fmt::format("EXPLAIN AS {}", explain.format);
  return invalid("{} is not supported", what)
      .with_sqlstate("0A000")
      .with_hint(
          "EXPLAIN SELECT … tells where rows come from; \\timing in psql tells how long a "
          "query takes.");
}

std::string key_text(const sql::Catalog& catalog, const sql::Object& index) {
  return fmt::format("{}", fmt::join(catalog.key_names(*index.index()), ", "));
}

std::string line_of(const sql::Catalog& catalog, const sql::RowsRead& read) {
  const std::string name = catalog.qualified_name(*catalog.find(read.relation), true);
  if (!read.index) return fmt::format("  ReadStorage {} rows={}", name, read.rows);
  const sql::Object& index = *catalog.find(*read.index);
  return fmt::format("  ReadIndex on={} {}=[lookup key=({}) rows={}]", name,
                     sql::quote_identifier(index.name), key_text(catalog, index), read.rows);
}

}  // namespace

Result<std::vector<std::vector<std::string>>> explain_query(const Execution& execution,
                                                            const sql::Explain& explain,
                                                            const std::optional<sql::AsOf>& as_of) {
  TRY(check_form(explain));
  TRY_ASSIGN(const auto view, view_as_of(execution, as_of));
  TRY_ASSIGN(const sql::ResolveContext context, execution.context(view));
  TRY_ASSIGN(const sql::Resolved resolved,
             sql::resolve(sql::Query(explain.query).release(), context));
  // What is wrong with its types is only found by the engine.
  TRY_ASSIGN(auto connection, execution.connect());
  TRY(connection->describe(resolved.query));
  const sql::Catalog& catalog = *context.catalog;
  std::vector<std::vector<std::string>> rows = {{"Explained Query:"}};
  std::set<sql::ObjectId> used, scanned;
  for (const sql::RowsRead& read : resolved.rows_read) {
    rows.push_back({line_of(catalog, read)});
    read.index ? used.insert(*read.index) : scanned.insert(read.relation);
  }
  if (resolved.rows_read.empty()) rows.push_back({"  no rows of tables or materialized views"});
  if (!used.empty()) rows.insert(rows.end(), {{""}, {"Used Indexes:"}});
  for (const sql::ObjectId id : used) {
    const sql::Object& index = *catalog.find(id);
    rows.push_back({fmt::format("  - {} (lookup on {})", catalog.qualified_name(index, true),
                                key_text(catalog, index))});
  }
  std::vector<std::vector<std::string>> unready;
  for (const sql::IndexState& state : execution.database.live_indexes().states()) {
    const sql::Object* const index = catalog.find(state.id);
    if (index == nullptr || state.phase == "ready" || !scanned.contains(index->index()->on))
      continue;
    unready.push_back({fmt::format("  - {} is {}{}{}", catalog.qualified_name(*index, true),
                                   state.phase, state.reason.empty() ? "" : ": ", state.reason)});
  }
  if (!unready.empty()) rows.insert(rows.end(), {{""}, {"Indexes that cannot be used now:"}});
  rows.insert(rows.end(), unready.begin(), unready.end());
  return rows;
}

}  // namespace sluice::session
