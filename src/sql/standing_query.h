// The query of a materialized view as what keeps it up to date wants it: plain views are put in,
// tables and materialized views stay names, and the result has exactly the types that are stored.
//
// Threads: pure functions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "sql/catalog.h"

namespace sluice::sql {

struct StandingQuery {
  engine::Query query;
  std::vector<ObjectId> inputs;  // tables and materialized views, each once
};

// The name by which the query reads that input.
std::string input_name(ObjectId id);

// 0A000 with the expression that cannot be kept up to date.
Result<StandingQuery> standing_query(std::shared_ptr<const Catalog> catalog,
                                     const MaterializedView& view);

}  // namespace sluice::sql
