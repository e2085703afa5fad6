// The parts that register_functions() puts together, one call a file.
#pragma once

#include <duckdb/function/scalar_function.hpp>
#include <duckdb/main/database.hpp>

#include "engine/chunk.h"

namespace sluice::engine::functions {

void register_aggregates(duckdb::DatabaseInstance& database);
void register_checks(duckdb::DatabaseInstance& database);
void register_alias_order(duckdb::DatabaseInstance& database);
void register_arrays(duckdb::DatabaseInstance& database);
void register_intervals(duckdb::DatabaseInstance& database);
void register_json_build(duckdb::DatabaseInstance& database);
void register_number_templates(duckdb::DatabaseInstance& database);
void register_date_templates(duckdb::DatabaseInstance& database);
void register_regexps(duckdb::DatabaseInstance& database);
void register_casts(duckdb::DatabaseInstance& database);
void register_arithmetic(duckdb::DatabaseInstance& database);
void register_exact_floats(duckdb::DatabaseInstance& database);
void register_logical_time(duckdb::DatabaseInstance& database);
void register_json(duckdb::DatabaseInstance& database);
void register_json_operators(duckdb::DatabaseInstance& database);
void register_sleep(duckdb::DatabaseInstance& database);
void register_strings(duckdb::DatabaseInstance& database);
void register_date_parts(duckdb::DatabaseInstance& database);
void register_numbers(duckdb::DatabaseInstance& database);
void register_text_functions(duckdb::DatabaseInstance& database);
void register_to_char(duckdb::DatabaseInstance& database);

// Adds to what is there under that name, or replaces the function of the same arguments.
void add_function(duckdb::DatabaseInstance& database, duckdb::ScalarFunction function);

// The session's time zone, UTC where there is none.
const class TimeZone& session_zone(duckdb::optional_ptr<duckdb::ClientContext> context);

}  // namespace sluice::engine::functions
