#include "format/csv_text.h"

#include <gtest/gtest.h>

#include <random>

namespace sluice::format {
namespace {

struct Characters {
  char delimiter, quote, escape;
};
constexpr Characters kCharacters[] = {{',', '"', '"'}, {'\t', '\'', '\\'}, {'a', 'b', 'c'}};

// Texts of all small lengths, each exactly as large as its memory so that reading past it is seen.
template <typename Check>
void for_many_texts(const Check& check) {
  for (unsigned seed = 0; seed < 4; ++seed) {
    std::minstd_rand random(seed);
    const std::string letters = seed == 0 ? "abc,\"\n\r\\'\t" : "xyzw0123456789abc,\"\n\r\\'\t";
    for (size_t size = 0; size < 150; ++size) {
      for (int repeat = 0; repeat < 6; ++repeat) {
        std::vector<char> text(size);
        // Half of the texts are full of letters that may be special, the others have hardly any.
        for (char& c : text) {
          c = random() % (repeat < 3 ? 1U : 40U) == 0 ? letters[random() % letters.size()] : 'x';
        }
        check(std::string_view(text.data(), size));
      }
    }
  }
}

TEST(CsvText, CopiesAndLooksAsItsSlowTwin) {
  for (const Characters& of : kCharacters) {
    const CsvText text(of.delimiter, of.quote, of.escape);
    for_many_texts([&](std::string_view value) {
      std::string slow(value.size() + CsvText::kSlack, '\0');
      std::string fast = slow;
      std::string stored = slow;
      const bool wanted = text.copy_slowly(slow.data(), value);
      ASSERT_EQ(text.copy(fast.data(), value), wanted);
      const duckdb::string_t string(value.data(), static_cast<uint32_t>(value.size()));
      ASSERT_EQ(text.copy(stored.data(), string), wanted);
      if (wanted) return;
      ASSERT_EQ(fast.substr(0, value.size()), value);
      ASSERT_EQ(stored.substr(0, value.size()), value);
    });
  }
}

TEST(CsvText, QuotesAsItsSlowTwin) {
  for (const Characters& of : kCharacters) {
    const CsvText text(of.delimiter, of.quote, of.escape);
    for_many_texts([&](std::string_view value) {
      std::string slow(2 * value.size() + 2 + CsvText::kSlack, '\0');
      std::string fast = slow;
      slow.resize(static_cast<size_t>(text.put_quoted_slowly(slow.data(), value) - slow.data()));
      fast.resize(static_cast<size_t>(text.put_quoted(fast.data(), value) - fast.data()));
      ASSERT_EQ(fast, slow);
    });
  }
}

}  // namespace
}  // namespace sluice::format
