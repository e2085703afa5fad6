// The session itself: dispatches statements, and decides where transactions begin, end and fail.
//
//   idle ── statement ──> implicit transaction ── end_implicit(): commit ──> idle
//     └──── BEGIN ──────> block ── COMMIT / ROLLBACK ──> idle
//                           └─ error ─> failed ── ROLLBACK or COMMIT ──> idle, nothing kept
//
// Threads: as session.h says.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "session/cursors.h"
#include "session/portals.h"
#include "session/session.h"
#include "sql/front/statement.h"

namespace sluice::session {

class ClientSession final : public Session {
 public:
  // `database` must outlive the session.
  ClientSession(Database& database, const SessionFactory::Login& login, ClientCallbacks callbacks);
  ~ClientSession() override;

  Result<std::vector<std::unique_ptr<Prepared>>> parse(std::string_view sql) override;
  Result<std::unique_ptr<Prepared>> prepare(std::string_view sql,
                                            std::span<const uint32_t> parameter_oids) override;
  Result<std::unique_ptr<Portal>> open(const Prepared& prepared,
                                       std::vector<engine::Value> parameters) override;
  void statement_failed() override;
  Status end_implicit() override;
  TransactionState transaction_state() const override;
  void request_cancel() override;
  std::optional<std::string> setting(std::string_view name) const override;
  Status set(std::string_view name, std::string_view value) override;
  const std::string& time_zone() const override { return settings_.time_zone(); }

 private:
  class PreparedStatement;
  struct Opener;  // dispatches on the kind of statement

  ExecutionPtr begin_statement(std::vector<engine::Value> parameters, bool last);
  Status describe(PreparedStatement& prepared);
  Result<std::unique_ptr<Portal>> open_statement(ExecutionPtr execution,
                                                 const sql::Statement& statement);
  // A portal that changes something: run at run(), committed with it when it is the last.
  std::unique_ptr<Portal> change(const ExecutionPtr& execution,
                                 const std::function<Result<std::string>(const Execution&)>& work);
  Result<std::string> run_change(
      Execution& execution, const std::function<Result<std::string>(const Execution&)>& change);
  // Does the work of a statement. Where it stands before a materialized view that can't be read at
  // the transaction's time, and nothing came before it there, waits for the view and does it again
  // at a newer time.
  template <typename Done>
  Result<Done> when_readable(const Execution& execution, const std::function<Result<Done>()>& work);
  Status commit(std::stop_token stop);
  void end_transaction(bool committed);

  Result<std::string> begin_block(const sql::Begin& begin);
  Result<std::string> set_transaction(const sql::SetTransaction& set);
  Status set_modes(const sql::TransactionModes& modes);
  Result<std::string> commit_block(const Execution& execution);
  std::string roll_back();
  // 34000 for a portal whose transaction has ended: what it would write is nobody's.
  Status check_current(const Execution& execution) const;
  Status set_variable(const sql::SetVariable& set);
  Result<std::unique_ptr<Portal>> show(ExecutionPtr execution, const sql::Show& show);
  void warn(std::string_view sqlstate, std::string message);

  Database& database_;
  const ClientCallbacks client_;
  const std::string user_;
  const int32_t backend_pid_;
  Settings settings_;
  std::shared_ptr<Transaction> transaction_;                   // null: none
  bool failed_ = false;                                        // of a block
  std::map<std::string, std::unique_ptr<Prepared>> prepared_;  // PREPARE's, by name
  Cursors cursors_;                                            // of the transaction
  // An implicit transaction of one statement can be run again when its commit conflicts: its client
  // has seen nothing yet that was read at the old time.
  std::function<Result<std::string>()> again_;
  std::string told_tag_;  // what the client was told of that statement already
  int statements_ = 0;    // of the implicit transaction

  RunningStop running_;
};

}  // namespace sluice::session
