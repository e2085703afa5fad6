// COPY … TO 's3://…' and 'file:///…': the statement's checks in the reference's order, then the
// export run.
//
// Threads: one at a time.
#pragma once

#include <string>

#include "session/execution.h"
#include "sql/front/statement.h"

namespace sluice::session {

// Blocks until the export is whole at the store, or nothing of it is; gives `COPY n`.
Result<std::string> run_export_copy(const Execution& execution, const sql::Copy& copy);

}  // namespace sluice::session
