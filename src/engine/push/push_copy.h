// A reader over the embedded engine: runs a query so that the engine's own threads push their
// chunks into a sink, in parallel unless the query asks for an order.
//
//   COPY (query) TO 'sluice://push/<id>' (FORMAT sluice_push)
//     each thread: its first rows -> ChunkSink::open_local -> LocalSink::append … -> finish
//
// No file is involved: the path names the run, and only the connection that registered the run can
// use it. An error of the sink comes back as it is, not through the engine's exceptions.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/reader.h"

namespace duckdb {
class Connection;
class DatabaseInstance;
}  // namespace duckdb

namespace sluice::engine {

// Makes the copy function and its paths known to an instance; once for each, before its settings
// are locked. They need 'sluice://' among the allowed directories.
void register_push(duckdb::DatabaseInstance& instance);

// `connection` must outlive the reader and be idle while the reader runs. The query is a SELECT;
// it is bound here for its shape, and planned again when the reader runs.
Result<std::unique_ptr<Reader>> make_push_reader(duckdb::Connection& connection, Query query,
                                                 std::vector<Value> parameters);

}  // namespace sluice::engine
