// Which times are given to commits and to readers, and which are held.
//
//   since <= every held time <= upper (newest complete time) < the time of the group in flight
//
// A read moves upper up to the clock when no group is in flight, so that time goes on without
// commits; the next group then comes after it. Where rows follow from time itself (derivation.h),
// a time is due from which on they are others: upper stays before it until a group has seen to
// them. Safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "collection/store.h"

namespace sluice::collection {

class Timeline {
 public:
  Timeline(Clock& clock, std::chrono::milliseconds retain);

  // At the start: what was complete, and readable from, when the last process ended. Since only
  // goes up.
  void restore(Time upper, Time since);

  // The time of a new group, after all given before. One group at a time. Waits about a
  // millisecond when times are a second ahead of the clock, so that they stay near it.
  Time begin_group();
  // `due`: the first time after the group's from which on what follows from time is other than the
  // group leaves it; none: never.
  void end_group(bool complete, std::optional<Time> due);
  // The same as it is now, and how long the clock has until then; not after it has passed.
  std::optional<Time> due() const;
  std::chrono::milliseconds until(Time time) const;

  // Takes a hold, to be returned by release().
  Time hold_newest();
  Result<Time> hold(Time time);
  void release(Time time);

  // Moves since as far as holds and retained history allow, and returns it.
  Time advance_since();
  // How far since could be moved now.
  Time since() const;

  // ---- Collections whose history is kept for longer than others', or not as long: each has a
  // since of its own. For all others these are the two above. From now on; none: as long as all
  // others'.
  void retain(CollectionId id, std::optional<std::chrono::milliseconds> history);
  void forget(CollectionId id);
  Time advance_since(CollectionId id);
  Time since(CollectionId id) const;
  // Whether nothing has been forgotten that was there at this time, which is held.
  bool is_kept(CollectionId id, Time time) const;
  // For the head of a log.
  struct Retained {
    std::optional<std::chrono::milliseconds> history;
    Time since;
  };
  std::map<uint64_t, Retained> retained() const;
  void restore_retained(CollectionId id, Retained retained);
  Time upper() const;
  size_t holds() const;

 private:
  int64_t now() const;
  int64_t newest_locked() const;
  void catch_up_locked();
  int64_t possible_since_locked() const;
  int64_t possible_since_locked(const Retained& retained) const;

  Clock& clock_;
  const int64_t retain_;
  mutable std::mutex mutex_;
  std::condition_variable_any group_ended_;
  int64_t upper_ = 0;
  int64_t since_ = 0;
  int64_t in_flight_ = 0;  // 0: none
  std::optional<Time> due_;
  std::multiset<int64_t> holds_;
  std::map<uint64_t, Retained> retained_;  // by collection
};

}  // namespace sluice::collection
