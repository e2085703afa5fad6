#include "export/deadline.h"

#include <gtest/gtest.h>

namespace sluice::exports {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Steady = std::chrono::steady_clock;

// Until the token trips; false: it does not.
bool wait_for(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, token, seconds(20), [] { return false; });
  return token.stop_requested();
}

TEST(Deadline, TripsByItself) {
  const Deadline deadline({.after = milliseconds(10), .after_stop = milliseconds(0)});
  EXPECT_TRUE(wait_for(deadline.token()));
}

TEST(Deadline, TripsSoonerOnceSomebodyAsksToStop) {
  const auto begin = Steady::now();
  std::stop_source stop;
  const Deadline deadline({.after = seconds(60), .after_stop = milliseconds(10)}, stop.get_token());
  EXPECT_FALSE(deadline.token().stop_requested());
  stop.request_stop();
  EXPECT_TRUE(wait_for(deadline.token()));
  EXPECT_LT(Steady::now() - begin, seconds(20));
}

TEST(Deadline, HasTheShortTimeFromItsBeginningWhenTheStopCameBefore) {
  std::stop_source stop;
  stop.request_stop();
  const auto begin = Steady::now();
  const Deadline deadline({.after = seconds(60), .after_stop = milliseconds(30)}, stop.get_token());
  EXPECT_TRUE(wait_for(deadline.token()));
  EXPECT_GE(Steady::now() - begin, milliseconds(30));
}

TEST(Deadline, AStopMakesItNoLonger) {
  std::stop_source stop;
  stop.request_stop();
  const Deadline deadline({.after = milliseconds(10), .after_stop = seconds(60)}, stop.get_token());
  EXPECT_TRUE(wait_for(deadline.token()));
}

TEST(Deadline, EndsWithoutTrippingWhenItIsDropped) {
  const auto begin = Steady::now();
  std::stop_token token;
  {
    const Deadline deadline({.after = seconds(60), .after_stop = seconds(60)});
    token = deadline.token();
  }
  EXPECT_FALSE(token.stop_requested());
  EXPECT_LT(Steady::now() - begin, seconds(20));
}

}  // namespace
}  // namespace sluice::exports
