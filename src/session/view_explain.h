// EXPLAIN MATERIALIZED VIEW: what keeps a view up to date, and what it remembers, operator by
// operator.
//
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "session/execution.h"

namespace sluice::session {

inline const std::vector<std::string> kViewPlanColumns = {"Plan"};

Result<std::vector<std::vector<std::string>>> explain_materialized_view(
    const Execution& execution, const sql::ObjectName& name);

}  // namespace sluice::session
