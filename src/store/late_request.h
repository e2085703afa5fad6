// For tests: a request to the fake store that is cut off on its way, and arrives all the same after
// what it makes was looked for and removed. It stops the probe that has sent it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>

#include "s3fake/server.h"

namespace sluice::store {

class LateRequest {
 public:
  using Moment = s3fake::Server::Options::Moment;

  // The nth such operation is carried out when the first `removal` after it was.
  LateRequest(std::string operation, int nth, std::string removal)
      : operation_(std::move(operation)), nth_(nth), removal_(std::move(removal)) {}

  // For Options::watch of the server, which must end before this does.
  bool watch(Moment moment, const std::string& operation) {
    std::unique_lock lock(mutex_);
    if (operation == operation_) {
      if (moment == Moment::kBefore && ++seen_ == nth_) {
        lock.unlock();
        stop_.request_stop();
        lock.lock();
        wait(lock, was_removed_);
      } else if (moment == Moment::kAfter && seen_ == nth_) {
        tell(has_arrived_);
      }
    } else if (operation == removal_ && seen_ >= nth_) {
      if (moment == Moment::kAfter) {
        tell(was_removed_);
      } else if (was_removed_) {
        wait(lock, has_arrived_);  // whoever looks once more finds it
      }
    }
    return true;
  }

  std::stop_token stop() const { return stop_.get_token(); }
  bool wait_until_it_has_arrived() {
    std::unique_lock lock(mutex_);
    return wait(lock, has_arrived_);
  }

 private:
  bool wait(std::unique_lock<std::mutex>& lock, const bool& event) {
    return changed_.wait_for(lock, std::chrono::seconds(20), [&event] { return event; });
  }
  void tell(bool& event) {
    event = true;
    changed_.notify_all();
  }

  const std::string operation_;
  const int nth_;
  const std::string removal_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int seen_ = 0;              // guarded, as the next two
  bool was_removed_ = false;  // the removal that has come too early was carried out
  bool has_arrived_ = false;
};

}  // namespace sluice::store
