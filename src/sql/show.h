// SHOW as a query: what it lists comes from the system relations, through the same path as every
// other query, so that LIKE and WHERE mean what they mean elsewhere.
//
// Pure functions; safe from any thread.
#pragma once

#include "base/result.h"
#include "sql/front/statement.h"
#include "sql/resolve.h"

namespace sluice::sql {

// To be resolved with the same context. Not for policies, which the session shows.
// 3F000 for an unknown schema, 42P01 and 42704 for an unknown
// object of SHOW COLUMNS and SHOW CREATE, 42704 for an unknown setting (from the resolver).
Result<QueryPtr> show_query(const Show& show, const ResolveContext& context);

}  // namespace sluice::sql
