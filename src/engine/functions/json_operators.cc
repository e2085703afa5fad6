// Operators that mean something else for jsonb than for other types. The parser's front cannot tell
// that a column is jsonb, so it calls these, which decide when they are bound:
//
//   sluice_concat(a, b)       a || b: jsonb beside jsonb or a literal, else the engine's own; jsonb
//                             beside a text column is a text, as in PostgreSQL
//   sluice_minus(a, b)        a - b: jsonb without a key; a literal takes the other's type; dates
//                             give an integer and times an interval
//   sluice_plus(a, b)         a + b where one is a literal, which takes the other's type or is an
//                             interval beside a time
//
// Overloads of `||` and `-` would not do: to DuckDB a literal is as near to JSON as to text.
#include "engine/functions/native_call.h"

namespace sluice::engine::functions {
namespace {

using duckdb::ClientContext;
using duckdb::LogicalTypeId;
using duckdb::ScalarFunction;
using BindInput = duckdb::FunctionBindExpressionInput;

bool is_json_literal(const duckdb::Expression& expression) {
  const LogicalTypeId type = expression.return_type.id();
  return type == LogicalTypeId::SQLNULL ||
         (type == LogicalTypeId::VARCHAR && expression.IsFoldable());
}

BoundExpression bind_concat(BindInput& input) {
  bool json = true;
  for (const BoundExpression& child : input.children) {
    json = json && (child->return_type.IsJSONType() || is_json_literal(*child));
  }
  BoundExpressions children;
  for (BoundExpression& child : input.children) {
    children.push_back(bound_cast(input.context, std::move(child),
                                  json ? LogicalType::JSON() : LogicalType::VARCHAR));
  }
  return bound_call(input.context, json ? "sluice_json_concat" : "||", std::move(children), !json);
}

void need_types(const BindInput& input) {
  for (const BoundExpression& child : input.children) {
    if (child->return_type.id() == LogicalTypeId::UNKNOWN) {
      throw duckdb::ParameterNotResolvedException();
    }
  }
}

BoundExpression bind_any_concat(BindInput& input) {
  const LogicalType &left = input.children[0]->return_type, &right = input.children[1]->return_type;
  if (left.IsJSONType() || right.IsJSONType()) {
    need_types(input);
    return bind_concat(input);
  }
  // An array and one more element, unless that is a literal, which is an array too.
  const bool left_list = left.id() == LogicalTypeId::LIST;
  if (left_list != (right.id() == LogicalTypeId::LIST) &&
      !is_json_literal(*input.children[left_list ? 1 : 0])) {
    BoundExpression& element = input.children[left_list ? 1 : 0];
    element = bound_call(input.context, "list_value", std::move(element));
    return bound_call(input.context, "list_concat", std::move(input.children));
  }
  BoundExpression text = bound_call(input.context, "||", std::move(input.children), true);
  // NULL || NULL has no type of its own.
  return text->return_type.id() == LogicalTypeId::SQLNULL
             ? bound_cast(input.context, std::move(text), LogicalType::VARCHAR)
             : std::move(text);
}

// The type of a literal beside a value of this type.
LogicalType literal_type(const LogicalType& other, bool plus) {
  switch (other.id()) {
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::TIME:
      return plus ? LogicalType::INTERVAL : other;
    case LogicalTypeId::DATE:
      return plus ? LogicalType::INTEGER : other;
    default:
      return other;
  }
}

bool is_unknown(const duckdb::Expression& expression) {
  return expression.return_type.id() == LogicalTypeId::UNKNOWN ||
         expression.return_type.id() == LogicalTypeId::SQLNULL ||
         (expression.return_type.id() == LogicalTypeId::VARCHAR &&
          expression.GetExpressionClass() == duckdb::ExpressionClass::BOUND_CONSTANT);
}

// The unknown one of two takes a type that fits the other.
void decide(BindInput& input, bool plus) {
  BoundExpressions& children = input.children;
  const bool first = is_unknown(*children[0]), second = is_unknown(*children[1]);
  if (first && second) need_types(input);
  if (first == second) return;
  const size_t unknown = first ? 0 : 1;
  const LogicalType type = literal_type(children[1 - unknown]->return_type, plus);
  children[unknown] = bound_cast(input.context, std::move(children[unknown]), type);
}

BoundExpression bind_minus(BindInput& input) {
  ClientContext& context = input.context;
  BoundExpressions& children = input.children;
  if (children[0]->return_type.IsJSONType()) {
    need_types(input);
    return bound_call(context, "sluice_json_delete", std::move(children));
  }
  decide(input, false);
  const LogicalTypeId left = children[0]->return_type.id(), right = children[1]->return_type.id();
  if (left == LogicalTypeId::TIME && right == LogicalTypeId::TIME) {
    for (BoundExpression& child : children) {
      child = bound_cast(context, bound_cast(context, std::move(child), LogicalType::VARCHAR),
                         LogicalType::INTERVAL);
    }
  }
  BoundExpression difference = bound_call(context, "-", std::move(children), true);
  const bool dates = left == LogicalTypeId::DATE && right == LogicalTypeId::DATE;
  return dates ? bound_cast(context, std::move(difference), LogicalType::INTEGER)
               : std::move(difference);
}

BoundExpression bind_plus(BindInput& input) {
  decide(input, true);
  return bound_call(input.context, "+", std::move(input.children), true);
}

void add_operator(duckdb::DatabaseInstance& database, const char* name, const LogicalType& right,
                  duckdb::function_bind_expression_t bind) {
  ScalarFunction function(name, {LogicalType::ANY, right}, LogicalType::ANY, nullptr);
  function.bind_expression = bind;
  // Or a NULL literal would make it a NULL of no type before it is bound.
  function.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  add_function(database, std::move(function));
}

}  // namespace

void register_json_operators(duckdb::DatabaseInstance& database) {
  add_operator(database, "sluice_concat", LogicalType::ANY, bind_any_concat);
  add_operator(database, "sluice_minus", LogicalType::ANY, bind_minus);
  add_operator(database, "sluice_plus", LogicalType::ANY, bind_plus);
}

}  // namespace sluice::engine::functions
