// CSV and COPY's text format, out and in.
#include <gtest/gtest.h>

#include <random>

#include "format/binary.h"
#include "format/copy_in.h"
#include "format/csv.h"

namespace sluice::format {
namespace {

using engine::Chunk;
using engine::Value;
using types::parse_type_name;
using types::SqlType;
using Row = std::vector<std::optional<std::string>>;

std::vector<SqlType> types_of(const std::vector<const char*>& names) {
  std::vector<SqlType> result;
  result.reserve(names.size());
  for (const char* name : names) result.push_back(*parse_type_name(name));
  return result;
}

void fill(Chunk& chunk, const std::vector<SqlType>& types, const std::vector<Row>& rows) {
  duckdb::vector<engine::LogicalType> engine_types;
  for (const SqlType& type : types) engine_types.push_back(types::to_engine(type));
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), engine_types);
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < types.size(); ++c) {
      const auto& text = rows[r][c];
      chunk.SetValue(c, r, text ? *decode_text(types[c], *text) : Value(engine_types[c]));
    }
  }
  chunk.SetCardinality(rows.size());
}

std::string csv(const std::vector<const char*>& names, const std::vector<Row>& rows,
                const CsvOptions& options = {}) {
  const std::vector<SqlType> types = types_of(names);
  Chunk chunk;
  fill(chunk, types, rows);
  CsvEncoder encoder(std::vector<std::string>(names.begin(), names.end()), types, options,
                     {.spaced_json = false});
  std::string out = options.header ? encoder.header() : "";
  std::vector<size_t> ends;
  EXPECT_TRUE(encoder.encode(chunk, out, ends).ok());
  EXPECT_EQ(ends.size(), rows.size());
  EXPECT_TRUE(ends.empty() || ends.back() == out.size());
  return out;
}

TEST(Csv, QuotesOnlyWhatHasToBe) {
  EXPECT_EQ(csv({"text", "int"}, {{"a", "1"}, {"a,b", "2"}, {"say \"x\"", "3"}, {"l\nm", "4"}}),
            "a,1\n\"a,b\",2\n\"say \"\"x\"\"\",3\n\"l\nm\",4\n");
  EXPECT_EQ(csv({"text", "text"}, {{"", std::nullopt}, {" ", "\r"}}), "\"\",\n ,\"\r\"\n");
  EXPECT_EQ(csv({"text"}, {{"\\."}}), "\"\\.\"\n");
  EXPECT_EQ(csv({"text", "int"}, {{"\\.", "1"}}), "\\.,1\n");
  EXPECT_EQ(csv({"int[]", "jsonb"}, {{"{1,2}", "{\"s\": \"abc\"}"}}),
            "\"{1,2}\",\"{\"\"s\"\":\"\"abc\"\"}\"\n");
}

// The rule, a field at a time and without any haste.
std::string slow_field(const std::optional<std::string>& text, const CsvOptions& options) {
  if (!text) return options.null_text;
  const char special[] = {options.delimiter, options.quote, '\n', '\r'};
  if (*text != options.null_text &&
      text->find_first_of(std::string_view(special, 4)) == std::string::npos) {
    return *text;
  }
  std::string out(1, options.quote);
  for (const char c : *text) {
    if (c == options.quote || c == options.escape) out += options.escape;
    out += c;
  }
  return out + options.quote;
}

TEST(Csv, EqualsItsRuleForAnyTexts) {
  std::vector<CsvOptions> all(3);
  all[1].null_text = "a";
  all[1].escape = 'b';
  all[2].null_text = "\"b";
  all[2].delimiter = 'a';
  for (const CsvOptions& options : all) {
    for (unsigned seed = 0; seed < 40; ++seed) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", NULL " << options.null_text);
      std::minstd_rand random(seed);
      // Of few and many letters, so that some columns have nothing that wants quotes.
      const std::string letters = seed % 2 == 0 ? "ab" : "ab,\"\n\r\\ ";
      std::vector<std::vector<std::optional<std::string>>> rows(30);
      std::string wanted;
      for (auto& row : rows) {
        for (int column = 0; column < 2; ++column) {
          std::optional<std::string> text;
          if (random() % 8 != 0) {
            text.emplace();
            for (size_t i = random() % 20; i > 0; --i) *text += letters[random() % letters.size()];
          }
          wanted += slow_field(text, options) + (column == 0 ? options.delimiter : '\n');
          row.push_back(std::move(text));
        }
      }
      EXPECT_EQ(csv({"text", "text"}, rows, options), wanted);
    }
  }
}

TEST(Csv, FollowsItsOptions) {
  CsvOptions options;
  options.delimiter = ';';
  options.null_text = "NULL";
  EXPECT_EQ(
      csv({"int[]", "text", "text"}, {{"{1,2}", "NULL", std::nullopt}, {"{}", "", "a;b"}}, options),
      "{1,2};\"NULL\";NULL\n{};;\"a;b\"\n");
  CsvOptions escapes;
  escapes.quote = '\'';
  escapes.escape = '\\';
  // The escape alone asks for no quotes; inside them it is doubled.
  EXPECT_EQ(csv({"text", "text"}, {{"a\\b", "it's \\"}}, escapes), "a\\b,'it\\'s \\\\'\n");
  CsvOptions digits;
  digits.delimiter = '1';
  digits.null_text = "5";
  EXPECT_EQ(csv({"int", "int"}, {{"212", "5"}, {std::nullopt, "7"}}, digits),
            "\"212\"1\"5\"\n517\n");
  CsvOptions header;
  header.header = true;
  EXPECT_EQ(csv({"text", "int"}, {}, header), "text,int\n");
}

TEST(Csv, ForcesQuotesButNeverOnNull) {
  CsvOptions some;
  some.force_quote = {"int", "text"};  // columns are called as their types here
  EXPECT_EQ(csv({"int", "text", "date"},
                {{"1", "a\"b", "2020-01-02"}, {std::nullopt, "", "0044-03-15 BC"}}, some),
            "\"1\",\"a\"\"b\",2020-01-02\n,\"\",0044-03-15 BC\n");
  CsvOptions all;
  all.force_quote_all = true;
  all.escape = '-';  // which numbers have in them
  all.null_text = "NULL";
  EXPECT_EQ(csv({"int", "int[]", "text"},
                {{"-1", "{1}", "NULL"}, {std::nullopt, std::nullopt, std::nullopt}}, all),
            "\"--1\",\"{1}\",\"NULL\"\nNULL,NULL,NULL\n");
}

TEST(Csv, HasTheReferencesFormOfEachType) {
  EXPECT_EQ(csv({"bool", "double precision", "mz_timestamp", "numeric(38,16)", "date", "time",
                 "timestamp", "timestamptz", "interval", "bytea"},
                {{"t", "Inf", "1", "123456789012345678901.4567890123456789", "2010-10-10",
                  "10:10:10", "2010-10-10 10:10:10", "2010-10-10 10:10:10+02", "0 s", "\\x4142"}}),
            "t,Infinity,1,123456789012345678901.4567890123456789,2010-10-10,10:10:10,"
            "2010-10-10 10:10:10,2010-10-10 08:10:10+00,00:00:00,\\x4142\n");
}

std::string copy_text(const std::vector<const char*>& names, const std::vector<Row>& rows) {
  const std::vector<SqlType> types = types_of(names);
  Chunk chunk;
  fill(chunk, types, rows);
  CopyTextEncoder encoder(types, {}, {});
  std::string out;
  std::vector<size_t> ends;
  EXPECT_TRUE(encoder.encode(chunk, out, ends).ok());
  return out;
}

TEST(CopyText, EscapesWhatALineCannotHold) {
  EXPECT_EQ(copy_text({"text", "text"}, {{"a\tb", std::nullopt}, {"l\nm\\", ""}}),
            "a\\tb\t\\N\nl\\nm\\\\\t\n");
}

struct Parsed {
  std::vector<Row> rows;
  Status status;
  std::string context;
};

Parsed parse(const std::string& input, const std::vector<const char*>& names, CopyInOptions options,
             size_t piece = 1000) {
  const std::vector<SqlType> types = types_of(names);
  std::vector<CopyInColumn> columns;
  for (size_t i = 0; i < types.size(); ++i) {
    columns.push_back({std::string(1, static_cast<char>('a' + i)), types[i]});
  }
  CopyParser parser("t", columns, std::move(options));
  Parsed parsed;
  const auto sink = [&](Chunk& chunk) -> Status {
    for (size_t r = 0; r < chunk.size(); ++r) {
      Row row;
      for (size_t c = 0; c < types.size(); ++c) {
        const Value value = chunk.GetValue(c, r);
        row.push_back(value.IsNull() ? std::nullopt : std::optional(*text_of(types[c], value)));
      }
      parsed.rows.push_back(std::move(row));
    }
    return ok();
  };
  for (size_t at = 0; at < input.size() && parsed.status.ok(); at += piece) {
    parsed.status = parser.feed({input.data() + at, std::min(piece, input.size() - at)}, sink);
  }
  if (parsed.status.ok()) parsed.status = parser.finish(sink);
  parsed.context = parser.context();
  return parsed;
}

TEST(CopyIn, ReadsTextInPiecesOfAnySize) {
  const std::string input = "1\ta\\tb\\\\\n2\t\\N\n3\tl\\\nm\n4\t\\x41\\101\n";
  const std::vector<Row> expected = {
      {"1", "a\tb\\"}, {"2", std::nullopt}, {"3", "l\nm"}, {"4", "AA"}};
  for (size_t piece = 1; piece <= input.size(); ++piece) {
    const Parsed parsed = parse(input, {"int", "text"}, CopyInOptions::text(), piece);
    ASSERT_TRUE(parsed.status.ok()) << piece << parsed.status.error().message;
    ASSERT_EQ(parsed.rows, expected) << piece;
  }
}

TEST(CopyIn, ReadsCsvInPiecesOfAnySize) {
  const std::string input =
      "h,\"h\n2\"\r\n1,\"a,\"\"b\"\"\"\r\n2,\r\n3,\"\"\r\n4,\"l\nm\"\r\n5,x\"y,\"z";
  const std::vector<Row> expected = {
      {"1", "a,\"b\""}, {"2", std::nullopt}, {"3", ""}, {"4", "l\nm"}, {"5", "xy,z"}};
  CopyInOptions options = CopyInOptions::csv();
  options.header = true;
  for (size_t piece = 1; piece <= input.size(); ++piece) {
    const Parsed parsed = parse(input, {"int", "text"}, options, piece);
    ASSERT_TRUE(parsed.status.ok()) << piece << parsed.status.error().message;
    ASSERT_EQ(parsed.rows, expected) << piece;
  }
  CopyInOptions escape = CopyInOptions::csv();
  escape.escape = '\\';
  escape.delimiter = ';';
  const Parsed escaped = parse("1;\"a\\\"\n\\\\\"\n", {"int", "text"}, escape, 1);
  ASSERT_TRUE(escaped.status.ok());
  EXPECT_EQ(escaped.rows, (std::vector<Row>{{"1", "a\"\n\\"}}));
}

TEST(CopyIn, StopsAtTheEndMark) {
  EXPECT_EQ(parse("1\n\\.\nnonsense", {"int"}, CopyInOptions::text()).rows.size(), 1u);
  EXPECT_EQ(parse("1\n\\.\n", {"int"}, CopyInOptions::csv()).rows.size(), 1u);
  EXPECT_TRUE(parse("", {"int"}, CopyInOptions::csv()).status.ok());
}

void expect_error(const Parsed& parsed, const char* state, const char* message,
                  const char* context) {
  ASSERT_FALSE(parsed.status.ok());
  Status status = parsed.status;
  EXPECT_EQ(status.error().sqlstate, state);
  EXPECT_EQ(status.error().message, message);
  EXPECT_EQ(status.error().detail, "");
  EXPECT_EQ(parsed.context, context);
}

TEST(CopyIn, SaysInWhichLineAndColumnItsInputIsWrong) {
  const CopyInOptions text = CopyInOptions::text(), comma = CopyInOptions::csv();
  expect_error(parse("1\n", {"int", "int"}, text), "22P04", "missing data for column \"b\"",
               "COPY t, line 1: \"1\"");
  expect_error(parse("1\t2\n1\t2\t3\n", {"int", "int"}, text), "22P04",
               "extra data after last expected column", "COPY t, line 2: \"1\t2\t3\"");
  expect_error(parse("1\n2\nx\n", {"int"}, comma), "22P02",
               "invalid input syntax for type integer: \"x\"", "COPY t, line 3, column a: \"x\"");
  expect_error(parse("1,\"x\n", {"int", "text"}, comma), "22P04", "unterminated CSV quoted field",
               "COPY t, line 2: \"1,\"x\n\"");
  expect_error(parse("\xff\n", {"text"}, comma), "22021",
               "invalid byte sequence for encoding \"UTF8\": 0xff",
               "COPY t, line 1, column a: \"\xff\"");
  EXPECT_EQ(parse("1\n", {"int"}, text).context, "");
  CopyInOptions small = CopyInOptions::text();
  small.max_record_bytes = 10;
  EXPECT_EQ(parse(std::string(100, 'x'), {"text"}, small, 7).status.error().sqlstate, "54000");
}

TEST(CopyIn, RefusesWhatIsTooLongForItsColumn) {
  const CopyInOptions text = CopyInOptions::text();
  expect_error(parse("abc\nabcd\n", {"varchar(3)"}, text), "22001",
               "value too long for type character varying(3)",
               "COPY t, line 2, column a: \"abcd\"");
  expect_error(parse("\u00e4\u00e4\u00e4\u00e4\n", {"char(3)"}, text), "22001",
               "value too long for type character(3)",
               "COPY t, line 1, column a: \"\u00e4\u00e4\u00e4\u00e4\"");
  // Characters count, not bytes, and blanks at the end may go.
  const Parsed fitting = parse("\u00e4\u00e4\u00e4  \tx \n", {"varchar(3)", "char(3)"}, text);
  ASSERT_TRUE(fitting.status.ok());
  EXPECT_EQ(fitting.rows[0][0], "\u00e4\u00e4\u00e4");
  EXPECT_EQ(fitting.rows[0][1], "x  ");
}

// What one encoder writes, the parser reads back, whatever the values are.
TEST(CopyIn, ReadsBackWhatTheEncodersWrite) {
  std::mt19937_64 random(7);
  const std::vector<const char*> names = {"text",      "int",   "double precision", "numeric(20,5)",
                                          "timestamp", "jsonb", "text[]",           "bytea"};
  for (int trial = 0; trial < 200; ++trial) {
    SCOPED_TRACE(trial);
    std::vector<Row> rows;
    for (uint64_t r = 0; r < random() % 5; ++r) {
      constexpr std::string_view kLetters = "ab,\"\\\n\r\t N.;'{}";
      std::string text;
      for (uint64_t i = random() % 6; i > 0; --i) text += kLetters[random() % kLetters.size()];
      Row row = {text,
                 std::to_string(static_cast<int32_t>(random())),
                 fmt::format("{}", static_cast<double>(static_cast<int64_t>(random())) / 1e9),
                 fmt::format("{}.{:05}", static_cast<int32_t>(random()), random() % 100000),
                 fmt::format("20{:02}-0{}-1{} 1{}:00:00", random() % 100, 1 + random() % 9,
                             random() % 10, random() % 10),
                 fmt::format("[{}]", random() % 100),
                 "{a,NULL,\"b c\"}",
                 "\\x0a0d"};
      for (auto& field : row) {
        if (random() % 5 == 0) field.reset();
      }
      rows.push_back(std::move(row));
    }
    const Parsed from_csv = parse(csv(names, rows), names, CopyInOptions::csv(), 1 + random() % 20);
    const Parsed from_text = parse(copy_text(names, rows), names, CopyInOptions::text(), 3);
    ASSERT_TRUE(from_csv.status.ok() && from_text.status.ok());
    ASSERT_EQ(from_csv.rows, from_text.rows);
    ASSERT_EQ(from_csv.rows.size(), rows.size());
    for (size_t r = 0; r < rows.size(); ++r) {
      EXPECT_EQ(from_csv.rows[r][0], rows[r][0]);
      EXPECT_EQ(from_csv.rows[r][1], rows[r][1]);
      EXPECT_EQ(from_csv.rows[r][3], rows[r][3]);
    }
  }
}

}  // namespace
}  // namespace sluice::format
