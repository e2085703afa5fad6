#include "collection/maintenance.h"

#include "base/log.h"
#include "collection/checkpoint.h"

namespace sluice::collection {

Maintenance::Maintenance(State& state, Sequencer& sequencer)
    : state_(state), sequencer_(sequencer), thread_([this](std::stop_token s) { work(s); }) {}

void Maintenance::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  changed_.notify_all();
  thread_.join();
}

void Maintenance::look() {
  if (!memory_is_due(state_)) return;
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  changed_.notify_all();
}

bool Maintenance::wait_until_below(uint64_t tail_bytes, std::chrono::milliseconds wait,
                                   std::stop_token stop) {
  look();
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, stop, wait, [&] { return state_.tail_bytes <= tail_bytes; });
}

void Maintenance::bury() {
  for (const Graveyard::Grave& grave : state_.graveyard->take()) {
    (void)state_.engine.detach(grave.name);
    if (grave.obsolete) (void)state_.files.remove(grave.path);
  }
}

void Maintenance::work(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, std::chrono::seconds(1), [&] { return asked_; });
      asked_ = false;
    }
    bury();
    if (state_.read_only_passes()) sequencer_.run([&] { sequencer_.try_again(); });
    if (!checkpoint_is_due(state_) || !state_.read_only_reason().empty()) continue;
    if (auto done = checkpoint(state_, sequencer_); !done.ok()) {
      log::warning("rows could not be moved out of memory and log, tried again in a second: {}",
                   done.error().message);
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
    }
    bury();
    changed_.notify_all();
  }
}

}  // namespace sluice::collection
