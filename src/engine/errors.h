// The one place where DuckDB's errors end and ours begin.
#pragma once

#include <duckdb/common/error_data.hpp>
#include <string>

#include "base/result.h"

namespace sluice::engine {

// The code, SQLSTATE and words that a user may see; `position` where DuckDB knows it.
Error engine_error(const duckdb::ErrorData& error);

// DuckDB's names for types, as words of `text`, replaced by PostgreSQL's: INTEGER -> integer.
std::string with_sql_type_names(std::string text);

}  // namespace sluice::engine
