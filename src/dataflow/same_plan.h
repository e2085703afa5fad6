// Whether nodes of plans mean the same, so that one can do the work of both.
//
// Threads: any; an object of these is one thread's.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "dataflow/plan.h"

namespace sluice::dataflow {

// Whether two expressions over the same row give the same value of the same type, to the bit.
bool same_expression(const duckdb::Expression& a, const duckdb::Expression& b);

// A hash of what a node means, with all below it. Asked for many nodes of a plan it remembers those
// that it has been asked for, which must stay where they are.
class Fingerprints {
 public:
  uint64_t of(const Node& node);

 private:
  std::map<const Node*, uint64_t> known_;
};

// True: both are the same function of the same sources, to the bit. False where that is not known.
// Expressions are those of one DuckDB's instance.
class SameNodes {
 public:
  bool operator()(const Node& a, const Node& b);

 private:
  std::set<std::pair<const Node*, const Node*>> known_;
};

// The plan with nodes that are the same in it as one. Nobody else has it: its nodes are changed.
NodePtr with_same_nodes_once(const NodePtr& root);

}  // namespace sluice::dataflow
