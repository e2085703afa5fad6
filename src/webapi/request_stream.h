// A connection as the HTTP library reads and writes it, with the bounds that the library lacks: on
// the bytes of a request's head and body, on the time it may take to come, and on waiting when the
// server stops.
//
// Threads: one at a time.
#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "pgwire/socket.h"

namespace sluice::webapi {

class RequestStream final : public httplib::Stream {
 public:
  struct Limits {
    size_t head_bytes = size_t{64} << 10;
    size_t body_bytes = size_t{17} << 20;
    std::chrono::milliseconds idle{5'000};      // between two requests
    std::chrono::milliseconds request{60'000};  // from its first byte to its last
  };
  // `socket` must outlive it.
  RequestStream(pgwire::Socket& socket, Limits limits);

  // Waits for the first byte of a request; false when there will be none.
  bool begin_request();
  // No further request can be told apart from what this one left unread.
  void end_after_this() { failed_ = true; }

  using httplib::Stream::write;
  bool is_readable() const override { return !failed_; }
  bool is_writable() const override { return !write_failed_; }
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_.fd(); }

 private:
  bool fill(pgwire::Deadline deadline);
  bool count(char byte);

  pgwire::Socket& socket_;
  const Limits limits_;
  std::array<char, 16384> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool failed_ = false;  // nothing more is read
  bool write_failed_ = false;
  pgwire::Deadline deadline_;  // the next four: of the request that is being read
  size_t ending_ = 0;          // characters of the head's end, CR LF CR LF, that have come
  size_t head_bytes_ = 0;
  size_t body_bytes_ = 0;
};

}  // namespace sluice::webapi
