// Operators of DuckDB's logical plans that see many rows at once (aggregates, windows, DISTINCT,
// LIMIT) as our nodes.
#pragma once

#include "base/result.h"
#include "dataflow/columns.h"

namespace duckdb {
class ClientContext;
class LogicalAggregate;
class LogicalDistinct;
class LogicalGet;
class LogicalLimit;
class LogicalOrder;
class LogicalUnnest;
class LogicalWindow;
}  // namespace duckdb

namespace sluice::dataflow {

Result<Compiled> compile_aggregate(duckdb::LogicalAggregate& aggregate, const Compiled& input);
// Whether it tells no more of its input than how many rows there are.
bool only_counts(const duckdb::LogicalAggregate& aggregate);

Result<Compiled> compile_window(duckdb::LogicalWindow& window, Compiled input);
Result<Compiled> compile_distinct(const duckdb::LogicalDistinct& distinct, Compiled input);
Result<Compiled> compile_unnest(duckdb::LogicalUnnest& unnest, Compiled input);

// unnest(), range() and generate_series() as tables; their arguments are the first columns of the
// input.
bool is_list_function(const duckdb::LogicalGet& scan);
Result<Compiled> compile_list_function(duckdb::ClientContext& context,
                                       const duckdb::LogicalGet& scan, Compiled input);

// `order` may be null: then any rows will do.
Result<Compiled> compile_limit(const duckdb::LogicalLimit& limit, const duckdb::LogicalOrder* order,
                               Compiled input);

}  // namespace sluice::dataflow
