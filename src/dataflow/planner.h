// From a SELECT to the plan of the dataflow that keeps its answer up to date.
//
//   statement ── bind ── check ── optimize ── compile ──> Plan
//                 │        │         └ DuckDB's passes that hold whatever the data will be
//                 │        └ volatile functions, row ids: refused before they are folded away
//                 └ against empty shell tables with the sources' columns
//
// Planning has a DuckDB instance of its own: which passes run is a setting of a whole instance.
// docs/design/views.md tells which, and why.
//
// Threads: safe from any; plans are made one after another.
#pragma once

#include <mutex>

#include "dataflow/plan.h"
#include "dataflow/shells.h"
#include "engine/engine.h"

namespace sluice::dataflow {

class Planner {
 public:
  // The functions and types of ours, as engine::Engine::open() is given them.
  explicit Planner(engine::Engine::Registration registration)
      : registration_(std::move(registration)) {}

  // Names in the query are those of `sources`, which has each once. What a view cannot have is
  // refused with 0A000. The query is not changed.
  Result<Plan> compile(const engine::Query& query, std::span<const SourceTable> sources);

 private:
  Result<std::shared_ptr<duckdb::DuckDB>> current();

  const engine::Engine::Registration registration_;
  std::mutex mutex_;
  std::shared_ptr<duckdb::DuckDB> instance_;  // shared with plans; guarded by the above
};

}  // namespace sluice::dataflow
