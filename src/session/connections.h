// Connections to AWS as a session runs them: CREATE, ALTER, VALIDATE, and the policies that SHOW
// writes for them. docs/aws.md
//
// Threads: one at a time. What asks AWS waits for it, and ends when the statement is stopped.
#pragma once

#include <string>
#include <vector>

#include "session/execution.h"
#include "session/export_stores.h"
#include "sql/front/statement.h"

namespace sluice::session {

// What an export or a check takes a connection's keys or role from.
AwsAccess access_of(const sql::Catalog& catalog, const sql::Object& connection,
                    const sql::AwsServer& server);

// Each returns its command tag.
Result<std::string> run_create_connection(const Execution& execution,
                                          const sql::CreateConnection& create);
Result<std::string> run_alter_connection(const Execution& execution,
                                         const sql::AlterConnection& alter);
Result<std::string> run_validate_connection(const Execution& execution,
                                            const sql::ValidateConnection& validate);

// VALIDATE CONNECTION … WITH (S3 PATH = …), whose rows have these columns.
extern const std::vector<std::string> kRightColumns;
Result<std::vector<std::vector<std::string>>> probe_connection(
    const Execution& execution, const sql::ValidateConnection& validate);

// SHOW IAM POLICY and SHOW TRUST POLICY: one row with this column.
extern const std::vector<std::string> kPolicyColumns;
Result<std::string> policy_of(const Execution& execution, const sql::Show& show);

}  // namespace sluice::session
