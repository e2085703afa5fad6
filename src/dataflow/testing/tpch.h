// The tables of TPC-H and its 22 queries, after the benchmark's specification, for tests: between
// them they have most of what people write in a view.
//
// Numbers are chosen for small random tables, so that most queries find something.
#pragma once

#include <random>
#include <span>
#include <string>
#include <vector>

#include "dataflow/shells.h"

namespace sluice::dataflow::testing {

// With row counts in the benchmark's proportions, for the order of joins.
std::vector<SourceTable> tpch_tables();

struct TpchQuery {
  const char* name;  // q1 … q22
  const char* sql;
};
std::span<const TpchQuery> tpch_queries();

// A random value of a column, such that most queries above find something in a few dozen rows.
engine::Value tpch_value(std::mt19937& random, const std::string& column);

}  // namespace sluice::dataflow::testing
