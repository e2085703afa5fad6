// The names of types in PostgreSQL's errors about functions and operators.
#pragma once

#include <duckdb/planner/expression.hpp>
#include <string>
#include <vector>

namespace sluice::engine::functions {

// Without lengths: numeric, character varying, integer[].
std::string type_word(const duckdb::LogicalType& type);
// `unknown` for a literal in quotes and for NULL.
std::string argument_word(const duckdb::Expression& argument);

}  // namespace sluice::engine::functions
