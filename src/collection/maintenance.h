// What goes on in the background: the tail is flushed into segments, logs that are no longer
// needed go, segments without readers are detached.
//
// Threads: one of its own; the rest is safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "collection/sequencer.h"

namespace sluice::collection {

class Maintenance {
 public:
  Maintenance(State& state, Sequencer& sequencer);
  ~Maintenance() { stop(); }
  void stop();

  // Something was committed: perhaps there is work. Cheap, never waits.
  void look();
  // Waits until the tail is smaller; false at the deadline or on a stop.
  bool wait_until_below(uint64_t tail_bytes, std::chrono::milliseconds wait, std::stop_token stop);

 private:
  void work(std::stop_token stop);
  void bury();

  State& state_;
  Sequencer& sequencer_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool asked_ = false;
  std::jthread thread_;
};

}  // namespace sluice::collection
