// A view kept by a graph beside the tables it reads, and DuckDB to say what it should be.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "dataflow/graph.h"
#include "dataflow/planner.h"

namespace sluice::dataflow::testing {

using Row = std::vector<engine::Value>;

struct RandomOptions {
  size_t rows = 10;  // changed in a tick
  double deletes = 0.4;
  double nulls = 0.15;
  int64_t values = 5;  // different ones of a column, about
  // A value that is not NULL for the column of this name; not set: by its type.
  std::function<engine::Value(std::mt19937&, const std::string& column)> make = {};
};

class ViewUnderTest {
 public:
  // Fails the test when the query cannot be a view. DuckDB is asked `judge` where it is not empty:
  // the same in words of which it makes one answer, and the right one.
  ViewUnderTest(std::vector<SourceTable> tables, const std::string& sql,
                const std::string& judge = "");
  ~ViewUnderTest();

  bool made() const { return graph_ != nullptr; }
  Graph& graph() { return *graph_; }
  // Rows that come (+1) and go (-1), as one tick.
  void apply(const std::map<std::string, std::vector<std::pair<Row, int64_t>>>& changes);
  // Random changes of random tables, as one tick.
  void apply_random(std::mt19937& random, const RandomOptions& options);
  // Whether the view is what DuckDB's answer from scratch is; else what differs.
  std::string difference();
  // What the view holds, as keys of rows with counts.
  const std::map<std::string, int64_t>& rows() const { return rows_; }

 private:
  struct Judge;
  void fill_judge();
  std::string text(const std::string& key) const;

  std::vector<SourceTable> tables_;
  const std::string judge_sql_;
  std::unique_ptr<Graph> graph_;
  std::unique_ptr<Judge> judge_;
  std::map<std::string, std::vector<Row>> model_;
  std::map<std::string, int64_t> rows_;
};

// A random value of a type: few different ones, -0.0 and NaN among them.
engine::Value random_value(std::mt19937& random, const engine::LogicalType& type,
                           const RandomOptions& options);

}  // namespace sluice::dataflow::testing
