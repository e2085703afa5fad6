// The clock behind one interface, so that tests own time.
#pragma once

#include <chrono>
#include <mutex>

namespace sluice {

// Safe from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall-clock time: for timestamps and signatures. May jump.
  virtual std::chrono::system_clock::time_point now() const = 0;
  // Time that never goes back: for deadlines and durations.
  virtual std::chrono::steady_clock::time_point steady() const = 0;

  // The machine's clock; lives as long as the process.
  static Clock& real();
};

// Stands still until told to move.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(std::chrono::system_clock::time_point start) : now_(start) {}
  std::chrono::system_clock::time_point now() const override;
  std::chrono::steady_clock::time_point steady() const override;
  void advance(std::chrono::nanoseconds by);

 private:
  mutable std::mutex mutex_;
  std::chrono::system_clock::time_point now_;
  std::chrono::steady_clock::time_point steady_{};
};

}  // namespace sluice
