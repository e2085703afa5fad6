#include "s3/part_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "base/text.h"

namespace sluice::s3 {
namespace {

TEST(PartBuffer, TakesWhatFitsAndGrowsOnDemand) {
  PartBuffer buffer;
  EXPECT_EQ(buffer.capacity(), 0U);
  EXPECT_EQ(buffer.fill(bytes_of("hello"), 8), 5U);
  EXPECT_EQ(buffer.fill(bytes_of("world"), 8), 3U);
  EXPECT_EQ(buffer.fill(bytes_of("!"), 8), 0U);
  const auto bytes = buffer.bytes();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), "hellowor");

  PartBuffer small;
  small.fill(bytes_of(std::string(1000, 'x')), size_t{8} << 20);
  EXPECT_LE(small.capacity(), size_t{64} << 10);
  std::string filled(1000, 'x');
  while (small.size() < (size_t{8} << 20)) {
    const std::string piece(100'000, static_cast<char>('a' + small.size() % 26));
    filled += piece.substr(0, small.fill(bytes_of(piece), size_t{8} << 20));
  }
  EXPECT_EQ(small.capacity(), size_t{8} << 20);
  EXPECT_TRUE(std::ranges::equal(small.bytes(), bytes_of(filled)));
}

TEST(PartPool, CountsWhatIsInFlight) {
  PartPool pool(100);
  {
    const auto permit = pool.acquire(60, {});
    ASSERT_TRUE(permit.ok());
    EXPECT_EQ(pool.in_flight(), 60U);
  }
  EXPECT_EQ(pool.in_flight(), 0U);
}

TEST(PartPool, WaitsUntilThereIsRoom) {
  PartPool pool(100);
  auto first = pool.acquire(60, {}).value();
  std::promise<void> waiting;
  auto second = std::async(std::launch::async, [&] {
    waiting.set_value();
    auto permit = pool.acquire(60, {});
    return pool.in_flight();
  });
  waiting.get_future().wait();
  EXPECT_EQ(pool.in_flight(), 60U);
  first = {};
  EXPECT_EQ(second.get(), 60U);
}

TEST(PartPool, LetsAPartThatIsLargerThanItselfGoAlone) {
  PartPool pool(100);
  EXPECT_TRUE(pool.acquire(1000, {}).ok());
}

TEST(PartPool, StopsWaitingWhenAskedTo) {
  PartPool pool(100);
  const auto first = pool.acquire(100, {}).value();
  std::stop_source stop;
  auto waiting =
      std::async(std::launch::async, [&] { return pool.acquire(1, stop.get_token()).ok(); });
  stop.request_stop();
  EXPECT_FALSE(waiting.get());
}

TEST(PartPool, DoesNotLetTheNextWaitBehindOneThatGaveUp) {
  PartPool pool(100);
  const auto first = pool.acquire(60, {}).value();
  std::stop_source stop;
  auto large =
      std::async(std::launch::async, [&] { return pool.acquire(100, stop.get_token()).ok(); });
  auto small = std::async(std::launch::async, [&] { return pool.acquire(10, {}).ok(); });
  stop.request_stop();
  EXPECT_FALSE(large.get());
  EXPECT_TRUE(small.get());
}

TEST(PartPool, ManyThreadsShareItWithinItsBound) {
  PartPool pool(100);
  std::atomic<bool> exceeded{false};
  std::vector<std::jthread> threads;
  threads.reserve(8);
  for (size_t i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 500; ++round) {
        const auto permit = pool.acquire(10 + 10 * i, {});
        if (pool.in_flight() > 100) exceeded = true;
      }
    });
  }
  threads.clear();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(pool.in_flight(), 0U);
}

TEST(PartPool, KeepsBuffersUpToItsCapacity) {
  PartPool pool(size_t{128} << 10);
  for (int i = 0; i < 3; ++i) {
    PartBuffer buffer;
    buffer.fill(bytes_of("x"), size_t{64} << 10);
    pool.give_back(std::move(buffer));
  }
  EXPECT_GT(pool.take_buffer().capacity(), 0U);
  EXPECT_GT(pool.take_buffer().capacity(), 0U);
  EXPECT_EQ(pool.take_buffer().capacity(), 0U);
}

}  // namespace
}  // namespace sluice::s3
