// The tokens of SQL text by PostgreSQL's lexical rules.
//
// A token is its kind and its place; what it means is worked out when it is asked for, so that a
// long VALUES list costs 12 bytes a token. Pure: the text must outlive the Tokens over it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::sql {

struct Token {
  enum class Kind : uint8_t {
    kWord,        // keyword or unquoted name
    kQuotedWord,  // "Name", U&"…"
    kString,      // '…', E'…', U&'…', $$…$$, N'…', and 'a'<newline>'b'
    kBits,        // B'…', X'…'
    kNumber,
    kParameter,  // $1
    kOperator,   // one or more of + - * / < > = ~ ! @ # % ^ & | ` ?
    kSymbol,     // ( ) [ ] , ; . : and also :: := .. =>
    kEnd,        // behind the last
  };
  uint32_t begin = 0;  // bytes in the text
  uint32_t end = 0;
  Kind kind = Kind::kEnd;
};

class Tokens {
 public:
  // 42601 for unterminated strings and comments and for malformed numbers, 22021 for bytes that
  // are not UTF-8, 54000 for a text past kMaxStatementBytes.
  static Result<Tokens> of(std::string_view sql);

  size_t size() const { return tokens_.size(); }  // without the end
  const Token& operator[](size_t index) const;    // the end from size() on
  std::string_view sql() const { return sql_; }
  std::string_view source(size_t index) const;  // as written

  // Compares a word regardless of case, a symbol or an operator exactly; quoted words and strings
  // equal nothing. `what` is in lower case.
  bool is(size_t index, std::string_view what) const;
  bool is_kind(size_t index, Token::Kind kind) const { return (*this)[index].kind == kind; }
  // What a name says: folded, or without its quotes.
  std::string word(size_t index) const;
  // What a string says, escapes resolved. Errors in escapes were found by of().
  std::string string(size_t index) const;

  // For Error::at(): characters from 1 in the whole text. Cheap for tokens asked in order.
  int32_t position(size_t index) const { return position_of_byte((*this)[index].begin); }
  int32_t position_of_byte(size_t byte) const;

  // PostgreSQL's words: `syntax error at or near "foo"`, `syntax error at end of input`. What may
  // be a secret is left out: a string's text, a long word.
  Error syntax_error(size_t index) const;
  void hide_strings(bool hide) { hide_strings_ = hide; }

 private:
  std::string_view sql_;
  std::vector<Token> tokens_;
  Token end_;
  bool hide_strings_ = false;
  // The last place asked for: counting goes on from there, or back.
  mutable size_t counted_bytes_ = 0;
  mutable int32_t counted_characters_ = 0;
};

// How many characters UTF-8 text has.
int32_t characters(std::string_view text);

// Quotes for SQL text: a string, a name.
std::string quote_string(std::string_view text);
std::string quote_name(std::string_view name);

}  // namespace sluice::sql
