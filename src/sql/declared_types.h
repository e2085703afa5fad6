// The SQL types of a query's columns where they are those of a relation's columns: the engine does
// not tell varchar(10) from text, or a list from an array. Followed through subqueries, WITH, set
// operations, CASE and coalesce; not through recursion, joins with USING, functions.
//
// Pure functions.
#pragma once

#include <optional>
#include <vector>

#include "sql/catalog.h"
#include "sql/front/statement.h"

namespace sluice::sql {

// For a query that is not resolved yet: the declared type of each column that is a plain reference,
// nothing for the others. Empty when the query is of a shape that this does not follow.
std::vector<std::optional<types::SqlType>> declared_types(const duckdb::SelectStatement& query,
                                                          const Catalog& catalog,
                                                          const SearchPath& path);

// Which of the same query's columns hold no NULL, whatever the rows: columns of tables that say
// NOT NULL, constants, and counts. Empty when the query is of a shape that this does not follow.
std::vector<bool> columns_without_null(const duckdb::SelectStatement& query, const Catalog& catalog,
                                       const SearchPath& path);

// The type of a result column: what was declared, else what follows from the engine's type. A
// number that was computed is numeric without digits, as PostgreSQL has it, unless more stand
// behind the point than such a numeric keeps.
types::SqlType result_type(const engine::LogicalType& type,
                           const std::optional<types::SqlType>& declared);

}  // namespace sluice::sql
