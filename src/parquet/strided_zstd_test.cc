#include "parquet/strided_zstd.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "parquet/compression.h"
#include "parquet/strides.h"
#include "parquet/test_pages.h"

namespace sluice::parquet {
namespace {

std::string text_of(const Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

std::string zstd_of(const std::string& page, size_t head) {
  static StridedZstd compressor(1);
  Buffer out;
  EXPECT_TRUE(compressor.compress(bytes(page), head, out).ok());
  return text_of(out);
}

void expect_zstd_read_back(size_t head, const Values& values) {
  const std::string page = page_of(head, values);
  const std::string compressed = zstd_of(page, head);
  std::string read(page.size() + 1, '\0');
  const size_t size =
      ZSTD_decompress(read.data(), read.size(), compressed.data(), compressed.size());
  ASSERT_EQ(ZSTD_isError(size), 0U) << ZSTD_getErrorName(size);
  read.resize(size);
  ASSERT_EQ(read, page);
}

TEST(StridedZstd, IsReadBackByTheLibrary) {
  std::mt19937_64 random(1);
  for (size_t round = 0; round < 1'000; ++round) {
    ASSERT_NO_FATAL_FAILURE(
        expect_zstd_read_back(random() % 70, random_values(random, 1 + random() % 400)));
  }
}

// A block has 128 KiB; a page, a little more, or as much as one value takes.
TEST(StridedZstd, TakesPagesOfAnyLength) {
  std::mt19937_64 random(2);
  for (const size_t head : {0U, 6U, 16U, 200U, 131'071U, 131'072U, 300'000U}) {
    for (const size_t count : {1U, 2U, 8'190U, 8'191U, 8'192U, 8'193U, 20'000U}) {
      SCOPED_TRACE(::testing::Message() << head << " and " << count);
      ASSERT_NO_FATAL_FAILURE(expect_zstd_read_back(head, random_values(random, count)));
      ASSERT_NO_FATAL_FAILURE(expect_zstd_read_back(head, Values(count, 7)));
      Values prices;
      while (prices.size() < count) prices.push_back(90'000 + random() % 10'000'000);
      ASSERT_NO_FATAL_FAILURE(expect_zstd_read_back(head, prices));
    }
  }
}

// What zstd would find further away is left to it.
TEST(StridedZstd, IsTakenWhereItIsNotWorse) {
  std::mt19937_64 random(3);
  Values prices, hashes, few, runs;
  for (size_t i = 0; i < 8'190; ++i) {
    prices.push_back(90'000 + random() % 10'000'000);
    hashes.push_back((unsigned __int128){random()} << 64 | random());
    few.push_back(prices[random() % std::min<size_t>(i + 1, 20)]);
    runs.push_back(i / 100);
  }
  const auto compressor = Compressor::make({Codec::kZstd});
  for (const Values& values : {prices, hashes, few, runs}) {
    const std::string page = page_of(6, values);
    Buffer out;
    ASSERT_TRUE(compressor->compress(bytes(page), {6, kStride, false}, out).ok());
    std::string any(ZSTD_compressBound(page.size()), '\0');
    any.resize(ZSTD_compress(any.data(), any.size(), page.data(), page.size(), 1));
    EXPECT_LE(out.size(), any.size() + any.size() / 32);
    // Where nothing repeats, both ways leave everything as it is.
    EXPECT_EQ(text_of(out) == zstd_of(page, 6), values == prices || values == hashes);
  }
}

}  // namespace
}  // namespace sluice::parquet
