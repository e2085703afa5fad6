// ROW_NUMBER() … <= k, as TopK.
//
//   Filter #2 <= 3, #0 > 5                                   Filter #0 > 5
//     Window row_number() (partition by #0 order by #1)  ->    TopK 3 order #1 by #0
//       x                                                        x
//
// A window is computed anew for each partition that is touched; TopK keeps its rows in order, and a
// change costs no more than the rows that it moves. The number itself is gone afterwards.
#pragma once

#include "dataflow/plan.h"

namespace sluice::dataflow {

// The right side, where `input` is like the left one and no expression that reads it wants the row
// number; else `input`. The columns before the number stay where they are.
NodePtr with_first_rows(NodePtr input, const std::vector<ExpressionPtr>& readers);

}  // namespace sluice::dataflow
