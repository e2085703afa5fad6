// Small queries made and changed as trees: what statements other than SELECT need around a query.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "engine/chunk.h"
#include "sql/front/statement.h"
#include "types/sql_type.h"

namespace sluice::sql {

// What becomes of digits behind the point that a column's type has no room for.
enum class Digits { kRounded, kExact };

// `query` with its columns cast to the table's first `types`, as CREATE TABLE AS and the exports
// need: column i becomes engine type `types[i]` under `names[i]`. With kExact a numeric that would
// lose digits is an error (22003).
duckdb::unique_ptr<duckdb::SelectStatement> with_column_types(
    duckdb::unique_ptr<duckdb::SelectStatement> query, const std::vector<std::string>& names,
    const std::vector<engine::LogicalType>& types, Digits digits = Digits::kRounded);

// SELECT *, expression::text, … FROM query.
duckdb::unique_ptr<duckdb::SelectStatement> with_texts(
    duckdb::unique_ptr<duckdb::SelectStatement> query,
    std::vector<duckdb::unique_ptr<duckdb::ParsedExpression>> expressions);

// The first `most` of the different rows of these columns, numbered from 0, of `columns` in all.
duckdb::unique_ptr<duckdb::SelectStatement> distinct_rows(
    duckdb::unique_ptr<duckdb::SelectStatement> query, size_t columns,
    const std::vector<size_t>& of, size_t most);

// The rows of a query of so many columns: without the columns in `dropped`, and where there are
// `keys` at the end, those with the same ones one after the other, in no other order that a reader
// of the rows would have to keep.
duckdb::unique_ptr<duckdb::SelectStatement> clustered(
    duckdb::unique_ptr<duckdb::SelectStatement> query, size_t columns,
    const std::vector<size_t>& dropped, size_t keys);

// The engine's own description of how it would run a statement, as JSON.
duckdb::unique_ptr<duckdb::SQLStatement> explained(const duckdb::SQLStatement& statement);

// SELECT * FROM name.
duckdb::unique_ptr<duckdb::SelectStatement> select_all(const ObjectName& name);

// VALUES (expression): one value of one row.
duckdb::unique_ptr<duckdb::SelectStatement> select_expression(
    duckdb::unique_ptr<duckdb::ParsedExpression> expression);

// Whether the query itself, not a part of it, is ordered.
bool has_order_by(const duckdb::SelectStatement& query);

// Whether the expression is the word NULL.
bool is_null_constant(const duckdb::ParsedExpression& expression);

// Whether the expression is a string as written, and which.
std::optional<std::string> constant_text(const duckdb::ParsedExpression& expression);

// Gives $n the types that the client declared (kUnknown: leave it to the engine).
void declare_parameters(duckdb::SelectStatement& query, const std::vector<types::SqlType>& types);

}  // namespace sluice::sql
