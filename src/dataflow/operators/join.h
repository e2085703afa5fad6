// Joins of every kind, kept up to date. Those on plain keys alone have an operator of their own,
// which is faster (equi_join.h).
//
//   state   each side's rows by key; where there is a residual condition and a side's rows depend
//           on whether they have a match: for each such row how many
//   step    the right side's changes against the left's old rows, then the left's changes against
//           the right's new rows: no third term is left
//   output  pairs; and for each row of a side that is *kept* (the left of a left join, …) what its
//           number of matches says: nothing, the row with NULLs, the row, the row and a boolean.
//           When that changes, the old is taken back and the new is put
//
// Without a residual all rows of a key have the same matches, so what changes is told once a key.
// With one, pairs are evaluated and each row has its own count. A mark join whose answer may be
// NULL compares its keys like a residual, in three values, unless it is the plain `x IN (SELECT
// …)`, for which it is enough to know whether the right side has any row, and any NULL.
//
// Costs: as the number of pairs that change; a row that toggles a key's matches costs as many as
// the other side has rows of that key.
#pragma once

#include <array>
#include <string>
#include <unordered_map>

#include "arrangement/arrangement.h"
#include "arrangement/keyed_codec.h"
#include "dataflow/evaluate.h"
#include "dataflow/operator.h"
#include "dataflow/operators/join_output.h"

namespace sluice::dataflow {

class JoinOperator final : public Operator {
 public:
  JoinOperator(duckdb::ClientContext& context, const Join& node);
  Delta step(std::span<const Delta* const> inputs) override;
  void fill(size_t side, const BatchPtr& batch, const Emit& emit) override;
  void end_input(size_t side) override { sides_[side].ended = true; }
  void finish_fill(const Emit& emit) override;
  OperatorState state() const override;

 private:
  using Look = JoinOutput::Look;

  struct Matches {
    int64_t pairs = 0;    // that match
    int64_t unknown = 0;  // that would match if NULLs were the right values
  };
  struct Side {
    Side(std::vector<engine::LogicalType> types, std::vector<size_t> key)
        : codec(std::move(types), std::move(key)),
          matches({.keys_only = true}),
          unknown({.keys_only = true}) {}
    arrangement::KeyedCodec codec;
    arrangement::Arrangement rows;
    arrangement::Arrangement matches;  // of each row, its key and payload as one; with a residual
    arrangement::Arrangement unknown;  // the same, in three values
    bool kept = false;
    // Filling: has begun, is over; whether the looks of its rows are told at the end.
    bool started = false;
    bool ended = false;
    bool looks_wait = false;
  };
  // A batch of one side, as bytes.
  struct Encoded {
    arrangement::ByteRows keys;
    arrangement::ByteRows payloads;
    std::vector<uint64_t> hashes;
  };
  // A row of the other side's state that a change was compared with.
  struct Touched {
    arrangement::Arrangement::RowView row;
    Matches change;
  };
  using TouchedRows = std::unordered_map<const char*, Touched>;
  using TouchedKeys = std::unordered_map<std::string, std::pair<int64_t, int64_t>>;
  // Pairs of a row of a batch and a row of the other side's state.
  struct Pairs {
    std::vector<uint32_t> changed;
    std::vector<arrangement::Arrangement::RowView> kept;
  };
  // Rows of the output that are one side's, still as bytes.
  struct Looks {
    std::vector<std::string_view> keys;
    std::vector<std::string_view> payloads;
    std::vector<int64_t> weights;
    void add(const arrangement::Arrangement::RowView& row, int64_t weight) {
      keys.push_back(row.key);
      payloads.push_back(row.payload);
      weights.push_back(weight);
    }
  };
  // Of the right side of a plain mark join.
  struct Totals {
    int64_t rows = 0;
    int64_t nulls = 0;
    bool operator==(const Totals&) const = default;
  };

  void phase(size_t side, const Delta& delta, const Emit& emit);
  void encode(const Side& side, const engine::Chunk& rows, Encoded& to) const;
  bool can_match(std::string_view key) const;
  void meet_by_key(size_t side, Batch& batch, const Encoded& rows, const Emit& emit);
  void meet_by_condition(size_t side, Batch& batch, const Encoded& rows, TouchedRows& touched,
                         const Emit& emit);
  void compare(size_t side, Batch& batch, Pairs& pairs, std::vector<Matches>& of_changed,
               TouchedRows& touched, const Emit& emit);
  // Where `touched` is there, with the weights of keys whose rows change: without a residual only.
  void keep(size_t side, const Batch& batch, const Encoded& rows, const std::vector<Matches>& found,
            TouchedKeys* touched);
  Matches matches_of(size_t side, const arrangement::Arrangement::RowView& row) const;
  // Before and after.
  std::pair<Matches, Matches> add_matches(Side& side, const Touched& touched) const;
  void toggle_keys(size_t side, const TouchedKeys& touched, const Emit& emit);
  void toggle_rows(size_t side, const TouchedRows& touched, const Emit& emit);
  void toggle_all(const TouchedKeys& touched, Totals before, const Emit& emit);

  Look look(size_t side, Matches matches, bool null_key) const {
    return look(side, matches, null_key, totals_);
  }
  Look look(size_t side, Matches matches, bool null_key, Totals totals) const;
  BatchPtr pair_batch(size_t side, Batch& batch, const Pairs& pairs) const;
  void emit_kept(size_t side, Look look, const Looks& rows, const Emit& emit);

  const Join& node_;
  const JoinOutput output_;
  bool three_valued_ = false;
  bool plain_mark_ = false;
  std::vector<size_t> strict_;  // keys of which a NULL matches nothing, by their place in the key
  std::vector<ExpressionPtr> comparisons_;  // keys that are compared like a residual
  std::unique_ptr<Condition> condition_;    // null: keys alone
  std::array<Side, 2> sides_;
  Totals totals_;
};

}  // namespace sluice::dataflow
