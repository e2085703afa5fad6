// COPY … TO 's3://…' and 'file:///…': the statement's checks in the reference's order, then the
// export run.
//
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "export/journal.h"
#include "session/execution.h"
#include "sql/export_runs.h"
#include "sql/front/statement.h"

namespace sluice::session {

// Blocks until the export is whole at the store, or has failed; gives `COPY n`. `text` is the
// statement's, for the history, without its secrets.
Result<std::string> run_export_copy(const Execution& execution, const sql::Copy& copy,
                                    const std::string& text);

// What sluice_internal.export_runs shows.
// EXPLAIN of it: rows of export_description_columns(). The statement is checked; the store is not
// asked anything.
Result<std::vector<std::vector<std::string>>> explain_export_copy(const Execution& execution,
                                                                  const sql::Copy& copy);

std::vector<sql::ExportRun> export_run_rows(const exports::Journal& journal);

}  // namespace sluice::session
