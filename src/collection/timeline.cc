#include "collection/timeline.h"

#include <algorithm>
#include <thread>

namespace sluice::collection {
namespace {

constexpr int64_t kMostAhead = 1000;
// For what follows from time to be seen to, at most.
constexpr std::chrono::seconds kLongestWait{5};

}  // namespace

Timeline::Timeline(Clock& clock, std::chrono::milliseconds retain)
    : clock_(clock), retain_(retain.count()) {}

int64_t Timeline::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now().time_since_epoch())
      .count();
}

void Timeline::restore(Time upper, Time since) {
  const std::lock_guard lock(mutex_);
  upper_ = upper.milliseconds;
  since_ = std::max(since_, since.milliseconds);
}

// What can be complete by now without another group.
int64_t Timeline::newest_locked() const {
  if (in_flight_ != 0) return upper_;
  const int64_t time = due_ ? std::min(now(), due_->milliseconds - 1) : now();
  return std::max(upper_, time);
}

void Timeline::catch_up_locked() { upper_ = newest_locked(); }

Time Timeline::begin_group() {
  std::unique_lock lock(mutex_);
  if (upper_ >= now() + kMostAhead) {
    // One group a millisecond from here on: ahead no further, nor stuck if the clock went back.
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    lock.lock();
  }
  in_flight_ = std::max(upper_ + 1, now());
  return {in_flight_};
}

void Timeline::end_group(bool complete, std::optional<Time> due) {
  {
    const std::lock_guard lock(mutex_);
    if (complete) upper_ = in_flight_;
    in_flight_ = 0;
    due_ = due;
  }
  group_ended_.notify_all();
}

std::optional<Time> Timeline::due() const {
  const std::lock_guard lock(mutex_);
  return due_;
}

std::chrono::milliseconds Timeline::until(Time time) const {
  return std::chrono::milliseconds(std::max<int64_t>(time.milliseconds - now(), 0));
}

Time Timeline::hold_newest() {
  const std::lock_guard lock(mutex_);
  catch_up_locked();
  holds_.insert(upper_);
  return {upper_};
}

Result<Time> Timeline::hold(Time time) {
  std::unique_lock lock(mutex_);
  // What is not complete yet but begun, or due, will be in a moment.
  group_ended_.wait(lock, [&] { return in_flight_ == 0 || time.milliseconds < in_flight_; });
  group_ended_.wait_for(lock, kLongestWait, [&] {
    return time.milliseconds <= newest_locked() || time.milliseconds > std::max(upper_, now());
  });
  catch_up_locked();
  int64_t oldest = possible_since_locked();  // also what another has a hold on
  for (const auto& [id, retained] : retained_) {
    oldest = std::min(oldest, possible_since_locked(retained));
  }
  if (time.milliseconds < oldest) {
    return invalid("Timestamp ({}) is not valid for all inputs: history is kept from {} on",
                   time.milliseconds, oldest);
  }
  if (time.milliseconds > upper_) {
    return invalid("Timestamp ({}) is in the future: the newest complete one is {}",
                   time.milliseconds, upper_);
  }
  holds_.insert(time.milliseconds);
  return time;
}

void Timeline::release(Time time) {
  const std::lock_guard lock(mutex_);
  holds_.erase(holds_.find(time.milliseconds));
}

int64_t Timeline::possible_since_locked() const {
  int64_t since = newest_locked() - retain_;
  if (!holds_.empty()) since = std::min(since, *holds_.begin());
  return std::max(since_, since);
}

Time Timeline::advance_since() {
  const std::lock_guard lock(mutex_);
  catch_up_locked();
  since_ = possible_since_locked();
  return {since_};
}

Time Timeline::since() const {
  const std::lock_guard lock(mutex_);
  return {possible_since_locked()};
}

// ---- collections with a history of their own

int64_t Timeline::possible_since_locked(const Retained& retained) const {
  int64_t since = newest_locked() - (retained.history ? retained.history->count() : retain_);
  if (!holds_.empty()) since = std::min(since, *holds_.begin());
  return std::max(retained.since.milliseconds, since);
}

void Timeline::retain(CollectionId id, std::optional<std::chrono::milliseconds> history) {
  const std::lock_guard lock(mutex_);
  // What it has been until now has been forgotten up to here.
  const auto [entry, added] = retained_.try_emplace(id.value, Retained{history, {since_}});
  entry->second.history = history;
}

void Timeline::forget(CollectionId id) {
  const std::lock_guard lock(mutex_);
  retained_.erase(id.value);
}

Time Timeline::advance_since(CollectionId id) {
  const std::lock_guard lock(mutex_);
  const auto found = retained_.find(id.value);
  if (found == retained_.end()) return {since_};
  found->second.since.milliseconds = possible_since_locked(found->second);
  return found->second.since;
}

Time Timeline::since(CollectionId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = retained_.find(id.value);
  if (found == retained_.end()) return {possible_since_locked()};
  return {possible_since_locked(found->second)};
}

bool Timeline::is_kept(CollectionId id, Time time) const {
  const std::lock_guard lock(mutex_);
  const auto found = retained_.find(id.value);
  return time.milliseconds >=
         (found == retained_.end() ? since_ : found->second.since.milliseconds);
}

std::map<uint64_t, Timeline::Retained> Timeline::retained() const {
  const std::lock_guard lock(mutex_);
  return retained_;
}

void Timeline::restore_retained(CollectionId id, Retained retained) {
  const std::lock_guard lock(mutex_);
  retained_[id.value] = retained;
}

Time Timeline::upper() const {
  const std::lock_guard lock(mutex_);
  return {upper_};
}

size_t Timeline::holds() const {
  const std::lock_guard lock(mutex_);
  return holds_.size();
}

}  // namespace sluice::collection
