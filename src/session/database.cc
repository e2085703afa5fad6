#include "session/database.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "export/export.h"
#include "session/client_session.h"
#include "sql/aws_connection.h"

namespace sluice::session {

Database::Database(collection::Store& store, engine::Engine& engine, ExportStores& stores)
    : store_(store),
      engine_(engine),
      stores_(stores),
      export_journal_(store),
      export_sweeper_(export_journal_,
                      [this](const exports::RunRecord& record) { return open_place(record); }, {}) {
}

Database::~Database() = default;

Result<std::unique_ptr<Session>> Database::login(const Login& login, ClientCallbacks callbacks) {
  if (!login.database.empty() && login.database != sql::kDatabaseName) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("database \"{}\" does not exist", login.database))
        .with_sqlstate("3D000")
        .with_hint(fmt::format("The only database is \"{}\".", sql::kDatabaseName));
  }
  ++counters_.sessions;
  log::debug("a session begins: user {}, application \"{}\"", login.user, login.application_name);
  return std::unique_ptr<Session>(
      std::make_unique<ClientSession>(*this, login, std::move(callbacks)));
}

Result<std::shared_ptr<const sql::Catalog>> Database::catalog() {
  const std::lock_guard lock(catalog_mutex_);
  if (!catalog_) {
    const auto [records, revision] = store_.records();
    TRY_ASSIGN(catalog_, sql::Catalog::from_records(records, revision));
  }
  return catalog_;
}

Result<collection::Committed> Database::commit(collection::Commit commit, std::stop_token stop) {
  const bool changes_catalog = !commit.records.empty();
  auto committed = store_.commit(std::move(commit), std::move(stop));
  if (changes_catalog) {
    // Also after a failure: its outcome may be unknown.
    const std::lock_guard lock(catalog_mutex_);
    catalog_.reset();
  }
  return committed;
}

Status Database::resume_exports() {
  TRY(export_journal_.load());
  for (const auto& run : export_journal_.runs()) {
    uint64_t number = 0;
    const std::string& id = run.record.id;
    std::from_chars(id.data() + 1, id.data() + id.size(), number);
    last_run_ = std::max(last_run_.load(), number);
  }
  export_sweeper_.start();
  return ok();
}

Result<exports::Sweeper::Place> Database::open_place(const exports::RunRecord& record) {
  if (record.connection.empty()) {
    TRY_ASSIGN(auto place, stores_.local(record.target));
    return exports::Sweeper::Place{std::move(place.store), std::move(place.prefix)};
  }
  TRY_ASSIGN(const exports::Target target, exports::parse_target(record.target));
  TRY_ASSIGN(const auto names, catalog());
  const auto id = sql::ObjectId::parse(record.connection);
  const sql::Object* const connection = id ? names->find(*id) : nullptr;
  if (connection == nullptr || connection->connection() == nullptr) {
    return error(ErrorCode::kNotFound, "the connection that the export used ({}) was dropped",
                 record.connection)
        .with_hint("Remove what is left with another client of the store.");
  }
  TRY_ASSIGN(const sql::AwsAccess access, sql::aws_access(*names, *connection));
  TRY_ASSIGN(auto store, stores_.s3({.endpoint = access.endpoint,
                                     .region = access.region,
                                     .access_key_id = access.access_key_id,
                                     .secret_access_key = access.secret_access_key,
                                     .session_token = access.session_token},
                                    target.bucket));
  return exports::Sweeper::Place{std::move(store), target.prefix};
}

// From the clock on, so that two servers, or one before and after a restart, write under other
// names.
std::string Database::next_run_id() { return fmt::format("t{}", ++last_run_); }

}  // namespace sluice::session
