// Small queries made and changed as trees: what statements other than SELECT need around a query.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "engine/chunk.h"
#include "engine/engine.h"
#include "sql/front/statement.h"
#include "types/sql_type.h"

namespace sluice::sql {

// What becomes of digits behind the point that a column's type has no room for.
enum class Digits { kRounded, kExact };

// `query` with its columns cast to the table's first `types`, as CREATE TABLE AS and the exports
// need: column i becomes engine type `types[i]` under `names[i]`. With kExact a numeric that would
// lose digits is an error (22003).
QueryPtr with_column_types(QueryPtr query, const std::vector<std::string>& names,
                           const std::vector<engine::LogicalType>& types,
                           Digits digits = Digits::kRounded);

// SELECT *, expression::text, … FROM query.
QueryPtr with_texts(QueryPtr query, std::vector<ExpressionPtr> expressions);

// The first `most` of the different rows of these columns, numbered from 0, of `columns` in all.
QueryPtr distinct_rows(QueryPtr query, size_t columns, const std::vector<size_t>& of, size_t most);

// The rows of a query of so many columns: without the columns in `dropped`, and where there are
// `keys` at the end, those with the same ones one after the other, in no other order that a reader
// of the rows would have to keep.
QueryPtr clustered(QueryPtr query, size_t columns, const std::vector<size_t>& dropped, size_t keys);

// The engine's own description of how it would run a statement, as JSON.
duckdb::unique_ptr<duckdb::SQLStatement> explained(const duckdb::SQLStatement& statement);

// A copy of a query; of what the engine was to run, which must be a SELECT.
QueryPtr copied_select(const duckdb::SelectStatement& query);
QueryPtr copied_select(const engine::Query& query);

// SELECT * FROM name.
QueryPtr select_all(const ObjectName& name);

// VALUES (expression): one value of one row.
QueryPtr select_expression(ExpressionPtr expression);

// Whether the query itself, not a part of it, is ordered.
bool has_order_by(const duckdb::SelectStatement& query);

// Whether the expression is the word NULL.
bool is_null_constant(const duckdb::ParsedExpression& expression);

// Whether the expression is a string as written, and which.
std::optional<std::string> constant_text(const duckdb::ParsedExpression& expression);

// Gives $n the types that the client declared (kUnknown: leave it to the engine).
void declare_parameters(duckdb::SelectStatement& query, const std::vector<types::SqlType>& types);

}  // namespace sluice::sql
