// From a node of a plan to the operator that keeps it.
#pragma once

#include <memory>

#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace duckdb {
class ClientContext;
}

namespace sluice::dataflow {

// How operators that work by key are divided.
struct Parallelism {
  size_t shards = 1;
  size_t from_rows = 512;  // fewer rows at a time are the calling thread's alone

  // As many as threads may work at a time, at most four.
  static Parallelism of_machine();
};

// The node must outlive its operator. Throws DuckDB's exceptions.
std::unique_ptr<Operator> build_operator(duckdb::ClientContext& context, const Node& node,
                                         Parallelism parallelism);

}  // namespace sluice::dataflow
