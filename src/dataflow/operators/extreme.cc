#include "dataflow/operators/extreme.h"

#include "dataflow/sort_keys.h"

namespace sluice::dataflow {
namespace {

// What nodes of the two maps take beside bytes that do not fit a string's own 15.
constexpr size_t kValueBytes = 96;
constexpr size_t kGroupBytes = 160;

size_t outside(const std::string& bytes) { return bytes.size() > 15 ? bytes.size() + 17 : 0; }

}  // namespace

bool ExtremeAggregate::can_do(const AggregateCall& call) {
  if (call.name() != "min" && call.name() != "max") return false;
  if (call.arguments.size() != 1 || call.bound->children.size() != 1) return false;
  const auto& type = call.bound->children[0]->return_type;
  return type == call.type() && !type.IsNested() && !type.IsJSONType();
}

ExtremeAggregate::ExtremeAggregate(const AggregateCall& call)
    : call_(call), order_{call.arguments[0], call.name() == "max", false} {}

void ExtremeAggregate::add(const Batch& batch, const arrangement::ByteRows& keys,
                           const std::vector<uint64_t>&) {
  const std::vector<int64_t> weights = counted_weights(batch, call_);
  std::vector<std::string> sorted = sort_keys(batch.rows, {order_});
  engine::Vector reference(batch.rows.data[order_.column].GetType(), nullptr);
  reference.Reference(batch.rows.data[order_.column]);
  duckdb::UnifiedVectorFormat format;
  reference.ToUnifiedFormat(batch.size(), format);
  for (size_t row = 0; row < batch.size(); ++row) {
    const bool valid = format.validity.RowIsValid(format.sel->get_index(row));
    if (weights[row] == 0 || !valid) continue;
    const auto [group, is_new] = groups_.try_emplace(std::string(keys[row]));
    if (is_new) bytes_ += kGroupBytes + outside(group->first);
    Values& values = group->second;
    const size_t value_bytes = kValueBytes + outside(sorted[row]);
    const auto [value, added] = values.try_emplace(std::move(sorted[row]), 0);
    if (added) {
      ++values_;
      bytes_ += value_bytes;
    }
    if ((value->second += weights[row]) != 0) continue;
    values.erase(value);
    --values_;
    bytes_ -= value_bytes;
    if (!values.empty()) continue;
    bytes_ -= kGroupBytes + outside(group->first);
    groups_.erase(group);
  }
}

void ExtremeAggregate::finish(const std::vector<std::string_view>& keys, engine::Vector& result,
                              std::vector<Failure>&) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string* first = nullptr;
    if (const auto group = groups_.find(std::string(keys[i])); group != groups_.end()) {
      for (const auto& [value, weight] : group->second) {
        if (weight <= 0) continue;
        first = &value;
        break;
      }
    }
    if (first == nullptr) {
      duckdb::FlatVector::SetNull(result, i, true);
    } else {
      decode_sort_key(*first, order_, result, i);
    }
  }
}

OperatorState ExtremeAggregate::state() const { return {values_, bytes_}; }

}  // namespace sluice::dataflow
