// CREATE CONNECTION and ALTER CONNECTION as a session runs them. Each returns its command tag.
//
// Threads: one at a time.
#pragma once

#include <string>

#include "session/execution.h"
#include "sql/front/statement.h"

namespace sluice::session {

Result<std::string> run_create_connection(const Execution& execution,
                                          const sql::CreateConnection& create);
Result<std::string> run_alter_connection(const Execution& execution,
                                         const sql::AlterConnection& alter);

}  // namespace sluice::session
