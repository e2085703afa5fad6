#include "session/execution.h"

#include "session/export_copy.h"
#include "sql/query_trees.h"

namespace sluice::session {

Result<sql::ResolveContext> Execution::context(
    const std::shared_ptr<const collection::ReadView>& view) const {
  sql::ResolveContext context;
  if (!describing) transaction->use();
  TRY_ASSIGN(context.catalog, transaction->catalog());
  context.search_path = settings.search_path();
  context.user = user;
  context.backend_pid = backend_pid;
  context.server_version = *settings.get("server_version");
  context.logical_time = view ? view->time() : transaction->view().time();
  context.transaction_time = transaction->began_at();
  context.statement_time = statement_time;
  context.time_zone = settings.time_zone();
  context.setting = [this_settings = &settings](const std::string& name) {
    return this_settings->get(name);
  };
  context.set_setting = [](const std::string&, const std::optional<std::string>& value,
                           bool) -> Result<std::string> { return value.value_or(""); };
  context.settings = [this_settings = &settings] {
    std::map<std::string, std::string> all;
    for (const Settings::Shown& shown : this_settings->all()) all[shown.name] = shown.value;
    return all;
  };
  context.aws = database.aws_server();
  context.export_runs = [&journal = database.export_journal()] { return export_run_rows(journal); };
  context.frontiers =
      [&store = database.store()](
          collection::CollectionId id) -> std::optional<sql::ResolveContext::Frontiers> {
    const auto since = store.since(id);
    if (!since.ok()) return std::nullopt;
    return sql::ResolveContext::Frontiers{*since, {store.read()->time().milliseconds + 1}};
  };
  context.materialized_views = [&views = database.live_views()] { return views.states(); };
  context.indexes = [&indexes = database.live_indexes()] { return indexes.states(); };
  context.snapshot = [transaction = transaction, view](collection::CollectionId id) {
    return view ? view->snapshot(id) : transaction->snapshot(id);
  };
  if (describing) return context;
  context.index = [&indexes = database.live_indexes()](sql::ObjectId id) {
    return indexes.find(id);
  };
  context.constants.parameters = &parameters;
  context.constants.evaluate = [this](sql::ExpressionPtr value) {
    return evaluate(std::move(value), true);
  };
  context.view_snapshot = [transaction = transaction, view](collection::CollectionId id) {
    return transaction->view_snapshot(id, view);
  };
  return context;
}

Result<std::unique_ptr<engine::Connection>> Execution::connect() const {
  TRY_ASSIGN(auto connection, database.engine().connect());
  TRY(connection->set_time_zone(settings.time_zone()));
  return connection;
}

Status set_checked(Database& database, Settings& settings, std::string_view name,
                   std::string_view value) {
  if (settings.is_time_zone(name)) {
    TRY_ASSIGN(auto connection, database.engine().connect());
    if (!connection->set_time_zone(std::string(value)).ok()) {
      return invalid("invalid value for parameter \"TimeZone\": \"{}\"", value)
          .with_sqlstate("22023");
    }
  }
  return settings.set(name, value);
}

Result<std::string> Execution::set(const std::string& name, const std::optional<std::string>& value,
                                   bool local) const {
  if (local) settings.set_local(name);
  if (value) {
    TRY(set_checked(database, settings, name, *value));
  } else {
    TRY(settings.reset(name));
  }
  return settings.get(name).value_or("");
}

Result<RunningQuery> run_query(const Execution& execution, sql::Resolved resolved) {
  RunningQuery running;
  TRY_ASSIGN(running.connection, execution.connect());
  TRY_ASSIGN(running.rows, running.connection->stream(std::move(resolved.query),
                                                      execution.parameters, execution.stop));
  return running;
}

Result<engine::Value> Execution::evaluate(sql::ExpressionPtr expression, bool logical_time) const {
  TRY_ASSIGN(sql::ResolveContext names, context());
  if (!logical_time) names.logical_time.reset();
  TRY_ASSIGN(auto resolved, sql::resolve_expression(std::move(expression), names, false));
  sql::Resolved query;
  query.query = engine::Query(sql::select_expression(std::move(resolved)));
  TRY_ASSIGN(RunningQuery evaluated, run_query(*this, std::move(query)));
  TRY_ASSIGN(engine::Chunk* const chunk, evaluated.rows->next(stop));
  if (chunk == nullptr || chunk->size() != 1) return internal("an expression gave no value");
  return chunk->GetValue(0, 0);
}

Error Execution::told(Error error) const {
  if (error.code == ErrorCode::kCancelled && deadline && deadline->expired()) {
    error.message = "canceling statement due to statement timeout";
    error.sqlstate = "57014";
  }
  return error;
}

void Execution::tell(const std::vector<sql::Notice>& notices) const {
  if (!client.notice) return;
  for (const sql::Notice& notice : notices) {
    client.notice({notice.severity, notice.sqlstate, notice.message, notice.detail, notice.hint});
  }
}

Status Execution::check_stop() const {
  if (stop.stop_requested()) return cancelled();
  return ok();
}

Result<const sql::Object*> Execution::writable_table(
    const sql::ObjectName& name, std::shared_ptr<const sql::Catalog>& catalog) const {
  transaction->use();
  TRY_ASSIGN(catalog, transaction->catalog());
  auto object = catalog->relation(name.parts, settings.search_path());
  if (!object.ok()) return std::move(object).error().at(name.position);
  if ((*object)->table() == nullptr) {
    const bool view = (*object)->query_sql() != nullptr;
    return invalid("cannot mutate {} '{}'", view ? kind_name((*object)->kind) : "system table",
                   catalog->qualified_name(**object, true))
        .with_sqlstate(view ? "42809" : "42501")
        .at(name.position);
  }
  return *object;
}

}  // namespace sluice::session
