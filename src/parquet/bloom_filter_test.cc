#include "parquet/bloom_filter.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace sluice::parquet {
namespace {

uint64_t hash_of(std::string_view text) {
  return xxh64({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

// As the reference implementation has them.
TEST(Xxh64, IsTheKnownFunction) {
  const std::string_view text = "The quick brown fox jumps over the lazy dog, and again and again";
  EXPECT_EQ(hash_of(""), 0xef46db3751d8e999U);
  EXPECT_EQ(hash_of(text.substr(0, 1)), 0x5b4d6af247a3cf7bU);
  EXPECT_EQ(hash_of(text.substr(0, 3)), 0x4108f90b5de14d15U);
  EXPECT_EQ(hash_of(text.substr(0, 4)), 0xcdf13a49d263200fU);
  EXPECT_EQ(hash_of(text.substr(0, 7)), 0xc6fce9d72e310949U);
  EXPECT_EQ(hash_of(text.substr(0, 8)), 0xd07b38a78a153b0bU);
  EXPECT_EQ(hash_of(text.substr(0, 12)), 0xb2ed38017844f789U);
  EXPECT_EQ(hash_of(text.substr(0, 16)), 0xf7e67014943a311U);
  EXPECT_EQ(hash_of(text.substr(0, 31)), 0x3f8d95ab32c127d9U);
  EXPECT_EQ(hash_of(text.substr(0, 32)), 0xe2bbc9136629a4eeU);
  EXPECT_EQ(hash_of(text.substr(0, 33)), 0x6d92fe2ebab7db31U);
  EXPECT_EQ(hash_of(text.substr(0, 63)), 0x883779cfe9844772U);
  EXPECT_EQ(hash_of(text.substr(0, 64)), 0x99b0d6493222728cU);
}

TEST(BloomFilter, TakesTheRoomOfItsDifferentValues) {
  Field leaf;
  leaf.physical = Physical::kInt32;
  ValueHashes hashes(leaf);
  std::vector<int32_t> values(3000);
  std::iota(values.begin(), values.end(), -1500);
  const auto* const bytes = reinterpret_cast<const uint8_t*>(values.data());
  hashes.add_plain({bytes, values.size() * sizeof(int32_t)});
  const std::string once = hashes.build();
  for (int i = 0; i < 49; ++i) hashes.add_plain({bytes, values.size() * sizeof(int32_t)});
  EXPECT_EQ(hashes.size(), 150'000U);
  EXPECT_EQ(hashes.build(), once);
  EXPECT_GT(once.size(), 4096U);
  EXPECT_LT(once.size(), 4096U + 32);
  hashes.clear();
  EXPECT_EQ(hashes.size(), 0U);
}

TEST(BloomFilter, IsNotForBooleansFloatingPointAndBytes) {
  Field leaf;
  EXPECT_FALSE(can_have_bloom_filter(leaf));
  leaf.meaning = Meaning::kString;
  EXPECT_TRUE(can_have_bloom_filter(leaf));
  leaf.meaning = Meaning::kNone;
  leaf.physical = Physical::kDouble;
  EXPECT_FALSE(can_have_bloom_filter(leaf));
  Field record;
  record.kind = FieldKind::kStruct;
  record.children = {leaf};
  EXPECT_FALSE(can_have_bloom_filter(record));
  leaf.physical = Physical::kInt32;
  record.children.push_back(leaf);
  EXPECT_TRUE(can_have_bloom_filter(record));
}

}  // namespace
}  // namespace sluice::parquet
