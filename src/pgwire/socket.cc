#include "pgwire/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace sluice::pgwire {
namespace {

Error broken(int code) {
  return error(ErrorCode::kUnavailable, "connection to client lost: {}", std::strerror(code))
      .with_sqlstate("08006");
}

int poll_milliseconds(const Deadline& deadline) {
  if (!deadline) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

}  // namespace

void Descriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(event_.get() >= 0);
}

void StopSignal::raise() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then it is raised.
  [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

bool StopSignal::raised() const {
  pollfd event{event_.get(), POLLIN, 0};
  return ::poll(&event, 1, 0) > 0;
}

Socket::Socket(Descriptor fd, const StopSignal& stop) : fd_(std::move(fd)), stop_(stop) {
  ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A client whose machine vanished is found out within minutes, also while it says nothing.
  const int idle_seconds = 60;
  const int interval_seconds = 10;
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
}

Status Socket::wait(short events, Deadline deadline) {
  while (true) {
    pollfd polled[2] = {{fd_.get(), events, 0}, {stop_.fd(), POLLIN, 0}};
    const int ready = ::poll(polled, 2, poll_milliseconds(deadline));
    if (ready < 0 && errno != EINTR) return broken(errno);
    if (ready == 0) return error(ErrorCode::kUnavailable, "timeout while waiting for the client");
    if (polled[1].revents != 0) return cancelled();
    if (ready > 0 && polled[0].revents != 0) {
      // Who has hung up will not take what we still have to say.
      const bool writing = (events & POLLOUT) != 0;
      if (writing && (polled[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
        return broken(EPIPE);
      }
      return ok();
    }
  }
}

Result<size_t> Socket::read(std::span<char> into, Deadline deadline) {
  while (true) {
    // Waiting first: a client that never pauses must not keep the server from stopping.
    TRY(wait(POLLIN, deadline));
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return broken(errno);
  }
}

Status Socket::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      TRY(wait(POLLOUT | POLLRDHUP, {}));
    } else if (errno != EINTR) {
      return broken(errno);
    }
  }
  return ok();
}

void Socket::close_gently(size_t announced) {
  if (fd_.get() < 0) return;
  std::vector<char> unwanted(size_t{64} << 10);
  const auto discard = [&](size_t most, std::chrono::seconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (most > 0) {
      const auto now = std::chrono::steady_clock::now();
      const auto got = read(std::span(unwanted).first(std::min(most, unwanted.size())),
                            std::min(deadline, now + std::chrono::seconds(1)));
      if (!got.ok() || *got == 0 || now > deadline) break;
      most -= *got;
    }
  };
  discard(announced, std::chrono::seconds(30));
  ::shutdown(fd_.get(), SHUT_WR);
  discard(SIZE_MAX, std::chrono::seconds(1));
  fd_.reset();
}

}  // namespace sluice::pgwire
