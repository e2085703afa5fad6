// What all sessions share: the collections, the engine, the newest catalog, and where exports go.
//
// Threads: safe from any.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "collection/store.h"
#include "engine/engine.h"
#include "export/journal.h"
#include "export/sweeper.h"
#include "secrets/keyring.h"
#include "session/deadlines.h"
#include "session/export_stores.h"
#include "session/live_indexes.h"
#include "session/live_views.h"
#include "session/session.h"
#include "sql/aws_policies.h"
#include "sql/catalog.h"

namespace sluice::session {

// Counters for /metrics.
struct DatabaseCounters {
  std::atomic<uint64_t> sessions{0}, statements{0}, failed_statements{0};
  std::atomic<uint64_t> exports_running{0}, exports_done{0}, exports_failed{0};
  // Of runs that have ended, whichever way, the next two; of those that completed, the others.
  std::atomic<uint64_t> export_parts{0}, export_retries{0};
  std::atomic<uint64_t> exported_rows{0}, exported_bytes{0}, exported_files{0};
};

class Database final : public SessionFactory {
 public:
  // All of them must outlive the database, and the database its sessions.
  Database(collection::Store& store, engine::Engine& engine, ExportStores& stores);
  ~Database() override;

  Result<std::unique_ptr<Session>> login(const Login& login, ClientCallbacks callbacks) override;

  collection::Store& store() { return store_; }
  engine::Engine& engine() { return engine_; }
  ExportStores& stores() { return stores_; }
  Deadlines& deadlines() { return deadlines_; }
  DatabaseCounters& counters() { return counters_; }

  // To be called once, before catalog(): what its secrets are sealed with.
  void use_secrets_keys(std::shared_ptr<const secrets::Keyring> keys) {
    secrets_keys_ = std::move(keys);
  }
  // To be called once, before the next: what the operator has given of how AWS knows this server.
  // The prefix of external ids is made at the first start that gives none, and kept.
  Status set_up_aws(sql::AwsServer given);
  const sql::AwsServer& aws_server() const { return aws_server_; }

  // To be called once, before the first session: reads what is on record of exports, and begins to
  // clean up what is left of them.
  Status resume_exports();
  exports::Journal& export_journal() { return export_journal_; }
  exports::Sweeper& export_sweeper() { return export_sweeper_; }

  // start() is to be called once, before the first session.
  LiveViews& live_views() { return live_views_; }
  LiveIndexes& live_indexes() { return live_indexes_; }

  // The catalog of the newest commit.
  Result<std::shared_ptr<const sql::Catalog>> catalog();
  // As Store::commit(); keeps catalog() up to date.
  Result<collection::Committed> commit(collection::Commit commit, std::stop_token stop);
  // Of an export run: `t` and a number that is used once.
  std::string next_run_id();

 private:
  // Where a run wrote to, by its connection as it is now.
  Result<exports::Sweeper::Place> open_place(const exports::RunRecord& record);

  collection::Store& store_;
  engine::Engine& engine_;
  ExportStores& stores_;
  std::shared_ptr<const secrets::Keyring> secrets_keys_;  // constant once sessions are there
  sql::AwsServer aws_server_;                             // constant once sessions are there
  Deadlines deadlines_;
  DatabaseCounters counters_;
  std::atomic<uint64_t> last_run_{
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count())};
  std::mutex catalog_mutex_;
  std::shared_ptr<const sql::Catalog> catalog_;  // null: to be read again
  exports::Journal export_journal_;
  LiveViews live_views_;
  LiveIndexes live_indexes_;
  exports::Sweeper export_sweeper_;  // last: its thread uses the others
};

}  // namespace sluice::session
