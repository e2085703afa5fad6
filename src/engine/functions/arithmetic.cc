// Division, remainder and multiplication as PostgreSQL means them.
//
//   integers   truncate towards zero           7 / 2 = 3, -7 / 2 = -3
//   decimals   exact, at least 10 digits       10.0 / 3 = 3.3333333333, never a DOUBLE
//   floats     IEEE, but zero divides nobody
//
// A division by zero is an error (22012) for each. HUGEINT, the sum of integers, counts as numeric.
#include <cmath>
#include <duckdb/common/vector_operations/binary_executor.hpp>
#include <duckdb/function/function_binder.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <optional>

#include "engine/errors.h"
#include "engine/functions/int128.h"
#include "engine/functions/parts.h"
#include "engine/functions/raise.h"

namespace sluice::engine::functions {
namespace {

using duckdb::BinaryExecutor;
using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::DecimalType;
using duckdb::Expression;
using duckdb::ExpressionState;
using duckdb::hugeint_t;
using duckdb::LogicalTypeId;
using duckdb::ScalarFunction;
using Arguments = duckdb::vector<duckdb::unique_ptr<Expression>>;

constexpr uint8_t kWidth = 38;
constexpr int kQuotientScale = 10;
const Int128 kLimit = kPowersOfTen[kWidth];

[[noreturn]] void divided_by_zero() { raise(invalid("division by zero").with_sqlstate("22012")); }
[[noreturn]] void out_of_range(std::string_view type) {
  raise(invalid("{} out of range", type).with_sqlstate("22003"));
}
[[noreturn]] void numeric_overflow() {
  raise(invalid("numeric field overflow").with_sqlstate("22003"));
}

template <typename T>
std::string_view integer_name() {
  if constexpr (std::is_signed_v<T>) {
    return sizeof(T) <= 2 ? "smallint" : sizeof(T) == 4 ? "integer" : "bigint";
  } else {
    return sizeof(T) <= 2 ? "uint2" : sizeof(T) == 4 ? "uint4" : "uint8";
  }
}

template <typename T>
T divide(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (b == 0 && !std::isnan(a)) divided_by_zero();
    const T quotient = a / b;
    if (std::isinf(quotient) && !std::isinf(a)) {
      raise(invalid("value out of range: overflow").with_sqlstate("22003"));
    }
    return quotient;
  } else {
    if (b == 0) divided_by_zero();
    if constexpr (std::is_signed_v<T>) {
      if (b == -1 && a == std::numeric_limits<T>::min()) out_of_range(integer_name<T>());
    }
    return static_cast<T>(a / b);
  }
}

template <typename T>
T remainder(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (b == 0) divided_by_zero();
    return std::fmod(a, b);
  } else {
    if (b == 0) divided_by_zero();
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;  // the machine would trap on the smallest value
    }
    return static_cast<T>(a % b);
  }
}

template <typename T, T (*kOperation)(T, T)>
void execute(DataChunk& input, ExpressionState&, Vector& result) {
  BinaryExecutor::Execute<T, T, T>(input.data[0], input.data[1], result, input.size(), kOperation);
}

// rest * 10 divided by `by`, without needing more than 128 bits: rest < by <= 10^38 < 2^127.
int next_digit(UInt128& rest, UInt128 by) {
  int digit = 0;
  UInt128 twice = 0;
  int digit_of_twice = 0;
  UInt128 value = rest;
  for (int doubling = 0; doubling < 3; ++doubling) {
    value *= 2;
    digit *= 2;
    if (value >= by) {
      value -= by;
      ++digit;
    }
    if (doubling == 0) {
      twice = value;
      digit_of_twice = digit;
    }
  }
  value += twice;  // 8 + 2
  digit += digit_of_twice;
  if (value >= by) {
    value -= by;
    ++digit;
  }
  rest = value;
  return digit;
}

// a / b with `extra` more digits behind the point, rounded half away from zero.
Int128 divide_decimals(Int128 a, Int128 b, int extra) {
  if (b == 0) divided_by_zero();
  const bool negative = (a < 0) != (b < 0);
  const UInt128 by = magnitude(b);
  UInt128 quotient = magnitude(a) / by;
  UInt128 rest = magnitude(a) % by;
  for (int i = 0; i < extra; ++i) {
    quotient = quotient * 10 + static_cast<unsigned>(next_digit(rest, by));
    if (quotient >= static_cast<UInt128>(kLimit)) numeric_overflow();
  }
  if (rest >= by - rest) ++quotient;
  if (quotient >= static_cast<UInt128>(kLimit)) numeric_overflow();
  return negative ? -static_cast<Int128>(quotient) : static_cast<Int128>(quotient);
}

// A product of two 128-bit numbers, in four limbs, lowest first.
struct Wide {
  std::array<uint64_t, 4> limbs{};

  static Wide product(UInt128 a, UInt128 b) {
    const uint64_t a_parts[2] = {static_cast<uint64_t>(a), static_cast<uint64_t>(a >> 64)};
    const uint64_t b_parts[2] = {static_cast<uint64_t>(b), static_cast<uint64_t>(b >> 64)};
    Wide wide;
    for (size_t i = 0; i < 2; ++i) {
      UInt128 carry = 0;
      for (size_t j = 0; j < 2; ++j) {
        carry += static_cast<UInt128>(a_parts[i]) * b_parts[j] + wide.limbs[i + j];
        wide.limbs[i + j] = static_cast<uint64_t>(carry);
        carry >>= 64;
      }
      wide.limbs[i + 2] = static_cast<uint64_t>(carry);
    }
    return wide;
  }

  uint64_t divide(uint64_t by) {
    UInt128 rest = 0;
    for (size_t i = limbs.size(); i-- > 0;) {
      rest = rest << 64 | limbs[i];
      limbs[i] = static_cast<uint64_t>(rest / by);
      rest %= by;
    }
    return static_cast<uint64_t>(rest);
  }
};

// a * b with `dropped` digits fewer behind the point, rounded half away from zero.
Int128 multiply_decimals(Int128 a, Int128 b, int dropped) {
  const bool negative = (a < 0) != (b < 0);
  Wide wide = Wide::product(magnitude(a), magnitude(b));
  uint64_t last = 0;
  for (int left = dropped; left > 0;) {
    // All but the last digit in pieces of up to 18.
    const int digits = left > 1 ? std::min(left - 1, 18) : 1;
    last = wide.divide(static_cast<uint64_t>(kPowersOfTen[static_cast<size_t>(digits)]));
    left -= digits;
  }
  if (wide.limbs[2] != 0 || wide.limbs[3] != 0) numeric_overflow();
  UInt128 value = static_cast<UInt128>(wide.limbs[1]) << 64 | wide.limbs[0];
  if (dropped > 0 && last >= 5) ++value;
  if (value >= static_cast<UInt128>(kLimit)) numeric_overflow();
  return negative ? -static_cast<Int128>(value) : static_cast<Int128>(value);
}

int scale_of(const Vector& vector) { return DecimalType::GetScale(vector.GetType()); }

template <typename Operation>
void execute_decimals(DataChunk& input, Vector& result, const Operation& operation) {
  BinaryExecutor::Execute<hugeint_t, hugeint_t, hugeint_t>(
      input.data[0], input.data[1], result, input.size(),
      [&](hugeint_t a, hugeint_t b) { return to_hugeint(operation(to_int128(a), to_int128(b))); });
}

void execute_decimal_division(DataChunk& input, ExpressionState&, Vector& result) {
  const int extra = scale_of(result) - scale_of(input.data[0]) + scale_of(input.data[1]);
  execute_decimals(input, result,
                   [extra](Int128 a, Int128 b) { return divide_decimals(a, b, extra); });
}

void execute_decimal_remainder(DataChunk& input, ExpressionState&, Vector& result) {
  execute_decimals(input, result, [](Int128 a, Int128 b) {
    if (b == 0) divided_by_zero();
    return a % b;
  });
}

void execute_decimal_product(DataChunk& input, ExpressionState&, Vector& result) {
  const int dropped = scale_of(input.data[0]) + scale_of(input.data[1]) - scale_of(result);
  execute_decimals(input, result,
                   [dropped](Int128 a, Int128 b) { return multiply_decimals(a, b, dropped); });
}

bool is_undecided(const LogicalType& type) {
  return type.id() == LogicalTypeId::UNKNOWN || type.id() == LogicalTypeId::SQLNULL ||
         type.id() == LogicalTypeId::STRING_LITERAL;
}

// Gives a NULL, a quoted literal or a parameter the type of the other side.
void decide(ClientContext& context, Arguments& arguments) {
  for (size_t i = 0; i < 2; ++i) {
    const LogicalType mine = arguments[i]->return_type;
    const LogicalType other = arguments[1 - i]->return_type;
    if (!is_undecided(mine) && mine.id() != LogicalTypeId::VARCHAR) continue;
    if (mine.id() == LogicalTypeId::UNKNOWN && is_undecided(other)) {
      throw duckdb::ParameterNotResolvedException();
    }
    // A literal is a VARCHAR constant by now; a text column has no arithmetic.
    if (mine.id() == LogicalTypeId::VARCHAR &&
        (!arguments[i]->IsFoldable() || !other.IsNumeric())) {
      continue;
    }
    const LogicalType wanted = is_undecided(other)                     ? LogicalType::INTEGER
                               : other.id() == LogicalTypeId::INTERVAL ? LogicalType::DOUBLE
                                                                       : other;
    arguments[i] =
        duckdb::BoundCastExpression::AddCastToType(context, std::move(arguments[i]), wanted);
  }
}

bool is_floating(const LogicalType& type) {
  return type.id() == LogicalTypeId::FLOAT || type.id() == LogicalTypeId::DOUBLE;
}

bool is_wide(const LogicalType& type) {
  return type.id() == LogicalTypeId::HUGEINT || type.id() == LogicalTypeId::UHUGEINT ||
         type.id() == LogicalTypeId::DECIMAL;
}

// Digits in all and behind the point of a number as a decimal.
struct Digits {
  int width = 38;
  int scale = 0;
};
Digits digits_of(const LogicalType& type) {
  uint8_t width = 0, scale = 0;
  if (!type.GetDecimalProperties(width, scale)) return {};
  return {std::min<int>(width, kWidth), scale};
}

LogicalType decimal(int scale) { return LogicalType::DECIMAL(kWidth, static_cast<uint8_t>(scale)); }

using Executor = duckdb::scalar_function_t;

struct Operators {
  Executor i16, i32, i64, u16, u32, u64, f32, f64;
};
template <template <typename> class Of>
Operators operators() {
  return {Of<int16_t>::run,  Of<int32_t>::run,  Of<int64_t>::run, Of<uint16_t>::run,
          Of<uint32_t>::run, Of<uint64_t>::run, Of<float>::run,   Of<double>::run};
}
template <typename T>
struct Division {
  static void run(DataChunk& in, ExpressionState& state, Vector& out) {
    execute<T, divide<T>>(in, state, out);
  }
};
template <typename T>
struct Remainder {
  static void run(DataChunk& in, ExpressionState& state, Vector& out) {
    execute<T, remainder<T>>(in, state, out);
  }
};

// The narrowest type of PostgreSQL's that both fit in; no value for what is not exact.
std::optional<LogicalType> integer_type(const LogicalType& a, const LogicalType& b) {
  const auto plain = [](LogicalTypeId id) {
    if (id == LogicalTypeId::TINYINT) return LogicalTypeId::SMALLINT;
    if (id == LogicalTypeId::UTINYINT) return LogicalTypeId::USMALLINT;
    return id;
  };
  const LogicalTypeId left = plain(a.id()), right = plain(b.id());
  const LogicalType both = LogicalType::ForceMaxLogicalType(LogicalType(left), LogicalType(right));
  if (!both.IsIntegral() || is_wide(both)) return std::nullopt;
  return both;
}

Executor executor_for(const LogicalType& type, const Operators& of) {
  switch (type.id()) {
    case LogicalTypeId::SMALLINT:
      return of.i16;
    case LogicalTypeId::INTEGER:
      return of.i32;
    case LogicalTypeId::BIGINT:
      return of.i64;
    case LogicalTypeId::USMALLINT:
      return of.u16;
    case LogicalTypeId::UINTEGER:
      return of.u32;
    case LogicalTypeId::UBIGINT:
      return of.u64;
    case LogicalTypeId::FLOAT:
      return of.f32;
    default:
      return of.f64;
  }
}

void set_types(ScalarFunction& function, const LogicalType& a, const LogicalType& b,
               const LogicalType& result) {
  function.arguments = {a, b};
  function.return_type = result;
}

// Numbers that are not decimals: true if `function` is set up for them.
bool bind_plain(ScalarFunction& function, const LogicalType& a, const LogicalType& b,
                const Operators& of) {
  if (is_floating(a) || is_floating(b)) {
    const bool both_real = a.id() == LogicalTypeId::FLOAT && b.id() == LogicalTypeId::FLOAT;
    const LogicalType type = both_real ? LogicalType::FLOAT : LogicalType::DOUBLE;
    set_types(function, type, type, type);
    function.function = executor_for(type, of);
    return true;
  }
  if (is_wide(a) || is_wide(b)) return false;
  const std::optional<LogicalType> type = integer_type(a, b);
  if (!type) return false;
  set_types(function, *type, *type, *type);
  function.function = executor_for(*type, of);
  return true;
}

[[noreturn]] void no_operator(const char* sign, const LogicalType& a, const LogicalType& b) {
  raise(invalid("operator does not exist: {} {} {}", with_sql_type_names(a.ToString()), sign,
                with_sql_type_names(b.ToString()))
            .with_sqlstate("42883"));
}

duckdb::unique_ptr<duckdb::FunctionData> bind_division(ClientContext& context,
                                                       ScalarFunction& function,
                                                       Arguments& arguments) {
  decide(context, arguments);
  const LogicalType a = arguments[0]->return_type, b = arguments[1]->return_type;
  if (a.id() == LogicalTypeId::INTERVAL) {
    set_types(function, a, LogicalType::DOUBLE, a);
    return nullptr;
  }
  if (!a.IsNumeric() || !b.IsNumeric()) no_operator("/", a, b);
  if (bind_plain(function, a, b, operators<Division>())) return nullptr;
  const Digits left = digits_of(a), right = digits_of(b);
  const int scale = std::max({kQuotientScale, left.scale, right.scale});
  set_types(function, decimal(left.scale), decimal(right.scale), decimal(scale));
  function.function = execute_decimal_division;
  return nullptr;
}

duckdb::unique_ptr<duckdb::FunctionData> bind_remainder(ClientContext& context,
                                                        ScalarFunction& function,
                                                        Arguments& arguments) {
  decide(context, arguments);
  const LogicalType a = arguments[0]->return_type, b = arguments[1]->return_type;
  if (!a.IsNumeric() || !b.IsNumeric()) no_operator("%", a, b);
  if (bind_plain(function, a, b, operators<Remainder>())) return nullptr;
  const LogicalType type = decimal(std::max(digits_of(a).scale, digits_of(b).scale));
  set_types(function, type, type, type);
  function.function = execute_decimal_remainder;
  return nullptr;
}

// Whether a product is left to DuckDB's own operator.
bool multiplies_natively(const LogicalType& a, const LogicalType& b) {
  if (!a.IsNumeric() || !b.IsNumeric() || is_floating(a) || is_floating(b)) return true;
  if (!is_wide(a) && !is_wide(b)) return true;
  const bool decimal_in = a.id() == LogicalTypeId::DECIMAL || b.id() == LogicalTypeId::DECIMAL;
  return !decimal_in || digits_of(a).width + digits_of(b).width <= kWidth;
}

duckdb::unique_ptr<duckdb::FunctionData> bind_product(ClientContext& context,
                                                      ScalarFunction& function,
                                                      Arguments& arguments) {
  decide(context, arguments);
  const LogicalType a = arguments[0]->return_type, b = arguments[1]->return_type;
  if (multiplies_natively(a, b)) {
    set_types(function, a, b, a);  // bind_native_product() takes its place
    return nullptr;
  }
  const Digits left = digits_of(a), right = digits_of(b);
  const int scale =
      std::min(left.scale + right.scale, std::max({kQuotientScale, left.scale, right.scale}));
  set_types(function, decimal(left.scale), decimal(right.scale), decimal(scale));
  function.function = execute_decimal_product;
  return nullptr;
}

duckdb::unique_ptr<Expression> native(duckdb::FunctionBindExpressionInput& input,
                                      const char* name) {
  Arguments children;
  for (const auto& child : input.children) children.push_back(child->Copy());
  duckdb::ErrorData failure;
  duckdb::FunctionBinder binder(input.context);
  auto bound = binder.BindScalarFunction("main", name, std::move(children), failure, true);
  if (!bound) failure.Throw();
  return bound;
}

duckdb::unique_ptr<Expression> bind_native_product(duckdb::FunctionBindExpressionInput& input) {
  const LogicalType &a = input.children[0]->return_type, &b = input.children[1]->return_type;
  return multiplies_natively(a, b) ? native(input, "*") : nullptr;
}

duckdb::unique_ptr<Expression> bind_native_division(duckdb::FunctionBindExpressionInput& input) {
  return input.children[0]->return_type.id() == LogicalTypeId::INTERVAL ? native(input, "/")
                                                                        : nullptr;
}

void add_operator(duckdb::DatabaseInstance& database, const char* name,
                  duckdb::bind_scalar_function_t bind,
                  duckdb::function_bind_expression_t bind_expression) {
  ScalarFunction function(name, {LogicalType::ANY, LogicalType::ANY}, LogicalType::ANY, nullptr,
                          bind);
  function.bind_expression = bind_expression;
  add_function(database, std::move(function));
}

// numeric(precision, scale) for assignments and casts: rounds, and refuses what is too large.
duckdb::unique_ptr<duckdb::FunctionData> bind_numeric(ClientContext& context,
                                                      ScalarFunction& function,
                                                      Arguments& arguments) {
  int32_t modifier[2];
  for (size_t i = 0; i < 2; ++i) {
    if (!arguments[i + 1]->IsFoldable()) raise(invalid("precision and scale must be constants"));
    modifier[i] =
        duckdb::ExpressionExecutor::EvaluateScalar(context, *arguments[i + 1]).GetValue<int32_t>();
  }
  if (modifier[0] < 1 || modifier[0] > kWidth || modifier[1] < 0 || modifier[1] > modifier[0]) {
    raise(invalid("NUMERIC precision {} must be between 1 and {}", modifier[0], kWidth)
              .with_sqlstate("22023"));
  }
  function.return_type =
      LogicalType::DECIMAL(static_cast<uint8_t>(modifier[0]), static_cast<uint8_t>(modifier[1]));
  function.arguments[0] = arguments[0]->return_type;
  return nullptr;
}

void execute_numeric(DataChunk& input, ExpressionState&, Vector& result) {
  std::string message;
  const bool fits = duckdb::VectorOperations::DefaultTryCast(input.data[0], result, input.size(),
                                                             &message, false);
  if (fits) return;
  const int width = DecimalType::GetWidth(result.GetType());
  const int scale = scale_of(result);
  raise(
      invalid("numeric field overflow")
          .with_sqlstate("22003")
          .with_detail(fmt::format("A field with precision {}, scale {} must round to an absolute "
                                   "value less than 10^{}.",
                                   width, scale, width - scale)));
}

}  // namespace

void register_arithmetic(duckdb::DatabaseInstance& database) {
  add_operator(database, "sluice_div", bind_division, bind_native_division);
  add_operator(database, "sluice_mod", bind_remainder, nullptr);
  add_operator(database, "sluice_mul", bind_product, bind_native_product);
  ScalarFunction numeric("sluice_numeric",
                         {LogicalType::ANY, LogicalType::INTEGER, LogicalType::INTEGER},
                         LogicalType::DECIMAL(38, 10), execute_numeric, bind_numeric);
  add_function(database, std::move(numeric));
}

}  // namespace sluice::engine::functions
