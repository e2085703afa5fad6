#include "collection/timeline.h"

#include <algorithm>
#include <thread>

namespace sluice::collection {
namespace {

constexpr int64_t kMostAhead = 1000;

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

void Timeline::catch_up_locked() {
  if (in_flight_ == 0) upper_ = std::max(upper_, now());
}

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

void Timeline::end_group(bool complete) {
  {
    const std::lock_guard lock(mutex_);
    if (complete) upper_ = in_flight_;
    in_flight_ = 0;
  }
  group_ended_.notify_all();
}

Time Timeline::hold_newest() {
  const std::lock_guard lock(mutex_);
  catch_up_locked();
  holds_.insert(upper_);
  return {upper_};
}

Result<Time> Timeline::hold(Time time) {
  std::unique_lock lock(mutex_);
  // What is not complete yet but begun will be in a moment.
  group_ended_.wait(lock, [&] { return in_flight_ == 0 || time.milliseconds < in_flight_; });
  catch_up_locked();
  const int64_t oldest = possible_since_locked();  // also what another has a hold on
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
  int64_t since = (in_flight_ == 0 ? std::max(upper_, now()) : upper_) - retain_;
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

Time Timeline::upper() const {
  const std::lock_guard lock(mutex_);
  return {upper_};
}

size_t Timeline::holds() const {
  const std::lock_guard lock(mutex_);
  return holds_.size();
}

}  // namespace sluice::collection
