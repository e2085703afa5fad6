// Filters by the time at which they are asked: rows come when their time begins, and go when it
// ends, without anything else changing.
#pragma once

#include <map>
#include <vector>

#include "arrangement/arrangement.h"
#include "arrangement/row_bytes.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

// Keeps the rows that something is still to happen to: those that have yet to come, by when they
// come, and those that will go, by when they go. What stays for ever is not kept.
class TemporalFilterOperator final : public Operator {
 public:
  explicit TemporalFilterOperator(const TemporalFilter& node);

  void set_time(uint64_t now) override { now_ = now; }
  std::optional<uint64_t> next_due() const override;
  size_t due_rows(uint64_t now, size_t most) const override;
  // The input may be empty, once the time is due.
  Delta step(std::span<const Delta* const> inputs) override;
  OperatorState state() const override;

 private:
  // A row is there at the times from `begin` on, before `end`.
  struct Span {
    uint64_t begin = 0;
    uint64_t end = 0;  // not before kNever: it stays
  };
  // Rows to which something happens at a time that has passed.
  struct Passed {
    arrangement::ByteRows rows;
    std::vector<uint64_t> times;
    std::vector<int64_t> weights;
  };
  std::vector<Span> spans_of(const engine::Chunk& rows) const;
  void keep(uint64_t time, std::string_view row, int64_t weight);
  void take_in(const BatchPtr& batch, Delta& out);
  void pass(Delta& out);
  bool take_passed(Passed& to);

  const std::vector<engine::LogicalType> types_;
  const std::vector<TemporalFilter::Bound> bounds_;
  const arrangement::RowCodec codec_;
  const std::vector<size_t> columns_;
  uint64_t now_ = 0;
  arrangement::Arrangement rows_;     // by the time at which something happens to them
  std::map<uint64_t, size_t> times_;  // of rows_, and how many each has
};

}  // namespace sluice::dataflow
