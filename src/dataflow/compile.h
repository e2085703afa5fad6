// DuckDB's logical plan as a dataflow plan. What is not understood is refused by name: a view must
// not be kept by a plan that means something else than its query.
//
// Threads: one at a time, within the transaction that bound the plan.
#pragma once

#include "base/result.h"
#include "dataflow/columns.h"

namespace duckdb {
class ClientContext;
class LogicalOperator;
}  // namespace duckdb

namespace sluice::dataflow {

// The refusal of what a view cannot have.
Error unsupported(std::string_view what, std::string_view hint = "");

// Refuses what gives another value each time it is asked, and hidden columns of tables. To be
// called on a plan as it was bound: an optimizer may have folded a random() into a constant.
Status check_bound(duckdb::LogicalOperator& bound);

// Of a plan whose scans are of shell tables (shells.h), bound and optimized. Nothing in the result
// refers to `plan` or to those tables.
Result<NodePtr> compile(duckdb::ClientContext& context, duckdb::LogicalOperator& plan);

}  // namespace sluice::dataflow
