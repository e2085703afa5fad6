// Rows of queries that read nothing, `SELECT 1` or the VALUES of an INSERT: evaluated as they are
// bound, on the caller's thread. Optimizer, physical plan and pipelines would take longer than all
// the rest of an INSERT of one row.
#pragma once

#include <map>

#include "engine/engine.h"

namespace duckdb {
struct BoundParameterData;
}

namespace sluice::engine {

struct ConstantRows {
  Shape shape;
  std::unique_ptr<Chunk>
      rows;  // flat; at most one vector's; to go before the context's database does
};

// Nothing if the query is not such a one, or has too many rows. Throws what binding and evaluating
// throw. The values are by number: "1" is $1.
std::optional<ConstantRows> constant_rows(
    duckdb::ClientContext& context, const Query& query,
    const duckdb::case_insensitive_map_t<duckdb::BoundParameterData>& values);

}  // namespace sluice::engine
