#include "server/stores.h"

#include <cstdlib>

#include "store/local_store.h"
#include "store/s3_store.h"

namespace sluice::server {
namespace {

// Where a connection names no region: the one that AWS's own tools would take.
std::string ambient_region() {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "us-east-1";
}

}  // namespace

Stores::Stores(size_t part_pool_bytes, std::vector<std::string> local_export_dirs)
    : pool_(part_pool_bytes), local_export_dirs_(std::move(local_export_dirs)) {}

Result<std::unique_ptr<store::ObjectStore>> Stores::s3(const session::AwsAccess& access,
                                                       const std::string& bucket) {
  store::S3Store::Options options;
  options.bucket = bucket;
  options.client.endpoint.url = access.endpoint;
  options.client.region = access.region.empty() ? ambient_region() : access.region;
  if (const char* ca_file = std::getenv("AWS_CA_BUNDLE"); ca_file != nullptr) {
    options.client.ca_file = ca_file;
  }
  s3::Credentials credentials;
  credentials.access_key_id = access.access_key_id;
  credentials.secret_access_key = access.secret_access_key;
  credentials.session_token = access.session_token;
  auto store = store::S3Store::make(http_, pool_, s3::fixed_credentials(std::move(credentials)),
                                    std::move(options));
  if (!store.ok()) return std::move(store).error();
  return std::unique_ptr<store::ObjectStore>(std::move(store).value());
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
