// Who is logged in: counts them, finds the one a CancelRequest means, and stops the statements of
// those who have gone.
//
// A cancel reaches a session only while something runs, and a statement may begin just after it. So
// the watching thread asks again and again, until the connection's own thread has seen its end.
//
// Threads: safe from any. A client's session is cancelled under that client's own lock only.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "pgwire/replies.h"
#include "pgwire/socket.h"
#include "session/session.h"

namespace sluice::pgwire {

class Clients {
 public:
  // One logged-in client's place; given back by the destructor. One thread.
  class Place;

  explicit Clients(int limit);
  ~Clients();  // every Place is given back by then

  // 53300 when all places are taken. `fd`: the client's socket, watched for its end.
  Result<std::unique_ptr<Place>> admit(int fd);
  // A wrong key does nothing, as the protocol wants it.
  void cancel(const BackendKey& key);
  // From now on, whatever runs or begins is cancelled.
  void cancel_all();
  int count() const;

 private:
  struct Client;
  void watch();
  void mark_gone(uint32_t process_id);
  void leave(const Client& client);

  const int limit_;
  StopSignal wake_;
  Descriptor epoll_;
  mutable std::mutex mutex_;
  std::map<uint32_t, std::shared_ptr<Client>> clients_;  // by process id; shared with Place
  uint32_t last_process_id_ = 0;
  std::atomic<bool> all_cancelled_ = false;
  std::atomic<bool> ended_ = false;
  std::thread watcher_;
};

class Clients::Place {
 public:
  Place(Clients& clients, std::shared_ptr<Client> client);
  ~Place();
  const BackendKey& key() const;
  // `session` must live until detach() or the destructor.
  void attach(session::Session& session);
  void detach();

 private:
  Clients& clients_;
  const std::shared_ptr<Client> client_;
};

}  // namespace sluice::pgwire
