// Rows as strings of bytes that compare as ORDER BY does.
#pragma once

#include <string>
#include <vector>

#include "dataflow/plan.h"

namespace sluice::dataflow {

// One for each row. No key is the beginning of another one.
std::vector<std::string> sort_keys(const engine::Chunk& rows, const std::vector<OrderKey>& order);

// The value of which the key was made, in a column of its type.
void decode_sort_key(const std::string& key, const OrderKey& order, engine::Vector& result,
                     size_t row);

}  // namespace sluice::dataflow
