#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace sluice {
namespace {

TEST(Parallel, DoesEachPieceOnce) {
  for (const size_t pieces : {0U, 1U, 2U, 3U, 100U}) {
    std::vector<std::atomic<int>> done(pieces);
    in_parallel(pieces, [&](size_t piece) { ++done[piece]; });
    for (const auto& times : done) EXPECT_EQ(times, 1);
  }
}

TEST(Parallel, PiecesMayHavePiecesThemselves) {
  std::atomic<int> done = 0;
  in_parallel(
      5, [&](size_t) { in_parallel(7, [&](size_t) { in_parallel(3, [&](size_t) { ++done; }); }); });
  EXPECT_EQ(done, 5 * 7 * 3);
}

TEST(Parallel, ManyCallersShareTheHelpers) {
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) in_parallel(4, [&](size_t) { ++done; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 4 * 500 * 4);
}

TEST(Parallel, WhatAPieceThrowsIsThrownOnceAllAreOver) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> at_work = 0;
    const auto work = [&](size_t piece) {
      ++at_work;
      if (piece == 3) {
        --at_work;
        throw std::runtime_error("piece 3");
      }
      std::this_thread::yield();
      --at_work;
    };
    EXPECT_THROW(in_parallel(1'000, work), std::runtime_error);
    EXPECT_EQ(at_work, 0);
  }
}

// Pieces that wait for each other end only where as many threads do them.
TEST(Parallel, PiecesAreDoneAtTheSameTime) {
  const size_t together = std::min<size_t>(2, parallel_threads());
  std::atomic<size_t> arrived = 0;
  in_parallel(2, [&](size_t) {
    ++arrived;
    while (arrived < together) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2U);
}

}  // namespace
}  // namespace sluice
