// HTTP client: one libcurl multi loop on a thread of its own, request in, response out.
//
// Promises
//   - A request's body is a span that the loop reads in place: it must stay valid until the
//     request is done (run() has returned, or `done` was called).
//   - Stopping a request's token ends it within milliseconds, whatever it is waiting for.
//   - No connection is made to where a machine keeps credentials (address.h), whatever a name
//     resolves to, unless the request may.
//   - TLS is always verified; redirects are not followed; proxies of the environment are ignored.
//   - Connections belong to the loop, which keeps them alive between requests: a request costs a
//     new one only where no idle one is left.
// It retries nothing by itself, with one exception that HTTP demands of every client: libcurl
// sends a request again when a kept connection turns out to be closed before any byte of an answer
// came. `send_at_most_once` rules that out too.
//
// Threads: safe from any thread. `done` runs on the loop's thread, or within start() where the
// request can't be begun, and must not wait.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace sluice::http {

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  std::string method = "GET";
  std::string url;  // percent-encoded by the caller; sent as it is
  std::vector<Header> headers;
  std::span<const std::byte> body;  // sent with PUT and POST, and if not empty with others
  std::string ca_file;              // CA bundle (PEM) to trust instead of the system's
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};  // without a byte sent or received
  std::chrono::milliseconds total_timeout{0};      // 0: none
  size_t max_response_bytes = size_t{64} << 20;    // a longer answer is an error
  bool send_at_most_once = false;                  // takes a new connection
  bool may_reach_metadata = false;                 // for the server's own needs, never a user's
  bool has_secrets = false;  // in it or its answer: what libcurl has held of both is wiped at once
};

struct Response {
  int status = 0;
  std::vector<Header> headers;
  std::string body;

  // The first header of that name, in any case; empty if there is none.
  std::string_view header(std::string_view name) const;
};

// Only ever grow, but for `running`.
struct Counters {
  uint64_t requests = 0;
  uint64_t failures = 0;  // no answer; an answer of any status is none
  uint64_t connections = 0;
  uint64_t bytes_sent = 0;  // bodies
  uint64_t bytes_received = 0;
  uint64_t running = 0;
};

class Client {
 public:
  using Done = std::function<void(Result<Response>)>;

  Client();
  // Ends what is still running with kCancelled.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Errors: kUnavailable (no connection, lost connection, a timeout), kDenied (the server's
  // certificate is not trusted, a reserved address), kInvalid (the url, a header), kExhausted
  // (answer too long), kCancelled. An error says nothing about whether the server has acted.
  void start(Request request, std::stop_token stop, Done done);

  // The same, and waits for it. Not from the loop's thread.
  Result<Response> run(Request request, std::stop_token stop);

  Counters counters() const;

 private:
  struct Transfer;
  struct Curl;  // libcurl's handles, out of this header

  void loop();
  void begin(std::unique_ptr<Transfer> transfer);
  void finish(uint64_t id, Result<Response> result);
  void finish_done();
  void end_stopped_and_idle();
  int poll_ms() const;

  const std::unique_ptr<Curl> curl_;
  struct AtomicCounters {
    std::atomic<uint64_t> requests{0}, failures{0}, connections{0}, sent{0}, received{0},
        running{0};
  } counters_;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> incoming_;  // guarded, as the next two
  std::vector<uint64_t> stopped_;
  bool closing_ = false;

  std::unordered_map<uint64_t, std::unique_ptr<Transfer>> running_;  // the loop's thread only
  uint64_t last_id_ = 0;                                             // the loop's thread only
  bool secrets_ended_ = false;                                       // the loop's, as the last
  std::thread thread_;  // last: starts when all above is there
};

}  // namespace sluice::http
