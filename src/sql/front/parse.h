// SQL text -> statements of ours (front/statement.h). Safe to call from any thread; keeps nothing.
//
// The text's tokens are read by PostgreSQL's rules, statements that DuckDB lacks are parsed by our
// own recursive descent, queries and expressions by DuckDB's parser after their tokens have been
// rewritten (docs/design/parser.md). Errors carry 42601 and a position, in PostgreSQL's words
// (`syntax error at or near "foo"`), and never a string out of a statement that carries secrets.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/front/statement.h"

namespace sluice::sql {

// Bounds that turn a hostile text into an error (54000, 54001) instead of a crash or a long wait.
inline constexpr size_t kMaxStatementBytes = size_t{16} << 20;
inline constexpr int kMaxNesting = 500;
// ANDs and ORs of a statement: DuckDB's parser takes quadratic time over them, 1 s for so many.
inline constexpr int kMaxConditions = 10'000;

// All statements of `sql`, in order; empty ones are left out. One error spoils all of them.
Result<std::vector<Statement>> parse(std::string_view sql);

// One query (SELECT, VALUES, WITH …), as stored with a view.
Result<QueryPtr> parse_query(std::string_view sql);

// One scalar expression, as stored with a column's default.
Result<ExpressionPtr> parse_expression(std::string_view sql);

}  // namespace sluice::sql
