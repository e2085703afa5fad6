#include "export/parquet_footer.h"

#include <gtest/gtest.h>

namespace sluice::exports {
namespace {

std::string with_length(std::string footer) {
  const auto size = static_cast<uint32_t>(footer.size());
  for (int shift = 0; shift < 32; shift += 8) footer += static_cast<char>(size >> shift);
  return footer + "PAR1";
}

// version 2, an empty schema, `rows` (below 64), one row group of `in_group`.
std::string footer(int rows, int in_group) {
  std::string bytes = "\x15\x04";
  bytes += std::string("\x19\x0c", 2);
  bytes += '\x16';
  bytes += static_cast<char>(rows * 2);
  bytes += "\x19\x1c";  // a list of one struct
  bytes += std::string("\x36", 1);
  bytes += static_cast<char>(in_group * 2);
  bytes += std::string(2, '\0');
  return bytes;
}

TEST(ParquetFooter, TellsItsRows) {
  EXPECT_EQ(*rows_of_parquet_footer("what comes before" + with_length(footer(33, 33))), 33U);
}

TEST(ParquetFooter, DoesNotBelieveGroupsThatDiffer) {
  EXPECT_FALSE(rows_of_parquet_footer(with_length(footer(33, 32))).ok());
}

TEST(ParquetFooter, EveryCutIsNoticed) {
  const std::string whole = footer(33, 33);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(rows_of_parquet_footer(with_length(whole.substr(0, size))).ok()) << size;
  }
  const std::string file = with_length(whole);
  for (size_t begin = 1; begin <= file.size(); ++begin) {
    EXPECT_FALSE(rows_of_parquet_footer(file.substr(begin)).ok()) << begin;
  }
}

}  // namespace
}  // namespace sluice::exports
