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

// How a view comes to its first rows.
enum class Beginning : uint8_t {
  kEmpty,   // a tick without any
  kFilled,  // by fill(), which has to be called first
};

class ViewUnderTest {
 public:
  // Rows of each table that come (+) and go (-).
  using Changes = std::map<std::string, std::vector<std::pair<Row, int64_t>>>;

  // Fails the test when the query cannot be a view. DuckDB is asked `judge` where it is not empty:
  // the same in words of which it makes one answer, and the right one.
  ViewUnderTest(std::vector<SourceTable> tables, const std::string& sql,
                const std::string& judge = "", Beginning beginning = Beginning::kEmpty);
  ~ViewUnderTest();

  bool made() const { return graph_ != nullptr; }
  Graph& graph() { return *graph_; }
  // As one tick.
  void apply(const Changes& changes);
  // In many pieces, one table after another or all at once; half of the time without the rows that
  // a scan may leave out. Rows only come.
  void fill_random(std::mt19937& random, RandomOptions options);
  // Random changes of random tables, as one tick.
  void apply_random(std::mt19937& random, const RandomOptions& options);
  // A random part of its graph goes into a graph of its own, as if other views read it, too. False:
  // there is none that could.
  bool split_random(std::mt19937& random);
  // The time of what comes next, for a view with conditions on time.
  void set_time(uint64_t now) { now_ = now; }
  uint64_t time() const { return now_; }
  // Whether the view is what DuckDB's answer from scratch is, with the time as its parameter $1 if
  // it has one; else what differs.
  std::string difference() { return difference_at(now_); }
  std::string difference_at(uint64_t time);
  // How often DuckDB was asked, by all views of this process.
  static size_t judged() { return judged_; }
  // How many scans of a filling left out what their filters drop.
  static size_t conditions() { return conditions_; }
  // What the view holds, as keys of rows with counts.
  const std::map<std::string, int64_t>& rows() const { return rows_; }

 private:
  struct Judge;
  Changes random_changes(std::mt19937& random, const RandomOptions& options);
  // Takes them into the model, too.
  Graph::Changes batches_of(const Changes& changes, size_t rows_each);
  void leave_out(const SourceTable& table, Delta& pieces);
  void fill_judge();
  std::optional<Error> error() const;
  std::string text(const std::string& key) const;

  std::vector<SourceTable> tables_;
  const std::string judge_sql_;
  uint64_t now_ = 0;
  std::unique_ptr<Graph> graph_;
  std::vector<std::pair<SourceId, std::unique_ptr<Graph>>> parts_;  // each reads those before it
  std::unique_ptr<Judge> judge_;
  static inline size_t judged_ = 0;
  static inline size_t conditions_ = 0;
  std::map<std::string, std::vector<Row>> model_;
  std::map<std::string, int64_t> rows_;
};

// A random value of a type: few different ones, -0.0 and NaN among them.
engine::Value random_value(std::mt19937& random, const engine::LogicalType& type,
                           const RandomOptions& options);

}  // namespace sluice::dataflow::testing
