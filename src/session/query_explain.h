// EXPLAIN of a query: where its rows come from, and by which index. What is done with the rows then
// is not told.
//
//   Explained Query:
//     ReadIndex on=materialize.public.t t_k_idx=[lookup key=(k) rows=3]
//     ReadStorage materialize.public.u rows=1000
//
//   Used Indexes:
//     - materialize.public.t_k_idx (lookup on k)
//
// Threads: one at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "session/execution.h"

namespace sluice::session {

inline const std::vector<std::string> kQueryPlanColumns = {"Plan"};

// 0A000 for stages and formats that there are not. Nothing of the query is run.
Result<std::vector<std::vector<std::string>>> explain_query(const Execution& execution,
                                                            const sql::Explain& explain,
                                                            const std::optional<sql::AsOf>& as_of);

}  // namespace sluice::session
