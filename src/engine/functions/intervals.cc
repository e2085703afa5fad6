// Making and straightening intervals, dates and times, with PostgreSQL's results and errors:
//
//   justify_days(interval), justify_hours, justify_interval
//   sluice_make_interval(years, months, weeks, days, hours, mins, secs)     make_interval()
//   sluice_make_date(year, month, day), sluice_make_timestamp(…)            years below 0 are BC
//   sluice_date_bin(stride, source, origin)                                 date_bin()
//   sluice_generate_series(from, to [, step])    the list of a series of numbers or instants
#include <cmath>

#include "engine/functions/calendar.h"
#include "engine/functions/int128.h"
#include "engine/functions/raise.h"
#include "engine/functions/row_function.h"
#include "engine/functions/type_words.h"

namespace sluice::engine::functions {
namespace {

using duckdb::interval_t;
using duckdb::LogicalTypeId;
using BindInput = duckdb::FunctionBindExpressionInput;

constexpr int64_t kDaysPerMonth = 30;

// Its parts with room for what moves between them.
struct Span {
  int64_t months = 0;
  int64_t days = 0;
  int64_t micros = 0;
};

Span span_of(const Value& value) {
  const auto interval = value.GetValue<interval_t>();
  return {interval.months, interval.days, interval.micros};
}

Value value_of(const Span& span) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (std::abs(span.months) > kMost || std::abs(span.days) > kMost) {
    raise(invalid("interval out of range").with_sqlstate("22008"));
  }
  return Value::INTERVAL(static_cast<int32_t>(span.months), static_cast<int32_t>(span.days),
                         span.micros);
}

// Whole units of the smaller part go over to the larger one.
void carry(int64_t& small, int64_t& large, int64_t unit) {
  large += small / unit;
  small %= unit;
}

// One unit goes back where the two parts differ in sign.
void agree(int64_t& small, int64_t& large, int64_t unit) {
  if (large > 0 && small < 0) {
    small += unit;
    --large;
  } else if (large < 0 && small > 0) {
    small -= unit;
    ++large;
  }
}

Value justify_hours(const Values& arguments, const LogicalType&) {
  Span span = span_of(arguments[0]);
  carry(span.micros, span.days, kMicrosPerDay);
  agree(span.micros, span.days, kMicrosPerDay);
  return value_of(span);
}

Value justify_days(const Values& arguments, const LogicalType&) {
  Span span = span_of(arguments[0]);
  carry(span.days, span.months, kDaysPerMonth);
  agree(span.days, span.months, kDaysPerMonth);
  return value_of(span);
}

Value justify_interval(const Values& arguments, const LogicalType&) {
  Span span = span_of(arguments[0]);
  carry(span.micros, span.days, kMicrosPerDay);
  carry(span.days, span.months, kDaysPerMonth);
  // The time counts with the days: a month less an hour has to give a month back.
  const auto sign = [](int64_t value) { return value < 0 ? -1 : value > 0 ? 1 : 0; };
  const int below = span.days != 0 ? sign(span.days) : sign(span.micros);
  if (sign(span.months) * below < 0) {
    span.days -= below * kDaysPerMonth;
    span.months += below;
  }
  agree(span.micros, span.days, kMicrosPerDay);
  return value_of(span);
}

Value make_interval(const Values& arguments, const LogicalType&) {
  const auto number = [&](size_t i) { return arguments[i].GetValue<int64_t>(); };
  const double seconds = arguments[6].GetValue<double>();
  if (!std::isfinite(seconds) || std::abs(seconds) > 9e12) {
    raise(invalid("interval out of range").with_sqlstate("22008"));
  }
  Span span;
  span.months = number(0) * 12 + number(1);
  span.days = number(2) * 7 + number(3);
  span.micros = (number(4) * 3600 + number(5) * 60) * kMicrosPerSecond +
                std::llround(seconds * static_cast<double>(kMicrosPerSecond));
  return value_of(span);
}

// Days since 1970; there is no year 0.
int64_t days_of(const Values& arguments) {
  const auto year = arguments[0].GetValue<int64_t>();
  const auto month = arguments[1].GetValue<int64_t>(), day = arguments[2].GetValue<int64_t>();
  const int64_t counted = year < 0 ? year + 1 : year;
  if (year == 0 || std::abs(year) > 290'000 || month < 1 || month > 12 || day < 1 ||
      day > days_in_month(counted, static_cast<int>(month))) {
    raise(invalid("date field value out of range: {}-{:02}-{:02}", year, month, day)
              .with_sqlstate("22008"));
  }
  return days_from_civil(counted, static_cast<int>(month), static_cast<int>(day));
}

int64_t time_of(const Values& arguments, size_t first) {
  const auto hour = arguments[first].GetValue<int64_t>();
  const auto minute = arguments[first + 1].GetValue<int64_t>();
  const auto second = arguments[first + 2].GetValue<double>();
  const bool fits = hour >= 0 && hour <= 24 && minute >= 0 && minute < 60 && second >= 0 &&
                    second <= 60 && (hour < 24 || (minute == 0 && second == 0));
  if (!fits) {
    raise(invalid("time field value out of range: {}:{:02}:{:02}", hour, minute, second)
              .with_sqlstate("22008"));
  }
  return (hour * 3600 + minute * 60) * kMicrosPerSecond +
         std::llround(second * static_cast<double>(kMicrosPerSecond));
}

Value make_date(const Values& arguments, const LogicalType&) {
  return Value::DATE(duckdb::date_t(static_cast<int32_t>(days_of(arguments))));
}

Value make_time(const Values& arguments, const LogicalType&) {
  return Value::TIME(duckdb::dtime_t(time_of(arguments, 0)));
}

Value make_timestamp(const Values& arguments, const LogicalType&) {
  return Value::TIMESTAMP(
      duckdb::timestamp_t(days_of(arguments) * kMicrosPerDay + time_of(arguments, 3)));
}

Value date_bin(const Values& arguments, const LogicalType& result) {
  const Span stride = span_of(arguments[0]);
  if (stride.months != 0) {
    raise(invalid("timestamps cannot be binned into intervals containing months or years")
              .with_sqlstate("0A000"));
  }
  const int64_t width = stride.days * kMicrosPerDay + stride.micros;
  if (width <= 0) raise(invalid("stride must be greater than zero").with_sqlstate("22008"));
  const auto source = arguments[1].GetValueUnsafe<int64_t>();
  const auto origin = arguments[2].GetValueUnsafe<int64_t>();
  if (std::abs(source) == kInfiniteTimestamp) return arguments[1];
  if (std::abs(origin) == kInfiniteTimestamp) {
    raise(invalid("origin out of range").with_sqlstate("22008"));
  }
  const int64_t binned = origin + floor_divide(source - origin, width) * width;
  return result.id() == LogicalTypeId::TIMESTAMP_TZ
             ? Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(binned))
             : Value::TIMESTAMP(duckdb::timestamp_t(binned));
}

// A series of numerics of one scale.
constexpr size_t kMaxNumericSeries = 10'000'000;
Value numeric_series(const Values& arguments, const LogicalType& result) {
  const LogicalType& type = duckdb::ListType::GetChildType(result);
  const auto number = [&](size_t i) {
    return to_int128(arguments[i].GetValueUnsafe<duckdb::hugeint_t>());
  };
  const Int128 from = number(0), to = number(1), step = number(2);
  if (step == 0) raise(invalid("step size cannot equal zero").with_sqlstate("22023"));
  duckdb::vector<Value> values;
  for (Int128 at = from; step > 0 ? at <= to : at >= to; at += step) {
    if (values.size() == kMaxNumericSeries) {
      raise(error(ErrorCode::kExhausted, "a series of numerics has at most {} values",
                  kMaxNumericSeries)
                .with_sqlstate("54000"));
    }
    values.push_back(Value::DECIMAL(to_hugeint(at), 38, duckdb::DecimalType::GetScale(type)));
  }
  return Value::LIST(type, std::move(values));
}

duckdb::unique_ptr<duckdb::FunctionData> bind_numeric_series(duckdb::ClientContext&,
                                                             duckdb::ScalarFunction& function,
                                                             BoundExpressions& arguments) {
  uint8_t scale = 0;
  for (const BoundExpression& argument : arguments) {
    if (argument->return_type.id() == LogicalTypeId::DECIMAL) {
      scale = std::max(scale, duckdb::DecimalType::GetScale(argument->return_type));
    }
  }
  const LogicalType type = LogicalType::DECIMAL(38, scale);
  function.arguments = {type, type, type};
  function.return_type = LogicalType::LIST(type);
  return nullptr;
}

// The type that the first two have together: literals take the other's.
LogicalType series_type(const BoundExpressions& children) {
  LogicalType type(LogicalTypeId::SQLNULL);
  for (size_t i = 0; i < 2; ++i) {
    const LogicalType& one = children[i]->return_type;
    if (one.id() == LogicalTypeId::UNKNOWN) throw duckdb::ParameterNotResolvedException();
    if (argument_word(*children[i]) == "unknown") continue;
    type = type.id() == LogicalTypeId::SQLNULL ? one : LogicalType::ForceMaxLogicalType(type, one);
  }
  return type.id() == LogicalTypeId::DATE ? LogicalType::TIMESTAMP_TZ : type;
}

[[noreturn]] void no_series(const BoundExpressions& children) {
  std::string types;
  for (const BoundExpression& child : children) {
    if (!types.empty()) types += ", ";
    types += argument_word(*child);
  }
  raise(invalid("function generate_series({}) does not exist", types)
            .with_sqlstate("42883")
            .with_hint("No function matches the given name and argument types. You might need to "
                       "add explicit type casts."));
}

BoundExpression bind_series(BindInput& input) {
  BoundExpressions& children = input.children;
  LogicalType type = series_type(children);
  const bool instants =
      type.id() == LogicalTypeId::TIMESTAMP || type.id() == LogicalTypeId::TIMESTAMP_TZ;
  if (!instants && !type.IsNumeric()) no_series(children);
  if (instants && children.size() < 3) no_series(children);
  if (children.size() > 2 && !instants) {
    type = LogicalType::ForceMaxLogicalType(
        type, children[2]->return_type.IsNumeric() ? children[2]->return_type : type);
  }
  if (type.id() == LogicalTypeId::DECIMAL) {
    if (children.size() < 3) children.push_back(bound_constant(Value::INTEGER(1)));
    return bound_call(input.context, "sluice_numeric_series", std::move(children));
  }
  if (!instants && !type.IsIntegral()) no_series(children);
  const LogicalType element = instants                             ? type
                              : type.id() == LogicalTypeId::BIGINT ? LogicalType::BIGINT
                                                                   : LogicalType::INTEGER;
  const LogicalType taken = instants ? type : LogicalType::BIGINT;
  for (size_t i = 0; i < children.size(); ++i) {
    children[i] = bound_cast(input.context, std::move(children[i]),
                             instants && i == 2 ? LogicalType::INTERVAL : taken);
  }
  return bound_cast(input.context,
                    bound_call(input.context, "generate_series", std::move(children)),
                    LogicalType::LIST(element));
}

}  // namespace

void register_intervals(duckdb::DatabaseInstance& database) {
  const LogicalType interval = LogicalType::INTERVAL, integer = LogicalType::INTEGER;
  const LogicalType real = LogicalType::DOUBLE, any = LogicalType::ANY;
  add_rowwise<justify_days>(database, "justify_days", {interval}, interval);
  add_rowwise<justify_hours>(database, "justify_hours", {interval}, interval);
  add_rowwise<justify_interval>(database, "justify_interval", {interval}, interval);
  add_rowwise<make_interval>(database, "sluice_make_interval",
                             {integer, integer, integer, integer, integer, integer, real},
                             interval);
  add_rowwise<make_date>(database, "sluice_make_date", {integer, integer, integer},
                         LogicalType::DATE);
  add_rowwise<make_time>(database, "sluice_make_time", {integer, integer, real}, LogicalType::TIME);
  add_rowwise<make_timestamp>(database, "sluice_make_timestamp",
                              {integer, integer, integer, integer, integer, real},
                              LogicalType::TIMESTAMP);
  for (const LogicalType& type :
       {LogicalType(LogicalType::TIMESTAMP), LogicalType(LogicalType::TIMESTAMP_TZ)}) {
    add_rowwise<date_bin>(database, "sluice_date_bin", {interval, type, type}, type);
  }
  duckdb::ScalarFunction numerics("sluice_numeric_series", {any, any, any},
                                  LogicalType::LIST(LogicalType::DECIMAL(38, 10)),
                                  each_row<numeric_series, false>, bind_numeric_series);
  add_function(database, std::move(numerics));
  add_bound(database, "sluice_generate_series", {any, any}, any, bind_series, any);
}

}  // namespace sluice::engine::functions
