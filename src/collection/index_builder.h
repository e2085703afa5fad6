// Enters into the indexes of CREATE INDEX what no commit of now brings: rows that were there
// before, and those of bulk loads. Takes out of them what is long gone.
//
// Threads: one of its own, which gives way to others; the rest is safe from any thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "collection/state.h"

namespace sluice::collection {

class IndexBuilder {
 public:
  // `state` must outlive it.
  explicit IndexBuilder(State& state);
  ~IndexBuilder() { stop(); }
  void stop();

  // Rows may have been left to it. Cheap, never waits.
  void look();

 private:
  void work(std::stop_token stop);
  void build(KeyIndex& index, const std::stop_token& stop);
  Status enter(KeyIndex& index, const KeyIndex::Part& part, const std::stop_token& stop);

  State& state_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool asked_ = false;
  std::jthread thread_;  // last: ends before what it uses goes
};

}  // namespace sluice::collection
