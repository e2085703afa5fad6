#include "s3/concurrency_limit.h"

#include <algorithm>

namespace sluice::s3 {

std::optional<ConcurrencyLimit::Place> ConcurrencyLimit::take() {
  if (limit_ && under_way_ >= *limit_) return std::nullopt;
  ++under_way_;
  return Place{cuts_};
}

void ConcurrencyLimit::give_back(Place place, Answer answer) {
  const int were_under_way = under_way_--;
  if (answer == Answer::kThrottled && place.cuts == cuts_) {
    limit_ = std::max(1, std::min(were_under_way, limit_.value_or(were_under_way)) / 2);
    accepted_ = 0;
    ++cuts_;
    return;
  }
  // A limit that is not reached has not been tried, so answers below it do not raise it.
  if (answer != Answer::kAccepted || !limit_ || were_under_way < *limit_) return;
  if (++accepted_ < *limit_) return;
  ++*limit_;
  accepted_ = 0;
}

}  // namespace sluice::s3
