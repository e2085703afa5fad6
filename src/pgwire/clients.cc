#include "pgwire/clients.h"

#include <openssl/rand.h>
#include <sys/epoll.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace sluice::pgwire {
namespace {
constexpr int kAgainMilliseconds = 20;
constexpr uint64_t kWake = 0;  // no process id
}  // namespace

struct Clients::Client {
  Client(BackendKey its_key, int its_fd) : key(its_key), fd(its_fd) {}

  void cancel() {
    const std::lock_guard lock(mutex);
    if (session != nullptr) session->request_cancel();
  }

  const BackendKey key;
  const int fd;
  std::atomic<bool> gone = false;
  std::mutex mutex;
  session::Session* session = nullptr;  // under mutex
};

Clients::Clients(int limit) : limit_(limit), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  CHECK(epoll_.get() >= 0);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = kWake;
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.fd(), &event) == 0);
  watcher_ = std::thread([this] { watch(); });
}

Clients::~Clients() {
  ended_ = true;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  wake_.raise();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, wake_.fd(), &event);
  watcher_.join();
}

Result<std::unique_ptr<Clients::Place>> Clients::admit(int fd) {
  BackendKey key;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&key.secret), sizeof key.secret) != 1) {
    return internal("no random bytes for a cancel key");
  }
  const std::lock_guard lock(mutex_);
  if (all_cancelled_) {
    return error(ErrorCode::kUnavailable, "the server is shutting down").with_sqlstate("57P03");
  }
  if (std::cmp_greater_equal(clients_.size(), limit_)) {
    return error(ErrorCode::kExhausted, "sorry, too many clients already").with_sqlstate("53300");
  }
  do {
    last_process_id_ = (last_process_id_ % 0x7FFFFFFF) + 1;
  } while (clients_.contains(last_process_id_));
  key.process_id = last_process_id_;
  auto client = std::make_shared<Client>(key, fd);
  epoll_event event{};
  event.events = EPOLLRDHUP | EPOLLONESHOT;
  event.data.u64 = key.process_id;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return error(ErrorCode::kExhausted, "cannot watch a connection: errno {}", errno);
  }
  clients_.emplace(key.process_id, client);
  return std::make_unique<Place>(*this, std::move(client));
}

void Clients::cancel(const BackendKey& key) {
  std::shared_ptr<Client> client;
  {
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(key.process_id);
    if (found == clients_.end() || found->second->key.secret != key.secret) return;
    client = found->second;
  }
  client->cancel();
}

void Clients::cancel_all() {
  {
    const std::lock_guard lock(mutex_);
    all_cancelled_ = true;
  }
  wake_.raise();
}

int Clients::count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(clients_.size());
}

void Clients::leave(const Client& client) {
  const std::lock_guard lock(mutex_);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, client.fd, nullptr);
  clients_.erase(client.key.process_id);
}

void Clients::mark_gone(uint32_t process_id) {
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(process_id);
  if (found != clients_.end()) found->second->gone = true;
}

void Clients::watch() {
  while (!ended_) {
    std::vector<std::shared_ptr<Client>> unwanted;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [process_id, client] : clients_) {
        if (all_cancelled_ || client->gone) unwanted.push_back(client);
      }
    }
    for (const auto& client : unwanted) client->cancel();
    epoll_event events[64];
    const int ready =
        ::epoll_wait(epoll_.get(), events, 64, unwanted.empty() ? -1 : kAgainMilliseconds);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.u64 != kWake) mark_gone(static_cast<uint32_t>(events[i].data.u64));
    }
  }
}

Clients::Place::Place(Clients& clients, std::shared_ptr<Client> client)
    : clients_(clients), client_(std::move(client)) {}

Clients::Place::~Place() {
  detach();
  clients_.leave(*client_);
}

const BackendKey& Clients::Place::key() const { return client_->key; }

void Clients::Place::attach(session::Session& session) {
  const std::lock_guard lock(client_->mutex);
  client_->session = &session;
}

void Clients::Place::detach() {
  const std::lock_guard lock(client_->mutex);
  client_->session = nullptr;
}

}  // namespace sluice::pgwire
