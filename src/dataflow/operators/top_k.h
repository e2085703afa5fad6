// ORDER BY … LIMIT … OFFSET of each partition, and DISTINCT ON.
//
//   state    the rows of each partition in order: those that may come up when others go
//   output   for each partition that a tick touched: how its window of rows changed
//
// Costs: as many rows as offset and limit say for each partition touched, and the logarithm of the
// partition's size for each row changed.
#pragma once

#include <map>
#include <unordered_map>

#include "arrangement/row_bytes.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

class TopKOperator final : public Operator {
 public:
  explicit TopKOperator(const TopK& node);
  Delta step(std::span<const Delta* const> inputs) override;
  void fill(size_t input, const BatchPtr& rows, const Emit& emit) override;
  void finish_fill(const Emit& emit) override;
  OperatorState state() const override;

 private:
  // Sort key, then the row; ordered by both, as bytes.
  struct Entry {
    std::string bytes;
    uint32_t row_at;
    bool operator<(const Entry& other) const { return bytes < other.bytes; }
    std::string_view row() const { return std::string_view(bytes).substr(row_at); }
  };
  using Partition = std::map<Entry, int64_t>;

  // What is done with a row's partition before the row is put into it.
  template <typename Visit>
  void take_in(const Batch& batch, const Visit& visit);
  void add_window(const Partition& partition, int64_t sign, Sums& changes) const;

  const TopK& node_;
  const arrangement::RowCodec keys_;
  const arrangement::RowCodec rows_;
  std::vector<OrderKey> order_;  // with all columns behind
  std::unordered_map<std::string, Partition> partitions_;
  size_t row_count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace sluice::dataflow
