// From a parsed query to one that the engine can run: names become what is scanned, and only what
// Sluice allows is left in it.
//
//   relation name  ─> table, materialized view: its snapshot's subquery │ view: its query, in its
//                     own context │ system relation: rows made from the catalog
//   function name  ─> must be in the allow-list (allowed_functions.h), or does not exist (42883);
//                     what asks for the session, the time or the catalog becomes a constant or a
//                     lookup
//
// Nothing of a user's reaches DuckDB's own catalog, its table functions that read files, or its
// replacement scans.
//
// Threads: any; a context is read only.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "collection/key_index.h"
#include "collection/store.h"
#include "engine/engine.h"
#include "sql/aws_policies.h"
#include "sql/catalog.h"
#include "sql/export_runs.h"
#include "sql/front/statement.h"
#include "sql/index_state.h"
#include "sql/lookups.h"
#include "sql/materialized_view_state.h"

namespace sluice::sql {

struct ResolveContext {
  std::shared_ptr<const Catalog> catalog;
  SearchPath search_path = {std::string(kDefaultSchema)};
  std::string user = std::string(kDefaultUser);
  std::string database = std::string(kDatabaseName);
  std::string server_version = "9.5.0";  // what version() and SHOW server_version tell
  int32_t backend_pid = 0;
  // mz_now(). Not set: the expression has no logical time, and mz_now() is refused.
  std::optional<collection::Time> logical_time = {};
  // now(), current_timestamp and their like; clock_timestamp() is the statement's too.
  std::chrono::system_clock::time_point transaction_time = {};
  std::chrono::system_clock::time_point statement_time = {};
  std::string time_zone = "UTC";  // of the session: current_date, localtime
  // A session setting by lower-case name, for current_setting(); nothing: unknown.
  std::function<std::optional<std::string>(const std::string& name)> setting = {};
  // set_config(): tells a setting's new value; no value: its default. It is set only where a
  // statement is opened, not where it is described. Not set: set_config() is refused.
  std::function<Result<std::string>(const std::string& name,
                                    const std::optional<std::string>& value, bool local)>
      set_setting = {};
  // All settings for SHOW ALL and pg_settings: name -> value.
  std::function<std::map<std::string, std::string>()> settings = {};
  AwsServer aws = {};
  // What is on record of exports, for sluice_internal.export_runs.
  std::function<std::vector<ExportRun>()> export_runs = {};
  // From which time on the rows of a table or materialized view can be read, and the first at which
  // they may still become others; nothing: it is not there yet.
  struct Frontiers {
    collection::Time since, upper;
  };
  std::function<std::optional<Frontiers>(collection::CollectionId)> frontiers = {};
  // What the server knows of its materialized views, for relations of mz_internal.
  std::function<std::vector<MaterializedViewState>()> materialized_views = {};
  // The same of its indexes, and one of them by its object: null where there is none to be used.
  std::function<std::vector<IndexState>()> indexes = {};
  std::function<std::shared_ptr<const collection::KeyIndex>(ObjectId index)> index = {};
  // What a key may be compared with (lookups.h).
  Constants constants = {};
  using Snapshots =
      std::function<Result<std::shared_ptr<const collection::Snapshot>>(collection::CollectionId)>;
  // The query is a view's that was made to read these: its names mean them. To outlive the call.
  const std::vector<ObjectId>* bound = nullptr;
  // What a table shows to this statement: the read view's snapshot, with the transaction's overlay.
  Snapshots snapshot = {};
  // The same of a materialized view, which may not be right at every time. Not set: as a table.
  Snapshots view_snapshot = {};
  // For a query that is to be kept up to date (standing_query.h): relations with rows stay names,
  // and what the session, the time or the catalog would answer is refused.
  bool standing = false;
};

// How a query reads the rows of a table or materialized view at one place.
struct RowsRead {
  ObjectId relation;
  std::optional<ObjectId> index = {};  // by which they are looked up; nothing: all are read
  uint64_t rows = 0;                   // of a lookup: those that may have the key
};

struct Resolved {
  engine::Query query;
  std::vector<ObjectId> reads;  // objects named by the query itself, not those behind its views
  // Tables and materialized views that it reads rows of, behind views included.
  std::vector<ObjectId> tables;
  std::vector<RowsRead> rows_read;  // in the order of the relations in the query
};

Result<Resolved> resolve(QueryPtr statement, const ResolveContext& context);

// The same for an expression without relations of its own (DEFAULT, COPY's target): subqueries are
// refused with 0A000, columns only as `columns_allowed` says.
Result<ExpressionPtr> resolve_expression(ExpressionPtr expression, const ResolveContext& context,
                                         bool columns_allowed);

// Resolves like a query, but with relations by name that the caller made: UPDATE and DELETE bring
// the target's snapshot with row ids.
struct ExtraRelation {
  std::string name;  // as the query names it; shadows the catalog
  std::string sql;   // a subquery in parentheses, in the engine's SQL
  std::shared_ptr<const void> keep;
  // When given, `sql` is this snapshot's of that object, with such a column of row ids.
  const Object* object = nullptr;
  std::shared_ptr<const collection::Snapshot> snapshot = {};
  std::string row_ids = {};
};
Result<Resolved> resolve(QueryPtr statement, const ResolveContext& context,
                         std::vector<ExtraRelation> extra);

// Names and SQL types of what a query gives; `declared` is what declared_types() found of it.
Result<std::vector<Column>> columns_of(
    const Resolved& resolved, engine::Connection& connection,
    const std::vector<std::optional<types::SqlType>>& declared = {});

}  // namespace sluice::sql
