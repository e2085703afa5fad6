// CREATE, ALTER and DROP as a session runs them. Each returns its command tag.
//
// Threads: one at a time.
#pragma once

#include <string>

#include "session/execution.h"
#include "sql/front/statement.h"

namespace sluice::session {

Result<std::string> run_create_schema(const Execution& execution, const sql::CreateSchema& create);
Result<std::string> run_create_table(const Execution& execution, const sql::CreateTable& create);
Result<std::string> run_create_view(const Execution& execution, const sql::CreateView& create);
// The view is kept up to date from the commit on; this doesn't wait until it can be read.
Result<std::string> run_create_materialized_view(const Execution& execution,
                                                 const sql::CreateMaterializedView& create);
Result<std::string> run_create_secret(const Execution& execution, const sql::CreateSecret& create);
Result<std::string> run_alter_secret(const Execution& execution, const sql::AlterSecret& alter);
Result<std::string> run_drop(const Execution& execution, const sql::Drop& drop);
Result<std::string> run_alter_retain_history(const Execution& execution,
                                             const sql::AlterRetainHistory& alter);
Result<std::string> run_rename(const Execution& execution, const sql::Rename& rename);

}  // namespace sluice::session
