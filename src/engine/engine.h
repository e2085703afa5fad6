// The embedded engine: a DuckDB instance that plans and runs queries, replaced when it breaks. It
// stores nothing durable: its relations are read-only segment files and rows in memory that
// `collection` registers here.
//
// Threads: Engine is safe from any thread; a Connection serves one thread at a time, and may be
// interrupted from any through the stop token.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "engine/reader.h"

namespace duckdb {
class DatabaseInstance;
class DuckDB;
class SQLStatement;
class ClientContext;
}  // namespace duckdb

namespace sluice::engine {

// A statement as the engine takes it: a parsed, resolved and rewritten tree, or text of ours. It
// is planned anew at each run, since a plan that outlives a change of the data can answer wrongly.
// `keep` holds what the tree refers to (registered rows, segments) for as long as it may run.
class Query {
 public:
  Query();
  explicit Query(std::unique_ptr<duckdb::SQLStatement> statement);
  // One statement in the engine's own SQL: text of ours, never a user's.
  static Result<Query> parse(const std::string& sql);
  Query(Query&&) noexcept;
  Query& operator=(Query&&) noexcept;
  ~Query();
  Query copy() const;
  duckdb::SQLStatement& statement() { return *statement_; }
  const duckdb::SQLStatement& statement() const { return *statement_; }

  std::vector<std::shared_ptr<const void>> keep;

 private:
  std::unique_ptr<duckdb::SQLStatement> statement_;
};

// What a query gives and needs, found by binding it: columns, and the type of each parameter $1…
// (SQLNULL/UNKNOWN where nothing tells).
struct Description {
  Shape shape;
  std::vector<LogicalType> parameters;
};

// Rows of a running query, pulled chunk by chunk; nothing is computed far ahead of the caller.
class RowStream {
 public:
  virtual ~RowStream() = default;
  virtual const Shape& shape() const = 0;
  // The next chunk, at most 2048 rows, valid until the next call; nullptr at the end.
  virtual Result<Chunk*> next(std::stop_token stop) = 0;
};

// Goes over to the next instance at the first call after its own broke.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual Result<Description> describe(const Query& query) = 0;
  // The stream owns this connection's running query: finish or drop it before the next call here.
  // It must not outlive the connection.
  virtual Result<std::unique_ptr<RowStream>> stream(Query query, std::vector<Value> parameters,
                                                    std::stop_token stop) = 0;
  // A reader that runs the query on the engine's threads. Must not outlive the connection.
  virtual Result<std::unique_ptr<Reader>> reader(Query query, std::vector<Value> parameters) = 0;
  // Text of ours (never a user's): segments, tests, benchmarks. All rows are kept in memory.
  virtual Result<std::vector<std::vector<Value>>> query(const std::string& sql,
                                                        std::stop_token stop = {}) = 0;
  // The session's time zone for timestamptz, as IANA name.
  virtual Status set_time_zone(const std::string& name) = 0;
  virtual duckdb::ClientContext& context() = 0;
};

// Rows in memory that the table function `sluice_rows(handle)` reads. Immutable while registered.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual const Shape& shape() const = 0;
  virtual uint64_t row_count() const = 0;  // exact or an upper bound: for the planner
  virtual size_t batch_count() const = 0;  // batches are read in parallel, each by one thread
  // Fills `out` (as many columns as `columns`, indexes into shape()) with batch `batch` from row
  // `first` on, at most 2048 rows; returns how many rows it took from the batch (rows that are
  // filtered out count), 0 at its end. Safe from any thread.
  virtual size_t read(size_t batch, size_t first, std::span<const size_t> columns,
                      Chunk& out) const = 0;
};

// A predicate on row ids that the scalar function `sluice_live(handle, row_id)` evaluates: false
// for rows that are deleted. Immutable while registered; ids come mostly ascending.
class RowFilter {
 public:
  virtual ~RowFilter() = default;
  // live[i] = whether ids[i] is to be seen.
  virtual void test(std::span<const int64_t> ids, bool* live) const = 0;
};

class Engine {
 public:
  struct Options {
    uint64_t memory_limit_bytes = uint64_t{1} << 30;
    int threads = 2;
    std::string temp_directory;                     // spilled rows; emptied at start
    std::vector<std::string> readable_directories;  // where attached segments lie
  };
  // To whoever starts an engine, only a thing to hand on to what registers.
  using Instance = duckdb::DatabaseInstance;
  // Functions and types of ours go in through this one call, before settings are locked. Called
  // again, from any thread, for each instance that takes the place of a broken one (instances.h).
  using Registration = std::function<void(Instance&)>;

  static Result<std::unique_ptr<Engine>> open(Options options, Registration registration);
  virtual ~Engine() = default;
  virtual Result<std::unique_ptr<Connection>> connect() = 0;

  // The handle is valid until the returned token is dropped; the token keeps the object alive.
  struct Registered {
    int64_t handle = 0;
    std::shared_ptr<const void> token;
  };
  virtual Registered add_rows(std::shared_ptr<const RowSource> rows) = 0;
  virtual Registered add_filter(std::shared_ptr<const RowFilter> filter) = 0;

  // Makes the tables of a database file readable as `name`.main.*, until detach().
  virtual Status attach(const std::string& name, const std::string& path) = 0;
  virtual Status detach(const std::string& name) = 0;
  // Options::memory_limit_bytes.
  virtual uint64_t memory_limit_bytes() const = 0;
  // How often the instance broke and was replaced.
  virtual uint64_t restarts() const = 0;
};

// DuckDB's exceptions and error objects as ours: the code, SQLSTATE and words a user may see,
// without DuckDB's names for types. The one place where they are translated.
Error engine_error(const std::exception& exception);

}  // namespace sluice::engine
