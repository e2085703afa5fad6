#include "dataflow/operators/sliced.h"

#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "dataflow/operators/sharded.h"

namespace sluice::dataflow {
namespace {

// Of one slice. Above it memory for every group several times is more than the time is worth.
constexpr size_t kManyGroups = 16'384;

std::vector<BatchPtr> sliced(Batch& batch, size_t count) {
  settle(batch);
  std::vector<BatchPtr> slices;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = batch.size() * i / count;
    std::vector<uint32_t> chosen(batch.size() * (i + 1) / count - begin);
    std::iota(chosen.begin(), chosen.end(), static_cast<uint32_t>(begin));
    slices.push_back(select_rows(batch, chosen));
  }
  return slices;
}

}  // namespace

bool SlicedAggregate::can_keep(const Aggregate& node) {
  return AggregateOperator::adds_only(node) && has_flat_inputs(node);
}

SlicedAggregate::SlicedAggregate(const Aggregate& node, size_t slices, size_t parallel_from)
    : parallel_from_(std::max(parallel_from, slices)) {
  CHECK(slices >= 2);
  for (size_t i = 0; i < slices; ++i) slices_.push_back(std::make_unique<AggregateOperator>(node));
}

void SlicedAggregate::fill(size_t input, const BatchPtr& rows, const Emit& emit) {
  if (slices_.size() == 1 || rows->size() < parallel_from_) {
    return slices_[0]->fill(input, rows, emit);
  }
  const std::vector<BatchPtr> of_slice = sliced(*rows, slices_.size());
  in_parallel(slices_.size(),
              [&](size_t slice) { slices_[slice]->fill(input, of_slice[slice], emit); });
  if (slices_[0]->state().rows > kManyGroups) add_up();
}

void SlicedAggregate::finish_fill(const Emit& emit) {
  add_up();
  slices_[0]->finish_fill(emit);
}

void SlicedAggregate::add_up() {
  for (size_t slice = 1; slice < slices_.size(); ++slice) slices_[0]->absorb(*slices_[slice]);
  slices_.resize(1);
}

OperatorState SlicedAggregate::state() const {
  OperatorState state;
  for (const auto& slice : slices_) {
    const OperatorState of_slice = slice->state();
    state.rows += of_slice.rows;
    state.bytes += of_slice.bytes;
  }
  return state;
}

}  // namespace sluice::dataflow
