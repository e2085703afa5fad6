// Joins of DuckDB's logical plans as our nodes.
#pragma once

#include "base/result.h"
#include "dataflow/columns.h"

namespace duckdb {
class LogicalComparisonJoin;
class LogicalOperator;
}  // namespace duckdb

namespace sluice::dataflow {

// A comparison, any, delim or cross join of two inputs that are compiled.
Result<Compiled> compile_join(duckdb::LogicalOperator& join, Compiled left, Compiled right);

// What the scans below the right side of a delim join read: the distinct values of the left side's
// columns that the right side depends on.
Result<NodePtr> duplicate_free(const duckdb::LogicalComparisonJoin& join, const Compiled& left);

}  // namespace sluice::dataflow
