// Clauses that are known and refused by name (0A000), each with what to write instead.
#pragma once

#include "base/result.h"

namespace sluice::sql {

Error no_bit_strings();
Error no_pivot();
Error no_unpivot();
Error no_lambdas();
Error no_ties();
Error no_samples();

}  // namespace sluice::sql
