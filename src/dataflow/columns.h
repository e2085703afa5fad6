// Bound expressions of DuckDB's over the rows of our nodes: references by binding become references
// by index, and what a node needs computed becomes columns of a Project below it.
//
// Threads: one at a time.
#pragma once

#include <duckdb/planner/column_binding.hpp>
#include <duckdb/planner/expression.hpp>

#include "base/result.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

using Bindings = duckdb::vector<duckdb::ColumnBinding>;

// A node, and what DuckDB calls its columns.
struct Compiled {
  NodePtr node;
  Bindings bindings;
};

// A copy with references into `input`'s columns. A column that is not there is a bug of the
// planner's, and an error.
Result<ExpressionPtr> resolved(const duckdb::Expression& expression, const Compiled& input);

// Replaces the references within `expression` in place.
Status resolve(ExpressionPtr& expression, const Compiled& input);

// The column that an expression is, when it is no more than a reference.
std::optional<size_t> plain_column(const duckdb::Expression& expression);

ExpressionPtr reference(const Node& input, size_t column);

// Left ++ right.
Compiled side_by_side(const Compiled& left, const Compiled& right);

std::shared_ptr<Project> project(NodePtr input, std::vector<ExpressionPtr> expressions);

// `input` with these columns only, in this order; `input` itself when that is what it has.
NodePtr pick(NodePtr input, const std::vector<size_t>& columns);

// The rows of `input` for which all conditions are true; those on time are the last to be asked.
NodePtr filtered(NodePtr input, std::vector<ExpressionPtr> conditions);

// Columns of `input` and expressions over them, as columns of a node that has them all.
class Columns {
 public:
  explicit Columns(NodePtr input) : input_(std::move(input)) {}

  // A number for the expression, the same for an equal one. It must refer to `input`.
  size_t add(ExpressionPtr expression);

  // Ends adding: `input` with what is computed behind its columns.
  void widen();
  // Ends adding: only what was added, unless `input` has it all.
  void narrow();

  // After either. The node, and where in it an added expression is.
  const NodePtr& node() const { return output_; }
  size_t at(size_t number) const { return places_[number]; }
  ExpressionPtr reference_to(size_t number) const { return reference(*output_, at(number)); }

 private:
  bool all_plain() const;

  const NodePtr input_;
  std::vector<ExpressionPtr> added_;
  NodePtr output_;  // this and the next: once adding has ended
  std::vector<size_t> places_;
};

}  // namespace sluice::dataflow
