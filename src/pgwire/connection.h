// One client's connection, from its first byte to its last.
//
//   start-up ── SSLRequest, GSSENCRequest: 'N', and again ── CancelRequest: done
//      │
//      v            Query: all its statements, ReadyForQuery
//    ready  ──────> Parse, Bind, Describe, Execute, Close: their answers
//      ^            Sync: the implicit transaction ends, ReadyForQuery
//      │            an error: nothing more is done until Sync
//      └─ COPY FROM STDIN reads CopyData within Query or Execute
//
// Nothing of a result is kept here but the piece being sent: a slow client holds up its own thread.
//
// Threads: run() on the connection's own; nothing else.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/push/pieces.h"
#include "pgwire/clients.h"
#include "pgwire/messages.h"
#include "pgwire/replies.h"
#include "pgwire/rows.h"
#include "pgwire/socket.h"
#include "session/session.h"

namespace sluice::pgwire {

class Connection {
 public:
  // `clients` and `sessions` must outlive it.
  Connection(Socket socket, Clients& clients, session::SessionFactory& sessions);

  // Serves the client until it leaves or the server stops.
  void run(std::chrono::milliseconds startup_timeout);

 private:
  struct OpenPortal {
    // Shared with the client's name for it, which may be closed or given away meanwhile.
    std::shared_ptr<session::Prepared> prepared;
    std::unique_ptr<session::Portal> portal;
    std::optional<RowEncoder> rows;        // kRows only
    std::optional<engine::Pieces> pieces;  // of the chunk that the portal gave last
    bool done = false;
  };

  // Start-up. False: there is nothing more to do.
  bool start_up(Deadline deadline);
  std::optional<Startup> read_startup(Deadline deadline);
  Status log_in(const Startup& startup);
  void greet(const Startup& startup, std::span<const std::string> unknown_protocol);

  // The next message. nullopt: the connection has ended, and the client was told why if it can be.
  std::optional<Message> receive();
  enum class Phase { kStartup, kMessages };
  std::optional<Frame> receive_frame(Phase phase, Deadline deadline);

  void handle(const Message& message);
  // Parse, Bind, Describe, Execute, Close. Their answers wait for Sync, Flush or a full buffer.
  Status extended(const Message& message);
  Status parse(const Parse& parse);
  Status bind(const Bind& bind);
  Status describe(const Describe& describe);
  Status execute(const Execute& execute);
  void close(const Close& close);

  void query(std::string sql);
  Status run_statements(std::string_view sql);
  Status run_statement(const session::Prepared& prepared, bool last);

  // Each does what the portal is there for and returns the command's tag.
  Result<std::string> run(OpenPortal& open);
  // nullopt: suspended after max_rows (0: no limit).
  Result<std::optional<std::string>> send_rows(OpenPortal& open, uint64_t max_rows);
  Result<std::string> copy_in(session::Portal& portal);
  Result<std::string> copy_out(session::Portal& portal);

  Result<std::vector<engine::Value>> parameters_of(const Bind& bind,
                                                   const session::Prepared& prepared) const;
  Status end_implicit();
  void ready();
  void fail(const Error& error);
  void die(const Error& error);  // FATAL: the connection ends
  Status flush();

  Socket socket_;
  Clients& clients_;
  session::SessionFactory& sessions_;
  FrameReader reader_;
  std::string out_;  // what is to be sent
  bool ended_ = false;
  bool greeted_ = false;
  std::string error_context_;  // of the error that is about to be told
  bool skipping_ = false;      // until Sync, after an error

  // Destroyed from below: portals, statements, the place that points to the session, the session.
  std::unique_ptr<session::Session> session_;
  std::unique_ptr<Clients::Place> place_;
  std::map<std::string, std::shared_ptr<session::Prepared>, std::less<>> statements_;
  std::map<std::string, OpenPortal, std::less<>> portals_;
};

}  // namespace sluice::pgwire
