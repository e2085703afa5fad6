// Rows as strings of bytes that compare as ORDER BY does.
#pragma once

#include <string>
#include <vector>

#include "dataflow/plan.h"

namespace sluice::dataflow {

// One for each row. No key is the beginning of another one.
std::vector<std::string> sort_keys(const engine::Chunk& rows, const std::vector<OrderKey>& order);

}  // namespace sluice::dataflow
