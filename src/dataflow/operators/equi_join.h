// Joins on keys alone whose rows can be kept in columns: most joins there are.
//
//   state   each side's rows by key
//   step    the right side's changes against the left's old rows, then the left's changes against
//           the right's new rows: no third term is left
//   output  pairs; and for each row of a side that is kept (the left of a left join, …) what the
//           sum of its key's counts on the other side says (JoinOutput)
//
// All rows of a key have the same matches, so what changes for rows without a match is told once a
// key. Costs: as the number of pairs that change; a row that toggles a key's matches costs as many
// as the other side has rows of that key.
#pragma once

#include <array>
#include <string>
#include <unordered_map>

#include "arrangement/column_rows.h"
#include "arrangement/row_bytes.h"
#include "dataflow/operator.h"
#include "dataflow/operators/join_output.h"

namespace sluice::dataflow {

class EquiJoinOperator final : public Operator {
 public:
  static bool does(const Join& node);

  // A node that it does.
  explicit EquiJoinOperator(const Join& node);
  Delta step(std::span<const Delta* const> inputs) override;
  void fill(size_t side, const BatchPtr& batch, const Emit& emit) override;
  void end_input(size_t side) override { sides_[side].ended = true; }
  void finish_fill(const Emit& emit) override;
  OperatorState state() const override;

 private:
  using Look = JoinOutput::Look;
  using ColumnRows = arrangement::ColumnRows;
  using Id = ColumnRows::Id;
  struct Side {
    Side(const std::vector<engine::LogicalType>& types, std::vector<size_t> key_columns)
        : key(std::move(key_columns)), all(all_columns(types.size())), rows(types, key) {}
    const std::vector<size_t> key;
    const std::vector<size_t> all;
    ColumnRows rows;
    bool kept = false;
    // Filling: has begun, is over; whether the looks of its rows are told at the end.
    bool started = false;
    bool ended = false;
    bool looks_wait = false;
  };
  // A key of which a step changes rows, by its first row in the changes.
  struct Touched {
    size_t batch = 0;
    size_t row = 0;
    int64_t weight_before = 0;
    int64_t weight_after = 0;
  };
  using TouchedKeys = std::unordered_map<std::string, Touched>;
  // Pairs of a row of a batch and a row of the other side's state.
  struct Pairs {
    std::vector<uint32_t> changed;
    std::vector<Id> kept;
  };

  void phase(size_t side, const Delta& delta, const Emit& emit);
  bool can_match(const ColumnRows::Keys& keys, size_t row) const;
  void meet(size_t side, Batch& batch, const ColumnRows::Keys& keys, const Emit& emit);
  void give(size_t side, Batch& batch, Pairs& pairs, const Emit& emit) const;
  void keep(size_t side, Batch& batch, const ColumnRows::Keys& keys);
  // The same, and tells which keys' sums change.
  void keep(size_t side, const Delta& delta, size_t batch, const ColumnRows::Keys& keys,
            TouchedKeys& touched);
  void toggle(size_t side, const TouchedKeys& touched, const std::vector<ColumnRows::Keys>& keys,
              const Emit& emit);

  const Join& node_;
  const JoinOutput output_;
  std::vector<size_t> strict_;  // keys of which a NULL matches nothing, by their place in the key
  std::array<Side, 2> sides_;
  const arrangement::RowCodec key_codec_;
};

}  // namespace sluice::dataflow
