#include "base/clock.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(FakeClock, MovesBothTimesOnlyWhenTold) {
  FakeClock clock(std::chrono::system_clock::time_point(100s));
  const auto before = clock.steady();
  clock.advance(1500ms);
  EXPECT_EQ(clock.now().time_since_epoch(), 101500ms);
  EXPECT_EQ(clock.steady() - before, 1500ms);
}

}  // namespace
}  // namespace sluice
