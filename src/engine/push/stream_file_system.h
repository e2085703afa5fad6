// The paths `sluice://…` inside DuckDB: they name runs of ours (push_copy.h), and no file lies
// behind any of them. Whatever a file system can do is refused, so that a user who gets such a path
// into a statement gains nothing.
//
// Threads: any.
#pragma once

#include <cstdint>

namespace duckdb {
class DatabaseInstance;
}

namespace sluice::engine {

inline constexpr char kStreamScheme[] = "sluice://";

// A number that no other run of this process has.
uint64_t next_stream_id();

void register_stream_file_system(duckdb::DatabaseInstance& instance);

}  // namespace sluice::engine
