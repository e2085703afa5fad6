// Aggregates that can take a row back as they took it in: counts, and sums and averages of exact
// numbers. What they keep of a group is a few words, however many rows it has.
//
// Floating point is not among them: a + b - b need not give a back.
//
// Threads: immutable; the words are the caller's.
#pragma once

#include <memory>
#include <optional>

#include "dataflow/evaluate.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

// A whole number of 192 bits, so that no sum of 128-bit values overflows on the way.
struct WideSum {
  uint64_t low = 0;
  uint64_t middle = 0;
  int64_t high = 0;
  int64_t values = 0;  // that are not NULL, with their weights

  void add(const WideSum& other);
};

class LinearAggregate {
 public:
  // Nothing, if the call is none of these.
  static std::optional<LinearAggregate> of(const AggregateCall& call);

  // Whether the same word does for both: a sum, an average and a count of the same values.
  bool shares_word_with(const LinearAggregate& other) const;
  // Its add() only counts, so that one that sums has to add to a word that they share.
  bool only_counts() const {
    return layout_ == Layout::kCountRows || layout_ == Layout::kCountValues;
  }

  // words[i] gets row i. Rows that the call's filter leaves out are left out.
  void add(const Batch& batch, const std::vector<WideSum*>& words) const;

  // Fills result's rows from words; of what is out of range in `failed`.
  void finish(const std::vector<const WideSum*>& words, engine::Vector& result,
              std::vector<Failure>& failed) const;

 private:
  // How the state of the function looks whose finalizer makes the result of a sum and a count.
  enum class Layout : uint8_t {
    kCountRows,
    kCountValues,
    kSum,
    kSumCount64,
    kSumCount128,
    kCountSum64,
    kCountSum128
  };

  LinearAggregate(const AggregateCall& call, Layout layout) : call_(&call), layout_(layout) {}
  void finalize(const std::vector<const WideSum*>& words, size_t begin, size_t count,
                engine::Vector& result, std::vector<Failure>& failed) const;

  const AggregateCall* call_;
  Layout layout_;
};

}  // namespace sluice::dataflow
