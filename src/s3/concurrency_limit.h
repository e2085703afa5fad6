// How many requests may be under way at a store that says it is asked too much.
//
// Unlimited until the first such answer, so a healthy store never notices. Then as TCP does it
// (RFC 5681): half of what was under way when the store complains, one more for each round of
// answers without a complaint. Complaints about requests that were sent before the last cut say
// nothing new and do not cut again.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice::s3 {

class ConcurrencyLimit {
 public:
  enum class Answer { kAccepted, kThrottled, kOther };

  // The right to send one request, or nothing: as many as may be are under way.
  struct Place {
    uint64_t cuts = 0;  // that had been made when it was given
  };
  std::optional<Place> take();
  void give_back(Place place, Answer answer);

  std::optional<int> limit() const { return limit_; }
  int under_way() const { return under_way_; }

 private:
  std::optional<int> limit_;
  int under_way_ = 0;
  int accepted_ = 0;  // since the limit last changed
  uint64_t cuts_ = 0;
};

}  // namespace sluice::s3
