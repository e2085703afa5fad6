// From a node of a plan to the operator that keeps it.
#pragma once

#include <memory>

#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace duckdb {
class ClientContext;
}

namespace sluice::dataflow {

// The node must outlive its operator. Throws DuckDB's exceptions.
std::unique_ptr<Operator> build_operator(duckdb::ClientContext& context, const Node& node);

}  // namespace sluice::dataflow
