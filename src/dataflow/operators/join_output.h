// The rows that a join gives out, whatever keeps its state: pairs, and rows of one side as what
// their matches make of them.
//
// Immutable and safe from any thread.
#pragma once

#include <array>
#include <functional>
#include <span>

#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

inline constexpr size_t kLeft = 0;
inline constexpr size_t kRight = 1;

class JoinOutput {
 public:
  // What a row of a kept side looks like in the output.
  enum class Look : uint8_t { kNone, kPadded, kPlain, kTrue, kFalse, kNull, kError };
  static constexpr size_t kLooks = 8;

  explicit JoinOutput(const Join& node);

  bool has_pairs() const { return has_pairs_; }
  // Whether the join's answer has, or depends on, rows of this side that have no match.
  bool keeps(size_t side) const;
  size_t width(size_t side) const { return widths_[side]; }
  // That of a row of this side with so many matches. Not of mark joins, which have three values.
  Look look(size_t side, int64_t matches) const;

  // Writes rows into the columns of a chunk from one on, which are flat.
  using Put = std::function<void(engine::Chunk& to, size_t first_column)>;
  // The rows `changed` of a batch of one side, beside those of the other one, which `put` writes.
  BatchPtr pairs(size_t side, Batch& batch, const std::vector<uint32_t>& changed,
                 std::vector<int64_t> weights, const Put& put) const;

  // A batch of one side, each row with its own look.
  void give(size_t side, Batch& batch, const std::vector<Look>& looks, const Emit& emit,
            ErrorSet& errors) const;
  // Rows of one side with one look, which `put` writes, some at a time.
  using PutSome = std::function<void(engine::Chunk& to, size_t begin, size_t count)>;
  void give(size_t side, Look look, std::span<const int64_t> weights, const PutSome& put,
            const Emit& emit, ErrorSet& errors) const;

 private:
  BatchPtr dressed(size_t side, engine::Chunk& rows, size_t count, Look look) const;

  const Join& node_;
  const bool has_pairs_;
  const std::array<size_t, 2> widths_;
};

}  // namespace sluice::dataflow
