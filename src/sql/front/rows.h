// What compares row constructors, as SQL has it: field by field, so that a NULL makes the answer
// NULL where it matters. The engine compares records as wholes, where NULL equals NULL.
//
//   (a, b) = (c, d)          a = c AND b = d
//   (a, b) < (c, d)          a < c OR (a = c AND b < d)
//   (a, b) IN ((c, d), …)    one of them is equal
//   (a, b) IS [NOT] NULL     a IS [NOT] NULL AND b IS [NOT] NULL
//   (a, b) IN (SELECT …)     true if a row is equal, else NULL if one may be, else false
//
// PostgreSQL's documentation, "Row and Array Comparisons" and "Subquery Expressions".
#pragma once

#include <duckdb/parser/parsed_expression.hpp>

#include "base/result.h"

namespace sluice::sql {

using ParsedExpressionPtr = duckdb::unique_ptr<duckdb::ParsedExpression>;

// What takes the place of a comparison, a test for NULL, BETWEEN, IN or ANY of row constructors;
// nullptr for anything else. What it is made of may be moved from. With `only_if_true` nobody can
// tell a NULL answer from false, as in WHERE: then IN (SELECT …) stays what the engine makes a join
// of. 42601 where the rows are of different length.
Result<ParsedExpressionPtr> compared_rows(duckdb::ParsedExpression& expression, bool only_if_true);

}  // namespace sluice::sql
