// Expressions that are put together from functions by name when a call of ours is bound: they then
// cost what the engine's own do, and its optimizer sees through them.
#pragma once

#include <duckdb/function/function_binder.hpp>
#include <duckdb/function/scalar_function.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>

#include "engine/functions/parts.h"

namespace sluice::engine::functions {

using BoundExpression = duckdb::unique_ptr<duckdb::Expression>;
using BoundExpressions = duckdb::vector<BoundExpression>;

inline BoundExpression bound_constant(Value value) {
  return duckdb::make_uniq<duckdb::BoundConstantExpression>(std::move(value));
}

inline BoundExpression bound_cast(duckdb::ClientContext& context, BoundExpression child,
                                  const LogicalType& type) {
  return duckdb::BoundCastExpression::AddCastToType(context, std::move(child), type);
}

inline BoundExpression bound_call(duckdb::ClientContext& context, const char* name,
                                  BoundExpressions children, bool is_operator = false) {
  duckdb::ErrorData failure;
  duckdb::FunctionBinder binder(context);
  auto bound = binder.BindScalarFunction("main", name, std::move(children), failure, is_operator);
  if (!bound) failure.Throw();
  return bound;
}

template <typename... Children>
BoundExpression bound_call(duckdb::ClientContext& context, const char* name, BoundExpression first,
                           Children... others) {
  BoundExpressions children;
  children.push_back(std::move(first));
  (children.push_back(std::move(others)), ...);
  return bound_call(context, name, std::move(children));
}

}  // namespace sluice::engine::functions
