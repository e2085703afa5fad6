#include "dataflow/operators/temporal_filter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

using TimeBytes = std::array<char, sizeof(uint64_t)>;

TimeBytes bytes_of(uint64_t time) {
  TimeBytes bytes;
  std::memcpy(bytes.data(), &time, bytes.size());
  return bytes;
}

std::string_view view_of(const TimeBytes& bytes) { return {bytes.data(), bytes.size()}; }

uint64_t after(uint64_t time) { return time == kNever ? kNever : time + 1; }

}  // namespace

TemporalFilterOperator::TemporalFilterOperator(const TemporalFilter& node)
    : types_(node.types),
      bounds_(node.bounds),
      codec_(node.types, arrangement::Form::kExact),
      columns_(all_columns(node.types.size())) {}

std::optional<uint64_t> TemporalFilterOperator::next_due() const {
  if (times_.empty()) return std::nullopt;
  return times_.begin()->first;
}

size_t TemporalFilterOperator::due_rows(uint64_t now, size_t most) const {
  size_t rows = 0;
  for (const auto& [time, count] : times_) {
    if (time > now || rows >= most) break;
    rows += count;
  }
  return rows;
}

OperatorState TemporalFilterOperator::state() const {
  constexpr size_t kSetNode = 48;
  return {rows_.rows(), rows_.bytes() + times_.size() * kSetNode};
}

std::vector<TemporalFilterOperator::Span> TemporalFilterOperator::spans_of(
    const engine::Chunk& rows) const {
  std::vector<Span> spans(rows.size(), {0, kNever});
  for (const TemporalFilter::Bound& bound : bounds_) {
    duckdb::UnifiedVectorFormat format;
    engine::Vector column(rows.data[bound.column].GetType(), nullptr);
    column.Reference(rows.data[bound.column]);
    column.ToUnifiedFormat(rows.size(), format);
    const auto* values = reinterpret_cast<const uint64_t*>(format.data);
    for (size_t row = 0; row < spans.size(); ++row) {
      Span& span = spans[row];
      const size_t at = format.sel->get_index(row);
      if (!format.validity.RowIsValid(at)) {
        span.end = 0;
        continue;
      }
      switch (bound.now_is) {
        case TimeComparison::kAtLeast:
          span.begin = std::max(span.begin, values[at]);
          break;
        case TimeComparison::kGreater:
          span.begin = std::max(span.begin, after(values[at]));
          break;
        case TimeComparison::kAtMost:
          span.end = std::min(span.end, after(values[at]));
          break;
        case TimeComparison::kLess:
          span.end = std::min(span.end, values[at]);
          break;
      }
    }
  }
  return spans;
}

void TemporalFilterOperator::keep(uint64_t time, std::string_view row, int64_t weight) {
  if (time == kNever) return;
  const TimeBytes key = bytes_of(time);
  const auto change = rows_.apply(view_of(key), row, weight);
  if (change.key_vanished()) {
    times_.erase(time);
  } else if (change.key_rows_before != change.key_rows_after) {
    times_[time] = change.key_rows_after;
  }
}

Delta TemporalFilterOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  // First what is kept, so that a row that goes is looked for where it is now.
  pass(out);
  for (const BatchPtr& batch : *inputs[0]) take_in(batch, out);
  return out;
}

void TemporalFilterOperator::take_in(const BatchPtr& batch, Delta& out) {
  const std::vector<Span> spans = spans_of(batch->rows);
  arrangement::ByteRows encoded;
  codec_.encode(batch->rows, columns_, encoded);
  std::vector<uint32_t> there;
  for (uint32_t row = 0; row < batch->size(); ++row) {
    const Span& span = spans[row];
    if (span.begin >= span.end || span.end <= now_) continue;
    const bool has_begun = span.begin <= now_;
    if (has_begun) there.push_back(row);
    keep(has_begun ? span.end : span.begin, encoded[row], batch->weights[row]);
  }
  if (!there.empty()) out.push_back(select_rows(*batch, there));
}

// Takes some of the rows whose time has passed out of the state. False: there are none.
bool TemporalFilterOperator::take_passed(Passed& to) {
  to.rows.clear();
  to.times.clear();
  to.weights.clear();
  while (to.times.size() < kBatchRows && !times_.empty() && times_.begin()->first <= now_) {
    const uint64_t time = times_.begin()->first;
    const size_t first = to.times.size();
    for (const auto row : rows_.find(view_of(bytes_of(time)))) {
      if (to.times.size() == kBatchRows) break;
      to.rows.push_back(row.payload);
      to.times.push_back(time);
      to.weights.push_back(row.weight);
    }
    for (size_t i = first; i < to.times.size(); ++i) keep(time, to.rows[i], -to.weights[i]);
  }
  return !to.times.empty();
}

void TemporalFilterOperator::pass(Delta& out) {
  Passed passed;
  while (take_passed(passed)) {
    auto batch = std::make_shared<Batch>();
    const size_t count = passed.times.size();
    std::vector<std::string_view> rows(count);
    for (size_t i = 0; i < count; ++i) rows[i] = passed.rows[i];
    engine::initialize(batch->rows, types_, count);
    codec_.decode(rows, columns_, batch->rows);
    batch->rows.SetCardinality(count);
    batch->weights = passed.weights;
    const std::vector<Span> spans = spans_of(batch->rows);
    std::vector<uint32_t> changed;
    for (uint32_t i = 0; i < count; ++i) {
      const bool goes = passed.times[i] == spans[i].end;
      // One that has come and gone since the last step was never seen.
      if (!goes && spans[i].end <= now_) continue;
      changed.push_back(i);
      if (goes) {
        batch->weights[i] = -passed.weights[i];
      } else {
        keep(spans[i].end, rows[i], passed.weights[i]);
      }
    }
    if (!changed.empty()) out.push_back(select_rows(*batch, changed));
  }
}

}  // namespace sluice::dataflow
