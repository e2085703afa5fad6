// PostgreSQL's text form -> values: literals, casts from text, parameters, COPY FROM.
//
// The read_ functions take the fast road: false for anything wrong, and then input_error() says
// what it was. Blanks around a value are allowed wherever PostgreSQL allows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/chunk.h"
#include "engine/functions/int128.h"
#include "engine/functions/time_zone.h"

namespace sluice::engine::functions {

bool read_boolean(std::string_view text, bool& out);
bool read_integer(std::string_view text, int64_t low, int64_t high, int64_t& out);
bool read_unsigned(std::string_view text, uint64_t high, uint64_t& out);
bool read_double(std::string_view text, double& out);
bool read_float(std::string_view text, float& out);
// Rounds half away from zero to `scale`; false also when it needs more than `width` digits.
bool read_decimal(std::string_view text, int width, int scale, Int128& out);
bool read_uuid(std::string_view text, duckdb::hugeint_t& out);
// Replaces `out`.
bool read_bytea(std::string_view text, std::string& out);

// Date and time input says more about what is wrong.
Status read_date(std::string_view text, int32_t& out);
Status read_time(std::string_view text, int64_t& out);
Status read_timestamp(std::string_view text, int64_t& out);
Status read_timestamp_tz(std::string_view text, const TimeZone& zone, int64_t& out);
Status read_interval(std::string_view text, duckdb::interval_t& out);

// 22021 for bytes that are not UTF-8, and for NUL, which no text may hold.
Status check_utf8(std::string_view text);

// Reads texts into flat vectors of one type. Safe from any thread.
class ColumnReader {
 public:
  // Array literals may have bounds in front ([1:2]={…}), which are not kept.
  ColumnReader(LogicalType type, const TimeZone& zone) : type_(std::move(type)), zone_(zone) {}
  const LogicalType& type() const { return type_; }
  // Writes row `row` of `out`, a flat vector of type().
  Status read(std::string_view text, Vector& out, size_t row) const;
  Result<Value> read(std::string_view text) const;

 private:
  Status read_scalar(std::string_view text, Vector& out, size_t row) const;
  Status read_strings(std::string_view text, Vector& out, size_t row) const;
  Result<Value> read_list(std::string_view text) const;
  Result<Value> read_map(std::string_view text) const;

  LogicalType type_;
  const TimeZone& zone_;
};

// The name PostgreSQL uses for a type in input errors: integer, timestamp with time zone.
std::string input_type_name(const LogicalType& type);
// What is wrong with a text that a read_ function refused: 22003 or 22P02.
Error input_error(const LogicalType& type, std::string_view text);

}  // namespace sluice::engine::functions
