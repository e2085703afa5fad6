// Tokens by PostgreSQL's rules -> text that DuckDB's grammar reads with PostgreSQL's meaning.
//
// What is rewritten, and why, is listed in docs/design/parser.md. The pass that follows in the tree
// (front/meaning.h) turns what was only renamed here into calls and types of ours. Each token of
// the new text remembers the token it came from, so that places in DuckDB's tree and errors can be
// told in the user's text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/front/lexer.h"

namespace sluice::sql {

// In front of a type's name in a quoted name: no type of DuckDB's own can begin so.
inline constexpr std::string_view kTypePrefix = "sluice:";

struct Rewritten {
  struct Mark {
    uint32_t offset;  // in `text`
    uint32_t token;   // in the Tokens
  };
  std::string text;
  std::vector<Mark> marks;  // ascending
  int parameter_count = 0;

  // The token that the byte at `offset` of `text` came from; the end's for what lies behind.
  size_t token_at(size_t offset, size_t end_token) const;
};

// Tokens [begin, end): one query, or one INSERT, UPDATE or DELETE. 42601 for what PostgreSQL's
// grammar does not have (FROM first, {…}, [1, 2], PIVOT …), 42883 for unknown operators, 0A000 for
// bit strings, 22003 for numbers past 38 digits, 54001 for deep nesting.
Result<Rewritten> rewrite(const Tokens& tokens, size_t begin, size_t end);
// The same of one expression, as `SELECT expression`.
Result<Rewritten> rewrite_expression(const Tokens& tokens, size_t begin, size_t end);

// A type's name at `begin`: where it ends, and the name with single blanks. A syntax error where
// none stands there.
struct TypeName {
  std::string text;
  size_t end = 0;
};
Result<TypeName> read_type(const Tokens& tokens, size_t begin, size_t end);

// Operators of ours inside DuckDB's text: a backtick, which no operator of DuckDB's has, and a
// code. What one stands for: `->`, `@>`; empty where it is not one of ours.
std::string_view decoded_operator(std::string_view name);

}  // namespace sluice::sql
