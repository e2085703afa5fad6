#include "sql/front/lexer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/front/parse.h"

namespace sluice::sql {
namespace {

using Kind = Token::Kind;
using testing::ElementsAre;

std::vector<std::string> sources(std::string_view sql) {
  const auto tokens = Tokens::of(sql);
  if (!tokens.ok()) return {tokens.error().message};
  std::vector<std::string> list;
  for (size_t i = 0; i < tokens->size(); ++i) list.emplace_back(tokens->source(i));
  return list;
}

std::string string_of(std::string_view sql) {
  const auto tokens = Tokens::of(sql);
  if (!tokens.ok()) return "error: " + tokens.error().message;
  if (tokens->size() != 1 || !tokens->is_kind(0, Kind::kString)) return "not one string";
  return tokens->string(0);
}

Error token_error(std::string_view sql) {
  auto tokens = Tokens::of(sql);
  return tokens.ok() ? Error() : tokens.error();
}

TEST(Lexer, TakesOperatorsAsLongAsPostgresDoes) {
  EXPECT_THAT(sources("a->>'b'"), ElementsAre("a", "->>", "'b'"));
  EXPECT_THAT(sources("a=-1"), ElementsAre("a", "=", "-", "1"));
  EXPECT_THAT(sources("a@-1"), ElementsAre("a", "@-", "1"));
  EXPECT_THAT(sources("a*-- b\n-1"), ElementsAre("a", "*", "-", "1"));
  EXPECT_THAT(sources("a+/*x*/b"), ElementsAre("a", "+", "b"));
  EXPECT_THAT(sources("x::int"), ElementsAre("x", "::", "int"));
  EXPECT_THAT(sources("f(a=>1, b:=2)"),
              ElementsAre("f", "(", "a", "=>", "1", ",", "b", ":=", "2", ")"));
}

TEST(Lexer, ReadsEveryFormOfString) {
  EXPECT_EQ(string_of("'it''s'"), "it's");
  EXPECT_EQ(string_of(R"('a\nb')"), R"(a\nb)");
  EXPECT_EQ(string_of(R"(E'a\nb\'\x41\101\u0041\\')"), "a\nb'AAA\\");
  EXPECT_EQ(string_of(R"(E'\uD83D\uDE00')"), "😀");
  EXPECT_EQ(string_of(R"(U&'d\0061t\+000061')"), "data");
  EXPECT_EQ(string_of("$$it's$$"), "it's");
  EXPECT_EQ(string_of("$a$ $$ $b$ $a$"), " $$ $b$ ");
  EXPECT_EQ(string_of("'a'\n  'b'"), "ab");
  EXPECT_EQ(string_of("'a' 'b'"), "not one string");
}

TEST(Lexer, RefusesWhatIsNotUtf8OrHasANul) {
  EXPECT_EQ(token_error("select '\xff'").sqlstate, "22021");
  EXPECT_EQ(token_error(std::string_view("select \0", 8)).sqlstate, "22021");
  EXPECT_EQ(token_error(R"(select E'\xff')").sqlstate, "22021");
  EXPECT_EQ(token_error(R"(select E'\x00')").sqlstate, "22021");
  EXPECT_EQ(token_error(R"(select E'\ud800x')").sqlstate, "22025");
}

TEST(Lexer, FoldsOnlyUnquotedNames) {
  const auto tokens = Tokens::of("FooBar \"FooBar\" \"a\"\"b\" U&\"\\0041b\"");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(tokens->word(0), "foobar");
  EXPECT_EQ(tokens->word(1), "FooBar");
  EXPECT_EQ(tokens->word(2), "a\"b");
  EXPECT_EQ(tokens->word(3), "Ab");
  EXPECT_TRUE(tokens->is(0, "foobar"));
  EXPECT_FALSE(tokens->is(1, "foobar"));
}

TEST(Lexer, NestsComments) {
  EXPECT_THAT(sources("a /* b /* c */ d */ e -- f"), ElementsAre("a", "e"));
  EXPECT_EQ(token_error("a /* /* */").message, "unterminated /* comment");
}

TEST(Lexer, TellsWhereInCharacters) {
  EXPECT_EQ(token_error("select 'äö', 'x").position, 14);
  EXPECT_EQ(token_error("select 1a").message, "trailing junk after numeric literal");
  const auto tokens = Tokens::of("'ä' b c");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(tokens->position(2), 7);  // asked for backwards, too
  EXPECT_EQ(tokens->position(1), 5);
  EXPECT_EQ(tokens->position(3), 8);
}

TEST(Lexer, BoundsTheText) {
  EXPECT_EQ(token_error(std::string(kMaxStatementBytes + 1, ' ')).sqlstate, "54000");
}

}  // namespace
}  // namespace sluice::sql
