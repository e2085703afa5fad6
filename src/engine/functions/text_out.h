// Values -> PostgreSQL's text form. The wire, COPY, CSV files and casts to text all write through
// here.
//
// The put_ functions write at `out`, which must have room for kMax… bytes, and return the new end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/chunk.h"
#include "engine/functions/int128.h"
#include "engine/functions/text_put.h"
#include "engine/functions/time_zone.h"

namespace sluice::engine::functions {

inline constexpr size_t kMaxDoubleText = 32;
inline constexpr size_t kMaxTimeText = 24;
inline constexpr size_t kMaxTimestampText = 48;
inline constexpr size_t kMaxIntervalText = 96;
inline constexpr size_t kMaxUuidText = 36;

// `trim` leaves out zeros at the end behind the point, and then the point.
char* put_decimal(char* out, Int128 value, int scale, bool trim);
// The shortest digits that read back as the same value.
char* put_double(char* out, double value);
char* put_float(char* out, float value);
char* put_date(char* out, int32_t days);
char* put_time(char* out, int64_t micros);
char* put_timestamp(char* out, int64_t micros);
char* put_timestamp_tz(char* out, int64_t utc_micros, const TimeZone& zone);
char* put_interval(char* out, const duckdb::interval_t& value);
char* put_uuid(char* out, const duckdb::hugeint_t& value);

void append_bytea(std::string_view bytes, std::string& out);
// From the compact form that is stored.
void append_json(std::string_view compact, bool spaced, std::string& out);

struct TextStyle {
  bool spaced_json = true;
  bool long_booleans = false;  // true rather than t
  bool keep_scale = false;     // DECIMAL(38,10) is a declared numeric(38,10): all ten digits
  const TimeZone* zone = &TimeZone::utc();
};

// Any value but NULL. Slower than the put_ functions: for nested and odd types.
void append_value(const Value& value, const TextStyle& style, std::string& out);
// The text of a value that is no list and no map, as an element of one: quoted where it has to be.
// At `out`, which must have room for twice the text and two quotes.
char* put_list_element(char* out, std::string_view text, bool in_map);
// The same from a vector in unified form; nested types are read through the vector.
void append_from(Vector& vector, size_t row, const TextStyle& style, std::string& out);

// Whether decimals of this type print without zeros at their end: bare numeric does.
bool prints_trimmed(const LogicalType& type, const TextStyle& style);

}  // namespace sluice::engine::functions
