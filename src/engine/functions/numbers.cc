// Functions of numbers that DuckDB has not, or that round where PostgreSQL does not:
//
//   sluice_trunc(numeric, digits)          trunc(): cut to so many digits behind the point
//   sluice_numeric_exact(number, scale)    as DECIMAL(38, scale), for files: digits that would be
//                                          lost, or do not fit, are an error (22003)
#include <duckdb/execution/expression_executor.hpp>

#include "engine/functions/int128.h"
#include "engine/functions/native_call.h"
#include "engine/functions/raise.h"
#include "engine/functions/text_out.h"

namespace sluice::engine::functions {
namespace {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::DecimalType;
using duckdb::ExpressionState;
using duckdb::hugeint_t;
using duckdb::LogicalTypeId;
using duckdb::ScalarFunction;

int scale_of(const LogicalType& type) { return DecimalType::GetScale(type); }

std::string written(Int128 value, int scale) {
  char text[kMaxDecimalText];
  return {text, static_cast<size_t>(put_decimal(text, value, scale, true) - text)};
}

// A decimal of any width -> DECIMAL(38, …), value by value.
template <typename Convert>
void convert_decimals(DataChunk& input, Vector& result, const Convert& convert) {
  duckdb::UnaryExecutor::Execute<hugeint_t, hugeint_t>(
      input.data[0], result, input.size(),
      [&](hugeint_t value) { return to_hugeint(convert(to_int128(value))); });
}

Int128 rescaled_exactly(Int128 value, int from, int to) {
  if (from > to) {
    const Int128 unit = kPowersOfTen[static_cast<size_t>(from - to)];
    if (value % unit != 0) {
      raise(invalid("cannot represent decimal value {} in column with scale {}",
                    written(value, from), to)
                .with_sqlstate("22003"));
    }
    return value / unit;
  }
  Int128 scaled = 0;
  const bool overflow =
      __builtin_mul_overflow(value, kPowersOfTen[static_cast<size_t>(to - from)], &scaled);
  if (overflow || magnitude(scaled) >= static_cast<UInt128>(kPowersOfTen[38])) {
    raise(
        invalid("Decimal value {} out of range for column with precision 38", written(value, from))
            .with_sqlstate("22003"));
  }
  return scaled;
}

void execute_exact(DataChunk& input, ExpressionState&, Vector& result) {
  const int from = scale_of(input.data[0].GetType()), to = scale_of(result.GetType());
  convert_decimals(input, result, [&](Int128 value) { return rescaled_exactly(value, from, to); });
}

void execute_trunc(DataChunk& input, ExpressionState&, Vector& result) {
  const int from = scale_of(input.data[0].GetType()), to = scale_of(result.GetType());
  const Int128 unit = kPowersOfTen[static_cast<size_t>(from - to)];
  convert_decimals(input, result, [&](Int128 value) { return value / unit; });
}

int constant_integer(ClientContext& context, const duckdb::Expression& expression,
                     const char* what) {
  if (!expression.IsFoldable())
    raise(invalid("{} must be a constant", what).with_sqlstate("0A000"));
  const Value value = duckdb::ExpressionExecutor::EvaluateScalar(context, expression);
  return value.IsNull() ? 0 : value.GetValue<int32_t>();
}

// Numbers as decimals of 38 digits with the scale they have.
LogicalType as_decimal(const LogicalType& type) {
  if (type.id() == LogicalTypeId::UNKNOWN) throw duckdb::ParameterNotResolvedException();
  if (type.id() == LogicalTypeId::DECIMAL) {
    return LogicalType::DECIMAL(38, DecimalType::GetScale(type));
  }
  return LogicalType::DECIMAL(38, type.IsIntegral() ? 0 : 10);
}

duckdb::unique_ptr<duckdb::FunctionData> bind_exact(ClientContext& context,
                                                    ScalarFunction& function,
                                                    BoundExpressions& arguments) {
  const int scale = constant_integer(context, *arguments[1], "the scale");
  function.arguments[0] = as_decimal(arguments[0]->return_type);
  function.return_type = LogicalType::DECIMAL(38, static_cast<uint8_t>(scale));
  return nullptr;
}

duckdb::unique_ptr<duckdb::FunctionData> bind_trunc(ClientContext& context,
                                                    ScalarFunction& function,
                                                    BoundExpressions& arguments) {
  const int digits = constant_integer(context, *arguments[1], "the number of digits");
  function.arguments[0] = as_decimal(arguments[0]->return_type);
  const int scale = std::clamp(digits, 0, scale_of(function.arguments[0]));
  function.return_type = LogicalType::DECIMAL(38, static_cast<uint8_t>(scale));
  return nullptr;
}

}  // namespace

void register_numbers(duckdb::DatabaseInstance& database) {
  const auto add = [&](const char* name, duckdb::scalar_function_t execute,
                       duckdb::bind_scalar_function_t bind) {
    add_function(database, ScalarFunction(name, {LogicalType::ANY, LogicalType::INTEGER},
                                          LogicalType::DECIMAL(38, 10), std::move(execute), bind));
  };
  add("sluice_numeric_exact", execute_exact, bind_exact);
  add("sluice_trunc", execute_trunc, bind_trunc);
}

}  // namespace sluice::engine::functions
