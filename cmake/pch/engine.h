// All of DuckDB, for what runs it.
#pragma once
#include <duckdb.hpp>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/common/file_system.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/function/copy_function.hpp>
#include <duckdb/function/scalar_function.hpp>
#include <duckdb/function/table_function.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/parsed_data/create_scalar_function_info.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>

#include "duckdb.h"
