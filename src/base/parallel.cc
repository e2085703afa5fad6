#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/background.h"

namespace sluice {
namespace {

constexpr size_t kMostThreads = 8;
// For how long a thread looks for what is about to come before it sleeps: to be woken takes as
// long.
constexpr std::chrono::microseconds kAwake{30};

template <typename Happened>
void look_for(const Happened& happened) {
  const auto until = std::chrono::steady_clock::now() + kAwake;
  while (!happened() && std::chrono::steady_clock::now() < until) {
  }
}

// What one call has to do. On its caller's stack; helpers that work for it are counted.
class Job {
 public:
  Job(size_t pieces, const std::function<void(size_t)>& work) : pieces_(pieces), work_(work) {}

  bool has_more() const { return next_.load(std::memory_order_relaxed) < pieces_; }

  // Does pieces until none is left that nobody has begun.
  void help() noexcept {
    while (true) {
      const size_t piece = next_.fetch_add(1, std::memory_order_relaxed);
      if (piece >= pieces_) return;
      try {
        work_(piece);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        next_.store(pieces_, std::memory_order_relaxed);
      }
    }
  }

  void throw_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

  std::atomic<size_t> helpers = 0;  // at work; the pool's to change

 private:
  const size_t pieces_;
  const std::function<void(size_t)>& work_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

class Pool {
 public:
  // The caller's; never destroyed: its threads wait for work until the process ends.
  static Pool& get() {
    if (is_background_thread()) {
      static Pool& background = *new Pool(true);
      return background;
    }
    static Pool& pool = *new Pool(false);
    return pool;
  }

  void run(Job& job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(&job);
      ++posted_;
    }
    wake_.notify_all();
    job.help();
    std::unique_lock lock(mutex_);
    std::erase(jobs_, &job);
    if (job.helpers > 0) {
      lock.unlock();
      look_for([&] { return job.helpers == 0; });
      lock.lock();
    }
    left_.wait(lock, [&] { return job.helpers == 0; });
  }

 private:
  explicit Pool(bool background) {
    try {
      for (size_t i = 1; i < parallel_threads(); ++i) {
        std::thread([this, background] {
          if (background) become_background_thread();
          serve();
        }).detach();
      }
    } catch (const std::system_error&) {
      // The system has no more threads: those that there are will do, and every caller works
      // itself.
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      if (open_job() == nullptr) {
        const uint64_t seen = posted_;
        lock.unlock();
        look_for([&] { return posted_ != seen; });
        lock.lock();
      }
      Job* job = nullptr;
      wake_.wait(lock, [&] { return (job = open_job()) != nullptr; });
      ++job->helpers;
      lock.unlock();
      job->help();
      lock.lock();
      if (--job->helpers == 0) left_.notify_all();
    }
  }

  // The youngest first: what waits for it is nearest to its end.
  Job* open_job() const {
    for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) {
      if ((*job)->has_more()) return *job;
    }
    return nullptr;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable left_;
  std::deque<Job*> jobs_;
  std::atomic<uint64_t> posted_ = 0;
};

}  // namespace

size_t parallel_threads() {
  static const size_t threads =
      std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
  return threads;
}

void in_parallel(size_t pieces, const std::function<void(size_t piece)>& work) {
  Job job(pieces, work);
  if (pieces > 1 && parallel_threads() > 1) {
    Pool::get().run(job);
  } else {
    job.help();
  }
  job.throw_failure();
}

}  // namespace sluice
