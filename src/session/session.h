// One client's session: its settings, transaction, prepared statements' meaning, and cancel. The
// protocols (pgwire, HTTP) speak to this and to nothing below it.
//
// Threads: one at a time, except request_cancel(), which is safe from any.
//
// Life of a statement:   parse() -> Statements;  prepare() -> Prepared;  open() -> Portal;
//                        Portal::next()… -> tag().
// Transactions: the protocol says where an implicit one ends: end_implicit() at ReadyForQuery.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "types/sql_type.h"

namespace sluice::session {

struct Column {
  std::string name;
  types::SqlType type;
  bool operator==(const Column&) const = default;
};

enum class TransactionState { kIdle, kOpen, kFailed };  // as ReadyForQuery's I, T, E

struct Notice {
  std::string severity;  // NOTICE, WARNING, INFO, DEBUG
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
};

// What the session tells its client beside results. Called on the session's thread, during a call.
struct ClientCallbacks {
  std::function<void(const Notice&)> notice;
  // A setting that the protocol reports (client_encoding, DateStyle, TimeZone, application_name…).
  std::function<void(const std::string& name, const std::string& value)> parameter_changed;
  // Sends what was told so far, where the protocol can: a statement may take long. May be empty.
  std::function<void()> flush = {};
};

// A parsed, described statement, to be opened any number of times.
class Prepared {
 public:
  virtual ~Prepared() = default;
  virtual bool empty() const = 0;  // only blanks and comments: EmptyQueryResponse
  virtual const std::vector<types::SqlType>& parameters() const = 0;
  // Empty when the statement returns no rows (then NoData).
  virtual const std::vector<Column>& columns() const = 0;
};

// A statement being executed. Drop it to stop it.
class Portal {
 public:
  enum class Kind {
    kRows,     // next() gives chunks, then tag()
    kCommand,  // run() does it, then tag()
    kCopyOut,  // next_bytes() gives the bytes of CopyData, then tag()
    kCopyIn,   // copy_data()…, then copy_done() or copy_fail(), then tag()
    kEmpty,
  };
  virtual ~Portal() = default;
  virtual Kind kind() const = 0;
  virtual const std::vector<Column>& columns() const = 0;  // kRows, kCopyOut, kCopyIn

  // kRows: the next rows, valid until the next call; nullptr at the end. Computed as pulled.
  virtual Result<engine::Chunk*> next() = 0;
  // kCommand
  virtual Status run() = 0;
  // kCopyOut: appends whole rows to `out`; false at the end.
  virtual Result<bool> next_bytes(std::string& out) = 0;
  // kCopyIn: bytes in any pieces.
  virtual Status copy_data(std::span<const char> bytes) = 0;
  virtual Status copy_done() = 0;
  virtual void copy_fail(std::string_view reason) = 0;

  // Where the data of the last call that failed stands, in PostgreSQL's words, as far as is known:
  // `COPY t, line 3, column a: "x"`.
  virtual std::string context() const { return {}; }

  // The command tag without a row count for rows, as "INSERT 0 3", "COPY 12", "SELECT": for kRows
  // the protocol appends the number of rows it has sent.
  virtual std::string tag() const = 0;
};

class Session {
 public:
  virtual ~Session() = default;

  // Splits a text into its statements, checking their syntax (42601 with position).
  virtual Result<std::vector<std::unique_ptr<Prepared>>> parse(std::string_view sql) = 0;
  // One statement, with the parameter types the client gave (0: to be found).
  virtual Result<std::unique_ptr<Prepared>> prepare(std::string_view sql,
                                                    std::span<const uint32_t> parameter_oids) = 0;
  // `parameters` as engine values of Prepared::parameters()' types. Statement timeout, cancel and
  // the transaction's state are checked here and during execution. In the failed state only
  // ROLLBACK/COMMIT pass (25P02).
  virtual Result<std::unique_ptr<Portal>> open(const Prepared& prepared,
                                               std::vector<engine::Value> parameters) = 0;
  // Statements of parse() are described when opened, since an earlier one may create what a later
  // one reads; Prepared::columns() is then empty and Portal::columns() tells.

  // The protocol reports an error that it sent to the client: the transaction becomes failed.
  virtual void statement_failed() = 0;
  // Commits the implicit transaction, if one is open, at the end of a simple query or at Sync.
  virtual Status end_implicit() = 0;
  virtual TransactionState transaction_state() const = 0;

  // Stops what runs now, if anything: Ctrl-C, a lost connection, shutdown. Any thread.
  virtual void request_cancel() = 0;

  // Value of a setting as SHOW gives it; nullopt if there is none of this name.
  virtual std::optional<std::string> setting(std::string_view name) const = 0;
  virtual Status set(std::string_view name, std::string_view value) = 0;  // start-up parameters
  virtual const std::string& time_zone() const = 0;                       // for text forms
};

// Makes sessions; one in a server. Safe from any thread.
class SessionFactory {
 public:
  struct Login {
    std::string user;
    std::string database;
    std::string application_name;
    int32_t backend_pid = 0;  // pg_backend_pid(): of the connection; 0: none
  };
  virtual ~SessionFactory() = default;
  // 3D000 for another database than `materialize`.
  virtual Result<std::unique_ptr<Session>> login(const Login& login, ClientCallbacks callbacks) = 0;
};

}  // namespace sluice::session
