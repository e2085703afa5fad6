// DuckDB's tree -> PostgreSQL's meaning, in one walk before any name is resolved.
//
//   names of columns   `?column?`, the function's, the cast's column or type, `case`, …
//   operators          / % * and jsonb's become calls of ours (engine/functions/register.h); ~ !~
//   ~*
//                      !~* regexp_matches, # xor, |/ sqrt, ||/ cbrt, @ abs
//   || and -           stay, or become sluice_json_concat and sluice_json_delete where an operand
//   is
//                      visibly jsonb
//   casts              the type by types::parse_type_name; varchar(n), char(n) and numeric(p, s) go
//                      through sluice_varchar, sluice_char, sluice_numeric; regclass and its like
//                      through sluice_regclass(x), sluice_regtype, sluice_regproc,
//                      sluice_regnamespace, which the resolver answers
//   DISTINCT ON        its keys must begin ORDER BY (distinct.h)
//   ORDER BY           NULLs last, and first where descending
//   numbers            past 64 bits are DECIMAL, never HUGEINT
//   VALUES             columns are called column1, column2, …
//   rows               compared field by field (rows.h)
//
// What only DuckDB's grammar has and still got here (a string as a table, LIMIT 10%, TRY) is a
// syntax error. Places in the tree afterwards count characters in the user's own text.
#pragma once

#include <cstddef>
#include <duckdb/common/optional_idx.hpp>
#include <duckdb/parser/parsed_expression.hpp>
#include <duckdb/parser/query_node.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref.hpp>
#include <string>

#include "base/result.h"
#include "sql/front/lexer.h"
#include "sql/front/rewrite.h"

namespace sluice::sql {

// What a tree was parsed from.
struct Source {
  const Tokens& tokens;
  const Rewritten& rewritten;
  size_t end;           // the token behind the last one
  bool stored = false;  // a view's or a default's: its places mean nothing to who runs it

  // The end's where the node has no place.
  size_t token_of(duckdb::optional_idx location) const;
};

Status postgres_meaning(duckdb::SelectStatement& query, const Source& source);
Status postgres_meaning(duckdb::unique_ptr<duckdb::ParsedExpression>& expression,
                        const Source& source);
Status postgres_meaning(duckdb::TableRef& table, const Source& source);

// Whether an item of a SELECT may become any number of columns: *, max(COLUMNS('a.*')), * LIKE
// 'a%'.
bool holds_star(const duckdb::ParsedExpression& expression);

// The name PostgreSQL gives to a result column without AS. Before postgres_meaning().
std::string result_name(const duckdb::ParsedExpression& expression, const Source& source);

}  // namespace sluice::sql
