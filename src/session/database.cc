#include "session/database.h"

#include <algorithm>
#include <charconv>
#include <random>

#include "base/log.h"
#include "export/export.h"
#include "session/client_session.h"
#include "session/connections.h"

namespace sluice::session {
namespace {

constexpr char kExternalIdPrefixNote[] = "server/aws_external_id_prefix";

// A random UUID (version 4).
std::string new_uuid() {
  std::random_device random;
  std::string digits;
  for (int i = 0; i < 4; ++i) digits += fmt::format("{:08x}", static_cast<uint32_t>(random()));
  digits[12] = '4';
  digits[16] = "89ab"[random() % 4];
  for (const size_t dash : {8U, 13U, 18U, 23U}) digits.insert(dash, 1, '-');
  return digits;
}

}  // namespace

Database::Database(collection::Store& store, engine::Engine& engine, ExportStores& stores)
    : store_(store),
      engine_(engine),
      stores_(stores),
      export_journal_(store),
      live_views_([this] { return catalog(); }, [this] { return store_.read()->time(); }),
      live_indexes_(store, [this] { return catalog(); }),
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
    TRY_ASSIGN(catalog_, sql::Catalog::from_records(records, revision, secrets_keys_));
  }
  return catalog_;
}

Result<collection::Committed> Database::commit(collection::Commit commit, std::stop_token stop) {
  const bool changes_catalog = !commit.records.empty();
  auto committed = store_.commit(std::move(commit), std::move(stop));
  if (changes_catalog) {
    // Also after a failure: its outcome may be unknown.
    std::unique_lock lock(catalog_mutex_);
    catalog_.reset();
    lock.unlock();
    live_views_.sync();
    live_indexes_.sync();
  }
  return committed;
}

Status Database::set_up_aws(sql::AwsServer given) {
  aws_server_ = std::move(given);
  const auto notes = store_.notes();
  const auto found = notes.find(kExternalIdPrefixNote);
  const std::string kept = found == notes.end() ? "" : found->second;
  std::string& prefix = aws_server_.external_id_prefix;
  if (prefix.empty()) prefix = kept.empty() ? new_uuid() : kept;
  if (prefix == kept) return ok();
  if (!kept.empty()) {
    log::warning(
        "external ids of AWS connections now begin with mz_{}, not with mz_{}: roles have "
        "to trust the new ones",
        prefix, kept);
  }
  collection::Commit commit;
  commit.notes.push_back({kExternalIdPrefixNote, prefix});
  auto committed = store_.commit(std::move(commit), {});
  if (!committed.ok()) return std::move(committed).error().within("keep the external id's prefix");
  return ok();
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
  TRY_ASSIGN(auto store, stores_.s3(access_of(*names, *connection, aws_server_), target.bucket));
  return exports::Sweeper::Place{std::move(store), target.prefix};
}

// From the clock on, so that two servers, or one before and after a restart, write under other
// names.
std::string Database::next_run_id() { return fmt::format("t{}", ++last_run_); }

}  // namespace sluice::session
