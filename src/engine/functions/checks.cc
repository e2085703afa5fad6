// What the engine would let pass, or say less about, judged when a call is bound and the types of
// its arguments are known:
//
//   sluice_missing(name, place, …)             a function that does not exist: 42883 with the
//                                              arguments' types, at the place (0: none)
//   sluice_condition(x, what)                  x, which must be boolean: `argument of WHERE must be
//                                              type boolean, not type text` (42804)
//   sluice_compare(x, y, operator)             x < y: 42883 where their types are not compared
//   sluice_among(x, y, operator)               x, of x IN (y, …): the same
//   sluice_assign(x, y, column)                x as the type of y, for a column: 42804 where it
//                                              does not go there without a cast
//   sluice_shown(x)                            x, but booleans as the texts t and f: for concat()
//   sluice_continuous(x)                       x, but numerics as doubles: for percentile_cont()
//   sluice_list_like(x, y)                     x; a literal or parameter as a list of what y is
//   sluice_required(x, column)                 x; a row where it is NULL is an error (23502)
//   current_user() and other names that PostgreSQL has without parentheses: the engine makes calls
//   of them where a quoted name is no column's, so that here it is told: 42703. The unquoted ones
//   are answered before the engine sees them.
#include <array>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/parser/parsed_data/create_scalar_function_info.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression_binder.hpp>

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

// Where the parser found it. Not an argument: the same expression in GROUP BY stands elsewhere.
int32_t location_of(const duckdb::Expression& expression) {
  const duckdb::optional_idx location = expression.GetQueryLocation();
  return location.IsValid() ? static_cast<int32_t>(location.GetIndex()) + 1 : 0;
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
            .at(location_of(*value)));
}

enum class Kind : uint8_t {
  kNumber,
  kText,
  kBoolean,
  kTimestamp,  // and dates
  kTime,
  kInterval,
  kUuid,
  kBytes,
  kJson,
  kOther,  // judged by the engine
};

Kind kind_of(const LogicalType& type) {
  // oid and mz_timestamp are read from several others.
  if (type.HasAlias() && !type.IsJSONType()) return Kind::kOther;
  if (type.IsNumeric()) return Kind::kNumber;
  switch (type.id()) {
    case LogicalTypeId::VARCHAR:
      return type.IsJSONType() ? Kind::kJson : Kind::kText;
    case LogicalTypeId::BOOLEAN:
      return Kind::kBoolean;
    case LogicalTypeId::DATE:
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
      return Kind::kTimestamp;
    case LogicalTypeId::TIME:
      return Kind::kTime;
    case LogicalTypeId::INTERVAL:
      return Kind::kInterval;
    case LogicalTypeId::UUID:
      return Kind::kUuid;
    case LogicalTypeId::BLOB:
      return Kind::kBytes;
    default:
      return Kind::kOther;
  }
}

// Literals in quotes and parameters take the other's type.
bool has_own_type(const duckdb::Expression& argument) {
  return argument.return_type.id() != LogicalTypeId::UNKNOWN &&
         argument_word(argument) != "unknown";
}

void check_comparable(const duckdb::Expression& left, const duckdb::Expression& right,
                      const duckdb::Expression& operation) {
  if (!has_own_type(left) || !has_own_type(right)) return;
  if (are_comparable(left.return_type, right.return_type)) return;
  raise(invalid("operator does not exist: {} {} {}", type_word(left.return_type),
                StringValue::Get(constant_of(operation)), type_word(right.return_type))
            .with_sqlstate("42883")
            .with_hint("No operator matches the given name and argument types. You might need to "
                       "add explicit type casts.")
            .at(location_of(operation)));
}

bool is_logical_time(const LogicalType& type) { return type.GetAlias() == "mz_timestamp"; }

// What stands for a point in time is compared with a logical time as one.
void compare_as_times(duckdb::ClientContext& context, BoundExpression& left,
                      BoundExpression& right) {
  for (BoundExpression* const side : {&left, &right}) {
    BoundExpression& other = side == &left ? right : left;
    if (!is_logical_time((*side)->return_type) || is_logical_time(other->return_type)) continue;
    const bool fits =
        kind_of(other->return_type) == Kind::kTimestamp || other->return_type.IsIntegral();
    if (fits) other = bound_cast(context, std::move(other), (*side)->return_type);
  }
}

// As the engine's binder makes a comparison.
BoundExpression bind_compare(BindInput& input) {
  BoundExpression& left = input.children[0];
  BoundExpression& right = input.children[1];
  check_comparable(*left, *right, *input.children[2]);
  compare_as_times(input.context, left, right);
  const std::string& operation = StringValue::Get(constant_of(*input.children[2]));
  const duckdb::ExpressionType comparison = duckdb::OperatorToExpressionType(operation);
  CHECK(comparison != duckdb::ExpressionType::INVALID);
  const LogicalType left_type = duckdb::ExpressionBinder::GetExpressionReturnType(*left);
  const LogicalType right_type = duckdb::ExpressionBinder::GetExpressionReturnType(*right);
  LogicalType type;
  if (!duckdb::BoundComparisonExpression::TryBindComparison(input.context, left_type, right_type,
                                                            type, comparison)) {
    raise(invalid("operator does not exist: {} {} {}", type_word(left_type), operation,
                  type_word(right_type))
              .with_sqlstate("42883")
              .with_hint("No operator matches the given name and argument types. You might need to "
                         "add explicit type casts.")
              .at(location_of(*input.children[2])));
  }
  for (BoundExpression* const side : {&left, &right}) {
    *side = bound_cast(input.context, std::move(*side), type);
    duckdb::ExpressionBinder::PushCollation(input.context, *side, type);
  }
  return duckdb::make_uniq<duckdb::BoundComparisonExpression>(comparison, std::move(left),
                                                              std::move(right));
}

BoundExpression bind_among(BindInput& input) {
  check_comparable(*input.children[0], *input.children[1], *input.children[2]);
  return std::move(input.children[0]);
}

BoundExpression bind_assign(BindInput& input) {
  BoundExpression& value = input.children[0];
  const LogicalType type = input.children[1]->return_type;
  // Statements make these calls, but nothing keeps a user from it.
  const duckdb::Expression& column = *input.children[2];
  if (column.GetExpressionClass() != duckdb::ExpressionClass::BOUND_CONSTANT ||
      constant_of(column).IsNull()) {
    raise(invalid("the name of a column must be a constant").with_sqlstate("42804"));
  }
  if (has_own_type(*value) && !is_assignable(value->return_type, type)) {
    raise(invalid("column \"{}\" is of type {} but expression is of type {}",
                  StringValue::Get(constant_of(column)), type_word(type),
                  type_word(value->return_type))
              .with_sqlstate("42804")
              .with_hint("You will need to rewrite or cast the expression.")
              .at(location_of(*value)));
  }
  return bound_cast(input.context, std::move(value), type);
}

BoundExpression bind_shown(BindInput& input) {
  BoundExpression& value = input.children[0];
  if (value->return_type.id() != LogicalTypeId::BOOLEAN) return std::move(value);
  return bound_call(input.context, "left",
                    bound_cast(input.context, std::move(value), LogicalType::VARCHAR),
                    bound_constant(Value::BIGINT(1)));
}

BoundExpression bind_list_like(BindInput& input) {
  BoundExpression& list = input.children[0];
  const LogicalType& element = input.children[1]->return_type;
  if (has_own_type(*list) || element.id() == LogicalTypeId::UNKNOWN) return std::move(list);
  const bool untyped = element.id() == LogicalTypeId::SQLNULL || !has_own_type(*input.children[1]);
  return bound_cast(input.context, std::move(list),
                    LogicalType::LIST(untyped ? LogicalType::VARCHAR : element));
}

BoundExpression bind_continuous(BindInput& input) {
  BoundExpression& value = input.children[0];
  if (value->return_type.id() != LogicalTypeId::DECIMAL) return std::move(value);
  return bound_cast(input.context, std::move(value), LogicalType::DOUBLE);
}

void required(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  const size_t rows = arguments.size();
  duckdb::UnifiedVectorFormat values, names;
  arguments.data[0].ToUnifiedFormat(rows, values);
  arguments.data[1].ToUnifiedFormat(rows, names);
  for (size_t row = 0; row < rows; ++row) {
    if (values.validity.RowIsValid(values.sel->get_index(row))) continue;
    const auto* const name = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(names);
    raise(invalid("column \"{}\" must not be null", name[names.sel->get_index(row)].GetString())
              .with_sqlstate("23502"));
  }
  result.Reference(arguments.data[0]);
}

duckdb::unique_ptr<duckdb::FunctionData> bind_required(
    duckdb::ClientContext&, ScalarFunction& function,
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& arguments) {
  function.arguments[0] = arguments[0]->return_type;
  function.return_type = arguments[0]->return_type;
  return nullptr;
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

bool are_comparable(const LogicalType& left, const LogicalType& right) {
  const Kind one = kind_of(left), other = kind_of(right);
  if (one == other || one == Kind::kOther || other == Kind::kOther) return true;
  const auto times = [](Kind a, Kind b) { return a == Kind::kTime && b == Kind::kInterval; };
  return times(one, other) || times(other, one);
}

bool is_assignable(const LogicalType& from, const LogicalType& to) {
  if (from.id() == LogicalTypeId::LIST && to.id() == LogicalTypeId::LIST) {
    return is_assignable(duckdb::ListType::GetChildType(from), duckdb::ListType::GetChildType(to));
  }
  const Kind one = kind_of(from), other = kind_of(to);
  if (one == other || other == Kind::kText) return true;
  if (from.id() == LogicalTypeId::SQLNULL || one == Kind::kOther || other == Kind::kOther)
    return true;
  return other == Kind::kTime && (one == Kind::kTimestamp || one == Kind::kInterval);
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
  const LogicalType any = LogicalType::ANY, boolean = LogicalType::BOOLEAN;
  const auto add = [&](const char* name, duckdb::vector<LogicalType> arguments,
                       const LogicalType& result, duckdb::function_bind_expression_t bind) {
    ScalarFunction check(name, std::move(arguments), result, nullptr);
    check.bind_expression = bind;
    check.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
    add_function(database, std::move(check));
  };
  add("sluice_condition", {any, text}, boolean, bind_condition);
  add("sluice_compare", {any, any, text}, boolean, bind_compare);
  add("sluice_among", {any, any, text}, any, bind_among);
  add("sluice_assign", {any, any, text}, any, bind_assign);
  add("sluice_list_like", {any, any}, any, bind_list_like);
  add("sluice_shown", {any}, any, bind_shown);
  add("sluice_continuous", {any}, any, bind_continuous);
  ScalarFunction checked("sluice_required", {any, text}, any, required, bind_required);
  checked.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  add_function(database, std::move(checked));
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
