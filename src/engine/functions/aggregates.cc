// sum and avg with PostgreSQL's result types, under names of ours, since DuckDB's own are used by
// its optimizer and its list functions:
//
//   sluice_sum   smallint, integer -> bigint      sluice_avg   exact numbers -> numeric
//                bigint -> numeric                             real, double -> double precision
//                numeric(p,s) -> numeric(38,s)                 interval -> interval
//                uint2, uint4 -> uint8, uint8 -> numeric
//                real, double, interval -> the same
//
// avg of exact numbers is exact: a whole sum and a count, divided once, digit by digit, rounded
// half away from zero. What leaves the range of its result is an error (22003). All states are
// plain bytes, so DuckDB may move, combine and spill them, and use them for windows of any shape.
#include <cmath>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/parser/parsed_data/create_aggregate_function_info.hpp>

#include "engine/functions/int128.h"
#include "engine/functions/parts.h"
#include "engine/functions/raise.h"

namespace sluice::engine::functions {
namespace {

using duckdb::AggregateFinalizeData;
using duckdb::AggregateFunction;
using duckdb::AggregateFunctionSet;
using duckdb::AggregateInputData;
using duckdb::AggregateUnaryInput;
using duckdb::hugeint_t;
using duckdb::interval_t;

constexpr int kNumericScale = 10;  // of a bare numeric

[[noreturn]] void out_of_range(std::string_view type) {
  raise(invalid("{} out of range", type).with_sqlstate("22003"));
}
[[noreturn]] void numeric_overflow() {
  raise(invalid("numeric field overflow").with_sqlstate("22003"));
}

// Every state counts its values: the sum of none is NULL. 128 bits are kept as a hugeint_t, since
// DuckDB aligns states to 8 bytes only.
template <typename T>
struct Sum {
  using Number = T;  // what is added to it
  T value;
  uint64_t count;
};
struct WideSum {
  using Number = Int128;
  hugeint_t value;
  uint64_t count;
};

template <typename Input>
Int128 wide(const Input& value) {
  if constexpr (std::is_same_v<Input, hugeint_t>) {
    return to_int128(value);
  } else {
    return static_cast<Int128>(value);
  }
}

[[noreturn]] void too_large(const Sum<int64_t>&) { out_of_range("bigint"); }
[[noreturn]] void too_large(const Sum<uint64_t>&) { out_of_range("uint8"); }
[[noreturn]] void too_large(const WideSum&) { numeric_overflow(); }

template <typename T>
void add(Sum<T>& state, T value) {
  if (__builtin_add_overflow(state.value, value, &state.value)) too_large(state);
}
void add(WideSum& state, Int128 value) {
  Int128 sum = 0;
  if (__builtin_add_overflow(to_int128(state.value), value, &sum)) too_large(state);
  state.value = to_hugeint(sum);
}
void add(Sum<double>& state, double value) {
  const double sum = state.value + value;
  if (std::isinf(sum) && !std::isinf(state.value) && !std::isinf(value)) {
    raise(invalid("value out of range: overflow").with_sqlstate("22003"));
  }
  state.value = sum;
}

// The parts common to all sums of numbers, as DuckDB's templates call them.
struct Summing {
  template <class State>
  static void Initialize(State& state) {
    state = State{};
  }
  template <class Input, class State, class Op>
  static void Operation(State& state, const Input& input, AggregateUnaryInput&) {
    ++state.count;
    add(state, number<State>(input));
  }
  template <class Input, class State, class Op>
  static void ConstantOperation(State& state, const Input& input, AggregateUnaryInput& unary,
                                idx_t count) {
    if constexpr (std::is_same_v<State, Sum<double>>) {
      for (idx_t i = 0; i < count; ++i) Operation<Input, State, Op>(state, input, unary);
    } else {
      typename State::Number product = 0;
      if (__builtin_mul_overflow(number<State>(input), count, &product)) too_large(state);
      state.count += count;
      add(state, product);
    }
  }
  template <class State, class Op>
  static void Combine(const State& source, State& target, AggregateInputData&) {
    target.count += source.count;
    add(target, number<State>(source.value));
  }
  static bool IgnoreNull() { return true; }

 private:
  template <class State, class Input>
  static typename State::Number number(const Input& input) {
    if constexpr (std::is_same_v<State, WideSum>) {
      return wide(input);
    } else {
      return static_cast<typename State::Number>(input);
    }
  }
};

void check_digits(Int128 value) {
  if (value >= kPowersOfTen[38] || value <= -kPowersOfTen[38]) numeric_overflow();
}

// The sum as it is.
struct PlainSum : Summing {
  template <class Result, class State>
  static void Finalize(State& state, Result& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    if constexpr (std::is_same_v<State, WideSum>) {
      check_digits(to_int128(state.value));
      target = state.value;
    } else {
      target = static_cast<Result>(state.value);
      if constexpr (std::is_same_v<Result, float>) {
        if (std::isinf(target) && !std::isinf(state.value)) {
          raise(invalid("value out of range: overflow").with_sqlstate("22003"));
        }
      }
    }
  }
};

// A sum of whole numbers as a bare numeric.
struct ScaledSum : Summing {
  template <class Result, class State>
  static void Finalize(State& state, Result& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    Int128 scaled = 0;
    if (__builtin_mul_overflow(to_int128(state.value), kPowersOfTen[kNumericScale], &scaled)) {
      numeric_overflow();
    }
    check_digits(scaled);
    target = to_hugeint(scaled);
  }
};

// How many digits an average has more than its input behind the point.
struct ExtraDigits final : duckdb::FunctionData {
  explicit ExtraDigits(int its_digits) : digits(its_digits) {}
  duckdb::unique_ptr<FunctionData> Copy() const override {
    return duckdb::make_uniq<ExtraDigits>(digits);
  }
  bool Equals(const FunctionData& other) const override {
    return digits == other.Cast<ExtraDigits>().digits;
  }
  const int digits;
};

// sum / count with `extra` digits more behind the point.
Int128 average(Int128 sum, uint64_t count, int extra) {
  UInt128 quotient = magnitude(sum) / count;
  UInt128 rest = magnitude(sum) % count;
  for (int i = 0; i < extra; ++i) {
    rest *= 10;  // below 10 * 2^64
    quotient = quotient * 10 + rest / count;
    rest %= count;
    if (quotient >= static_cast<UInt128>(kPowersOfTen[38])) numeric_overflow();
  }
  if (rest * 2 >= count) ++quotient;
  if (quotient >= static_cast<UInt128>(kPowersOfTen[38])) numeric_overflow();
  return sum < 0 ? -static_cast<Int128>(quotient) : static_cast<Int128>(quotient);
}

struct Average : Summing {
  template <class Result, class State>
  static void Finalize(State& state, Result& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    if constexpr (std::is_same_v<State, WideSum>) {
      const auto* extra = static_cast<const ExtraDigits*>(data.input.bind_data.get());
      const int digits = extra == nullptr ? kNumericScale : extra->digits;
      target = to_hugeint(average(to_int128(state.value), state.count, digits));
    } else {
      target = state.value / static_cast<double>(state.count);
    }
  }
};

// Months, days and microseconds each have a sum of their own.
struct IntervalSum {
  int64_t months;
  int64_t days;
  int64_t micros;
  uint64_t count;
};

struct IntervalSumming {
  template <class State>
  static void Initialize(State& state) {
    state = State{};
  }
  template <class Input, class State, class Op>
  static void Operation(State& state, const Input& input, AggregateUnaryInput&) {
    Combine<State, Op>({input.months, input.days, input.micros, 1}, state);
  }
  template <class Input, class State, class Op>
  static void ConstantOperation(State& state, const Input& input, AggregateUnaryInput& unary,
                                idx_t count) {
    for (idx_t i = 0; i < count; ++i) Operation<Input, State, Op>(state, input, unary);
  }
  template <class State, class Op>
  static void Combine(const State& source, State& target, AggregateInputData&) {
    Combine<State, Op>(source, target);
  }
  static bool IgnoreNull() { return true; }

 protected:
  static int32_t narrow(int64_t value) {
    if (value != static_cast<int32_t>(value)) out_of_range("interval");
    return static_cast<int32_t>(value);
  }

 private:
  template <class State, class Op>
  static void Combine(const State& source, State& target) {
    const bool overflow = __builtin_add_overflow(target.months, source.months, &target.months) ||
                          __builtin_add_overflow(target.days, source.days, &target.days) ||
                          __builtin_add_overflow(target.micros, source.micros, &target.micros);
    if (overflow) out_of_range("interval");
    target.count += source.count;
  }
};

struct PlainIntervalSum : IntervalSumming {
  template <class Result, class State>
  static void Finalize(State& state, Result& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    target.months = narrow(state.months);
    target.days = narrow(state.days);
    target.micros = state.micros;
  }
};

// What is left of months goes on as days of a month of 30, what is left of days as hours.
struct IntervalAverage : IntervalSumming {
  template <class Result, class State>
  static void Finalize(State& state, Result& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    constexpr Int128 kDay = Int128{86'400'000'000};
    const auto count = static_cast<Int128>(state.count);
    const Int128 month_days = state.months % count * 30;
    const Int128 rest = month_days % count + state.days % count;  // in days / count
    const Int128 micros = state.micros + rest % count * kDay;
    const Int128 half = micros < 0 ? -(count / 2) : count / 2;
    target.months = narrow(static_cast<int64_t>(state.months / count));
    target.days =
        narrow(static_cast<int64_t>(state.days / count + month_days / count + rest / count));
    target.micros = static_cast<int64_t>((micros + half) / count);
  }
};

void add_aggregate(duckdb::DatabaseInstance& database, const char* name,
                   const std::vector<AggregateFunction>& functions) {
  AggregateFunctionSet set(name);
  for (AggregateFunction function : functions) {
    function.name = name;
    function.errors = duckdb::FunctionErrors::CAN_THROW_RUNTIME_ERROR;
    function.order_dependent = duckdb::AggregateOrderDependent::NOT_ORDER_DEPENDENT;
    set.AddFunction(std::move(function));
  }
  duckdb::CreateAggregateFunctionInfo info(std::move(set));
  info.on_conflict = duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
  duckdb::Catalog::GetSystemCatalog(database).CreateFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(database), info);
}

template <class State, class Input, class Result, class Operation>
AggregateFunction unary(const LogicalType& input, const LogicalType& result) {
  return AggregateFunction::UnaryAggregate<State, Input, Result, Operation>(input, result);
}

using Arguments = duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>;

template <class Operation>
AggregateFunction of_decimal(const LogicalType& input, const LogicalType& result) {
  switch (input.InternalType()) {
    case duckdb::PhysicalType::INT16:
      return unary<WideSum, int16_t, hugeint_t, Operation>(input, result);
    case duckdb::PhysicalType::INT32:
      return unary<WideSum, int32_t, hugeint_t, Operation>(input, result);
    case duckdb::PhysicalType::INT64:
      return unary<WideSum, int64_t, hugeint_t, Operation>(input, result);
    default:
      return unary<WideSum, hugeint_t, hugeint_t, Operation>(input, result);
  }
}

// Puts the function for a decimal's width in the place of the one that stands for all.
void replace(AggregateFunction& function, AggregateFunction by) {
  by.name = function.name;
  by.errors = function.errors;
  by.order_dependent = function.order_dependent;
  function = std::move(by);
}

duckdb::unique_ptr<duckdb::FunctionData> bind_decimal_sum(duckdb::ClientContext&,
                                                          AggregateFunction& function,
                                                          Arguments& arguments) {
  const LogicalType type = arguments[0]->return_type;
  replace(function, of_decimal<PlainSum>(
                        type, LogicalType::DECIMAL(38, duckdb::DecimalType::GetScale(type))));
  return nullptr;
}

duckdb::unique_ptr<duckdb::FunctionData> bind_decimal_average(duckdb::ClientContext&,
                                                              AggregateFunction& function,
                                                              Arguments& arguments) {
  const LogicalType type = arguments[0]->return_type;
  const int scale = duckdb::DecimalType::GetScale(type);
  const int result = std::max(scale, kNumericScale);
  replace(function,
          of_decimal<Average>(type, LogicalType::DECIMAL(38, static_cast<uint8_t>(result))));
  return duckdb::make_uniq<ExtraDigits>(result - scale);
}

AggregateFunction any_decimal(duckdb::bind_aggregate_function_t bind) {
  return AggregateFunction({LogicalType(duckdb::LogicalTypeId::DECIMAL)},
                           LogicalType(duckdb::LogicalTypeId::DECIMAL), nullptr, nullptr, nullptr,
                           nullptr, nullptr, duckdb::FunctionNullHandling::DEFAULT_NULL_HANDLING,
                           nullptr, bind);
}

}  // namespace

void register_aggregates(duckdb::DatabaseInstance& database) {
  using T = LogicalType;
  const LogicalType numeric = T::DECIMAL(38, kNumericScale);
  add_aggregate(
      database, "sluice_sum",
      {any_decimal(bind_decimal_sum),
       unary<Sum<int64_t>, int16_t, int64_t, PlainSum>(T::SMALLINT, T::BIGINT),
       unary<Sum<int64_t>, int32_t, int64_t, PlainSum>(T::INTEGER, T::BIGINT),
       unary<WideSum, int64_t, hugeint_t, ScaledSum>(T::BIGINT, numeric),
       unary<WideSum, hugeint_t, hugeint_t, ScaledSum>(T::HUGEINT, numeric),
       unary<Sum<uint64_t>, uint16_t, uint64_t, PlainSum>(T::USMALLINT, T::UBIGINT),
       unary<Sum<uint64_t>, uint32_t, uint64_t, PlainSum>(T::UINTEGER, T::UBIGINT),
       unary<WideSum, uint64_t, hugeint_t, ScaledSum>(T::UBIGINT, numeric),
       unary<Sum<double>, float, float, PlainSum>(T::FLOAT, T::FLOAT),
       unary<Sum<double>, double, double, PlainSum>(T::DOUBLE, T::DOUBLE),
       unary<IntervalSum, interval_t, interval_t, PlainIntervalSum>(T::INTERVAL, T::INTERVAL)});
  add_aggregate(
      database, "sluice_avg",
      {any_decimal(bind_decimal_average),
       unary<WideSum, int16_t, hugeint_t, Average>(T::SMALLINT, numeric),
       unary<WideSum, int32_t, hugeint_t, Average>(T::INTEGER, numeric),
       unary<WideSum, int64_t, hugeint_t, Average>(T::BIGINT, numeric),
       unary<WideSum, hugeint_t, hugeint_t, Average>(T::HUGEINT, numeric),
       unary<WideSum, uint16_t, hugeint_t, Average>(T::USMALLINT, numeric),
       unary<WideSum, uint32_t, hugeint_t, Average>(T::UINTEGER, numeric),
       unary<WideSum, uint64_t, hugeint_t, Average>(T::UBIGINT, numeric),
       unary<Sum<double>, float, double, Average>(T::FLOAT, T::DOUBLE),
       unary<Sum<double>, double, double, Average>(T::DOUBLE, T::DOUBLE),
       unary<IntervalSum, interval_t, interval_t, IntervalAverage>(T::INTERVAL, T::INTERVAL)});
}

}  // namespace sluice::engine::functions
