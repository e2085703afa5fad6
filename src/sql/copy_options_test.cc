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
  EXPECT_FALSE(copy_to_options({text("CODEC", "zstd")}).ok());
  EXPECT_FALSE(copy_to_options({text("FORMAT", "csv"), text("FORMAT", "csv")}).ok());
}

TEST(CopyToOptions, CharactersAreSingleBytesAndDiffer) {
  const auto check = [](const std::vector<Option>& options) {
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

TEST(CopyToOptions, CompressionHasALevelOrNone) {
  const auto compression = [](std::string value) {
    return copy_to_options({text("COMPRESSION", std::move(value))});
  };
  EXPECT_EQ(compression("ZSTD")->compression->name, "zstd");
  EXPECT_EQ(compression("zstd")->compression->level, 0);
  EXPECT_EQ(compression("zstd 19")->compression->level, 19);
  for (const char* bad : {"zstd 0", "zstd x", "zstd 1.5", "zstd ", "gzip 99999999999"}) {
    EXPECT_EQ(compression(bad).error().sqlstate, "22023") << bad;
  }
  EXPECT_EQ(copy_from_options({text("COMPRESSION", "gzip")}).error().sqlstate, "42601");
}

TEST(CopyToOptions, ForceQuoteNamesColumnsOfTheResult) {
  Option option = text("FORCE QUOTE", "");
  option.kind = Option::Kind::kList;
  option.items = {"a", "b"};
  const auto options = copy_to_options({option});
  ASSERT_TRUE(options.ok());
  EXPECT_TRUE(check_force_quote(*options, {"b", "c", "a"}).ok());
  const Status unknown = check_force_quote(*options, {"a"});
  EXPECT_EQ(unknown.error().message, "column \"b\" does not exist");
  EXPECT_EQ(unknown.error().sqlstate, "42703");
  option.kind = Option::Kind::kStar;
  EXPECT_TRUE(copy_to_options({option})->csv.force_quote_all);
  EXPECT_EQ(copy_to_options({text("FORCE QUOTE", "a")}).error().sqlstate, "22023");
}

Option flag(std::string name) {
  Option option;
  option.name = std::move(name);
  return option;
}

TEST(CopyToOptions, TakeTheLayoutOfFiles) {
  Option partitions = flag("PARTITION BY");
  partitions.kind = Option::Kind::kList;
  partitions.items = {"a", "b % 3 AS third"};
  const auto options = copy_to_options({text("OVERWRITE", "Replace"), flag("MANIFEST"),
                                        text("FILE NAME PATTERN", "x-{id}"), partitions,
                                        text("WRITE PARTITION COLUMNS", "on")});
  ASSERT_TRUE(options.ok()) << options.error().message;
  EXPECT_EQ(options->overwrite, CopyToOptions::Overwrite::kReplace);
  EXPECT_TRUE(options->manifest);
  EXPECT_EQ(options->file_name_pattern, "x-{id}");
  EXPECT_EQ(options->partition_by, partitions.items);
  EXPECT_TRUE(options->write_partition_columns);
  EXPECT_EQ(options->given_for_files.size(), 5U);
}

TEST(Partition, IsCalledByItsAliasOrItsColumn) {
  const auto named = [](const std::string& text) {
    auto partition = parse_partition(text);
    return partition.ok() ? partition->name : partition.error().message;
  };
  EXPECT_EQ(named("a"), "a");
  EXPECT_EQ(named("t.\"B\""), "B");
  EXPECT_EQ(named("b % 3 AS third"), "third");
  EXPECT_EQ(named("b % 3"), "PARTITION BY needs a name for b % 3");
  EXPECT_EQ(named("a, b"), "PARTITION BY takes expressions, not a, b");
  EXPECT_EQ(named("a FROM t"), "PARTITION BY takes expressions, not a FROM t");
  EXPECT_EQ(named("1 UNION SELECT 2"), "PARTITION BY takes expressions, not 1 UNION SELECT 2");
}

TEST(CopyToOptions, RefuseALayoutThatCannotBe) {
  const auto refused = [](const std::vector<Option>& options) {
    return copy_to_options(options).error().message;
  };
  EXPECT_EQ(refused({text("OVERWRITE", "yes")}),
            "OVERWRITE is 'error', 'replace' or 'append', not 'yes'");
  EXPECT_EQ(refused({flag("SINGLE FILE"), text("MAX FILE SIZE", "16MB")}),
            "SINGLE FILE and MAX FILE SIZE cannot be combined");
  EXPECT_EQ(refused({flag("WRITE PARTITION COLUMNS")}),
            "WRITE PARTITION COLUMNS needs PARTITION BY");
}

TEST(CopyToOptions, TakeWhatParquetFilesHave) {
  using Kind = CopyBloomFilters::Kind;
  Option named = flag("BLOOM FILTERS");
  named.kind = Option::Kind::kList;
  named.items = {"a", "b"};
  const auto options =
      copy_to_options({text("ROW GROUP SIZE", "64MB"), text("STATISTICS", "off"), named});
  ASSERT_TRUE(options.ok()) << options.error().message;
  EXPECT_EQ(options->row_group_bytes, uint64_t{64} << 20);
  EXPECT_FALSE(options->statistics);
  EXPECT_EQ(options->bloom_filters.kind, Kind::kNamed);
  EXPECT_EQ(options->bloom_filters.columns, named.items);
  EXPECT_EQ(options->given_for_files.size(), 3U);
  Option all = flag("BLOOM FILTERS");
  EXPECT_EQ(copy_to_options({all})->bloom_filters.kind, Kind::kAutomatic);
  all.kind = Option::Kind::kStar;
  EXPECT_EQ(copy_to_options({all})->bloom_filters.kind, Kind::kAll);
  EXPECT_EQ(copy_to_options({text("BLOOM FILTERS", "false")})->bloom_filters.kind, Kind::kNone);
  EXPECT_EQ(copy_to_options({text("BLOOM FILTERS", "a, b")}).error().sqlstate, "22023");
  EXPECT_EQ(copy_to_options({text("ROW GROUP SIZE", "big")}).error().sqlstate, "22023");
}

TEST(CopyToOptions, OfOneFormatAreRefusedWithTheOther) {
  const auto check = [](std::string name, CopyFormat format) {
    return check_options_of_format({text(std::move(name), "1")}, format);
  };
  for (const char* const name : {"HEADER", "DELIMITER", "QUOTE", "ESCAPE", "NULL", "FORCE QUOTE"}) {
    EXPECT_TRUE(check(name, CopyFormat::kCsv).ok()) << name;
    const Status refused = check(name, CopyFormat::kParquet);
    ASSERT_FALSE(refused.ok()) << name;
    EXPECT_EQ(refused.error().message, fmt::format("COPY {} available only in CSV mode", name));
    EXPECT_EQ(refused.error().sqlstate, "0A000");
    EXPECT_EQ(refused.error().hint, "Leave it out, or say FORMAT = 'csv'.");
  }
  for (const char* const name : {"ROW GROUP SIZE", "STATISTICS", "BLOOM FILTERS"}) {
    EXPECT_TRUE(check(name, CopyFormat::kParquet).ok()) << name;
    EXPECT_EQ(check(name, CopyFormat::kCsv).error().hint,
              "Leave it out, or say FORMAT = 'parquet'.");
  }
}

TEST(CopyFromOptions, TextIsTheDefaultAndHasNoQuotes) {
  EXPECT_EQ(copy_from_options({})->delimiter, '\t');
  EXPECT_EQ(copy_from_options({text("FORMAT", "csv")})->delimiter, ',');
  EXPECT_EQ(copy_from_options({text("QUOTE", "x")}).error().sqlstate, "0A000");
  EXPECT_EQ(copy_from_options({text("FORMAT", "parquet")}).error().sqlstate, "0A000");
}

}  // namespace
}  // namespace sluice::sql
