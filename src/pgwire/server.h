// The PostgreSQL protocol over TCP: accepts clients and gives each a session.
//
// Threads: start(), stop() and the destructor from one thread; the rest from any. Inside, one
// thread accepts, one watches for clients that have gone, and each connection has its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "session/session.h"

namespace sluice::pgwire {

class Server {
 public:
  struct Options {
    std::string host = "127.0.0.1";  // a name or an address
    uint16_t port = 0;               // 0: a free one
    int max_connections = 200;       // one more gets 53300
    // A client that has not logged in by then is dropped.
    std::chrono::milliseconds startup_timeout{60'000};
  };

  // Listens when it returns. `sessions` must outlive the server.
  static Result<std::unique_ptr<Server>> start(Options options, session::SessionFactory& sessions);
  virtual ~Server() = default;  // stops

  virtual uint16_t port() const = 0;
  virtual int connections() const = 0;  // logged in now
  // Accepts nobody any more, cancels what runs, tells idle clients (57P01), and joins. Again: does
  // nothing.
  virtual void stop() = 0;
};

}  // namespace sluice::pgwire
