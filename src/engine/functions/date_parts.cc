// Parts of dates and times with PostgreSQL's types. DuckDB's own functions do the work:
//
//   sluice_extract(field, x)      extract(field FROM x): numeric, seconds with their fraction
//   sluice_date_part(field, x)    the same as a double
//   sluice_date_trunc(field, x)   of the argument's own type (DuckDB makes dates of timestamps);
//                                 a date becomes a timestamptz, as in PostgreSQL
//   sluice_date_trunc(field, timestamptz, zone)
#include <algorithm>

#include "engine/errors.h"
#include "engine/functions/native_call.h"
#include "engine/functions/raise.h"

namespace sluice::engine::functions {
namespace {

using duckdb::ClientContext;
using duckdb::LogicalTypeId;
using duckdb::ScalarFunction;
using BindInput = duckdb::FunctionBindExpressionInput;

const char* type_word(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::DATE:
      return "date";
    case LogicalTypeId::TIME:
      return "time without time zone";
    case LogicalTypeId::TIMESTAMP:
      return "timestamp without time zone";
    case LogicalTypeId::TIMESTAMP_TZ:
      return "timestamp with time zone";
    case LogicalTypeId::INTERVAL:
      return "interval";
    default:
      return nullptr;
  }
}

void check_argument(const char* function, const LogicalType& type) {
  if (type.id() == LogicalTypeId::UNKNOWN) throw duckdb::ParameterNotResolvedException();
  if (type_word(type) == nullptr) {
    raise(invalid("function {}(text, {}) does not exist", function,
                  with_sql_type_names(type.ToString()))
              .with_sqlstate("42883"));
  }
}

// The field's name in small letters; it decides how the value is made, so it must be known.
std::string constant_field(ClientContext& context, const duckdb::Expression& expression) {
  if (expression.return_type.id() == LogicalTypeId::UNKNOWN) {
    throw duckdb::ParameterNotResolvedException();
  }
  if (!expression.IsFoldable()) {
    raise(invalid("the field of extract() and date_part() must be a constant")
              .with_sqlstate("0A000"));
  }
  const Value value = duckdb::ExpressionExecutor::EvaluateScalar(context, expression);
  if (value.IsNull()) return "";
  std::string field = value.ToString();
  for (char& c : field) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return field;
}

bool is_one_of(const std::string& field, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), field) != names.end();
}

void check_field(const std::string& field, const LogicalType& type) {
  const bool known = is_one_of(
      field, {"century", "centuries", "day",         "days",           "decade",        "decades",
              "dow",     "doy",       "epoch",       "hour",           "hours",         "isodow",
              "isoyear", "julian",    "microsecond", "microseconds",   "millennium",    "millennia",
              "minute",  "minutes",   "millisecond", "milliseconds",   "month",         "months",
              "quarter", "second",    "seconds",     "timezone",       "timezone_hour", "week",
              "weeks",   "year",      "years",       "timezone_minute"});
  if (!known) {
    raise(invalid("unit \"{}\" not recognized for type {}", field, type_word(type))
              .with_sqlstate("22023"));
  }
}

LogicalType numeric() { return LogicalType::DECIMAL(38, 10); }

BoundExpression part(ClientContext& context, const char* field, BoundExpression value) {
  return bound_call(context, "date_part", bound_constant(Value(field)), std::move(value));
}

BoundExpression divided(ClientContext& context, BoundExpression number, int32_t by) {
  return bound_call(context, "sluice_div", bound_cast(context, std::move(number), numeric()),
                    bound_constant(Value::INTEGER(by)));
}

BoundExpression extract_as_numeric(BindInput& input, const char* function) {
  ClientContext& context = input.context;
  BoundExpression value = std::move(input.children[1]);
  check_argument(function, value->return_type);
  const std::string field = constant_field(context, *input.children[0]);
  if (field.empty()) return bound_constant(Value(numeric()));
  check_field(field, value->return_type);
  if (is_one_of(field, {"second", "seconds"})) {
    return divided(context, part(context, "microseconds", std::move(value)), 1'000'000);
  }
  if (is_one_of(field, {"millisecond", "milliseconds"})) {
    return divided(context, part(context, "microseconds", std::move(value)), 1'000);
  }
  const LogicalTypeId type = value->return_type.id();
  if (field == "epoch" && (type == LogicalTypeId::DATE || type == LogicalTypeId::TIMESTAMP ||
                           type == LogicalTypeId::TIMESTAMP_TZ)) {
    if (type == LogicalTypeId::DATE) {
      value = bound_cast(context, std::move(value), LogicalType::TIMESTAMP);
    }
    return divided(context, bound_call(context, "epoch_us", std::move(value)), 1'000'000);
  }
  return bound_cast(context, part(context, field.c_str(), std::move(value)), numeric());
}

BoundExpression bind_extract(BindInput& input) { return extract_as_numeric(input, "extract"); }

BoundExpression bind_date_part(BindInput& input) {
  return bound_cast(input.context, extract_as_numeric(input, "date_part"), LogicalType::DOUBLE);
}

BoundExpression truncated(ClientContext& context, BoundExpression field, BoundExpression value) {
  const LogicalType type = value->return_type;
  return bound_cast(context, bound_call(context, "date_trunc", std::move(field), std::move(value)),
                    type);
}

// Centuries and millennia begin with the year 1, and not with the engine's year 0.
bool begins_with_year_1(ClientContext& context, const duckdb::Expression& field) {
  return field.IsFoldable() && is_one_of(constant_field(context, field),
                                         {"century", "centuries", "millennium", "millennia"});
}

BoundExpression shifted(ClientContext& context, BoundExpression value, int32_t months) {
  return bound_call(context, "+", std::move(value), bound_constant(Value::INTERVAL(months, 0, 0)));
}

BoundExpression bind_date_trunc(BindInput& input) {
  ClientContext& context = input.context;
  BoundExpression value = std::move(input.children[1]);
  const bool from_1 = value->return_type.id() != LogicalTypeId::INTERVAL &&
                      begins_with_year_1(context, *input.children[0]);
  check_argument("date_trunc", value->return_type);
  if (value->return_type.id() == LogicalTypeId::DATE) {
    value = bound_cast(context, std::move(value), LogicalType::TIMESTAMP_TZ);
  }
  if (from_1) value = shifted(context, std::move(value), -12);
  value = truncated(context, std::move(input.children[0]), std::move(value));
  return from_1 ? shifted(context, std::move(value), 12) : std::move(value);
}

BoundExpression bind_date_trunc_in_zone(BindInput& input) {
  ClientContext& context = input.context;
  BoundExpression zone = std::move(input.children[2]);
  BoundExpression local =
      bound_call(context, "timezone", zone->Copy(), std::move(input.children[1]));
  return bound_call(context, "timezone", std::move(zone),
                    truncated(context, std::move(input.children[0]), std::move(local)));
}

void add_bound(duckdb::DatabaseInstance& database, const char* name,
               duckdb::vector<LogicalType> arguments, const LogicalType& result,
               duckdb::function_bind_expression_t bind) {
  ScalarFunction function(name, std::move(arguments), result, nullptr);
  function.bind_expression = bind;
  add_function(database, std::move(function));
}

}  // namespace

void register_date_parts(duckdb::DatabaseInstance& database) {
  const LogicalType text = LogicalType::VARCHAR, any = LogicalType::ANY;
  add_bound(database, "sluice_extract", {text, any}, numeric(), bind_extract);
  add_bound(database, "sluice_date_part", {text, any}, LogicalType::DOUBLE, bind_date_part);
  add_bound(database, "sluice_date_trunc", {text, any}, any, bind_date_trunc);
  add_bound(database, "sluice_date_trunc", {text, LogicalType::TIMESTAMP_TZ, text},
            LogicalType::TIMESTAMP_TZ, bind_date_trunc_in_zone);
}

}  // namespace sluice::engine::functions
