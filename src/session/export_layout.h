// How an export's files lie at their target: names, what is there already, order, partitions.
//
// Threads: one at a time.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "export/export.h"
#include "session/execution.h"
#include "sql/copy_options.h"

namespace sluice::session {

// What the options say beyond the query: 22023 for what cannot be.
Status set_layout(const sql::CopyToOptions& options, exports::ExportSpec& spec);

// Of the query's columns: 42701 where names are alike but for their case. The engine would call one
// of them by another name behind with_partitions(), and a partition by it would be one by the
// other.
Status check_names_for_partitions(std::span<const std::string> names,
                                  const sql::CopyToOptions& options);

// PARTITION BY: `query` with a text for each of the expressions behind its columns, whose names are
// put into the spec. Errors are at the option's place.
Result<sql::QueryPtr> with_partitions(sql::QueryPtr query, const sql::CopyToOptions& options,
                                      exports::ExportSpec& spec);

// What is known of a run's partitions and threads before it begins.
struct Partitions {
  size_t threads = 1;  // that write
  size_t found = 0;    // different ones; 0: the statement has none
  bool is_all = true;  // else there are more than `found`
  engine::Query rows;  // of the files, as they come: without the partitions' own columns
};

// Of a query of with_partitions(), whose columns were cast: how its rows come to the writers.
// With a few partitions as they are, each in a file that stays open; with many, the engine brings
// those of one together, and spills what its memory does not hold. To know which, the partitions
// are counted first, up to a few, or up to `counted` of them. Columns that are partitions
// themselves are left out of the files, but with WRITE PARTITION COLUMNS. The spec's partitions
// then have the names of their folders' keys, which are those of the profile.
Result<Partitions> arrange_partitions(const Execution& execution, const sql::CopyToOptions& options,
                                      size_t counted, exports::ExportSpec& spec,
                                      engine::Query& query);

// The engine's threads, each of which writes files of its own.
Result<size_t> writing_threads(engine::Connection& connection);

}  // namespace sluice::session
