#include "session/deadlines.h"

namespace sluice::session {

Deadlines::Deadlines() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

Deadlines::~Deadlines() = default;

std::shared_ptr<const Deadlines::Guard> Deadlines::arm(std::stop_source source,
                                                       std::chrono::milliseconds timeout) {
  const std::shared_ptr<Guard> guard(new Guard);  // apart from its counts, so that it goes at once
  guard->source_ = std::move(source);
  const std::lock_guard lock(mutex_);
  if (guards_.size() >= prune_at_) {
    std::erase_if(guards_, [](const auto& entry) { return entry.second.expired(); });
    prune_at_ = std::max<size_t>(1024, guards_.size() * 2);
  }
  guards_.emplace(std::chrono::steady_clock::now() + timeout, guard);
  changed_.notify_all();
  return guard;
}

void Deadlines::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (guards_.empty()) {
      changed_.wait(lock, stop, [this] { return !guards_.empty(); });
      continue;
    }
    const auto first = guards_.begin()->first;
    if (std::chrono::steady_clock::now() < first) {
      changed_.wait_until(lock, stop, first,
                          [&] { return !guards_.empty() && guards_.begin()->first < first; });
      continue;
    }
    const std::shared_ptr<Guard> guard = guards_.begin()->second.lock();
    guards_.erase(guards_.begin());
    if (!guard) continue;
    lock.unlock();  // stop callbacks run here, and may take their time
    guard->expired_ = true;
    guard->source_.request_stop();
    lock.lock();
  }
}

}  // namespace sluice::session
