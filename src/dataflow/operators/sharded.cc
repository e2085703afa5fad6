#include "dataflow/operators/sharded.h"

#include <algorithm>
#include <duckdb/common/vector_operations/vector_operations.hpp>
#include <mutex>
#include <tuple>

#include "base/parallel.h"
#include "dataflow/operators/aggregate.h"

namespace sluice::dataflow {
namespace {

// What comes behind the operator takes one batch at a time. Both must outlive it.
Emit guarded_by(std::mutex& mutex, const Emit& emit) {
  return [&mutex, &emit](BatchPtr batch) {
    const std::lock_guard lock(mutex);
    emit(std::move(batch));
  };
}

}  // namespace

bool has_flat_inputs(const Node& node) {
  return std::none_of(node.inputs.begin(), node.inputs.end(), [](const NodePtr& input) {
    return std::any_of(input->types.begin(), input->types.end(),
                       [](const engine::LogicalType& type) { return type.IsNested(); });
  });
}

std::vector<std::vector<size_t>> shard_columns(const Node& node) {
  // Of flat values DuckDB's hash is also the same for those that are equal.
  if (!has_flat_inputs(node)) return {};
  switch (node.kind) {
    case NodeKind::kJoin: {
      const Join& join = node.as<Join>();
      // A mark join's answer depends on whether its right side has any row.
      if (join.join == JoinKind::kMark || join.keys.empty()) return {};
      std::vector<std::vector<size_t>> columns(2);
      for (const Join::Key& key : join.keys) {
        columns[0].push_back(key.left);
        columns[1].push_back(key.right);
      }
      return columns;
    }
    case NodeKind::kAggregate: {
      const Aggregate& aggregate = node.as<Aggregate>();
      if (aggregate.sets.size() != 1 || aggregate.sets[0].empty()) return {};
      // To add a row to sums takes no longer than to tell whose it is (sliced.h).
      if (AggregateOperator::adds_only(aggregate)) return {};
      std::vector<size_t> columns;
      for (const size_t position : aggregate.sets[0]) columns.push_back(aggregate.groups[position]);
      return {columns};
    }
    case NodeKind::kDistinct:
      return {all_columns(node.types.size())};
    case NodeKind::kSetOperation:
      if (node.as<SetOperation>().operation == SetOperationKind::kUnion) return {};
      return {all_columns(node.types.size()), all_columns(node.types.size())};
    case NodeKind::kTopK:
      if (node.as<TopK>().partition.empty()) return {};
      return {node.as<TopK>().partition};
    case NodeKind::kWindow:
      if (node.as<Window>().partition.empty()) return {};
      return {node.as<Window>().partition};
    default:
      return {};
  }
}

ShardedOperator::ShardedOperator(std::vector<std::unique_ptr<Operator>> shards,
                                 std::vector<std::vector<size_t>> columns, size_t parallel_from)
    : shards_(std::move(shards)), columns_(std::move(columns)), parallel_from_(parallel_from) {
  CHECK(shards_.size() >= 2 && !columns_.empty());
}

template <typename Take>
void ShardedOperator::route(size_t input, engine::Chunk& rows, const Take& take) const {
  const size_t count = rows.size();
  engine::Vector hashes(engine::LogicalType::HASH, count);
  const std::vector<size_t>& columns = columns_[input];
  duckdb::VectorOperations::Hash(rows.data[columns[0]], hashes, count);
  for (size_t i = 1; i < columns.size(); ++i) {
    duckdb::VectorOperations::CombineHash(hashes, rows.data[columns[i]], count);
  }
  hashes.Flatten(count);
  const auto* const values = duckdb::FlatVector::GetData<duckdb::hash_t>(hashes);
  for (uint32_t row = 0; row < count; ++row) take(row, (values[row] >> 32) % shards_.size());
}

size_t ShardedOperator::shard_of_only_row(std::span<const Delta* const> inputs) const {
  size_t input = 0;
  while (inputs[input]->empty()) ++input;
  size_t found = 0;
  route(input, inputs[input]->front()->rows, [&](uint32_t, size_t shard) { found = shard; });
  return found;
}

std::vector<BatchPtr> ShardedOperator::split(size_t input, const BatchPtr& batch) const {
  engine::Chunk& rows = batch->rows;
  const size_t count = batch->size();
  std::vector<std::vector<uint32_t>> chosen(shards_.size());
  for (auto& of_shard : chosen) of_shard.reserve(count / shards_.size() + 16);
  route(input, rows, [&](uint32_t row, size_t shard) { chosen[shard].push_back(row); });
  std::vector<BatchPtr> batches(shards_.size());
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    if (chosen[shard].empty()) continue;
    if (chosen[shard].size() == count) {
      batches[shard] = batch;
      break;
    }
    if (std::none_of(batches.begin(), batches.end(), [](const auto& one) { return one; })) {
      settle(*batch);
    }
    batches[shard] = select_rows(*batch, chosen[shard]);
  }
  return batches;
}

template <typename Work>
void ShardedOperator::each(size_t rows, const Work& work) {
  if (rows >= parallel_from_) return in_parallel(shards_.size(), work);
  for (size_t shard = 0; shard < shards_.size(); ++shard) work(shard);
}

Delta ShardedOperator::start() {
  Delta out;
  for (const auto& shard : shards_) {
    const Delta more = shard->start();
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

Delta ShardedOperator::step(std::span<const Delta* const> inputs) {
  size_t rows = 0;
  for (const Delta* input : inputs) rows += row_count(*input);
  if (rows == 1) return shards_[shard_of_only_row(inputs)]->step(inputs);
  std::vector<std::vector<Delta>> of_shard(shards_.size(), std::vector<Delta>(inputs.size()));
  for (size_t input = 0; input < inputs.size(); ++input) {
    for (const BatchPtr& batch : *inputs[input]) {
      const std::vector<BatchPtr> batches = split(input, batch);
      for (size_t shard = 0; shard < shards_.size(); ++shard) {
        if (batches[shard]) of_shard[shard][input].push_back(batches[shard]);
      }
    }
  }
  std::vector<Delta> outs(shards_.size());
  each(rows, [&](size_t shard) {
    std::vector<const Delta*> deltas;
    deltas.reserve(inputs.size());
    bool any = false;
    for (const Delta& delta : of_shard[shard]) {
      deltas.push_back(&delta);
      any = any || !delta.empty();
    }
    if (any) outs[shard] = shards_[shard]->step(deltas);
  });
  Delta out = std::move(outs[0]);
  for (size_t shard = 1; shard < outs.size(); ++shard) {
    out.insert(out.end(), outs[shard].begin(), outs[shard].end());
  }
  return out;
}

void ShardedOperator::fill(size_t input, const BatchPtr& rows, const Emit& emit) {
  const std::vector<BatchPtr> batches = split(input, rows);
  std::mutex mutex;
  const Emit one_by_one = guarded_by(mutex, emit);
  each(rows->size(), [&](size_t shard) {
    if (batches[shard]) shards_[shard]->fill(input, batches[shard], one_by_one);
  });
}

void ShardedOperator::end_input(size_t input) {
  for (const auto& shard : shards_) shard->end_input(input);
}

void ShardedOperator::finish_fill(const Emit& emit) {
  std::mutex mutex;
  const Emit one_by_one = guarded_by(mutex, emit);
  each(state().rows, [&](size_t shard) { shards_[shard]->finish_fill(one_by_one); });
}

OperatorState ShardedOperator::state() const {
  OperatorState state;
  for (const auto& shard : shards_) {
    const OperatorState of_shard = shard->state();
    state.rows += of_shard.rows;
    state.bytes += of_shard.bytes;
  }
  return state;
}

const Error* ShardedOperator::error() const {
  const auto text = [](const Error& error) { return std::tie(error.sqlstate, error.message); };
  const Error* first = nullptr;
  for (const auto& shard : shards_) {
    const Error* const found = shard->error();
    if (found != nullptr && (first == nullptr || text(*found) < text(*first))) first = found;
  }
  return first;
}

size_t ShardedOperator::error_bytes() const {
  size_t bytes = 0;
  for (const auto& shard : shards_) bytes += shard->error_bytes();
  return bytes;
}

}  // namespace sluice::dataflow
