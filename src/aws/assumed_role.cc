#include "aws/assumed_role.h"

#include "aws/refreshing.h"

namespace sluice::aws {

std::shared_ptr<s3::CredentialsProvider> assumed_role(
    http::Client& http, Sts sts, RoleSession session,
    std::shared_ptr<s3::CredentialsProvider> base) {
  Clock* const clock = sts.clock;
  return std::make_shared<RefreshingCredentials>(
      [&http, sts = std::move(sts), session = std::move(session), base = std::move(base)](
          std::stop_token stop) { return assume_role(http, sts, session, *base, std::move(stop)); },
      RefreshingCredentials::Options{.clock = clock});
}

}  // namespace sluice::aws
