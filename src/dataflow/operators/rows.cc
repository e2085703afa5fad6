#include "dataflow/operators/rows.h"

#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

std::vector<const duckdb::Expression*> pointers(const std::vector<ExpressionPtr>& expressions) {
  std::vector<const duckdb::Expression*> result;
  result.reserve(expressions.size());
  for (const ExpressionPtr& expression : expressions) result.push_back(expression.get());
  return result;
}

}  // namespace

Delta SourceOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  for (const BatchPtr& batch : *inputs[0]) {
    auto chosen = std::make_shared<Batch>();
    chosen->rows.InitializeEmpty({node_.types.begin(), node_.types.end()});
    for (size_t i = 0; i < node_.columns.size(); ++i) {
      chosen->rows.data[i].Reference(batch->rows.data[node_.columns[i]]);
    }
    chosen->rows.SetCardinality(batch->size());
    chosen->weights = batch->weights;
    out.push_back(std::move(chosen));
  }
  return out;
}

Delta ConstantOperator::start() {
  Delta out;
  for (size_t begin = 0; begin < node_.rows.size(); begin += kBatchRows) {
    const size_t count = std::min(kBatchRows, node_.rows.size() - begin);
    auto batch = std::make_shared<Batch>();
    engine::initialize(batch->rows, node_.types, count);
    batch->rows.SetCardinality(count);
    for (size_t row = 0; row < count; ++row) {
      for (size_t column = 0; column < node_.types.size(); ++column) {
        batch->rows.SetValue(column, row, node_.rows[begin + row][column]);
      }
    }
    batch->weights.assign(count, 1);
    out.push_back(std::move(batch));
  }
  return out;
}

FilterOperator::FilterOperator(duckdb::ClientContext& context, const Filter& node)
    : condition_(context, pointers(node.conditions), Condition::Values::kTrueOrNot) {}

Delta FilterOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  std::vector<Truth> truths;
  std::vector<Failure> failures;
  for (const BatchPtr& batch : *inputs[0]) {
    failures.clear();
    condition_.evaluate(batch->rows, truths, failures);
    for (const Failure& failure : failures) {
      errors_.add(failure.error, batch->weights[failure.row]);
    }
    std::vector<uint32_t> chosen;
    for (uint32_t row = 0; row < batch->size(); ++row) {
      if (truths[row] == Truth::kTrue) chosen.push_back(row);
    }
    if (chosen.size() == batch->size()) {
      out.push_back(batch);
    } else if (!chosen.empty()) {
      out.push_back(select_rows(*batch, chosen));
    }
  }
  return out;
}

ProjectOperator::ProjectOperator(duckdb::ClientContext& context, const Project& node)
    : projector_(context, pointers(node.expressions)) {}

Delta ProjectOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  std::vector<Failure> failures;
  for (const BatchPtr& batch : *inputs[0]) {
    failures.clear();
    auto projected = std::make_shared<Batch>();
    projector_.evaluate(batch->rows, projected->rows, failures);
    projected->weights.reserve(batch->size());
    size_t next = 0;
    for (size_t row = 0; row < batch->size(); ++row) {
      if (next < failures.size() && failures[next].row == row) {
        errors_.add(failures[next++].error, batch->weights[row]);
      } else {
        projected->weights.push_back(batch->weights[row]);
      }
    }
    if (projected->size() > 0) out.push_back(std::move(projected));
  }
  return out;
}

Delta UnionOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  for (const Delta* input : inputs) out.insert(out.end(), input->begin(), input->end());
  return out;
}

}  // namespace sluice::dataflow
