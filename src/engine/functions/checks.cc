// What the engine would let pass, or say less about, judged when a call is bound and the types of
// its arguments are known:
//
//   sluice_missing(name, place, …)             a function that does not exist: 42883 with the
//                                              arguments' types, at the place (0: none)
//   sluice_condition(x, what, place)           x, which must be boolean: `argument of WHERE must be
//                                              type boolean, not type text` (42804)
//   current_user() and other names that PostgreSQL has without parentheses: the engine makes calls
//   of them where a quoted name is no column's, so that here it is told: 42703. The unquoted ones
//   are answered before the engine sees them.
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/parser/parsed_data/create_scalar_function_info.hpp>

#include "engine/errors.h"
#include "engine/functions/native_call.h"
#include "engine/functions/raise.h"
#include "engine/functions/type_words.h"

namespace sluice::engine::functions {
namespace {

using duckdb::LogicalTypeId;
using duckdb::ScalarFunction;
using duckdb::StringValue;
using BindInput = duckdb::FunctionBindExpressionInput;

const Value& constant_of(const duckdb::Expression& expression) {
  return expression.Cast<duckdb::BoundConstantExpression>().value;
}

int32_t place_of(const duckdb::Expression& expression) {
  return constant_of(expression).GetValue<int32_t>();
}

BoundExpression bind_missing(BindInput& input) {
  std::string types;
  for (size_t i = 2; i < input.children.size(); ++i) {
    if (i > 2) types += ", ";
    types += argument_word(*input.children[i]);
  }
  raise(invalid("function {}({}) does not exist", StringValue::Get(constant_of(*input.children[0])),
                types)
            .with_sqlstate("42883")
            .with_hint("No function matches the given name and argument types. You might need to "
                       "add explicit type casts.")
            .at(place_of(*input.children[1])));
}

// A quoted literal is read as a boolean, and a parameter becomes one.
BoundExpression bind_condition(BindInput& input) {
  BoundExpression& value = input.children[0];
  const LogicalTypeId type = value->return_type.id();
  if (type == LogicalTypeId::BOOLEAN) return std::move(value);
  if (type == LogicalTypeId::UNKNOWN || argument_word(*value) == "unknown") {
    return bound_cast(input.context, std::move(value), LogicalType::BOOLEAN);
  }
  raise(invalid("argument of {} must be type boolean, not type {}",
                StringValue::Get(constant_of(*input.children[1])), type_word(value->return_type))
            .with_sqlstate("42804")
            .at(place_of(*input.children[2])));
}

template <const char* kColumn>
BoundExpression bind_no_column(BindInput&) {
  raise(invalid("column \"{}\" does not exist", kColumn).with_sqlstate("42703"));
}

template <const char* kColumn>
void add_no_column(duckdb::DatabaseInstance& database, const char* function) {
  ScalarFunction call(function, {}, LogicalType::VARCHAR, nullptr);
  call.bind_expression = bind_no_column<kColumn>;
  // Another overload beside the engine's would be ambiguous.
  duckdb::CreateScalarFunctionInfo info(std::move(call));
  info.on_conflict = duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
  duckdb::Catalog::GetSystemCatalog(database).CreateFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(database), info);
}

constexpr char kCatalog[] = "current_catalog", kDate[] = "current_date",
               kSchema[] = "current_schema", kRole[] = "current_role", kTime[] = "current_time",
               kTimestamp[] = "current_timestamp", kCurrentUser[] = "current_user",
               kLocalTime[] = "localtime", kLocalTimestamp[] = "localtimestamp",
               kSessionUser[] = "session_user", kUser[] = "user";

}  // namespace

std::string type_word(const LogicalType& type) {
  if (type.id() == LogicalTypeId::LIST)
    return type_word(duckdb::ListType::GetChildType(type)) + "[]";
  if (type.id() == LogicalTypeId::SQLNULL || type.id() == LogicalTypeId::UNKNOWN) return "unknown";
  if (type.id() == LogicalTypeId::DECIMAL) return "numeric";
  if (type.id() == LogicalTypeId::STRUCT) return "record";
  return with_sql_type_names(type.ToString());
}

std::string argument_word(const duckdb::Expression& argument) {
  const bool literal = argument.GetExpressionClass() == duckdb::ExpressionClass::BOUND_CONSTANT &&
                       argument.return_type.id() == LogicalTypeId::VARCHAR;
  return literal ? "unknown" : type_word(argument.return_type);
}

void register_checks(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR, integer = LogicalType::INTEGER;
  ScalarFunction missing("sluice_missing", {text, integer}, LogicalType::SQLNULL, nullptr);
  missing.varargs = LogicalType::ANY;
  missing.bind_expression = bind_missing;
  // Or a NULL among the arguments would make it NULL.
  missing.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  add_function(database, std::move(missing));
  ScalarFunction condition("sluice_condition", {LogicalType::ANY, text, integer},
                           LogicalType::BOOLEAN, nullptr);
  condition.bind_expression = bind_condition;
  condition.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  add_function(database, std::move(condition));
  add_no_column<kCatalog>(database, "current_catalog");
  add_no_column<kDate>(database, "current_date");
  add_no_column<kSchema>(database, "current_schema");
  add_no_column<kRole>(database, "current_role");
  add_no_column<kTime>(database, "get_current_time");
  add_no_column<kTimestamp>(database, "get_current_timestamp");
  add_no_column<kCurrentUser>(database, "current_user");
  add_no_column<kLocalTime>(database, "current_localtime");
  add_no_column<kLocalTimestamp>(database, "current_localtimestamp");
  add_no_column<kSessionUser>(database, "session_user");
  add_no_column<kUser>(database, "user");
}

}  // namespace sluice::engine::functions
