#include "sql/copy_options.h"

#include <gtest/gtest.h>

namespace sluice::sql {
namespace {

Option text(std::string name, std::string value) {
  Option option;
  option.name = std::move(name);
  option.kind = Option::Kind::kText;
  option.value = std::move(value);
  return option;
}

TEST(ByteSize, HasTheReferencesUnitsAndRounding) {
  EXPECT_EQ(*parse_byte_size("1000"), 1000U);
  EXPECT_EQ(*parse_byte_size("16MB"), uint64_t{16} << 20);
  EXPECT_EQ(*parse_byte_size("4 GB"), uint64_t{4} << 30);
  EXPECT_EQ(*parse_byte_size("1.5kB"), 1536U);
  EXPECT_EQ(*parse_byte_size("30.1MB"), uint64_t{30822} << 10);
}

TEST(ByteSize, RefusesOtherUnitsInTheReferencesWords) {
  EXPECT_EQ(parse_byte_size("1KB").error().message,
            "couldn't parse \"KB\" into a known SI unit, invalid BytesUnit: KB. Valid units are B, "
            "kB, MB, GB, and TB. Valid units are B, kB, MB, GB, and TB");
  for (const char* bad : {"1K", "1gb", "B", "", "1.2.3MB"}) {
    EXPECT_FALSE(parse_byte_size(bad).ok()) << bad;
  }
  EXPECT_EQ(parse_byte_size("99999999999TB").error().message, "bytes value exceeds u64 range");
}

TEST(CopyToOptions, EscapeFollowsTheQuote) {
  const auto options = copy_to_options({text("QUOTE", "`"), text("FORMAT", "CSV")});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->csv.escape, '`');
  EXPECT_EQ(options->format, CopyFormat::kCsv);
}

TEST(CopyToOptions, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(copy_to_options({text("FORMAT", "avro")}).error().message, "unknown FORMAT: avro");
  EXPECT_FALSE(copy_to_options({text("COMPRESSION", "zstd")}).ok());
  EXPECT_FALSE(copy_to_options({text("FORMAT", "csv"), text("FORMAT", "csv")}).ok());
}

TEST(CopyToOptions, CharactersAreSingleBytesAndDiffer) {
  const auto check = [](std::vector<Option> options) {
    const auto parsed = copy_to_options(options);
    return check_csv_options(options, parsed->csv);
  };
  EXPECT_EQ(check({text("DELIMITER", "ab")}).error().message,
            "COPY delimiter must be a single one-byte character");
  EXPECT_EQ(check({text("QUOTE", "é")}).error().message,
            "COPY quote must be a single one-byte character");
  EXPECT_EQ(check({text("DELIMITER", "\"")}).error().message,
            "COPY delimiter and quote must be different");
  EXPECT_TRUE(check({text("DELIMITER", ";")}).ok());
}

TEST(CopyFromOptions, TextIsTheDefaultAndHasNoQuotes) {
  EXPECT_EQ(copy_from_options({})->delimiter, '\t');
  EXPECT_EQ(copy_from_options({text("FORMAT", "csv")})->delimiter, ',');
  EXPECT_EQ(copy_from_options({text("QUOTE", "x")}).error().sqlstate, "0A000");
  EXPECT_EQ(copy_from_options({text("FORMAT", "parquet")}).error().sqlstate, "0A000");
}

}  // namespace
}  // namespace sluice::sql
