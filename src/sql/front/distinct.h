// Whether the keys of DISTINCT ON are those that ORDER BY begins with, as PostgreSQL wants it: only
// then is the first row of each group the one that the order puts there.
#pragma once

#include <duckdb/parser/query_node/select_node.hpp>

namespace sluice::sql {

// The key of DISTINCT ON that is missing at the begin of ORDER BY; nullptr: all are there, or there
// is no ORDER BY or no DISTINCT ON. Of the text as it is written, before names are resolved: what
// may be the same (t.a and a, 1 and * ) is taken to be.
const duckdb::ParsedExpression* distinct_key_out_of_order(const duckdb::SelectNode& select);

}  // namespace sluice::sql
