// Lookups by key: what a WHERE says that columns of a row must be equal to, as keys of an index.
//
// A lookup is only made where it gives what a scan would give: a constant must mean, in the type of
// the column, exactly what the comparison means. Where that isn't certain (an integer column and
// 5.5, a date and a timestamp), the rows are scanned.
//
// Threads: pure functions.
#pragma once

#include <duckdb/parser/parsed_expression.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "sql/catalog.h"
#include "sql/front/statement.h"

namespace sluice::sql {

// `column = value` or `column IN (values)`, as one of the conditions that all must hold.
struct KeyCondition {
  std::vector<std::string> column;                      // as written: {"k"} or {"t", "k"}
  std::vector<const duckdb::ParsedExpression*> values;  // of the WHERE, which must outlive this
};
std::vector<KeyCondition> key_conditions(const duckdb::ParsedExpression& where);

// What stands for the values of a statement.
struct Constants {
  const std::vector<engine::Value>* parameters = nullptr;  // $1 is the first; null: not known yet
  // The value of an expression without relations; may be empty.
  std::function<Result<engine::Value>(ExpressionPtr)> evaluate;
};

// The values of a condition in the type of its column. Those that no row can be equal to are left
// out. Nothing: an index must not be used.
std::optional<std::vector<engine::Value>> key_values(const KeyCondition& condition,
                                                     const engine::LogicalType& column,
                                                     const Constants& constants);

// Each combination of the columns' values as a row, in chunks' order. Nothing: more than `most`.
// Of no values for a column: no rows.
std::optional<std::vector<std::vector<engine::Value>>> combinations(
    const std::vector<std::vector<engine::Value>>& columns, size_t most);

// Whether columns of the type can be in the key of an index.
bool is_indexable(const types::SqlType& type);

}  // namespace sluice::sql
