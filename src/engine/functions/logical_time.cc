// mz_timestamp, the type of logical times: its casts, and the time of a query that is to be kept up
// to date, which nobody can know.
//
// A logical time is milliseconds since 1970, not negative. A timestamp is the one of the
// millisecond that it lies in.
#include <duckdb/common/types/timestamp.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>
#include <duckdb/function/cast/cast_function_set.hpp>
#include <duckdb/main/config.hpp>

#include "engine/functions/parts.h"
#include "engine/functions/raise.h"

namespace sluice::engine::functions {
namespace {

using duckdb::CastParameters;
using duckdb::LogicalTypeId;

constexpr int64_t kMicrosOfMilli = 1000;

LogicalType mz_timestamp() {
  LogicalType type = LogicalType::UBIGINT;
  type.SetAlias("mz_timestamp");
  return type;
}

// A failure ends the statement, or makes the value NULL in TRY_CAST.
template <typename To>
To refused(const char* what, CastParameters& parameters, duckdb::ValidityMask& mask, idx_t row) {
  const Error failure = invalid("{} out of range", what).with_sqlstate("22008");
  if (parameters.error_message == nullptr) raise(failure);
  if (parameters.error_message->empty()) *parameters.error_message = failure.message;
  mask.SetInvalid(row);
  return To{};
}

// `To` of each `From` for which `convert(from, to)` is true.
template <typename From, typename To, typename Convert>
bool convert_times(Vector& source, Vector& result, idx_t count, CastParameters& parameters,
                   const char* what, const Convert& convert) {
  bool all_well = true;
  duckdb::UnaryExecutor::ExecuteWithNulls<From, To>(
      source, result, count, [&](From from, duckdb::ValidityMask& mask, idx_t row) {
        To to{};
        if (convert(from, to)) return to;
        all_well = false;
        return refused<To>(what, parameters, mask, row);
      });
  return all_well;
}

bool from_micros(int64_t micros, uint64_t& time) {
  if (micros < 0 || !duckdb::Timestamp::IsFinite(duckdb::timestamp_t(micros))) return false;
  time = static_cast<uint64_t>(micros / kMicrosOfMilli);
  return true;
}

bool timestamp_to_time(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  return convert_times<int64_t, uint64_t>(source, result, count, parameters, "mz_timestamp",
                                          from_micros);
}

bool date_to_time(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  constexpr int64_t kMillisOfDay = int64_t{24} * 60 * 60 * 1000;
  return convert_times<duckdb::date_t, uint64_t>(
      source, result, count, parameters, "mz_timestamp", [](duckdb::date_t date, uint64_t& time) {
        if (date.days < 0 || !duckdb::Date::IsFinite(date)) return false;
        time = static_cast<uint64_t>(date.days * kMillisOfDay);
        return true;
      });
}

// Strict is asked by the optimizer only, which would compare at < mz_now() as timestamps if it
// could: not the same where a timestamp has microseconds.
bool time_to_timestamp(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  return convert_times<uint64_t, int64_t>(
      source, result, count, parameters, "timestamp", [&](uint64_t time, int64_t& micros) {
        constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
        if (parameters.strict || time > kMost / kMicrosOfMilli) return false;
        micros = static_cast<int64_t>(time) * kMicrosOfMilli;
        return duckdb::Timestamp::IsFinite(duckdb::timestamp_t(micros));
      });
}

void unknown_time(duckdb::DataChunk&, duckdb::ExpressionState&, Vector&) {
  raise(invalid("materialized views do not support mz_now() here")
            .with_sqlstate("0A000")
            .with_hint("Compare it with an expression without it, in WHERE or HAVING."));
}

}  // namespace

void register_logical_time(duckdb::DatabaseInstance& database) {
  auto& casts = duckdb::CastFunctionSet::Get(database);
  const LogicalType time = mz_timestamp();
  for (const LogicalTypeId other : {LogicalTypeId::TIMESTAMP, LogicalTypeId::TIMESTAMP_TZ}) {
    casts.RegisterCastFunction(other, time, timestamp_to_time);
    casts.RegisterCastFunction(time, other, time_to_timestamp);
  }
  casts.RegisterCastFunction(LogicalType::DATE, time, date_to_time);
  add_function(database, duckdb::ScalarFunction("sluice_logical_time", {}, time, unknown_time));
}

}  // namespace sluice::engine::functions
