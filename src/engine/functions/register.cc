#include "engine/functions/register.h"

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/parsed_data/create_scalar_function_info.hpp>

#include "engine/functions/parts.h"
#include "engine/functions/time_zone.h"

namespace sluice::engine::functions {

void add_function(duckdb::DatabaseInstance& database, duckdb::ScalarFunction function) {
  // Most can fail, so none is evaluated for rows that a filter takes away.
  function.errors = duckdb::FunctionErrors::CAN_THROW_RUNTIME_ERROR;
  duckdb::CreateScalarFunctionInfo info(std::move(function));
  info.on_conflict = duckdb::OnCreateConflict::ALTER_ON_CONFLICT;
  duckdb::Catalog::GetSystemCatalog(database).CreateFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(database), info);
}

const TimeZone& session_zone(duckdb::optional_ptr<duckdb::ClientContext> context) {
  Value name;
  if (!context || !context->TryGetCurrentSetting("TimeZone", name) || name.IsNull()) {
    return TimeZone::utc();
  }
  const TimeZone* zone = TimeZone::find(name.ToString());
  return zone != nullptr ? *zone : TimeZone::utc();
}

void register_functions(duckdb::DatabaseInstance& database) {
  register_casts(database);
  register_exact_floats(database);
  register_alias_order(database);
  register_arithmetic(database);
  register_json(database);
  register_strings(database);
  register_to_char(database);
  register_aggregates(database);
  register_date_parts(database);
  register_text_functions(database);
  register_numbers(database);
  register_json_operators(database);
  register_sleep(database);
  register_logical_time(database);
  register_checks(database);
  register_arrays(database);
  register_intervals(database);
  register_json_build(database);
  register_regexps(database);
  register_date_templates(database);
  register_number_templates(database);
}

}  // namespace sluice::engine::functions
