#include "session/database.h"

#include "base/log.h"
#include "session/client_session.h"

namespace sluice::session {

Database::Database(collection::Store& store, engine::Engine& engine, ExportStores& stores)
    : store_(store), engine_(engine), stores_(stores) {}

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

// From the clock on, so that two servers, or one before and after a restart, write under other
// names.
std::string Database::next_run_id() { return fmt::format("t{}", ++last_run_); }

}  // namespace sluice::session
