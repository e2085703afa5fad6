// Random SELECTs over two tables, of which each has one answer: nothing in them depends on an order
// that the query does not give.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "dataflow/shells.h"

namespace sluice::dataflow::testing {

std::vector<SourceTable> random_query_tables();
std::string random_query(std::mt19937& random);

}  // namespace sluice::dataflow::testing
