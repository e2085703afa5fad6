#include "format/text.h"

#include <gtest/gtest.h>

#include "format/binary.h"

namespace sluice::format {
namespace {

using engine::Value;
using types::parse_type_name;
using types::SqlType;

struct Accepted {
  const char* type;
  const char* input;
  const char* output;
};
struct Refused {
  const char* type;
  const char* input;
  const char* sqlstate;
  const char* message;
};

// What psql showed for SELECT 'input'::type on PostgreSQL 15, word for word, with TimeZone UTC.
constexpr Accepted kAccepted[] = {
    // clang-format off
      {"boolean", "t", "t"},
      {"boolean", " yes ", "t"},
      {"boolean", "OFF", "f"},
      {"boolean", "0", "f"},
      {"boolean", "tru", "t"},
      {"smallint", "-32768", "-32768"},
      {"integer", " 42 ", "42"},
      {"integer", "-2147483648", "-2147483648"},
      {"bigint", "9223372036854775807", "9223372036854775807"},
      {"real", "1.5", "1.5"},
      {"real", "123456", "123456"},
      {"real", "1234567", "1.234567e+06"},
      {"real", "0.0001", "0.0001"},
      {"real", "0.00001", "1e-05"},
      {"real", "3.4e38", "3.4e+38"},
      {"double precision", "0", "0"},
      {"double precision", "-0", "-0"},
      {"double precision", "1e20", "1e+20"},
      {"double precision", "1e14", "100000000000000"},
      {"double precision", "1e15", "1e+15"},
      {"double precision", "123456789012345678", "1.2345678901234568e+17"},
      {"double precision", "0.0001", "0.0001"},
      {"double precision", "0.00001", "1e-05"},
      {"double precision", "0.1", "0.1"},
      {"double precision", "1.7976931348623157e308", "1.7976931348623157e+308"},
      {"double precision", "5e-324", "5e-324"},
      {"double precision", "Inf", "Infinity"},
      {"double precision", "-infinity", "-Infinity"},
      {"double precision", "nan", "NaN"},
      {"double precision", " .5 ", "0.5"},
      {"numeric(10,2)", "1.005", "1.01"},
      {"numeric(10,2)", "-1.005", "-1.01"},
      {"numeric(10,2)", "12345678.999", "12345679.00"},
      {"numeric(10,2)", "1e3", "1000.00"},
      {"numeric(10,2)", "-0.001", "0.00"},
      {"numeric(38,0)", "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"},
      {"numeric(3,3)", "0.1234", "0.123"},
      {"numeric(10,2)", ".5", "0.50"},
      {"numeric(10,2)", "1e-2", "0.01"},
      {"date", "2010-10-10", "2010-10-10"},
      {"date", "epoch", "1970-01-01"},
      {"date", "infinity", "infinity"},
      {"date", "-infinity", "-infinity"},
      {"date", "Jan 8 1999", "1999-01-08"},
      {"date", "January 8, 1999", "1999-01-08"},
      {"date", "1/8/1999", "1999-01-08"},
      {"date", "08-Jan-1999", "1999-01-08"},
      {"date", "1999-Jan-08", "1999-01-08"},
      {"date", "19990108", "1999-01-08"},
      {"date", "990108", "1999-01-08"},
      {"date", "0044-03-15 BC", "0044-03-15 BC"},
      {"date", "2010-10-10 10:10:10", "2010-10-10"},
      {"date", "99999-01-01", "99999-01-01"},
      {"time", "10:10:10", "10:10:10"},
      {"time", "10:10", "10:10:00"},
      {"time", "24:00:00", "24:00:00"},
      {"time", "10:10:10.5", "10:10:10.5"},
      {"time", "10:10:10.1234567", "10:10:10.123457"},
      {"time", "04:05 PM", "16:05:00"},
      {"time", "12:30 AM", "00:30:00"},
      {"time", "101010", "10:10:10"},
      {"timestamp", "2010-10-10 10:10:10", "2010-10-10 10:10:10"},
      {"timestamp", "2010-10-10T10:10:10.123456", "2010-10-10 10:10:10.123456"},
      {"timestamp", "2010-10-10", "2010-10-10 00:00:00"},
      {"timestamp", "2010-10-10 24:00:00", "2010-10-11 00:00:00"},
      {"timestamp", "2010-10-10 10:10:10+02", "2010-10-10 10:10:10"},
      {"timestamp", "infinity", "infinity"},
      {"timestamp", "epoch", "1970-01-01 00:00:00"},
      {"timestamp", "Oct 10 2010 10:10:10", "2010-10-10 10:10:10"},
      {"timestamp", "0044-03-15 10:00:00 BC", "0044-03-15 10:00:00 BC"},
      {"timestamp", "12345-06-07 08:09:10.11", "12345-06-07 08:09:10.11"},
      {"timestamptz", "2010-10-10 10:10:10+02", "2010-10-10 08:10:10+00"},
      {"timestamptz", "2010-10-10 10:10:10 Europe/Berlin", "2010-10-10 08:10:10+00"},
      {"timestamptz", "2010-12-10 10:10:10 Europe/Berlin", "2010-12-10 09:10:10+00"},
      {"timestamptz", "2090-07-10 10:10:10 Europe/Berlin", "2090-07-10 08:10:10+00"},
      {"timestamptz", "2090-01-10 10:10:10 Europe/Berlin", "2090-01-10 09:10:10+00"},
      {"timestamptz", "2010-10-10 10:10:10Z", "2010-10-10 10:10:10+00"},
      {"timestamptz", "2010-10-10 10:10:10-03:30", "2010-10-10 13:40:10+00"},
      {"timestamptz", "2010-10-10 10:10:10.5 UTC", "2010-10-10 10:10:10.5+00"},
      {"timestamptz", "1969-12-31 23:59:59.999999Z", "1969-12-31 23:59:59.999999+00"},
      {"interval", "1 day", "1 day"},
      {"interval", "1 year 2 months 3 days 04:05:06.789", "1 year 2 mons 3 days 04:05:06.789"},
      {"interval", "-1 year 2 months", "-10 mons"},
      {"interval", "1 year -2 days", "1 year -2 days"},
      {"interval", "-00:00:01", "-00:00:01"},
      {"interval", "1 day -00:00:01", "1 day -00:00:01"},
      {"interval", "-1 day 02:03:00", "-1 days +02:03:00"},
      {"interval", "1.5 hours", "01:30:00"},
      {"interval", "1.5 days", "1 day 12:00:00"},
      {"interval", "1.5 months", "1 mon 15 days"},
      {"interval", "1.5 years", "1 year 6 mons"},
      {"interval", "2 weeks", "14 days"},
      {"interval", "1 day ago", "-1 days"},
      {"interval", "P1Y2M3DT4H5M6S", "1 year 2 mons 3 days 04:05:06"},
      {"interval", "PT0.5S", "00:00:00.5"},
      {"interval", "P2W", "14 days"},
      {"interval", "1-2", "1 year 2 mons"},
      {"interval", "1 12:00:00", "1 day 12:00:00"},
      {"interval", "90", "00:01:30"},
      {"interval", "100:00:00", "100:00:00"},
      {"interval", "0", "00:00:00"},
      {"interval", "@ 1 minute", "00:01:00"},
      {"interval", "13 months", "1 year 1 mon"},
      {"interval", "-1.5 days", "-1 days -12:00:00"},
      {"interval", "00:01.5", "00:00:01.5"},
      {"uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
      {"uuid", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
      {"bytea", "\\xDEADbeef", "\\xdeadbeef"},
      {"bytea", "\\xde ad", "\\xdead"},
      {"bytea", "abc", "\\x616263"},
      {"bytea", "a\\\\b\\001", "\\x615c6201"},
      {"jsonb", "{\"b\": [1, 2.50], \"a\": null}", "{\"a\": null, \"b\": [1, 2.50]}"},
      {"jsonb", " \"x\\u00e9\\n\\u0001\" ", "\"x\xc3\xa9\\n\\u0001\""},
      {"jsonb", "1e2", "100"},
      {"jsonb", "-0", "0"},
      {"jsonb", "{\"a\":1,\"a\":2}", "{\"a\": 2}"},
      {"jsonb", "[]", "[]"},
      {"jsonb", "{}", "{}"},
      {"jsonb", "1.5e-3", "0.0015"},
      {"jsonb", "{\"bb\": 1, \"b\": {\"z\": \"a,b:c\\\"d\"}}", "{\"b\": {\"z\": \"a,b:c\\\"d\"}, \"bb\": 1}"},
      {"int[]", "{1,2}", "{1,2}"},
      {"int[]", " { 1 , NULL } ", "{1,NULL}"},
      {"int[]", "{}", "{}"},
      {"text[]", "{\"a,b\",NULL,\"NULL\",c d, e }", "{\"a,b\",NULL,\"NULL\",\"c d\",e}"},
      {"text[]", "{\"a\\\"b\",\"a\\\\\\\\b\",\"\"}", "{\"a\\\"b\",\"a\\\\\\\\b\",\"\"}"},
      {"timestamp[]", "{2010-10-10 10:10:10}", "{\"2010-10-10 10:10:10\"}"},
      {"bytea[]", "{\"\\\\\\\\x01\"}", "{\"\\\\x5c783031\"}"},
      {"numeric(4,1)[]", "{1.25,2}", "{1.3,2.0}"},
      {"boolean[]", "{t,f}", "{t,f}"},
    // clang-format on
};
constexpr Refused kRefused[] = {
    // clang-format off
      {"boolean", "o", "22P02", "invalid input syntax for type boolean: \"o\""},
      {"boolean", "2", "22P02", "invalid input syntax for type boolean: \"2\""},
      {"smallint", "32768", "22003", "value \"32768\" is out of range for type smallint"},
      {"integer", "2147483648", "22003", "value \"2147483648\" is out of range for type integer"},
      {"integer", "x", "22P02", "invalid input syntax for type integer: \"x\""},
      {"integer", "1.5", "22P02", "invalid input syntax for type integer: \"1.5\""},
      {"integer", "", "22P02", "invalid input syntax for type integer: \"\""},
      {"bigint", "-9223372036854775809", "22003", "value \"-9223372036854775809\" is out of range for type bigint"},
      {"real", "1e39", "22003", "\"1e39\" is out of range for type real"},
      {"double precision", "1e400", "22003", "\"1e400\" is out of range for type double precision"},
      {"double precision", "abc", "22P02", "invalid input syntax for type double precision: \"abc\""},
      {"numeric(10,2)", "123456789", "22003", "numeric field overflow"},
      {"numeric(10,2)", "abc", "22P02", "invalid input syntax for type numeric: \"abc\""},
      {"date", "2010-02-30", "22008", "date/time field value out of range: \"2010-02-30\""},
      {"date", "2010-13-01", "22008", "date/time field value out of range: \"2010-13-01\""},
      {"date", "foo", "22007", "invalid input syntax for type date: \"foo\""},
      {"time", "25:00", "22008", "date/time field value out of range: \"25:00\""},
      {"time", "x", "22007", "invalid input syntax for type time: \"x\""},
      {"timestamp", "2010-10-10 10:10:99", "22008", "date/time field value out of range: \"2010-10-10 10:10:99\""},
      {"timestamp", "294277-01-01", "22008", "timestamp out of range: \"294277-01-01\""},
      {"interval", "x", "22007", "invalid input syntax for type interval: \"x\""},
      {"interval", "1 foo", "22007", "invalid input syntax for type interval: \"1 foo\""},
      {"uuid", "a0eebc99-9c0b-4ef8-bb6d", "22P02", "invalid input syntax for type uuid: \"a0eebc99-9c0b-4ef8-bb6d\""},
      {"bytea", "\\xabc", "22023", "invalid hexadecimal data: odd number of digits"},
      {"bytea", "\\q", "22P02", "invalid input syntax for type bytea"},
      {"jsonb", "{a}", "22P02", "invalid input syntax for type json"},
      {"jsonb", "[1,]", "22P02", "invalid input syntax for type json"},
      {"jsonb", "01", "22P02", "invalid input syntax for type json"},
      {"int[]", "1,2", "22P02", "malformed array literal: \"1,2\""},
      {"int[]", "{1", "22P02", "malformed array literal: \"{1\""},
      {"int[]", "{1,}", "22P02", "malformed array literal: \"{1,}\""},
      {"int[]", "{x}", "22P02", "invalid input syntax for type integer: \"x\""},
    // clang-format on
};

TEST(Text, IsReadAndWrittenAsPostgresqlDoes) {
  for (const Accepted& line : kAccepted) {
    SCOPED_TRACE(testing::Message() << line.type << " '" << line.input << "'");
    const SqlType type = *parse_type_name(line.type);
    const Result<Value> value = decode_text(type, line.input);
    if (!value.ok()) {
      ADD_FAILURE() << value.error().message;
      continue;
    }
    EXPECT_EQ(*text_of(type, *value), line.output);
  }
}

TEST(Text, IsRefusedWithPostgresqlsWords) {
  for (const Refused& line : kRefused) {
    SCOPED_TRACE(testing::Message() << line.type << " '" << line.input << "'");
    const Result<Value> value = decode_text(*parse_type_name(line.type), line.input);
    if (value.ok()) {
      ADD_FAILURE() << "read as " << value->ToString();
      continue;
    }
    EXPECT_EQ(value.error().sqlstate, line.sqlstate);
    EXPECT_EQ(value.error().message, line.message);
  }
}

std::string round(const char* type_name, const char* input, const TextOptions& options = {}) {
  const SqlType type = *parse_type_name(type_name);
  const Result<Value> value = decode_text(type, input, options.time_zone);
  return value.ok() ? *text_of(type, *value, options) : value.error().message;
}

// What PostgreSQL doesn't have, or we have otherwise.
TEST(Text, HasMaterializesTypesToo) {
  EXPECT_EQ(round("text list", "{a,\"b c\",NULL,\"\"}"), "{a,\"b c\",NULL,\"\"}");
  EXPECT_EQ(round("int list list", "{{1},{},NULL}"), "{{1},{},NULL}");
  EXPECT_EQ(round("int[][]", "{{1,2},{3,4}}"), "{{1,2},{3,4}}");
  EXPECT_EQ(round("int[]", "[0:1]={1,2}"), "{1,2}");
  EXPECT_EQ(round("map[text=>int]", "{b=>2, a => 1, b=>3}"), "{a=>1,b=>3}");
  EXPECT_EQ(round("map[text=>map[text=>text]]", "{a=>{x=>\"y z\"},b=>NULL}"),
            "{a=>{x=>\"y z\"},b=>NULL}");
  EXPECT_EQ(round("map[text=>int]", "{a=1}"), "malformed map literal: \"{a=1}\"");
  EXPECT_EQ(round("uint8", "18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(round("uint2", "-1"), "value \"-1\" is out of range for type uint2");
  EXPECT_EQ(round("mz_timestamp", "1700000000000"), "1700000000000");
  EXPECT_EQ(round("numeric", "1.50"), "1.5");
  EXPECT_EQ(round("numeric", "100"), "100");
  EXPECT_EQ(round("numeric(38,10)", "1.5"), "1.5000000000");
  EXPECT_EQ(round("numeric", "NaN"), "numeric does not hold the special value \"NaN\"");
  EXPECT_EQ(round("char(4)", "ab"), "ab  ");
}

TEST(Text, OfJsonHasBlanksOnTheWireAndNoneInFiles) {
  TextOptions files;
  files.spaced_json = false;
  const char* document = "{\"b\": [1, \"x, y: z\"], \"a\": {}}";
  EXPECT_EQ(round("jsonb", document, files), "{\"a\":{},\"b\":[1,\"x, y: z\"]}");
  EXPECT_EQ(round("jsonb", document), "{\"a\": {}, \"b\": [1, \"x, y: z\"]}");
}

TEST(Text, OfTimestamptzIsInTheSessionsZone) {
  TextOptions berlin;
  berlin.time_zone = "Europe/Berlin";
  EXPECT_EQ(round("timestamptz", "2010-07-01 12:00:00Z", berlin), "2010-07-01 14:00:00+02");
  EXPECT_EQ(round("timestamptz", "2010-12-01 12:00:00", berlin), "2010-12-01 12:00:00+01");
  // The hour that summer time leaves out, and the one that comes twice.
  EXPECT_EQ(round("timestamptz", "2010-03-28 02:30:00", berlin), "2010-03-28 03:30:00+02");
  EXPECT_EQ(round("timestamptz", "2010-10-31 02:30:00", berlin), "2010-10-31 02:30:00+02");
  TextOptions kathmandu;
  kathmandu.time_zone = "Asia/Kathmandu";
  EXPECT_EQ(round("timestamptz", "2010-07-01 12:00:00Z", kathmandu), "2010-07-01 17:45:00+05:45");
  TextOptions nowhere;
  nowhere.time_zone = "../../etc/passwd";
  EXPECT_EQ(round("timestamptz", "2010-07-01", nowhere),
            "time zone \"../../etc/passwd\" not recognized");
}

TEST(Text, OfAColumnDoesNotDependOnTheVectorsLayout) {
  const SqlType type = *parse_type_name("int");
  engine::Vector flat(engine::LogicalType::INTEGER, 4);
  for (int i = 0; i < 4; ++i) flat.SetValue(static_cast<size_t>(i), Value::INTEGER(i * 10));
  flat.SetValue(2, Value(engine::LogicalType::INTEGER));
  duckdb::SelectionVector reversed(4);
  for (size_t i = 0; i < 4; ++i) reversed.set_index(i, 3 - i);
  engine::Vector dictionary(flat, reversed, 4);
  TextColumn column;
  ASSERT_TRUE(encode_text(type, dictionary, 4, {}, column).ok());
  EXPECT_EQ(column[0], "30");
  EXPECT_EQ(column[1], "");
  EXPECT_EQ(column.null[1], 1);
  EXPECT_EQ(column[3], "0");
  engine::Vector constant(Value::INTEGER(7));
  ASSERT_TRUE(encode_text(type, constant, 4, {}, column).ok());
  EXPECT_EQ(column.size(), 4u);
  EXPECT_EQ(column[3], "7");
}

TEST(Binary, ComesBackUnchangedForEveryTypeAndValue) {
  for (const Accepted& line : kAccepted) {
    SCOPED_TRACE(testing::Message() << line.type << " '" << line.input << "'");
    const SqlType type = *parse_type_name(line.type);
    ASSERT_TRUE(supports_binary(type));
    const Value value = *decode_text(type, line.input);
    engine::Vector vector(value);
    TextColumn column;
    ASSERT_TRUE(encode_binary(type, vector, 1, {}, column).ok());
    const std::span<const char> bytes(column[0].data(), column[0].size());
    const Result<Value> back = decode_binary(type, std::as_bytes(bytes));
    if (!back.ok()) {
      ADD_FAILURE() << back.error().message;
      continue;
    }
    EXPECT_EQ(*text_of(type, *back), line.output);
    // Cut short, it is an error or another value, but never a crash.
    for (size_t length = 0; length < bytes.size(); ++length) {
      (void)decode_binary(type, std::as_bytes(bytes.subspan(0, length)));
    }
  }
}

std::string hex_of(const char* type_name, const char* input) {
  const SqlType type = *parse_type_name(type_name);
  engine::Vector vector(*decode_text(type, input));
  TextColumn column;
  EXPECT_TRUE(encode_binary(type, vector, 1, {}, column).ok());
  std::string hex;
  for (const char c : column[0]) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return hex;
}

// As PostgreSQL 15's send functions print: SELECT encode(numeric_send('…'), 'hex').
TEST(Binary, IsWhatPostgresqlSends) {
  EXPECT_EQ(hex_of("int4", "-2"), "fffffffe");
  EXPECT_EQ(hex_of("int8", "5"), "0000000000000005");
  EXPECT_EQ(hex_of("float8", "1.5"), "3ff8000000000000");
  EXPECT_EQ(hex_of("float4", "-0.1"), "bdcccccd");
  EXPECT_EQ(hex_of("bool", "t"), "01");
  EXPECT_EQ(hex_of("numeric(10,2)", "12345.67"), "0003000100000002000109291a2c");
  EXPECT_EQ(hex_of("numeric(10,2)", "-0.05"), "0001ffff4000000201f4");
  EXPECT_EQ(hex_of("numeric(10,2)", "0"), "0000000000000002");
  EXPECT_EQ(hex_of("numeric(38,0)", "12340000"), "000100010000000004d2");
  EXPECT_EQ(hex_of("numeric(20,10)", "10000.0001"), "000300010000000a000100000001");
  EXPECT_EQ(hex_of("numeric(5,5)", "0.00001"), "0001fffe0000000503e8");
  EXPECT_EQ(hex_of("date", "2010-10-10"), "00000f5f");
  EXPECT_EQ(hex_of("date", "infinity"), "7fffffff");
  EXPECT_EQ(hex_of("time", "10:10:10.5"), "000000088627e5a0");
  EXPECT_EQ(hex_of("timestamp", "2010-10-10 10:10:10"), "0001353f37ace480");
  EXPECT_EQ(hex_of("timestamptz", "1999-12-31 23:59:59+00"), "fffffffffff0bdc0");
  EXPECT_EQ(hex_of("interval", "1 year 2 days 00:00:03"), "00000000002dc6c0000000020000000c");
  EXPECT_EQ(hex_of("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            "a0eebc999c0b4ef8bb6d6bb9bd380a11");
  EXPECT_EQ(hex_of("jsonb", "{\"a\":1}"), "017b2261223a20317d");
  EXPECT_EQ(hex_of("int4[]", "{1,NULL,3}"),
            "00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003");
  EXPECT_EQ(hex_of("text[]", "{}"), "000000000000000000000019");
  EXPECT_EQ(hex_of("text[]", "{a,bc}"),
            "00000001000000000000001900000002000000010000000161000000026263");
  EXPECT_EQ(hex_of("bytea", "\\x0102"), "0102");
  EXPECT_EQ(hex_of("int[][]", "{{1,2},{3,4}}"),
            "00000002000000000000001700000002000000010000000200000001000000040000000100000004000000"
            "0200000004000000030000000400000004");
}

}  // namespace
}  // namespace sluice::format
