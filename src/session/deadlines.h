// Stops statements whose time is over: one thread for all of them.
//
// Threads: safe from any.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

namespace sluice::session {

class Deadlines {
 public:
  Deadlines();
  ~Deadlines();

  // Requests a stop of `source` after `timeout`, unless the returned guard is dropped before.
  class Guard {
   public:
    // Whether it was this deadline that stopped the source.
    bool expired() const { return expired_; }

   private:
    friend class Deadlines;
    std::stop_source source_;
    std::atomic<bool> expired_ = false;
  };
  std::shared_ptr<const Guard> arm(std::stop_source source, std::chrono::milliseconds timeout);

 private:
  void run(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<std::chrono::steady_clock::time_point, std::weak_ptr<Guard>> guards_;
  size_t prune_at_ = 1024;  // entries of statements that have ended are dropped now and then
  std::jthread thread_;     // last: it uses the others
};

}  // namespace sluice::session
