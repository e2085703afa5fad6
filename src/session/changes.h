// INSERT, UPDATE, DELETE, TRUNCATE as a session runs them: their rows go to the transaction. Each
// returns its command tag.
//
// Threads: one at a time.
#pragma once

#include <string>

#include "session/execution.h"
#include "sql/front/statement.h"

namespace sluice::session {

Result<std::string> run_insert(const Execution& execution, const sql::Insert& insert);
Result<std::string> run_update(const Execution& execution, const sql::Update& update);
Result<std::string> run_delete(const Execution& execution, const sql::Delete& statement);
Result<std::string> run_truncate(const Execution& execution, const sql::Truncate& truncate);

// The query behind each, to find what its parameters are.
Result<sql::Resolved> insert_query(const Execution& execution, const sql::Insert& insert);
Result<sql::Resolved> update_query(const Execution& execution, const sql::Update& update);
Result<sql::Resolved> delete_query(const Execution& execution, const sql::Delete& statement);

}  // namespace sluice::session
