#include "collection/deletions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

namespace sluice::collection {
namespace {

TEST(DeletionSet, AgreesWithASet) {
  std::mt19937 random(7);
  DeletionSet set;
  std::set<int64_t> model;
  for (int i = 0; i < 20'000; ++i) {
    const auto id = static_cast<int64_t>(random() % 200'000) - 1000;
    if (random() % 3 == 0) {
      EXPECT_EQ(set.erase(id), model.erase(id) == 1);
    } else {
      EXPECT_EQ(set.insert(id), model.insert(id).second);
    }
  }
  EXPECT_EQ(set.count(), model.size());
  EXPECT_EQ(set.ids(), std::vector<int64_t>(model.begin(), model.end()));
  for (const auto& [first, last] :
       {std::pair<int64_t, int64_t>{-1000, 70}, {63, 64}, {0, 65'536}, {70'000, 180'001}}) {
    EXPECT_EQ(
        set.count_between(first, last),
        static_cast<uint64_t>(std::distance(model.lower_bound(first), model.upper_bound(last))));
  }
  std::vector<int64_t> ids;
  for (int64_t id = -1000; id < 199'000; id += 13) ids.push_back(id);
  const auto live = std::make_unique<bool[]>(ids.size());
  set.test(ids, live.get());
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(live[i], !model.contains(ids[i]));
}

TEST(DeletionSet, LeavesCopiesAsTheyWere) {
  DeletionSet set;
  for (int64_t id = 0; id < 1000; ++id) set.insert(id);
  const DeletionSet copy = set;
  set.insert(5000);
  set.erase(7);
  EXPECT_TRUE(copy.contains(7));
  EXPECT_FALSE(copy.contains(5000));
  EXPECT_EQ(copy.count(), 1000u);
}

TEST(DeletionSet, AddsAndTakesAwayWholeSets) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    DeletionSet a, b;
    std::set<int64_t> model_a, model_b;
    const auto fill = [&](DeletionSet& set, std::set<int64_t>& model) {
      for (size_t i = random() % 400; i > 0; --i) {
        const auto id = static_cast<int64_t>(random() % (round < 25 ? 2000 : 2'000'000)) - 700;
        set.insert(id);
        model.insert(id);
      }
    };
    fill(a, model_a);
    fill(b, model_b);
    EXPECT_EQ(a.intersects(b), std::any_of(model_a.begin(), model_a.end(),
                                           [&](int64_t id) { return model_b.contains(id); }));
    const DeletionSet before = a;
    DeletionSet both = a, left = a;
    both.insert_all(b);
    left.erase_all(b);
    std::vector<int64_t> expected_both, expected_left;
    std::set_union(model_a.begin(), model_a.end(), model_b.begin(), model_b.end(),
                   std::back_inserter(expected_both));
    std::set_difference(model_a.begin(), model_a.end(), model_b.begin(), model_b.end(),
                        std::back_inserter(expected_left));
    EXPECT_EQ(both.ids(), expected_both);
    EXPECT_EQ(both.count(), expected_both.size());
    EXPECT_EQ(left.ids(), expected_left);
    EXPECT_EQ(left.count(), expected_left.size());
    EXPECT_EQ(a.ids(), before.ids());
    DeletionSet natural = both;
    natural.erase_negative();
    EXPECT_EQ(natural.count(), both.count_between(0, 3'000'000));
    EXPECT_TRUE(natural.empty() || natural.ids().front() >= 0);
    std::vector<int64_t> in_parts;
    for (size_t block = 0; block < both.block_count(); ++block) {
      std::array<int64_t, 7> part;
      for (size_t skip = 0;;) {
        const size_t count = both.read_block(block, skip, part);
        if (count == 0) break;
        in_parts.insert(in_parts.end(), part.begin(), part.begin() + count);
        skip += count;
      }
    }
    EXPECT_EQ(in_parts, expected_both);
  }
}

TEST(DeletionSet, IsReadBackFromItsBytes) {
  DeletionSet set;
  for (int64_t id = -5; id < 300'000; id += 17) set.insert(id);
  for (int64_t id = 400'000; id < 600'000; ++id) set.insert(id);
  ByteWriter out;
  set.write(out);
  EXPECT_LT(out.size(), 100'000u) << "whole blocks are bitmaps";
  ByteReader in(out.bytes());
  EXPECT_EQ(DeletionSet::read(in).ids(), set.ids());
  EXPECT_TRUE(in.ok() && in.at_end());
}

}  // namespace
}  // namespace sluice::collection
