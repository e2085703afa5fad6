// The server's HTTP side: POST /api/sql, GET /health, GET /metrics.
//
//   POST /api/sql   {"query": "a; b"}                                  one implicit transaction
//                   {"queries": [{"query": "…$1…", "params": ["1", null]}, …]}
//              ->   {"results": [ok | rows | error, …]}, ended by the first error (docs/http.md)
//
// Threads: start(), stop() and the destructor from one thread; the rest from any. The callbacks are
// called from any thread, several at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "session/session.h"

namespace sluice::webapi {

// Why the server cannot do its whole work, as "read-only: the disk is full"; none when it can.
struct Health {
  std::vector<std::string> problems;
};

class Server {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    uint16_t port = 0;  // 0: a free one
    // Names by which /api/sql may be called, beside localhost and the addresses we listen on; each
    // is_host_name() (guard.h).
    std::vector<std::string> allowed_hosts = {};
    int max_sessions = 32;  // requests to /api/sql at once; one more gets 503
    size_t max_body_bytes = size_t{16} << 20;
    size_t max_result_bytes = size_t{256} << 20;  // a reply is put together in memory
  };

  // Listens when it returns. `sessions` must outlive the server. `metrics` gives Prometheus' text.
  static Result<std::unique_ptr<Server>> start(Options options, session::SessionFactory& sessions,
                                               std::function<Health()> health,
                                               std::function<std::string()> metrics);
  virtual ~Server() = default;  // stops

  virtual uint16_t port() const = 0;
  virtual int sessions() const = 0;  // running now
  // Accepts nobody any more, cancels what runs, and joins. Again: does nothing.
  virtual void stop() = 0;
};

}  // namespace sluice::webapi
