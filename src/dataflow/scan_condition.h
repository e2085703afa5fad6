// Conditions of filters in SQL, so that whoever scans a source for a filling can leave out rows
// that the first node above it would drop.
//
// A condition is told only if SQL's WHERE surely means the same by it as the filter does:
// comparisons of columns and constants of types whose text says all, and what AND, OR, NOT, IN and
// IS NULL make of them. None of these can fail, so a row that is left out could not have had an
// error either.
//
// Pure functions; safe from any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "dataflow/plan.h"

namespace sluice::dataflow {

// How a column of the node below is called in the statement.
using ColumnName = std::function<std::string(size_t column)>;

// One expression; nothing where it cannot be told.
std::optional<std::string> condition_in_sql(const duckdb::Expression& expression,
                                            const ColumnName& name);

// What holds for every row that matters to the filter: its conditions up to the first that cannot
// be told, which is asked only about rows for which those before it are true (evaluate.h). Nothing
// where it is the first one.
std::optional<std::string> condition_in_sql(const Filter& filter, const ColumnName& name);

}  // namespace sluice::dataflow
