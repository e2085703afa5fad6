// A plan at work: changes of the sources in, changes of the answer out.
//
//   tick(changes) ── each node once, inputs before readers ── consolidated changes of the root
//
// A tick is all or nothing: either every node has taken it in, or the graph is void and every later
// tick gives the same error; its owner then builds a new one. Errors in rows are no such failure:
// they make error() tell of them until the rows are gone, and the other rows go on.
//
// The first tick also gives what is there without any rows (constants, the count of nothing), so a
// graph is brought to life by a tick, be it an empty one. Ticks may be as large as they like: a
// graph is filled with a source's rows by one tick or by many.
//
// Threads: one at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace duckdb {
class Connection;
}

namespace sluice::dataflow {

class Graph {
 public:
  // Changes by source; each row has all of the collection's columns. What no source of the plan
  // reads is left aside.
  using Changes = std::map<SourceId, Delta>;

  static Result<std::unique_ptr<Graph>> make(Plan plan);
  ~Graph();

  // The changes of the answer, each row at most once. `changes` must stay as they are until the
  // result is no longer used: it may refer to them.
  Result<Delta> tick(const Changes& changes);

  // The error that reading the answer gives now; none mostly.
  std::optional<Error> error() const;

  struct NodeState {
    const Node* node;
    OperatorState state;
    bool failing;  // has errors
  };
  // Each node of the plan, inputs before their readers.
  std::vector<NodeState> states() const;

  const Plan& plan() const { return plan_; }
  const std::vector<engine::LogicalType>& types() const { return plan_.root->types; }

 private:
  struct Step;
  explicit Graph(Plan plan);
  Delta run(const Changes& changes);

  const Plan plan_;
  std::unique_ptr<duckdb::Connection> connection_;  // whose context expressions are evaluated in
  std::vector<Step> steps_;
  bool started_ = false;
  std::optional<Error> void_;
};

}  // namespace sluice::dataflow
