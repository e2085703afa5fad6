// For tests: a probe that is stopped when the fake store has carried out one of its requests, and
// a request that is cut off on its way, and carried out all the same after what it makes was looked
// for and removed.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "s3fake/server.h"

namespace sluice::store {

using Moment = s3fake::Server::Options::Moment;
// For Options::watch of the server.
using Watch = std::function<bool(Moment moment, const std::string& operation)>;

// Stops when the nth such operation was carried out.
inline Watch stop_after(std::string operation, int nth, std::stop_source stop) {
  const auto seen = std::make_shared<std::atomic<int>>(0);
  return [operation = std::move(operation), nth, stop = std::move(stop), seen](
             Moment moment, const std::string& what) mutable {
    if (moment == Moment::kAfter && what == operation && ++*seen == nth) stop.request_stop();
    return true;
  };
}

// The probe stops when the request has begun.
class LateRequest {
 public:
  // The nth such operation is carried out when the first `removal` after it was.
  LateRequest(std::string operation, int nth, std::string removal)
      : operation_(std::move(operation)), nth_(nth), removal_(std::move(removal)) {}

  // The server that has it must end before this does.
  Watch watch() {
    return [this](Moment moment, const std::string& operation) { return see(moment, operation); };
  }
  std::stop_token stop() const { return stop_.get_token(); }
  bool wait_until_it_has_arrived() {
    std::unique_lock lock(mutex_);
    return wait(lock, has_arrived_);
  }

 private:
  bool see(Moment moment, const std::string& operation) {
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
