#include "dataflow/operators/join_output.h"

#include <algorithm>

#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

bool gives_pairs(JoinKind kind) {
  return kind != JoinKind::kSemi && kind != JoinKind::kAnti && kind != JoinKind::kMark;
}

Error too_many_rows() {
  return invalid("more than one row returned by a subquery used as an expression")
      .with_sqlstate("21000");
}

}  // namespace

JoinOutput::JoinOutput(const Join& node)
    : node_(node),
      has_pairs_(gives_pairs(node.join)),
      widths_{node.inputs[kLeft]->types.size(), node.inputs[kRight]->types.size()} {}

bool JoinOutput::keeps(size_t side) const {
  if (node_.join == JoinKind::kInner) return false;
  if (node_.join == JoinKind::kFull) return true;
  return side == (node_.join == JoinKind::kRight ? kRight : kLeft);
}

JoinOutput::Look JoinOutput::look(size_t side, int64_t matches) const {
  switch (node_.join) {
    case JoinKind::kInner:
    case JoinKind::kMark:
      return Look::kNone;
    case JoinKind::kSemi:
      return matches > 0 ? Look::kPlain : Look::kNone;
    case JoinKind::kAnti:
      return matches > 0 ? Look::kNone : Look::kPlain;
    case JoinKind::kSingle:
      if (matches > 1) return Look::kError;
      [[fallthrough]];
    case JoinKind::kLeft:
    case JoinKind::kRight:
    case JoinKind::kFull:
      return matches > 0 || !keeps(side) ? Look::kNone : Look::kPadded;
  }
  return Look::kNone;
}

BatchPtr JoinOutput::pairs(size_t side, Batch& batch, const std::vector<uint32_t>& changed,
                           std::vector<int64_t> weights, const Put& put) const {
  const size_t count = changed.size();
  const size_t changed_at = side == kLeft ? 0 : widths_[kLeft];
  auto made = std::make_shared<Batch>();
  duckdb::vector<engine::LogicalType> types;
  duckdb::vector<bool> allocated;
  for (const size_t one : {kLeft, kRight}) {
    for (const auto& type : node_.inputs[one]->types) {
      types.push_back(type);
      allocated.push_back(one != side);
    }
  }
  made->rows.Initialize(duckdb::Allocator::DefaultAllocator(), types, allocated, count);
  duckdb::SelectionVector selection(count);
  for (size_t i = 0; i < count; ++i) selection.set_index(i, changed[i]);
  for (size_t column = 0; column < widths_[side]; ++column) {
    made->rows.data[changed_at + column].Slice(batch.rows.data[column], selection, count);
  }
  put(made->rows, side == kLeft ? widths_[kLeft] : 0);
  made->weights = std::move(weights);
  made->rows.SetCardinality(count);
  return made;
}

// `rows` of one side as rows of the output.
BatchPtr JoinOutput::dressed(size_t side, engine::Chunk& rows, size_t count, Look look) const {
  auto made = std::make_shared<Batch>();
  made->rows.InitializeEmpty({node_.types.begin(), node_.types.end()});
  const size_t at = side == kLeft || !has_pairs_ ? 0 : widths_[kLeft];
  for (size_t column = 0; column < node_.types.size(); ++column) {
    engine::Vector& to = made->rows.data[column];
    if (column >= at && column < at + widths_[side]) {
      to.Reference(rows.data[column - at]);
    } else if (look == Look::kTrue || look == Look::kFalse) {
      to.Reference(engine::Value::BOOLEAN(look == Look::kTrue));
    } else {
      to.Reference(engine::Value(node_.types[column]));
    }
  }
  made->rows.SetCardinality(count);
  return made;
}

void JoinOutput::give(size_t side, Batch& batch, const std::vector<Look>& looks, const Emit& emit,
                      ErrorSet& errors) const {
  std::array<std::vector<uint32_t>, kLooks> chosen;
  for (uint32_t row = 0; row < looks.size(); ++row) {
    chosen[static_cast<size_t>(looks[row])].push_back(row);
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Look look = static_cast<Look>(i);
    if (chosen[i].empty() || look == Look::kNone) continue;
    if (look == Look::kError) {
      int64_t weight = 0;
      for (const uint32_t row : chosen[i]) weight += batch.weights[row];
      errors.add(too_many_rows(), weight);
      continue;
    }
    const BatchPtr rows = select_rows(batch, chosen[i]);
    BatchPtr made = dressed(side, rows->rows, rows->size(), look);
    made->weights = rows->weights;
    emit(std::move(made));
  }
}

void JoinOutput::give(size_t side, Look look, std::span<const int64_t> weights, const PutSome& put,
                      const Emit& emit, ErrorSet& errors) const {
  if (look == Look::kNone) return;
  if (look == Look::kError) {
    for (const int64_t weight : weights) errors.add(too_many_rows(), weight);
    return;
  }
  for (size_t begin = 0; begin < weights.size(); begin += kBatchRows) {
    const size_t count = std::min(kBatchRows, weights.size() - begin);
    engine::Chunk rows;
    engine::initialize(rows, node_.inputs[side]->types, count);
    put(rows, begin, count);
    rows.SetCardinality(count);
    BatchPtr made = dressed(side, rows, count, look);
    const auto some = weights.subspan(begin, count);
    made->weights.assign(some.begin(), some.end());
    emit(std::move(made));
  }
}

}  // namespace sluice::dataflow
