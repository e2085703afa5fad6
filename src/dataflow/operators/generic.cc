#include "dataflow/operators/generic.h"

#include <algorithm>

#include "dataflow/operators/function_states.h"
#include "dataflow/sort_keys.h"
#include "engine/engine.h"
#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

std::vector<size_t> kept_columns(const AggregateCall& call) {
  std::vector<size_t> columns = call.arguments;
  for (const OrderKey& key : call.order) columns.push_back(key.column);
  return columns;
}

std::vector<engine::LogicalType> types_of(const std::vector<engine::LogicalType>& types,
                                          const std::vector<size_t>& columns) {
  std::vector<engine::LogicalType> result;
  result.reserve(columns.size());
  for (const size_t column : columns) result.push_back(types[column]);
  return result;
}

}  // namespace

std::vector<int64_t> counted_weights(const Batch& batch, const AggregateCall& call) {
  std::vector<int64_t> weights = batch.weights;
  if (!call.filter) return weights;
  engine::Vector reference(engine::LogicalType::BOOLEAN, nullptr);
  reference.Reference(batch.rows.data[*call.filter]);
  duckdb::UnifiedVectorFormat format;
  reference.ToUnifiedFormat(batch.size(), format);
  for (size_t row = 0; row < batch.size(); ++row) {
    const size_t at = format.sel->get_index(row);
    if (!format.validity.RowIsValid(at) || format.data[at] == 0) weights[row] = 0;
  }
  return weights;
}

GenericAggregate::GenericAggregate(const AggregateCall& call,
                                   const std::vector<engine::LogicalType>& types)
    : call_(call),
      columns_(kept_columns(call)),
      // Values that are equal to SQL are one to DISTINCT.
      codec_(types_of(types, columns_),
             call.distinct ? arrangement::Form::kKey : arrangement::Form::kExact),
      counts_distinct_(call.distinct && call.name() == "count" && call.arguments.size() == 1 &&
                       call.order.empty()) {}

void GenericAggregate::add(const Batch& batch, const Groups& groups) {
  arrangement::ByteRows payloads;
  codec_.encode(batch.rows, columns_, payloads);
  const std::vector<int64_t> weights = counted_weights(batch, call_);
  for (size_t row = 0; row < batch.size(); ++row) {
    rows_.prefetch_ahead(groups.hashes, row);
    if (weights[row] == 0) continue;
    // A count of distinct values is how many rows the group has here, so no NULL is one.
    if (counts_distinct_ && (payloads[row][0] & 1) != 0) continue;
    rows_.apply(groups.keys[row], payloads[row], weights[row], groups.hashes[row]);
  }
}

void GenericAggregate::count_distinct(const std::vector<std::string_view>& keys,
                                      engine::Vector& result) const {
  auto* data = reinterpret_cast<int64_t*>(duckdb::FlatVector::GetData(result));
  for (size_t i = 0; i < keys.size(); ++i) {
    data[i] = static_cast<int64_t>(rows_.find(keys[i]).rows());
  }
}

void GenericAggregate::finish(const FinishedGroups& groups, engine::Vector& result,
                              std::vector<Failure>& failed) const {
  prefetch_groups(groups.keys);
  if (counts_distinct_ && rows_.negative_rows() == 0) return count_distinct(groups.keys, result);
  compute(groups.keys, 0, groups.keys.size(), result, failed);
}

void GenericAggregate::prefetch_groups(const std::vector<std::string_view>& keys) const {
  std::vector<uint64_t> hashes;
  hashes.reserve(keys.size());
  for (const std::string_view key : keys) hashes.push_back(arrangement::hash_bytes(key));
  rows_.prefetch_rows(hashes);
}

void GenericAggregate::gather(uint32_t group, std::string_view key, std::vector<Seen>& seen) const {
  const size_t begin = seen.size();
  for (const auto row : rows_.find(key)) {
    if (row.weight <= 0) continue;
    seen.push_back({group, row.payload, call_.distinct ? 1 : row.weight});
  }
  const bool any_order =
      call_.bound->function.order_dependent == duckdb::AggregateOrderDependent::NOT_ORDER_DEPENDENT;
  // Floating point cares for the order even where the function says that it does not.
  bool exact = true;
  for (const auto& type : codec_.types()) {
    exact = exact && !arrangement::has_equal_values_that_differ(type);
  }
  if (call_.order.empty() && any_order && exact) return;
  sort(seen, begin);
}

void GenericAggregate::sort(std::vector<Seen>& seen, size_t begin) const {
  const auto first = seen.begin() + static_cast<std::ptrdiff_t>(begin);
  std::sort(first, seen.end(), [](const Seen& a, const Seen& b) { return a.payload < b.payload; });
  if (call_.order.empty()) return;
  std::vector<OrderKey> order = call_.order;
  for (size_t i = 0; i < order.size(); ++i) order[i].column = call_.arguments.size() + i;
  std::vector<std::pair<std::string, Seen>> keyed;
  keyed.reserve(seen.size() - begin);
  std::vector<std::string_view> payloads;
  for (size_t next = begin; next < seen.size(); next += kBatchRows) {
    const size_t count = std::min(kBatchRows, seen.size() - next);
    payloads.clear();
    for (size_t i = 0; i < count; ++i) payloads.push_back(seen[next + i].payload);
    engine::Chunk rows;
    engine::initialize(rows, codec_.types(), count);
    codec_.decode(payloads, all_columns(columns_.size()), rows);
    rows.SetCardinality(count);
    const auto keys = sort_keys(rows, order);
    for (size_t i = 0; i < count; ++i) keyed.emplace_back(keys[i], seen[next + i]);
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < keyed.size(); ++i) seen[begin + i] = keyed[i].second;
}

void GenericAggregate::compute(const std::vector<std::string_view>& keys, size_t begin,
                               size_t count, engine::Vector& result,
                               std::vector<Failure>& failed) const {
  std::vector<Seen> seen;
  for (size_t i = 0; i < count; ++i) {
    gather(static_cast<uint32_t>(i), keys[begin + i], seen);
  }
  std::vector<size_t> to = all_columns(columns_.size());
  std::fill(to.begin() + static_cast<std::ptrdiff_t>(call_.arguments.size()), to.end(),
            arrangement::kNoColumn);
  const std::vector<engine::LogicalType> argument_types(
      codec_.types().begin(),
      codec_.types().begin() + static_cast<std::ptrdiff_t>(call_.arguments.size()));
  try {
    FunctionStates states(call_, count);
    std::vector<std::string_view> payloads;
    std::vector<duckdb::data_ptr_t> targets;
    for (size_t next = 0; next < seen.size();) {
      payloads.clear();
      targets.clear();
      for (; next < seen.size() && payloads.size() < kBatchRows; ++next) {
        Seen& row = seen[next];
        for (; row.count > 0 && payloads.size() < kBatchRows; --row.count) {
          payloads.push_back(row.payload);
          targets.push_back(states.at(row.group));
        }
        if (row.count > 0) break;
      }
      engine::Chunk arguments;
      engine::initialize(arguments, argument_types, payloads.size());
      codec_.decode(payloads, to, arguments);
      arguments.SetCardinality(payloads.size());
      states.update(arguments, targets);
    }
    states.finalize(result, begin);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    if (count == 1) {
      failed.push_back({static_cast<uint32_t>(begin), engine::engine_error(exception)});
      return;
    }
    for (size_t i = 0; i < count; ++i) compute(keys, begin + i, 1, result, failed);
  }
}

}  // namespace sluice::dataflow
