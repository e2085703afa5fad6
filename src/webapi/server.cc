#include "webapi/server.h"

#include <httplib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <exception>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "pgwire/clients.h"
#include "pgwire/socket.h"
#include "secrets/wiping.h"
#include "webapi/batch.h"
#include "webapi/guard.h"
#include "webapi/json.h"
#include "webapi/request_stream.h"

namespace sluice::webapi {
namespace {

// /health must answer while all sessions are busy: there are so many threads more than sessions.
constexpr int kSpareThreads = 16;
constexpr int kRequestsPerConnection = 1000;
// Who takes nothing for so long while we have something to send is dropped.
constexpr int kSilentClientMilliseconds = 60'000;

// The library's server has a member Options, too.
using ServerOptions = Server::Options;

struct Refusal {
  int status;
  Error error;
};

void answer_error(httplib::Response& response, int status, const Error& error) {
  response.status = status;
  std::string body = "{\"error\":";
  append_error(body, error);
  body += '}';
  response.set_content(body, "application/json");
}

// What a connection said may have been a secret, and stays on its thread's stack.
class WipingPool final : public httplib::ThreadPool {
 public:
  using httplib::ThreadPool::ThreadPool;
  void enqueue(std::function<void()> work) override {
    httplib::ThreadPool::enqueue([work = std::move(work)] {
      work();
      secrets::wipe_stack();
    });
  }
};

// The connection whose request this thread handles: the library shows handlers no socket.
thread_local RequestStream* current_stream = nullptr;

class HttpServer final : public Server, private httplib::Server {
 public:
  HttpServer(ServerOptions options, session::SessionFactory& sessions,
             std::function<Health()> health, std::function<std::string()> metrics)
      : options_(std::move(options)),
        sessions_(sessions),
        health_(std::move(health)),
        metrics_(std::move(metrics)),
        clients_(options_.max_sessions) {
    // The library's own options would let a second server listen on the same port.
    set_socket_options([](socket_t fd) {
      const int on = 1;
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    const auto threads = static_cast<size_t>(options_.max_sessions) + kSpareThreads;
    new_task_queue = [threads] { return new WipingPool(threads); };
    set_payload_max_length(options_.max_body_bytes);
    set_keep_alive_max_count(kRequestsPerConnection);
    add_routes();
  }
  ~HttpServer() override { stop(); }

  Status listen() {
    const int bound = options_.port == 0
                          ? bind_to_any_port(options_.host)
                          : (bind_to_port(options_.host, options_.port) ? options_.port : -1);
    if (bound <= 0) {
      return error(ErrorCode::kUnavailable, "cannot listen on {}:{}", options_.host, options_.port);
    }
    port_ = static_cast<uint16_t>(bound);
    listener_ = std::thread([this] { listen_after_bind(); });
    // stop() does nothing to a library's server that has not begun.
    while (!is_running()) std::this_thread::yield();
    return ok();
  }

  uint16_t port() const override { return port_; }
  int sessions() const override { return clients_.count(); }

  void stop() override {
    if (!listener_.joinable()) return;
    stopping_.raise();
    clients_.cancel_all();
    httplib::Server::stop();
    listener_.join();
  }

 private:
  void add_routes() {
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      const auto refused = refusal(request);
      if (!refused) return HandlerResponse::Unhandled;
      answer_error(response, refused->status, refused->error);
      // Its body was not read.
      response.set_header("Connection", "close");
      current_stream->end_after_this();
      return HandlerResponse::Handled;
    });
    set_post_routing_handler([](const httplib::Request&, httplib::Response& response) {
      response.set_header("X-Content-Type-Options", "nosniff");
      response.set_header("Cache-Control", "no-store");
    });
    set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
          answer_error(response, 500, internal("internal error"));
        });
    Get("/health",
        [this](const httplib::Request&, httplib::Response& response) { answer_health(response); });
    Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(metrics_(), "text/plain; version=0.0.4; charset=utf-8");
    });
    Post("/api/sql",
         [this](const httplib::Request&, httplib::Response& response,
                const httplib::ContentReader& content) { answer_sql(response, content); });
  }

  // What can be said before the body is read.
  std::optional<Refusal> refusal(const httplib::Request& request) const {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    const bool has_body =
        request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
    if (reads && has_body) return Refusal{400, invalid("{} takes no body", request.method)};
    if (request.path != "/api/sql") {
      if (reads) return std::nullopt;
      return Refusal{404, error(ErrorCode::kNotFound, "there is no {}", request.path)};
    }
    if (request.method != "POST") return Refusal{405, invalid("/api/sql takes POST only")};
    std::string address;
    int port = 0;
    current_stream->get_local_ip_and_port(address, port);
    const std::string host = request.get_header_value("Host");
    if (request.get_header_value_count("Host") != 1 ||
        !is_allowed_host(host, address, options_.allowed_hosts)) {
      return Refusal{403, error(ErrorCode::kDenied, "Host header not allowed")
                              .with_hint("Names that the server may be called by beside localhost "
                                         "and its addresses are given to it by "
                                         "--http-allowed-hosts.")};
    }
    if (request.has_header("Origin") && !is_same_origin(request.get_header_value("Origin"), host)) {
      return Refusal{403, error(ErrorCode::kDenied, "cross-origin request refused")};
    }
    if (!is_json(request.get_header_value("Content-Type")) ||
        request.has_header("Content-Encoding")) {
      return Refusal{415, invalid("Content-Type must be application/json, without encoding")};
    }
    return std::nullopt;
  }

  void answer_health(httplib::Response& response) const {
    const Health health = health_();
    std::string body = "{\"status\":\"ok\"}";
    if (!health.problems.empty()) {
      response.status = 503;
      body = "{\"status\":\"unavailable\",\"reasons\":[";
      for (size_t i = 0; i < health.problems.size(); ++i) {
        if (i > 0) body += ',';
        append_string(body, health.problems[i]);
      }
      body += "]}";
    }
    response.set_content(body, "application/json");
  }

  void answer_sql(httplib::Response& response, const httplib::ContentReader& content) {
    std::string body;
    const bool whole = content([&](const char* bytes, size_t size) {
      if (body.size() + size > options_.max_body_bytes) return false;
      body.append(bytes, size);
      return true;
    });
    if (!whole) {
      current_stream->end_after_this();
      response.set_header("Connection", "close");
      const Error too_large =
          error(ErrorCode::kExhausted, "body is incomplete or larger than {} bytes",
                options_.max_body_bytes)
              .with_sqlstate("54000");
      return answer_error(response, 413, too_large);
    }
    const auto request = parse_request(body);
    if (!request.ok()) return answer_error(response, 400, request.error());
    const Status answered = run(*request, response);
    if (!answered.ok()) answer_error(response, 503, answered.error());
  }

  Status run(const Request& request, httplib::Response& response) {
    Batch batch({options_.max_result_bytes});
    std::unique_ptr<session::Session> session;  // ends before its callbacks,
    TRY_ASSIGN(const auto place, clients_.admit(current_stream->socket()));  // after its place
    session::SessionFactory::Login login;
    login.user = login.database = "materialize";
    TRY_ASSIGN(session, sessions_.login(login, batch.callbacks()));
    place->attach(*session);
    response.body = batch.run(request, *session);
    response.set_header("Content-Type", "application/json");
    return ok();
  }

  // The library's own loop would neither end with the server nor tell us the socket.
  bool process_and_close_socket(socket_t fd) override {
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kSilentClientMilliseconds,
                 sizeof kSilentClientMilliseconds);
    pgwire::Socket socket(pgwire::Descriptor(fd), stopping_);
    RequestStream stream(socket, {.body_bytes = options_.max_body_bytes + (size_t{1} << 20)});
    try {
      current_stream = &stream;
      bool closed = false;
      for (int left = kRequestsPerConnection; left > 0 && !closed && stream.begin_request();
           --left) {
        if (!process_request(stream, left == 1, closed, nullptr)) break;
      }
    } catch (const std::exception& exception) {
      log::error("unexpected exception in an HTTP connection: {}", exception.what());
    }
    current_stream = nullptr;
    socket.close_gently();
    return true;
  }

  const ServerOptions options_;
  session::SessionFactory& sessions_;
  const std::function<Health()> health_;
  const std::function<std::string()> metrics_;
  pgwire::StopSignal stopping_;
  pgwire::Clients clients_;
  uint16_t port_ = 0;
  std::thread listener_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Options options, session::SessionFactory& sessions,
                                              std::function<Health()> health,
                                              std::function<std::string()> metrics) {
  auto server = std::make_unique<HttpServer>(std::move(options), sessions, std::move(health),
                                             std::move(metrics));
  TRY(server->listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace sluice::webapi
