// credential_process: a program of the administrator's that prints credentials.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "s3/credentials.h"

namespace sluice::aws {

// What a JSON document of credentials says: {"AccessKeyId", "SecretAccessKey", "SessionToken" or
// "Token", "Expiration"}. Errors never quote it.
Result<s3::Credentials> credentials_from_json(const std::string& text);

// Runs `command` by /bin/sh, and reads what it prints (Version 1). Waits for its end, `bound` at
// most, after which it is killed with all that it has started. Its standard error is thrown away:
// it may say secrets.
Result<s3::Credentials> run_credential_process(const std::string& command,
                                               std::chrono::milliseconds bound,
                                               std::stop_token stop);

}  // namespace sluice::aws
