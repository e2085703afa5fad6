// CREATE INDEX as a session runs it.
//
// Threads: one at a time.
#pragma once

#include <string>

#include "session/execution.h"
#include "sql/front/statement.h"

namespace sluice::session {

// The index is built in the background from the commit on; this doesn't wait until it can be used.
Result<std::string> run_create_index(const Execution& execution, const sql::CreateIndex& create);

}  // namespace sluice::session
