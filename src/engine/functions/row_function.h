// Functions that are called value by value: short to write, and slow, so that none of them is meant
// for the inner loop of a scan.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/functions/native_call.h"

namespace sluice::engine::functions {

using Values = std::vector<Value>;
using RowFunction = Value (*)(const Values& arguments, const LogicalType& result);

inline const std::string& text_of(const Value& value) { return duckdb::StringValue::Get(value); }

// Calls a function for each row; any NULL makes NULL unless `kNulls`.
template <RowFunction kFunction, bool kNulls>
void each_row(duckdb::DataChunk& input, duckdb::ExpressionState&, Vector& result) {
  Values arguments(input.ColumnCount());
  for (idx_t row = 0; row < input.size(); ++row) {
    bool null = false;
    for (size_t i = 0; i < arguments.size(); ++i) {
      arguments[i] = input.data[i].GetValue(row);
      null = null || arguments[i].IsNull();
    }
    result.SetValue(
        row, null && !kNulls ? Value(result.GetType()) : kFunction(arguments, result.GetType()));
  }
  if (input.AllConstant()) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
}

template <RowFunction kFunction, bool kNulls = false>
void add_rowwise(duckdb::DatabaseInstance& database, const char* name,
                 duckdb::vector<LogicalType> arguments, const LogicalType& result,
                 const LogicalType& others = LogicalType(duckdb::LogicalTypeId::INVALID)) {
  duckdb::ScalarFunction function(name, std::move(arguments), result, each_row<kFunction, kNulls>);
  function.varargs = others;
  if (kNulls) function.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  add_function(database, std::move(function));
}

template <RowFunction kFunction>
void add_rowwise(duckdb::DatabaseInstance& database, const char* name,
                 duckdb::vector<LogicalType> arguments, const LogicalType& result,
                 duckdb::function_bind_expression_t bind) {
  duckdb::ScalarFunction function(name, std::move(arguments), result, each_row<kFunction, false>);
  function.bind_expression = bind;
  add_function(database, std::move(function));
}

// A call that becomes another one, or fails, when it is bound.
inline void add_bound(duckdb::DatabaseInstance& database, const char* name,
                      duckdb::vector<LogicalType> arguments, const LogicalType& result,
                      duckdb::function_bind_expression_t bind,
                      const LogicalType& others = LogicalType(duckdb::LogicalTypeId::INVALID)) {
  duckdb::ScalarFunction function(name, std::move(arguments), result, nullptr);
  function.bind_expression = bind;
  function.varargs = others;
  function.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  add_function(database, std::move(function));
}

inline size_t characters_of(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (c & 0xc0) != 0x80;
  return count;
}

// Where the character with this index (from 0) begins, at most the end.
inline size_t byte_of_character(std::string_view text, int64_t index) {
  size_t at = 0;
  for (int64_t i = 0; i < index && at < text.size(); ++i) {
    ++at;
    while (at < text.size() && (text[at] & 0xc0) == 0x80) ++at;
  }
  return at;
}

}  // namespace sluice::engine::functions
