// Conditions on the time at which a view is asked, between the binder and the plan.
//
//   WHERE mz_now() <= added_at + INTERVAL '5 minutes'     as it is bound
//   WHERE [mz_now() <=](added_at + INTERVAL '5 minutes')  while it is optimized: a function of the
//                                                         row alone, whose value nobody asks for
//   TemporalFilter                                        in our plan
//
// At each single time such a condition is one like any other, so whatever an optimizer does with
// conditions that it cannot look into is right here, too.
//
// Threads: one at a time, within the transaction that bound the plan.
#pragma once

#include <optional>

#include "base/result.h"
#include "dataflow/plan.h"

namespace duckdb {
class LogicalOperator;
}

namespace sluice::dataflow {

// Turns the comparisons with the logical time that WHERE and HAVING are made of (with AND) into
// functions. Where else it stands is refused with 0A000.
Status mark_time_conditions(duckdb::LogicalOperator& bound);

// What a function that was made of a comparison compares with; nothing for all other expressions.
std::optional<TimeComparison> time_condition(const duckdb::Expression& expression);

// Its other side, out of it.
ExpressionPtr take_bound(ExpressionPtr condition);

}  // namespace sluice::dataflow
