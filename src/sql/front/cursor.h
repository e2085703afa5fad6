// A place in the tokens of one statement, for recursive descent.
//
// take_… reads what may stand here, expect_… and the rest what must: then the error is PostgreSQL's
// `syntax error at or near`, at the token that is there instead.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/front/engine_parser.h"
#include "sql/front/lexer.h"
#include "sql/front/statement.h"

namespace sluice::sql {

// The names of options that may be several words.
using KnownNames = std::span<const std::string_view>;

class Cursor {
 public:
  Cursor(const Tokens& tokens, Range range) : tokens_(tokens), at_(range.begin), end_(range.end) {}

  const Tokens& tokens() const { return tokens_; }
  size_t index() const { return at_; }
  size_t end() const { return end_; }
  bool at_end() const { return at_ >= end_; }
  void go_to(size_t index) { at_ = index; }
  Range rest() const { return {at_, end_}; }
  int32_t position() const { return tokens_.position(std::min(at_, end_)); }
  Error unexpected() const { return tokens_.syntax_error(std::min(at_, end_)); }

  bool is(std::string_view what, size_t ahead = 0) const;
  bool is_any(std::initializer_list<std::string_view> words, size_t ahead = 0) const;
  bool is_kind(Token::Kind kind, size_t ahead = 0) const;
  bool take(std::string_view what);
  bool take_all(std::initializer_list<std::string_view> words);  // all of them or none
  Status expect(std::string_view what);
  Status expect_all(std::initializer_list<std::string_view> words);
  Status expect_end() const;
  bool take_if_exists() { return take_all({"if", "exists"}); }
  bool take_if_not_exists() { return take_all({"if", "not", "exists"}); }

  Result<Name> name();
  Result<ObjectName> object_name();
  Result<std::vector<ObjectName>> object_names();
  Result<std::vector<Name>> names_in_parentheses();
  // One of these, of one word or several.
  Result<std::string> one_of(KnownNames choices);
  Result<std::string> string();
  Result<int64_t> integer();  // with a sign

  // `(name [=] value, …)`. Of the known names the longest that fits is taken, so that several words
  // can be one name; any other name is one word.
  Result<std::vector<Option>> options(KnownNames known);
  // One of them, for COPY's old syntax too.
  Result<Option> option(KnownNames known);
  Result<std::string> option_name(KnownNames known);
  Status option_value(Option& option);
  // (expression, …): the texts of each.
  Status expressions(Option& option);

  // The token that closes the bracket here; end() where nothing does.
  size_t closing() const;
  // The first of `words` from here on, outside brackets; end() where there is none.
  size_t find(std::initializer_list<std::string_view> words) const;
  // The text from token `begin` to before token `end`.
  std::string text(Range range) const;

 private:
  std::string_view longest_of(KnownNames names) const;  // that stands here; empty: none

  const Tokens& tokens_;
  size_t at_;
  const size_t end_;
};

// Words that cannot be a name without quotes.
bool is_reserved(std::string_view word);

}  // namespace sluice::sql
