// A client's socket: reads and writes that also end when the server stops, when the client goes
// away, or at a deadline.
//
// Threads: one at a time; wake() of the StopSignal from any.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace sluice::pgwire {

// A file descriptor with an owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  int get() const { return fd_; }
  void reset();

 private:
  int fd_;
};

// Readable from the moment it is raised, for every thread that polls it.
class StopSignal {
 public:
  StopSignal();
  void raise();
  bool raised() const;
  int fd() const { return event_.get(); }

 private:
  Descriptor event_;
};

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

class Socket {
 public:
  // `stop` must outlive the socket. Makes the socket non-blocking.
  Socket(Descriptor fd, const StopSignal& stop);

  int fd() const { return fd_.get(); }
  bool server_stops() const { return stop_.raised(); }

  // Waits for bytes: how many came, 0 at the end of the stream. kCancelled when the server stops,
  // kUnavailable when the connection broke or the deadline passed.
  Result<size_t> read(std::span<char> into, Deadline deadline = {});

  // Sends all of it, waiting while the client does not read. kCancelled when the server stops
  // meanwhile, kUnavailable when the client is gone.
  Status write(std::string_view bytes);

  // Ends a conversation of which the client may still be sending: a close with unread bytes would
  // take from it what we said last. Waits a second at most; before that, as long as they
  // keep coming and for half a minute at most, for `announced` bytes of a message that was refused:
  // libpq reads no answer before it has sent its message, and none once it has seen the end.
  void close_gently(size_t announced = 0);

 private:
  Status wait(short events, Deadline deadline);

  Descriptor fd_;
  const StopSignal& stop_;
};

}  // namespace sluice::pgwire
