#include "base/clock.h"

namespace sluice {
namespace {

class RealClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override {
    return std::chrono::system_clock::now();
  }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
};

}  // namespace

Clock& Clock::real() {
  static RealClock clock;
  return clock;
}

std::chrono::system_clock::time_point FakeClock::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

std::chrono::steady_clock::time_point FakeClock::steady() const {
  const std::lock_guard lock(mutex_);
  return steady_;
}

void FakeClock::advance(std::chrono::nanoseconds by) {
  const std::lock_guard lock(mutex_);
  now_ += std::chrono::duration_cast<std::chrono::system_clock::duration>(by);
  steady_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(by);
}

}  // namespace sluice
