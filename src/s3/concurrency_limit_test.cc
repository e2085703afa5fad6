#include "s3/concurrency_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sluice::s3 {
namespace {

using Answer = ConcurrencyLimit::Answer;

std::vector<ConcurrencyLimit::Place> take_all(ConcurrencyLimit& limit, int most) {
  std::vector<ConcurrencyLimit::Place> places;
  while (static_cast<int>(places.size()) < most) {
    const auto place = limit.take();
    if (!place) break;
    places.push_back(*place);
  }
  return places;
}

TEST(ConcurrencyLimit, IsNoneUntilTheStoreComplains) {
  ConcurrencyLimit limit;
  const auto places = take_all(limit, 1'000);
  EXPECT_EQ(places.size(), 1'000U);
  for (const auto place : places) limit.give_back(place, Answer::kAccepted);
  EXPECT_EQ(limit.limit(), std::nullopt);
}

TEST(ConcurrencyLimit, HalvesWhatWasUnderWayOncePerRound) {
  ConcurrencyLimit limit;
  const auto places = take_all(limit, 16);
  // All sixteen had been sent when the first complaint came.
  for (const auto place : places) limit.give_back(place, Answer::kThrottled);
  EXPECT_EQ(limit.limit(), 8);
  const auto next = take_all(limit, 100);
  EXPECT_EQ(next.size(), 8U);
  for (const auto place : next) limit.give_back(place, Answer::kThrottled);
  EXPECT_EQ(limit.limit(), 4);
}

TEST(ConcurrencyLimit, NeverGoesBelowOne) {
  ConcurrencyLimit limit;
  for (int i = 0; i < 5; ++i) {
    const auto place = limit.take();
    ASSERT_TRUE(place);
    limit.give_back(*place, Answer::kThrottled);
  }
  EXPECT_EQ(limit.limit(), 1);
}

TEST(ConcurrencyLimit, GrowsByOneForARoundThatUsedAllOfIt) {
  ConcurrencyLimit limit;
  for (const auto place : take_all(limit, 8)) limit.give_back(place, Answer::kThrottled);
  ASSERT_EQ(limit.limit(), 4);
  for (int round = 0; round < 3; ++round) {
    auto places = take_all(limit, 100);
    // Kept full: one goes, one comes.
    for (int i = 0; i < 4 + round; ++i) {
      limit.give_back(places.back(), Answer::kAccepted);
      places.pop_back();
      places.push_back(limit.take().value());
    }
    EXPECT_EQ(limit.limit(), 5 + round);
    for (const auto place : places) limit.give_back(place, Answer::kOther);
  }
}

TEST(ConcurrencyLimit, DoesNotGrowWhileItIsNotUsed) {
  ConcurrencyLimit limit;
  for (const auto place : take_all(limit, 8)) limit.give_back(place, Answer::kThrottled);
  for (int i = 0; i < 100; ++i) limit.give_back(limit.take().value(), Answer::kAccepted);
  EXPECT_EQ(limit.limit(), 4);
}

}  // namespace
}  // namespace sluice::s3
