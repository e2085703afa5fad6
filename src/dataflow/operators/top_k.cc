#include "dataflow/operators/top_k.h"

#include <algorithm>

#include "dataflow/sort_keys.h"
#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

// What a node of a map takes beside the bytes of its key.
constexpr size_t kEntryBytes = 96;
constexpr size_t kPartitionBytes = 128;

std::vector<engine::LogicalType> partition_types(const TopK& node) {
  std::vector<engine::LogicalType> types;
  types.reserve(node.partition.size());
  for (const size_t column : node.partition) types.push_back(node.types[column]);
  return types;
}

}  // namespace

TopKOperator::TopKOperator(const TopK& node)
    : node_(node),
      keys_(partition_types(node), arrangement::Form::kKey),
      rows_(node.types, arrangement::Form::kExact),
      order_(node.order) {
  for (size_t column = 0; column < node.types.size(); ++column) order_.push_back({column});
}

OperatorState TopKOperator::state() const {
  return {row_count_, bytes_ + partitions_.size() * kPartitionBytes};
}

void TopKOperator::add_window(const Partition& partition, int64_t sign, Sums& changes) const {
  uint64_t skipped = 0;
  uint64_t taken = 0;
  for (const auto& [entry, weight] : partition) {
    if (node_.limit && taken >= *node_.limit) return;
    if (weight <= 0) continue;
    auto count = static_cast<uint64_t>(weight);
    const uint64_t skip = std::min(count, node_.offset - skipped);
    skipped += skip;
    count -= skip;
    if (node_.limit) count = std::min(count, *node_.limit - taken);
    taken += count;
    if (count > 0) changes.add(entry.row(), sign * static_cast<int64_t>(count));
  }
}

template <typename Visit>
void TopKOperator::take_in(const Batch& batch, const Visit& visit) {
  arrangement::ByteRows keys;
  arrangement::ByteRows rows;
  keys_.encode(batch.rows, node_.partition, keys);
  rows_.encode(batch.rows, all_columns(node_.types.size()), rows);
  const auto sorted = sort_keys(batch.rows, order_);
  for (size_t row = 0; row < batch.size(); ++row) {
    Partition& partition = visit(std::string(keys[row]));
    Entry entry{sorted[row], static_cast<uint32_t>(sorted[row].size())};
    entry.bytes.append(rows[row]);
    const size_t entry_bytes = entry.bytes.size() + kEntryBytes;
    const auto [place, added] = partition.try_emplace(std::move(entry), 0);
    if (added) ++row_count_, bytes_ += entry_bytes;
    if ((place->second += batch.weights[row]) == 0) {
      partition.erase(place);
      --row_count_, bytes_ -= entry_bytes;
    }
  }
}

Delta TopKOperator::step(std::span<const Delta* const> inputs) {
  Sums changes;
  std::unordered_map<std::string, Partition*> touched;
  for (const BatchPtr& batch : *inputs[0]) {
    take_in(*batch, [&](const std::string& key) -> Partition& {
      auto [found, is_new] = touched.try_emplace(key, nullptr);
      if (is_new) {
        found->second = &partitions_[key];
        add_window(*found->second, -1, changes);
      }
      return *found->second;
    });
  }
  for (const auto& [key, partition] : touched) {
    add_window(*partition, 1, changes);
    if (partition->empty()) partitions_.erase(key);
  }
  return rows_from(changes, rows_);
}

void TopKOperator::fill(size_t /*input*/, const BatchPtr& rows, const Emit& /*emit*/) {
  take_in(*rows, [&](const std::string& key) -> Partition& { return partitions_[key]; });
}

void TopKOperator::finish_fill(const Emit& emit) {
  Sums changes;
  const auto give = [&] {
    for (BatchPtr& batch : rows_from(changes, rows_)) emit(std::move(batch));
    changes = Sums();
  };
  for (auto partition = partitions_.begin(); partition != partitions_.end();) {
    add_window(partition->second, 1, changes);
    if (changes.size() >= kBatchRows) give();
    partition = partition->second.empty() ? partitions_.erase(partition) : std::next(partition);
  }
  give();
}

}  // namespace sluice::dataflow
