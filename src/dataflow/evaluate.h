// Scalar expressions over chunks, evaluated by DuckDB, with the rows that fail set aside.
//
// DuckDB evaluates a chunk or throws for all of it; what throws is done again row by row, so that
// an error belongs to its row. Conditions are taken apart at AND and OR and evaluated from left to
// right, each on the rows for which it matters: DuckDB's own way changes the order as it goes, so
// that a row could fail when it comes and not when it leaves.
//
// Threads: one at a time.
#pragma once

#include <duckdb/execution/expression_executor.hpp>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataflow/plan.h"

namespace sluice::dataflow {

struct Failure {
  uint32_t row;
  Error error;
};

// Some expressions, each to become a column.
class Projector {
 public:
  // The expressions must outlive it.
  Projector(duckdb::ClientContext& context, const std::vector<const duckdb::Expression*>& all);

  // Initializes `out` and fills it with a row for each row of `rows` that could be evaluated, in
  // order; the others are in `failures`, ascending.
  void evaluate(engine::Chunk& rows, engine::Chunk& out, std::vector<Failure>& failures);

 private:
  void one_by_one(engine::Chunk& rows, engine::Chunk& out, std::vector<Failure>& failures);

  std::vector<engine::LogicalType> types_;
  // Of each column: the input's if it is nothing else, or kComputed.
  static constexpr size_t kComputed = static_cast<size_t>(-1);
  std::vector<size_t> passed_;
  duckdb::ExpressionExecutor executor_;  // of those that are computed
  std::vector<engine::LogicalType> computed_types_;
};

enum class Truth : uint8_t { kFalse, kTrue, kNull, kFailed };

// A BOOLEAN expression in SQL's three values.
class Condition {
 public:
  // Which of a row's conditions are asked after one that is NULL: its value tells NULL from FALSE
  // only in three values, and needs the others for that. As in WHERE, a row that is lost already
  // cannot fail.
  enum class Values : uint8_t { kTrueOrNot, kThree };
  // All of them have to hold. They must outlive it.
  Condition(duckdb::ClientContext& context, const std::vector<const duckdb::Expression*>& all,
            Values values);
  ~Condition();

  // result[i] for row i; `result` is made as long as `rows`.
  void evaluate(engine::Chunk& rows, std::vector<Truth>& result, std::vector<Failure>& failures);

 private:
  struct Part;
  static std::unique_ptr<Part> make(duckdb::ClientContext& context,
                                    const duckdb::Expression& expression, Values values);
  static void run(Part& part, engine::Chunk& rows, const std::vector<uint32_t>& asked,
                  std::vector<Truth>& result, std::vector<Failure>& failures);
  static void run_all(Part& part, engine::Chunk& rows, std::vector<uint32_t> asked,
                      std::vector<Truth>& result, std::vector<Failure>& failures);
  static void run_leaf(Part& part, engine::Chunk& rows, const std::vector<uint32_t>& asked,
                       std::vector<Truth>& result, std::vector<Failure>& failures);

  std::unique_ptr<Part> root_;
};

}  // namespace sluice::dataflow
