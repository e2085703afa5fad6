// Operators that mean something else for jsonb than for other types. The parser's front cannot tell
// that a column is jsonb, so it calls these, which decide when they are bound:
//
//   sluice_concat(a, b)       a || b: jsonb beside jsonb or a literal, else the engine's own; jsonb
//                             beside a text column is a text, as in PostgreSQL
//   sluice_minus(a, 'text')   a - 'text': jsonb without a key; else the literal takes a's type
//
// Overloads of `||` and `-` would not do: to DuckDB a literal is as near to JSON as to text.
#include "engine/functions/native_call.h"

namespace sluice::engine::functions {
namespace {

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
  return bound_call(input.context, "||", std::move(input.children), true);
}

BoundExpression bind_minus(BindInput& input) {
  need_types(input);
  const LogicalType left = input.children[0]->return_type;
  if (left.IsJSONType()) {
    return bound_call(input.context, "sluice_json_delete", std::move(input.children));
  }
  input.children[1] = bound_cast(input.context, std::move(input.children[1]), left);
  return bound_call(input.context, "-", std::move(input.children), true);
}

void add_operator(duckdb::DatabaseInstance& database, const char* name, const LogicalType& right,
                  duckdb::function_bind_expression_t bind) {
  ScalarFunction function(name, {LogicalType::ANY, right}, LogicalType::ANY, nullptr);
  function.bind_expression = bind;
  add_function(database, std::move(function));
}

}  // namespace

void register_json_operators(duckdb::DatabaseInstance& database) {
  add_operator(database, "sluice_concat", LogicalType::ANY, bind_any_concat);
  add_operator(database, "sluice_minus", LogicalType::VARCHAR, bind_minus);
}

}  // namespace sluice::engine::functions
