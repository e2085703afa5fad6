#include "session/view_explain.h"

namespace sluice::session {
namespace {

std::string size_text(uint64_t bytes) {
  constexpr uint64_t kKilobyte = 1024;
  if (bytes < 10 * kKilobyte) return fmt::format("{} B", bytes);
  if (bytes < 10 * kKilobyte * kKilobyte) return fmt::format("{} kB", bytes / kKilobyte);
  return fmt::format("{} MB", bytes / kKilobyte / kKilobyte);
}

double as_milliseconds(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

std::string line_of(const sql::MaterializedViewState::Operator& one) {
  std::string line = fmt::format("{}: {}", one.number, one.description);
  for (size_t i = 0; i < one.inputs.size(); ++i) {
    line += fmt::format("{}{}", i == 0 ? ", from " : " and ", one.inputs[i]);
  }
  line += fmt::format("  ({} rows, {}, {:.3f} ms in all, {:.3f} ms last)", one.rows,
                      size_text(one.bytes), as_milliseconds(one.nanoseconds),
                      as_milliseconds(one.last_nanoseconds));
  if (one.shared_by > 1) line += fmt::format("  shared by {}", one.shared_by);
  if (one.failing) line += "  ERROR in its rows";
  return line;
}

std::string head_of(const std::string& name, const sql::MaterializedViewState& state) {
  std::string head = fmt::format("{}: {}, {}", name, state.phase, size_text(state.bytes));
  if (state.rows_to_fill > 0 && !state.live) {
    head += fmt::format(", filled with {} of {} rows", state.filled_rows, state.rows_to_fill);
  }
  if (state.lag_ms && !state.live) head += fmt::format(", {} ms behind", *state.lag_ms);
  return head;
}

}  // namespace

Result<std::vector<std::vector<std::string>>> explain_materialized_view(
    const Execution& execution, const sql::ObjectName& name) {
  TRY_ASSIGN(const auto catalog, execution.transaction->catalog());
  auto found = catalog->require(sql::ObjectKind::kMaterializedView, name.parts,
                                execution.settings.search_path());
  if (!found.ok()) return std::move(found).error().at(name.position);
  const sql::Object& view = **found;
  std::vector<std::vector<std::string>> rows;
  for (const sql::MaterializedViewState& state : execution.database.live_views().states()) {
    if (state.id != view.id) continue;
    rows.push_back({head_of(catalog->qualified_name(view, true), state)});
    if (!state.error.empty()) rows.push_back({"error: " + state.error});
    for (const auto& one : state.operators) rows.push_back({line_of(one)});
    if (!state.operators.empty()) return rows;
  }
  // Not built yet, or not even committed: the plan alone.
  auto plan = execution.database.live_views().explain(catalog, *view.materialized_view());
  if (!plan.ok()) return rows.empty() ? Result<decltype(rows)>(std::move(plan).error()) : rows;
  size_t begin = 0;
  while (begin < plan->size()) {
    const size_t end = std::min(plan->find('\n', begin), plan->size());
    rows.push_back({plan->substr(begin, end - begin)});
    begin = end + 1;
  }
  return rows;
}

}  // namespace sluice::session
