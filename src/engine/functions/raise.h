// How a function that the engine calls reports an error of ours: an exception that carries the
// SQLSTATE, detail and hint through DuckDB in its extra information (keys "sqlstate", "detail",
// "hint", "place"), from where engine_error() takes them again.
#pragma once

#include <duckdb/common/exception.hpp>
#include <string>
#include <unordered_map>

#include "base/result.h"

namespace sluice::engine::functions {

[[noreturn]] inline void raise(const Error& failure) {
  std::unordered_map<std::string, std::string> extra;
  extra["sqlstate"] = failure.sqlstate;
  if (!failure.detail.empty()) extra["detail"] = failure.detail;
  if (!failure.hint.empty()) extra["hint"] = failure.hint;
  if (failure.position > 0) extra["place"] = std::to_string(failure.position);
  throw duckdb::Exception(duckdb::ExceptionType::INVALID_INPUT, failure.message, extra);
}

template <typename T>
T value_or_raise(Result<T> result) {
  if (!result.ok()) raise(result.error());
  return std::move(result).value();
}

}  // namespace sluice::engine::functions
