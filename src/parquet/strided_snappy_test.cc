#include "parquet/strided_snappy.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "parquet/compression.h"
#include "parquet/strides.h"
#include "parquet/test_pages.h"

namespace sluice::parquet {
namespace {

std::string strided(const std::string& page, size_t head) {
  std::string out(strided_snappy_bound(page.size()), '\0');
  auto* const begin = reinterpret_cast<uint8_t*>(out.data());
  const uint8_t* const end = strided_snappy(bytes(page), head, begin);
  // What it scribbles behind it has to fit, too.
  EXPECT_LE(static_cast<size_t>(end - begin) + sizeof(uint64_t), out.size());
  out.resize(static_cast<size_t>(end - begin));
  return out;
}

void expect_read_back(size_t head, const Values& values) {
  const std::string page = page_of(head, values);
  std::string read;
  ASSERT_TRUE(snappy::Uncompress(strided(page, head).data(), strided(page, head).size(), &read));
  ASSERT_EQ(read, page);
}

TEST(StridedSnappy, IsReadBackByTheLibrary) {
  std::mt19937_64 random(1);
  for (size_t round = 0; round < 2'000; ++round) {
    ASSERT_NO_FATAL_FAILURE(
        expect_read_back(random() % 70, random_values(random, 1 + random() % 150)));
  }
}

TEST(StridedSnappy, TakesRunsAndLiteralsOfAnyLength) {
  std::mt19937_64 random(2);
  for (size_t length = 1; length < 200; ++length) {
    Values run(length, 5);
    expect_read_back(0, run);
    run.push_back(6);
    expect_read_back(3, run);
    Values literal;
    for (size_t i = 0; i < length; ++i)
      literal.push_back((unsigned __int128){random()} << 64 | random());
    expect_read_back(length, literal);
    literal.insert(literal.end(), 2, literal.back());
    expect_read_back(0, literal);
  }
  expect_read_back(100'000, Values(1, 1));
  expect_read_back(5, random_values(random, 20'000));
}

TEST(StridedSnappy, LeavesIndicesAsTheyAreWhereNothingRepeats) {
  std::mt19937_64 random(4);
  std::string chance(40'000, '\0');
  for (char& c : chance) c = static_cast<char>(random());
  std::string runs = chance;
  for (size_t i = 0; i < runs.size(); ++i) runs[i] = static_cast<char>(i / 100);
  std::string half = runs.substr(0, 20'000) + chance.substr(20'000);
  const auto compressor = Compressor::make({});
  for (const std::string& page :
       {chance, runs, half, chance.substr(0, 300), chance.substr(0, 8'192)}) {
    Buffer out;
    ASSERT_TRUE(compressor->compress(bytes(page), {0, 0, true}, out).ok());
    std::string read;
    ASSERT_TRUE(snappy::Uncompress(reinterpret_cast<const char*>(out.data()), out.size(), &read));
    EXPECT_EQ(read, page);
    std::string any;
    snappy::Compress(page.data(), page.size(), &any);
    EXPECT_LE(out.size(), any.size() + any.size() / 63 + 16);
  }
}

// What comes again and again from further away is left to the library.
TEST(StridedSnappy, IsTakenWhereItIsNotWorse) {
  std::mt19937_64 random(3);
  Values prices, hashes, few;
  for (size_t i = 0; i < 10'000; ++i) {
    prices.push_back(90'000 + random() % 10'000'000);
    hashes.push_back((unsigned __int128){random()} << 64 | random());
    few.push_back(hashes[random() % std::min<size_t>(i + 1, 20)]);
  }
  const auto compressor = Compressor::make({});
  for (const Values& values : {prices, hashes, few}) {
    const std::string page = page_of(0, values);
    Buffer out;
    ASSERT_TRUE(compressor->compress(bytes(page), {0, kStride, false}, out).ok());
    std::string any;
    snappy::Compress(page.data(), page.size(), &any);
    EXPECT_LE(out.size(), any.size() + any.size() / 32);
    const bool is_strided =
        std::string(reinterpret_cast<const char*>(out.data()), out.size()) == strided(page, 0);
    EXPECT_EQ(is_strided, values != few);
  }
}

}  // namespace
}  // namespace sluice::parquet
