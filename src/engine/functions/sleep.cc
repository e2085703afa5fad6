// pg_sleep(seconds): waits in the engine's thread, and ends at once when the statement is stopped.
#include <chrono>
#include <cmath>
#include <duckdb/execution/expression_executor_state.hpp>
#include <duckdb/main/client_context.hpp>
#include <thread>

#include "engine/functions/parts.h"
#include "engine/functions/raise.h"

namespace sluice::engine::functions {
namespace {

constexpr double kMaxSeconds = 3600;
// DuckDB tells of an interrupt by a flag only, so the flag is looked at this often.
constexpr auto kLook = std::chrono::milliseconds(5);

void sleep_for(double seconds, const duckdb::ClientContext& context) {
  if (std::isnan(seconds) || seconds <= 0) return;
  if (seconds > kMaxSeconds) {
    raise(invalid("pg_sleep() waits at most {} seconds", kMaxSeconds).with_sqlstate("22003"));
  }
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                       std::chrono::duration<double>(seconds));
  while (std::chrono::steady_clock::now() < end) {
    if (context.interrupted) throw duckdb::InterruptException();
    std::this_thread::sleep_until(std::min(end, std::chrono::steady_clock::now() + kLook));
  }
}

void pg_sleep(duckdb::DataChunk& input, duckdb::ExpressionState& state, Vector& result) {
  for (idx_t row = 0; row < input.size(); ++row) {
    const Value seconds = input.data[0].GetValue(row);
    if (!seconds.IsNull()) sleep_for(seconds.GetValue<double>(), state.GetContext());
    result.SetValue(row, seconds.IsNull() ? Value(LogicalType::VARCHAR) : Value(""));
  }
}

}  // namespace

void register_sleep(duckdb::DatabaseInstance& database) {
  duckdb::ScalarFunction function("pg_sleep", {LogicalType::DOUBLE}, LogicalType::VARCHAR,
                                  pg_sleep);
  // Or it would be run once while the query is planned.
  function.stability = duckdb::FunctionStability::VOLATILE;
  add_function(database, std::move(function));
}

}  // namespace sluice::engine::functions
