#include "arrangement/block_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>

namespace sluice::arrangement {
namespace {

TEST(BlockPool, BlocksKeepTheirBytesAndNamesWhileOthersComeAndGo) {
  std::mt19937 random(7);
  BlockPool pool;
  std::map<BlockPool::Id, std::string> model;
  for (int i = 0; i < 40'000; ++i) {
    if (random() % 5 < 2 && !model.empty()) {
      auto victim = model.lower_bound(static_cast<BlockPool::Id>(random()));
      if (victim == model.end()) victim = model.begin();
      ASSERT_EQ(std::string(pool.at(victim->first), victim->second.size()), victim->second);
      pool.free(victim->first);
      model.erase(victim);
      continue;
    }
    // Mostly small ones, some that share no page.
    const size_t size = 8 + (random() % 50 == 0 ? random() % 40'000 : random() % 300);
    const BlockPool::Id block = pool.allocate(size);
    ASSERT_NE(block, BlockPool::kNone);
    const std::string bytes(size, static_cast<char>(random()));
    std::memcpy(pool.at(block), bytes.data(), size);
    ASSERT_TRUE(model.emplace(block, bytes).second);
  }
  for (const auto& [block, bytes] : model) {
    ASSERT_EQ(std::string(pool.at(block), bytes.size()), bytes);
    pool.free(block);
  }
}

TEST(BlockPool, GivesMemoryBackAndRoundsUpLittle) {
  BlockPool pool;
  const size_t empty = pool.bytes();
  EXPECT_LT(empty, 3000u);
  for (const size_t size : {33U, 61U, 200U, 1000U, 5000U, 16384U, 16385U, 100'000U}) {
    std::vector<BlockPool::Id> blocks(size > 16384 ? 100 : 4000);
    for (auto& block : blocks) block = pool.allocate(size);
    // Beyond an eighth: a page that is not full yet, and the table of pages.
    EXPECT_LT(pool.bytes() - empty, blocks.size() * (size + size / 8 + 8) + 65'536 + 250'000)
        << size;
    for (const auto block : blocks) pool.free(block);
    // The table of pages stays; their memory does not.
    EXPECT_LT(pool.bytes(), empty + 250'000) << size;
  }
}

}  // namespace
}  // namespace sluice::arrangement
