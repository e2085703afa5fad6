#include "base/crc.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace sluice {
namespace {

std::string counting(int first, int step, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i, first += step) out += static_cast<char>(first);
  return out;
}

TEST(Crc, HasTheValuesThatArePublished) {
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32(bytes_of("")), 0u);
  EXPECT_EQ(crc32(bytes_of("The quick brown fox jumps over the lazy dog")), 0x414fa339u);
  // RFC 3720, B.4
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8a9136aau);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\xff'))), 0x62a8ab43u);
  EXPECT_EQ(crc32c(bytes_of(counting(0, 1, 32))), 0x46dd794eu);
  EXPECT_EQ(crc32c(bytes_of(counting(31, -1, 32))), 0x113fdb5cu);
  // NVM Command Set Specification 1.0, 5.2.1.3.5
  EXPECT_EQ(crc64nvme(bytes_of("123456789")), 0xae8b14860a799888u);
  EXPECT_EQ(crc64nvme(bytes_of(std::string(4096, '\0'))), 0x6482d367eb22b64eu);
  EXPECT_EQ(crc64nvme(bytes_of(std::string(4096, '\xff'))), 0xc0ddba7302eca3acu);
  EXPECT_EQ(crc64nvme(bytes_of(counting(0, 1, 4096))), 0x3e729f5f6750449cu);
  EXPECT_EQ(crc64nvme(bytes_of(counting(255, -1, 4096))), 0x9a2df64b8e9e517eu);
}

TEST(Crc, IsTheSameWithoutTheProcessorsHelp) {
  std::mt19937_64 random(7);
  std::string text(5000, '\0');
  for (char& c : text) c = static_cast<char>(random());
  const auto all = bytes_of(text);
  for (size_t length = 0; length <= 1100; ++length) {
    SCOPED_TRACE(length);
    const auto bytes = all.subspan(length % 17, length);  // aligned and not
    ASSERT_EQ(crc32(bytes), tables::crc32(bytes));
    ASSERT_EQ(crc32c(bytes), tables::crc32c(bytes));
    ASSERT_EQ(crc32c(bytes, 77), tables::crc32c(bytes, 77));
    ASSERT_EQ(crc64nvme(bytes), tables::crc64nvme(bytes));
  }
  EXPECT_EQ(crc64nvme(all), tables::crc64nvme(all));
}

TEST(Crc, GoesOnFromASum) {
  const std::string text = counting(3, 7, 100);
  for (const size_t cut : {0u, 1u, 8u, 50u, 100u}) {
    const auto a = bytes_of(text).first(cut), b = bytes_of(text).subspan(cut);
    EXPECT_EQ(crc32c(b, crc32c(a)), crc32c(bytes_of(text)));
    EXPECT_EQ(tables::crc32c(b, tables::crc32c(a)), crc32c(bytes_of(text)));
  }
}

TEST(Crc, OfTwoPiecesIsJoinedFromTheirs) {
  const std::string text = counting(3, 7, 3000);
  for (const size_t cut : {0u, 1u, 8u, 63u, 64u, 1000u, 2999u, 3000u}) {
    const auto a = bytes_of(text).first(cut), b = bytes_of(text).subspan(cut);
    EXPECT_EQ(joined_crc64nvme(crc64nvme(a), crc64nvme(b), b.size()), crc64nvme(bytes_of(text)));
  }
}

TEST(Crc, TellsEveryFlippedBit) {
  std::string text = counting(1, 3, 200);
  const auto before = crc64nvme(bytes_of(text));
  const auto before32 = crc32c(bytes_of(text));
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    const auto flip = static_cast<char>(1 << (bit % 8));
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ flip);
    ASSERT_NE(crc64nvme(bytes_of(text)), before);
    ASSERT_NE(crc32c(bytes_of(text)), before32);
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ flip);
  }
}

}  // namespace
}  // namespace sluice
