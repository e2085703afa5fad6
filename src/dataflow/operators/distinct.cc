#include "dataflow/operators/distinct.h"

#include <algorithm>

#include "engine/row_codec.h"

namespace sluice::dataflow {

CountingOperator::CountingOperator(const Distinct& node)
    : types_(node.types), codec_(node.types, arrangement::Form::kKey) {
  counts_.push_back(std::make_unique<arrangement::Arrangement>(
      arrangement::Arrangement::Options{.keys_only = true}));
}

CountingOperator::CountingOperator(const SetOperation& node)
    : types_(node.types), codec_(node.types, arrangement::Form::kKey), operation_(&node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    counts_.push_back(std::make_unique<arrangement::Arrangement>(
        arrangement::Arrangement::Options{.keys_only = true}));
  }
}

OperatorState CountingOperator::state() const {
  OperatorState state;
  for (const auto& counts : counts_) {
    state.rows += counts->rows();
    state.bytes += counts->bytes();
  }
  return state;
}

int64_t CountingOperator::output(int64_t left, int64_t right) const {
  left = std::max<int64_t>(left, 0);
  right = std::max<int64_t>(right, 0);
  if (operation_ == nullptr) return left > 0 ? 1 : 0;
  const bool except = operation_->operation == SetOperationKind::kExcept;
  if (operation_->all) return except ? std::max<int64_t>(left - right, 0) : std::min(left, right);
  return left > 0 && (right > 0) != except ? 1 : 0;
}

Delta CountingOperator::step(std::span<const Delta* const> inputs) {
  Sums touched;
  const std::vector<size_t> columns = all_columns(types_.size());
  const auto now = [&](std::string_view row) {
    const int64_t right = counts_.size() > 1 ? counts_[1]->weight(row, {}) : 0;
    return output(counts_[0]->weight(row, {}), right);
  };
  // First what the output has of each row that is touched, then the changes, then what it has now.
  std::vector<arrangement::ByteRows> encoded;
  for (const Delta* input : inputs) {
    for (const BatchPtr& batch : *input) {
      codec_.encode(batch->rows, columns, encoded.emplace_back());
      for (size_t row = 0; row < batch->size(); ++row) touched.add(encoded.back()[row], 0);
    }
  }
  std::vector<int64_t> before(touched.size());
  for (size_t i = 0; i < touched.size(); ++i) before[i] = now(touched.row(i));
  size_t next = 0;
  for (size_t input = 0; input < inputs.size(); ++input) {
    for (const BatchPtr& batch : *inputs[input]) {
      for (size_t row = 0; row < batch->size(); ++row) {
        counts_[input]->apply(encoded[next][row], {}, batch->weights[row]);
      }
      ++next;
    }
  }
  Sums changes;
  for (size_t i = 0; i < touched.size(); ++i) {
    const int64_t change = now(touched.row(i)) - before[i];
    if (change != 0) changes.add(touched.row(i), change);
  }
  return rows_from(changes, codec_);
}

void CountingOperator::fill(size_t input, const BatchPtr& rows, const Emit& /*emit*/) {
  arrangement::ByteRows encoded;
  codec_.encode(rows->rows, all_columns(types_.size()), encoded);
  for (size_t row = 0; row < rows->size(); ++row) {
    counts_[input]->apply(encoded[row], {}, rows->weights[row]);
  }
}

// A row that the left side does not have is never in the output.
void CountingOperator::finish_fill(const Emit& emit) {
  std::vector<std::string_view> rows;
  std::vector<int64_t> weights;
  const auto give = [&] {
    if (rows.empty()) return;
    auto batch = std::make_shared<Batch>();
    engine::initialize(batch->rows, types_, rows.size());
    codec_.decode(rows, all_columns(types_.size()), batch->rows);
    batch->rows.SetCardinality(rows.size());
    batch->weights.swap(weights);
    rows.clear();
    emit(std::move(batch));
  };
  counts_[0]->for_each([&](const arrangement::Arrangement::RowView& row) {
    const int64_t right = counts_.size() > 1 ? counts_[1]->weight(row.key, {}) : 0;
    const int64_t weight = output(row.weight, right);
    if (weight == 0) return;
    rows.push_back(row.key);
    weights.push_back(weight);
    if (rows.size() == kBatchRows) give();
  });
  give();
}

}  // namespace sluice::dataflow
