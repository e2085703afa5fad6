// DuckDB's parser behind our tokens: a range of them -> a tree with PostgreSQL's meaning.
//
// The one place in the front where DuckDB's exceptions end and its messages are translated. Ranges
// are token numbers, [begin, end).
#pragma once

#include <cstddef>

#include "base/result.h"
#include "sql/front/lexer.h"
#include "sql/front/statement.h"

namespace sluice::sql {

struct Range {
  size_t begin = 0;
  size_t end = 0;
};

class EngineParser {
 public:
  // `stored`: a view's or a default's text, whose places mean nothing to who runs it.
  explicit EngineParser(const Tokens& tokens, bool stored = false)
      : tokens_(tokens), stored_(stored) {}

  Result<Query> query(Range range);
  Result<Expression> expression(Range range);
  // A list `a, b, c` of expressions.
  Result<std::vector<Expression>> expressions(Range range);
  // Whole statements. The positions of the columns in them are left to the caller.
  Result<Insert> insert(Range range);
  Result<Update> update(Range range);
  Result<Delete> delete_(Range range);

  // The highest $n of all that was parsed.
  int parameter_count() const { return parameter_count_; }

 private:
  struct Parsed;
  Result<Parsed> parse(Range range, bool as_expression);

  const Tokens& tokens_;
  const bool stored_;
  int parameter_count_ = 0;
};

}  // namespace sluice::sql
