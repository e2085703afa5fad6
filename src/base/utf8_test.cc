#include "base/utf8.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Utf8, TakesEveryLengthOfCharacter) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("plain text of more than eight bytes"));
  EXPECT_TRUE(
      is_valid_utf8("\xC3\xA4 \xE2\x82\xAC \xED\x9F\xBF \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF"));
}

TEST(Utf8, TellsWhereTheFirstWrongByteIs) {
  EXPECT_EQ(valid_utf8_prefix("abc\x80"), 3U);              // a continuation alone
  EXPECT_EQ(valid_utf8_prefix("\xC0\x80"), 0U);             // overlong
  EXPECT_EQ(valid_utf8_prefix("ab\xE0\x9F\xBF"), 2U);       // overlong
  EXPECT_EQ(valid_utf8_prefix("\xED\xA0\x80"), 0U);         // a surrogate
  EXPECT_EQ(valid_utf8_prefix("\xF4\x90\x80\x80"), 0U);     // past U+10FFFF
  EXPECT_EQ(valid_utf8_prefix("12345678\xE2\x82"), 8U);     // cut short
  EXPECT_EQ(valid_utf8_prefix("1234567\xE2\x28\xA1"), 7U);  // a wrong continuation
  EXPECT_EQ(valid_utf8_prefix("\xFF"), 0U);
}

}  // namespace
}  // namespace sluice
