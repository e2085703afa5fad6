#include "parquet/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace sluice::parquet {
namespace {

// Reads the hybrid bit by bit, as its specification says it.
std::vector<uint32_t> decoded(const std::vector<uint8_t>& bytes, size_t count, int width) {
  std::vector<uint32_t> values;
  size_t at = 0;
  while (values.size() < count) {
    uint64_t header = 0;
    for (int shift = 0;; shift += 7) {
      header |= uint64_t{bytes.at(at)} << shift & (uint64_t{0x7F} << shift);
      if ((bytes[at++] & 0x80) == 0) break;
    }
    if ((header & 1) == 0) {
      uint32_t value = 0;
      for (int byte = 0; byte * 8 < width; ++byte) {
        value |= static_cast<uint32_t>(bytes.at(at++)) << (byte * 8);
      }
      values.insert(values.end(), header >> 1, value);
      continue;
    }
    for (size_t i = 0; i < (header >> 1) * 8; ++i) {
      uint32_t value = 0;
      for (int bit = 0; bit < width; ++bit) {
        const size_t place = i * static_cast<size_t>(width) + static_cast<size_t>(bit);
        value |= static_cast<uint32_t>(bytes.at(at + place / 8) >> place % 8 & 1) << bit;
      }
      values.push_back(value);
    }
    at += (header >> 1) * static_cast<size_t>(width);
  }
  EXPECT_EQ(at, bytes.size());
  // The last group of eight may be filled up.
  EXPECT_LT(values.size(), count + 8);
  values.resize(count);
  return values;
}

template <typename T>
void expect_kept(const std::vector<T>& values, int width) {
  std::vector<uint8_t> bytes(max_hybrid_bytes(values.size(), width) + 64);
  const uint8_t* const end = encode_hybrid(values.data(), values.size(), width, bytes.data());
  const auto size = static_cast<size_t>(end - bytes.data());
  ASSERT_LE(size, max_hybrid_bytes(values.size(), width));
  bytes.resize(size);
  EXPECT_EQ(decoded(bytes, values.size(), width),
            std::vector<uint32_t>(values.begin(), values.end()));
}

TEST(Hybrid, KeepsValuesOfEveryWidthAndLength) {
  std::mt19937 random(7);
  for (int width = 1; width <= 32; ++width) {
    const uint32_t most = width == 32 ? UINT32_MAX : (uint32_t{1} << width) - 1;
    for (const size_t count : std::vector<size_t>{1, 7, 8, 9, 16, 23, 24, 100, 1001}) {
      for (const uint32_t run : {1U, 5U, 8U, 17U, 200U}) {
        SCOPED_TRACE(testing::Message() << width << " bits, " << count << " in runs of " << run);
        std::vector<uint32_t> values;
        while (values.size() < count) {
          const size_t length = std::min<size_t>(1 + random() % run, count - values.size());
          values.insert(values.end(), length, static_cast<uint32_t>(random() & most));
        }
        expect_kept(values, width);
        if (width <= 8) expect_kept(std::vector<uint8_t>(values.begin(), values.end()), width);
      }
    }
  }
}

TEST(Hybrid, WritesARunInFewBytes) {
  std::vector<uint8_t> bytes(64);
  const uint8_t* const end = encode_run(5, 1'000'000, 3, bytes.data());
  EXPECT_EQ(end - bytes.data(), 4);
  const std::vector<uint32_t> same(100'000, 9);
  bytes.resize(max_hybrid_bytes(same.size(), 4) + 64);
  EXPECT_LE(encode_hybrid(same.data(), same.size(), 4, bytes.data()) - bytes.data(), 4);
}

TEST(Bits, LieFromTheLowestOn) {
  const std::vector<uint8_t> values = {1, 0, 1, 1, 0, 0, 0, 1, 1, 1};
  std::vector<uint8_t> bytes(32);
  EXPECT_EQ(pack_bits(values.data(), values.size(), bytes.data()) - bytes.data(), 2);
  EXPECT_EQ(bytes[0], 0x8D);
  EXPECT_EQ(bytes[1], 0x03);
}

TEST(BitWidth, IsThatOfTheLargestIndex) {
  EXPECT_EQ(bit_width(1), 0);
  EXPECT_EQ(bit_width(2), 1);
  EXPECT_EQ(bit_width(3), 2);
  EXPECT_EQ(bit_width(256), 8);
  EXPECT_EQ(bit_width(257), 9);
}

}  // namespace
}  // namespace sluice::parquet
