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

// Whether values of one type are compared with the other's, and stored in its columns, as
// PostgreSQL has it: what it refuses here, the engine would read as text or from text.
bool are_comparable(const duckdb::LogicalType& left, const duckdb::LogicalType& right);
bool is_assignable(const duckdb::LogicalType& from, const duckdb::LogicalType& to);

}  // namespace sluice::engine::functions
