#include "collection/deletions.h"

#include <gtest/gtest.h>

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

TEST(DeletionSet, IsReadBackFromItsBytes) {
  DeletionSet set;
  for (int64_t id = -5; id < 300'000; id += 17) set.insert(id);
  ByteWriter out;
  set.write(out);
  ByteReader in(out.bytes());
  EXPECT_EQ(DeletionSet::read(in).ids(), set.ids());
  EXPECT_TRUE(in.ok() && in.at_end());
}

}  // namespace
}  // namespace sluice::collection
