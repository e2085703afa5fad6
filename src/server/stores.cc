#include "server/stores.h"

#include <algorithm>

#include "aws/assumed_role.h"
#include "aws/sts.h"
#include "store/local_store.h"

namespace sluice::server {
namespace {

// Of connections whose credentials are kept although nobody uses them now.
constexpr size_t kKeptRoles = 64;

// Everything that the credentials of a role depend on, as one text.
std::string fingerprint(const session::AwsAccess& access, const std::string& region) {
  const session::AwsRole& role = *access.role;
  std::string out;
  for (const std::string* part :
       {&access.endpoint, &region, &role.arn, &role.session_name, &role.external_id,
        &role.server_role_arn, &role.server_session_name}) {
    out += fmt::format("{}:{},", part->size(), *part);
  }
  return out;
}

}  // namespace

Stores::Stores(PartMemory parts, std::vector<std::string> local_export_dirs,
               AllowedEndpoints allowed_endpoints, aws::AmbientOptions ambient,
               std::chrono::seconds role_session)
    : pool_(parts.pool_bytes),
      largest_part_bytes_(parts.largest),
      local_export_dirs_(std::move(local_export_dirs)),
      allowed_endpoints_(std::move(allowed_endpoints)),
      ambient_options_(std::move(ambient)),
      role_session_(role_session),
      ambient_(aws::ambient_credentials(http_, ambient_options_)) {
  aws::wipe_parsed_answers();
}

// Where a connection names no region: the one that AWS's own tools would take.
std::string Stores::region(const session::AwsAccess& access) const {
  return access.region.empty() ? aws::ambient_region(ambient_options_) : access.region;
}

Stores::Provider Stores::role_chain(const session::AwsAccess& access) {
  const session::AwsRole& role = *access.role;
  aws::Sts sts;
  sts.region = region(access);
  sts.ca_file = aws::ambient_ca_file(ambient_options_);
  Provider base = ambient_;
  if (!role.server_role_arn.empty()) {
    // The server's role is the operator's, and so is the STS that knows it.
    sts.endpoint = aws::ambient_sts_endpoint(ambient_options_);
    if (sts.endpoint.empty()) sts.endpoint = access.endpoint;
    base = aws::assumed_role(http_, sts,
                             {.role_arn = role.server_role_arn,
                              .session_name = role.server_session_name,
                              .external_id = {},
                              .duration = role_session_},
                             std::move(base));
  }
  sts.endpoint =
      access.endpoint.empty() ? aws::ambient_sts_endpoint(ambient_options_) : access.endpoint;
  return aws::assumed_role(http_, sts,
                           {.role_arn = role.arn,
                            .session_name = role.session_name,
                            .external_id = role.external_id,
                            .duration = role_session_},
                           std::move(base));
}

Stores::Provider Stores::credentials(const session::AwsAccess& access) {
  if (access.of_server) return ambient_;
  if (!access.role) {
    s3::Credentials keys;
    keys.access_key_id = access.access_key_id;
    keys.secret_access_key = access.secret_access_key;
    keys.session_token = access.session_token;
    return s3::fixed_credentials(std::move(keys));
  }
  if (access.connection.empty()) return role_chain(access);
  const std::string options = fingerprint(access, region(access));
  std::vector<RoleInUse> dropped;  // after the lock: ending them waits for their threads
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(roles_.begin(), roles_.end(), [&](const RoleInUse& kept) {
    return kept.connection == access.connection;
  });
  if (found != roles_.end() && found->options == options) {
    roles_.splice(roles_.begin(), roles_, found);
    return roles_.front().provider;
  }
  if (found != roles_.end()) {
    dropped.push_back(std::move(*found));
    roles_.erase(found);
  }
  roles_.push_front({access.connection, options, role_chain(access)});
  while (roles_.size() > kKeptRoles) {
    dropped.push_back(std::move(roles_.back()));
    roles_.pop_back();
  }
  return roles_.front().provider;
}

void Stores::keep_only(const std::set<std::string>& connections) {
  std::list<RoleInUse> dropped;  // ended after the lock
  const std::lock_guard lock(mutex_);
  for (auto role = roles_.begin(); role != roles_.end();) {
    const auto next = std::next(role);
    if (!connections.contains(role->connection)) dropped.splice(dropped.end(), roles_, role);
    role = next;
  }
}

s3::Client::Options Stores::client_options(const session::AwsAccess& access) const {
  s3::Client::Options options;
  options.endpoint.url = access.endpoint;
  options.endpoint.path_style = access.dialect.path_style;
  options.dialect = access.dialect;
  options.region = region(access);
  // What the user has said is not to be passed over, and another service's regions are its own.
  options.follow_region = access.region.empty() && access.endpoint.empty();
  options.ca_file = aws::ambient_ca_file(ambient_options_);
  const auto add = [](std::vector<http::Header>& headers, const char* name,
                      const std::string& value) {
    if (!value.empty()) headers.push_back({name, value});
  };
  add(options.headers, "x-amz-expected-bucket-owner", access.bucket_owner);
  auto& of_objects = options.object_headers;
  add(of_objects, "x-amz-server-side-encryption", access.sse);
  add(of_objects, "x-amz-server-side-encryption-aws-kms-key-id", access.kms_key_id);
  add(of_objects, "x-amz-storage-class", access.storage_class);
  return options;
}

Result<std::unique_ptr<store::ObjectStore>> Stores::s3(const session::AwsAccess& access,
                                                       const std::string& bucket) {
  TRY(check_endpoint(access.endpoint));
  store::S3Store::Options options;
  options.bucket = bucket;
  options.client = client_options(access);
  options.writer.most_part_bytes = largest_part_bytes_;
  TRY_ASSIGN(auto store,
             store::S3Store::make(http_, pool_, credentials(access), std::move(options)));
  return std::unique_ptr<store::ObjectStore>(std::move(store));
}

Result<store::Probed> Stores::probe(const session::AwsAccess& access, const std::string& bucket,
                                    const std::string& prefix, std::stop_token stop) {
  TRY(check_endpoint(access.endpoint));
  TRY(store::S3Store::check_bucket(bucket));
  const Provider provider = credentials(access);
  const auto connect = [&](const s3::Dialect& dialect) {
    session::AwsAccess as = access;
    as.dialect = dialect;
    return s3::Client::make(http_, provider, client_options(as));
  };
  return store::probe_store(connect,
                            {.bucket = bucket,
                             .prefix = prefix,
                             .dialect = access.dialect,
                             .given = access.given_dialect,
                             .may_be_unsigned = s3::is_private(access.endpoint)},
                            std::move(stop));
}

Result<session::AwsIdentity> Stores::aws_identity(const session::AwsAccess& access,
                                                  std::stop_token stop) {
  TRY(check_endpoint(access.endpoint));
  const Provider provider = access.role ? role_chain(access) : credentials(access);
  aws::Sts sts;
  sts.endpoint =
      access.endpoint.empty() ? aws::ambient_sts_endpoint(ambient_options_) : access.endpoint;
  sts.region = region(access);
  sts.ca_file = aws::ambient_ca_file(ambient_options_);
  TRY_ASSIGN(auto identity, aws::get_caller_identity(http_, sts, *provider, std::move(stop)));
  return session::AwsIdentity{std::move(identity.account), std::move(identity.arn),
                              std::move(identity.user_id)};
}

Result<session::ExportStores::LocalPlace> Stores::local(const std::string& url) {
  auto target = store::open_local_target(url, local_export_dirs_);
  if (!target.ok()) {
    Error error = std::move(target).error();
    if (error.hint.empty() && error.code == ErrorCode::kDenied) {
      error.hint = "Start the server with --local-export-dir naming the folder to allow it.";
    }
    return error;
  }
  return LocalPlace{std::move(target->store), std::move(target->key)};
}

}  // namespace sluice::server
