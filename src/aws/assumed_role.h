// Credentials of a role that is assumed when they are first asked for, and again before they
// expire.
#pragma once

#include <memory>

#include "aws/sts.h"

namespace sluice::aws {

// `http` and the clock of `sts` must outlive the provider. Chains: the base of one may be another.
std::shared_ptr<s3::CredentialsProvider> assumed_role(
    http::Client& http, Sts sts, RoleSession session,
    std::shared_ptr<s3::CredentialsProvider> base);

}  // namespace sluice::aws
