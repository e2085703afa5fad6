// A stop token that trips by itself: after some time, and sooner once somebody asks to stop.
//
// Threads: token() from any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace sluice::exports {

class Deadline {
 public:
  struct Options {
    std::chrono::milliseconds after;
    std::chrono::milliseconds after_stop;  // counted from when `stop` was requested
  };
  explicit Deadline(Options options, std::stop_token stop = {})
      : end_(Steady::now() + options.after),
        thread_([this](const std::stop_token& ended) { wait(ended); }),
        on_stop_(std::move(stop), [this, options] { shorten(options.after_stop); }) {}

  std::stop_token token() const { return source_.get_token(); }

 private:
  using Steady = std::chrono::steady_clock;

  void shorten(std::chrono::milliseconds left) {
    {
      const std::lock_guard lock(mutex_);
      end_ = std::min(end_, Steady::now() + left);
    }
    changed_.notify_all();
  }

  void wait(const std::stop_token& ended) {
    std::unique_lock lock(mutex_);
    while (!ended.stop_requested() && Steady::now() < end_) {
      const auto end = end_;
      changed_.wait_until(lock, ended, end, [&] { return end_ != end; });
    }
    lock.unlock();
    if (!ended.stop_requested()) source_.request_stop();
  }

  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Steady::time_point end_;
  std::jthread thread_;
  std::stop_callback<std::function<void()>> on_stop_;  // last: it uses the others
};

}  // namespace sluice::exports
