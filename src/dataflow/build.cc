#include "dataflow/build.h"

#include <algorithm>

#include "base/parallel.h"
#include "dataflow/operators/aggregate.h"
#include "dataflow/operators/distinct.h"
#include "dataflow/operators/equi_join.h"
#include "dataflow/operators/join.h"
#include "dataflow/operators/rows.h"
#include "dataflow/operators/sharded.h"
#include "dataflow/operators/sliced.h"
#include "dataflow/operators/temporal_filter.h"
#include "dataflow/operators/top_k.h"
#include "dataflow/operators/unnest.h"
#include "dataflow/operators/window.h"

namespace sluice::dataflow {
namespace {

std::unique_ptr<Operator> build_whole(duckdb::ClientContext& context, const Node& node) {
  std::unique_ptr<Operator> made;
  switch (node.kind) {
    case NodeKind::kSource:
      made = std::make_unique<SourceOperator>(node.as<Source>());
      break;
    case NodeKind::kConstant:
      made = std::make_unique<ConstantOperator>(node.as<Constant>());
      break;
    case NodeKind::kFilter:
      made = std::make_unique<FilterOperator>(context, node.as<Filter>());
      break;
    case NodeKind::kTemporalFilter:
      made = std::make_unique<TemporalFilterOperator>(node.as<TemporalFilter>());
      break;
    case NodeKind::kProject:
      made = std::make_unique<ProjectOperator>(context, node.as<Project>());
      break;
    case NodeKind::kJoin:
      if (EquiJoinOperator::does(node.as<Join>())) {
        made = std::make_unique<EquiJoinOperator>(node.as<Join>());
      } else {
        made = std::make_unique<JoinOperator>(context, node.as<Join>());
      }
      break;
    case NodeKind::kAggregate:
      made = std::make_unique<AggregateOperator>(node.as<Aggregate>());
      break;
    case NodeKind::kDistinct:
      made = std::make_unique<CountingOperator>(node.as<Distinct>());
      break;
    case NodeKind::kTopK:
      made = std::make_unique<TopKOperator>(node.as<TopK>());
      break;
    case NodeKind::kSetOperation:
      if (node.as<SetOperation>().operation == SetOperationKind::kUnion) {
        made = std::make_unique<UnionOperator>();
      } else {
        made = std::make_unique<CountingOperator>(node.as<SetOperation>());
      }
      break;
    case NodeKind::kUnnest:
      made = std::make_unique<UnnestOperator>(node.as<Unnest>());
      break;
    case NodeKind::kWindow:
      made = std::make_unique<WindowOperator>(context, node.as<Window>());
      break;
  }
  return made;
}

// Few rows at a time go into as many small batches as there are shards, and cost more for it.
constexpr size_t kMostShards = 4;

}  // namespace

Parallelism Parallelism::of_machine() {
  Parallelism parallelism;
  parallelism.shards = std::min(parallel_threads(), kMostShards);
  return parallelism;
}

std::unique_ptr<Operator> build_operator(duckdb::ClientContext& context, const Node& node,
                                         Parallelism parallelism) {
  if (parallelism.shards < 2) return build_whole(context, node);
  if (node.kind == NodeKind::kAggregate && SlicedAggregate::can_keep(node.as<Aggregate>())) {
    return std::make_unique<SlicedAggregate>(node.as<Aggregate>(), parallelism.shards,
                                             parallelism.from_rows);
  }
  std::vector<std::vector<size_t>> columns = shard_columns(node);
  if (columns.empty()) return build_whole(context, node);
  std::vector<std::unique_ptr<Operator>> shards;
  for (size_t i = 0; i < parallelism.shards; ++i) shards.push_back(build_whole(context, node));
  return std::make_unique<ShardedOperator>(std::move(shards), std::move(columns),
                                           parallelism.from_rows);
}

}  // namespace sluice::dataflow
