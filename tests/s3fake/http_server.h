// A small HTTP/1.1 server for tests, on a free port of 127.0.0.1, plain or TLS, that can also
// misbehave: its handler owns the connection and may cut it, stall it or answer half.
//
// It shares no code with the client under test. A thread for each connection; the handler runs on
// it. The destructor cuts what is open and joins.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace sluice::s3fake {

struct HttpRequest {
  std::string method;
  std::string target;                          // as it came: path and query
  std::map<std::string, std::string> headers;  // names in lower case
  uint64_t content_length = 0;

  std::string header(const std::string& lower_case_name) const;
};

class Connection {
 public:
  virtual ~Connection() = default;
  // All `bytes` of them, or false: the client has gone, or the server stops.
  virtual bool read(std::string& out, size_t bytes) = 0;
  // The same for what nobody wants to see, at less cost.
  virtual bool drop(uint64_t bytes) = 0;
  virtual bool write(std::string_view bytes) = 0;
  // Ends the connection with a TCP reset.
  virtual void reset() = 0;
  // Returns when the client has closed the connection, or the server stops.
  virtual void wait_for_close() = 0;
};

class HttpServer {
 public:
  // Reads the body itself (content_length bytes). Returns whether the connection may go on.
  using Handler = std::function<bool(const HttpRequest&, Connection&)>;

  HttpServer(Handler handler, bool tls, uint16_t port = 0);  // 0: a free one
  ~HttpServer();

  uint16_t port() const { return port_; }
  // The certificate to trust, where `tls`: for localhost, [*.]s3.localhost and 127.0.0.1.
  const std::string& ca_file() const { return ca_file_; }
  size_t connections() const;  // ever accepted

 private:
  struct Tls;
  class Stream;
  void accept_loop();
  void serve(int socket);

  const Handler handler_;
  std::unique_ptr<Tls> tls_;
  std::string ca_file_;
  int listener_ = -1;
  uint16_t port_ = 0;

  mutable std::mutex mutex_;
  bool closing_ = false;  // guarded, as the next three
  size_t accepted_ = 0;
  std::map<int, bool> sockets_;  // open ones
  std::list<std::thread> handlers_;
  std::thread acceptor_;  // last
};

// The answer's head and body as they go over the wire.
std::string http_answer(int status, const std::map<std::string, std::string>& headers,
                        std::string_view body, bool head_only = false);

}  // namespace sluice::s3fake
