#include "pgwire/server.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/log.h"
#include "pgwire/clients.h"
#include "pgwire/connection.h"
#include "pgwire/socket.h"

namespace sluice::pgwire {
namespace {

constexpr int kBacklog = 128;
// Beside the logged-in clients: those that are logging in, and cancel requests.
constexpr int kConnectionsStartingUp = 64;
constexpr int kPauseMilliseconds = 100;  // when the process has no descriptor or thread left

Result<Descriptor> listen_on(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) return invalid("cannot listen on {}: {}", host, ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int reason = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Descriptor fd(::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                           address->ai_protocol));
    const int on = 1;
    if (fd.get() >= 0 && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        ::bind(fd.get(), address->ai_addr, address->ai_addrlen) == 0 &&
        ::listen(fd.get(), kBacklog) == 0) {
      return fd;
    }
    reason = errno;
  }
  return error(ErrorCode::kUnavailable, "cannot listen on {}:{}: {}", host, port,
               std::strerror(reason));
}

uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  char port[8] = "0";
  ::getnameinfo(reinterpret_cast<sockaddr*>(&address), length, nullptr, 0, port, sizeof port,
                NI_NUMERICSERV);
  return static_cast<uint16_t>(std::stoi(port));
}

class TcpServer final : public Server {
 public:
  TcpServer(Options options, Descriptor listener, session::SessionFactory& sessions)
      : options_(std::move(options)),
        listener_(std::move(listener)),
        port_(port_of(listener_.get())),
        sessions_(sessions),
        clients_(options_.max_connections) {
    acceptor_ = std::thread([this] { accept_clients(); });
  }
  ~TcpServer() override { stop(); }

  uint16_t port() const override { return port_; }
  int connections() const override { return clients_.count(); }

  void stop() override {
    if (!acceptor_.joinable()) return;
    stopping_.raise();
    clients_.cancel_all();
    acceptor_.join();
    listener_.reset();
    for (Thread& thread : threads_) thread.thread.join();
    threads_.clear();
  }

 private:
  struct Thread {
    std::thread thread;
    std::atomic<bool> ended = false;
  };

  void accept_clients() {
    while (!stopping_.raised()) {
      pollfd polled[2] = {{listener_.get(), POLLIN, 0}, {stopping_.fd(), POLLIN, 0}};
      if (::poll(polled, 2, -1) <= 0 || polled[0].revents == 0) continue;
      Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      join_ended();
      if (client.get() >= 0) {
        serve(std::move(client));
      } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        log::warning("cannot accept a client: {}", std::strerror(errno));
        pause();
      }
    }
  }

  void pause() {
    pollfd stop{stopping_.fd(), POLLIN, 0};
    ::poll(&stop, 1, kPauseMilliseconds);
  }

  void serve(Descriptor client) {
    if (std::cmp_greater_equal(threads_.size(),
                               options_.max_connections + kConnectionsStartingUp)) {
      return;
    }
    Thread& thread = threads_.emplace_back();
    try {
      auto connection =
          std::make_unique<Connection>(Socket(std::move(client), stopping_), clients_, sessions_);
      thread.thread = std::thread([this, &thread, serving = std::move(connection)]() mutable {
        serving->run(options_.startup_timeout);
        serving.reset();
        thread.ended = true;
      });
    } catch (const std::system_error& no_thread) {
      log::warning("cannot start a client's thread: {}", no_thread.what());
      threads_.pop_back();
    }
  }

  void join_ended() {
    for (auto thread = threads_.begin(); thread != threads_.end();) {
      if (thread->ended) {
        thread->thread.join();
        thread = threads_.erase(thread);
      } else {
        ++thread;
      }
    }
  }

  const Options options_;
  Descriptor listener_;
  const uint16_t port_;
  session::SessionFactory& sessions_;
  StopSignal stopping_;
  Clients clients_;
  std::list<Thread> threads_;  // the acceptor's until it is joined, then stop()'s
  std::thread acceptor_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Options options, session::SessionFactory& sessions) {
  TRY_ASSIGN(Descriptor listener, listen_on(options.host, options.port));
  return std::unique_ptr<Server>(
      std::make_unique<TcpServer>(std::move(options), std::move(listener), sessions));
}

}  // namespace sluice::pgwire
