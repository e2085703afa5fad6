// What one statement runs with, and what the statements have in common: resolving, running,
// evaluating, waiting for a stop.
//
// Threads: one at a time; the stop comes from any.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "session/database.h"
#include "session/settings.h"
#include "session/transaction.h"
#include "sql/front/statement.h"
#include "sql/resolve.h"

namespace sluice::session {

// Which statement a cancel reaches: the one that was entered last. Safe from any thread.
class RunningStop {
 public:
  void set(std::stop_source source) {
    const std::lock_guard lock(mutex_);
    source_ = std::move(source);
  }
  // Outside the lock: callbacks of the statement run in here.
  void request() {
    std::unique_lock lock(mutex_);
    std::stop_source source = source_;
    lock.unlock();
    source.request_stop();
  }

 private:
  std::mutex mutex_;
  std::stop_source source_;
};

struct Execution {
  Database& database;
  Settings& settings;  // of the session, which outlives every execution
  const ClientCallbacks& client;
  std::shared_ptr<Transaction> transaction;
  std::string user;
  int32_t backend_pid = 0;
  std::chrono::system_clock::time_point statement_time;
  std::stop_token stop = {};
  std::stop_source stop_source = {};                      // of `stop`
  RunningStop* running = nullptr;                         // of the session; null: nobody cancels
  std::shared_ptr<const Deadlines::Guard> deadline = {};  // null: none
  std::vector<engine::Value> parameters = {};
  // The implicit transaction ends with this statement: rows may be loaded beside it.
  bool last = false;
  bool describing = false;  // nothing is read: that a materialized view is behind does no harm
  // Nothing was read or changed in its transaction before it, and it was the so-manieth there.
  bool first = false;
  int number = 0;

  // Names as this statement sees them; `view` for AS OF, else the transaction's.
  Result<sql::ResolveContext> context(
      const std::shared_ptr<const collection::ReadView>& view = nullptr) const;
  Result<std::unique_ptr<engine::Connection>> connect() const;
  // As SET does; no value: the default. Tells the setting's new value.
  Result<std::string> set(const std::string& name, const std::optional<std::string>& value,
                          bool local) const;
  // The value of an expression without relations. What is wrong with it is said as it is.
  Result<engine::Value> evaluate(sql::ExpressionPtr expression, bool logical_time) const;
  // An error as the client sees it: a stop by the deadline says so.
  Error told(Error error) const;
  void tell(const std::vector<sql::Notice>& notices) const;
  Status check_stop() const;
  // To be called whenever a portal goes on: from now on a cancel is for this statement.
  void enter() const {
    if (running != nullptr) running->set(stop_source);
  }

  // What a name in the statement means, for changes of its rows: 42P01, 42809 for a view.
  Result<const sql::Object*> writable_table(const sql::ObjectName& name,
                                            std::shared_ptr<const sql::Catalog>& catalog) const;
};

// Settings::set(), for which the engine knows the time zones.
Status set_checked(Database& database, Settings& settings, std::string_view name,
                   std::string_view value);

// A running query with the connection it runs on.
struct RunningQuery {
  std::unique_ptr<engine::Connection> connection;
  std::unique_ptr<engine::RowStream> rows;
};
Result<RunningQuery> run_query(const Execution& execution, sql::Resolved resolved);

}  // namespace sluice::session
