// Window functions: the partitions that a tick touches are computed again by DuckDB, all of them in
// one query over their rows.
//
//   state    the rows of each partition, and the rows given out for it last
//   output   how those of the touched partitions changed
//
// Where a function sees one row after another (row_number, lag, frames of ROWS), rows that tie are
// ordered by all their columns, so that a result is one.
#pragma once

#include <string>
#include <unordered_map>

#include "arrangement/arrangement.h"
#include "arrangement/keyed_codec.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"

namespace duckdb {
class ClientContext;
class Connection;
}  // namespace duckdb

namespace sluice::dataflow {

class WindowOperator final : public Operator {
 public:
  // Queries run on a connection of its own to the context's instance.
  WindowOperator(duckdb::ClientContext& context, const Window& node);
  ~WindowOperator() override;
  Delta step(std::span<const Delta* const> inputs) override;
  void fill(size_t input, const BatchPtr& rows, const Emit& emit) override;
  void finish_fill(const Emit& emit) override;
  OperatorState state() const override;

 private:
  // Puts the rows of the output for the partitions with these keys into the state and `changes`.
  void compute(std::span<const std::string> keys, Sums& changes);
  // The same; those that fail are in errors_ instead.
  void compute_or_fail(std::span<const std::string> keys, Sums& changes);
  void take_back(const std::string& key, Sums& changes);

  const Window& node_;
  std::vector<ExpressionPtr> calls_;
  const arrangement::RowCodec keys_;
  const arrangement::KeyedCodec input_;
  const arrangement::RowCodec output_;
  arrangement::Arrangement rows_;
  arrangement::Arrangement given_;                 // by partition: rows of the output, exact
  std::unordered_map<std::string, Error> failed_;  // partitions
  std::unique_ptr<duckdb::Connection> connection_;
};

}  // namespace sluice::dataflow
