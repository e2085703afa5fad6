// The object stores that exports write to, over one HTTP loop and one pool of part buffers, and the
// credentials for them:
//
//   keys   those of the connection
//   role   ambient credentials -> the server's role, where there is one -> the connection's role
//
// The credentials of a connection's role are kept while its options stay as they are, so that all
// exports over it share them and their refresh.
//
// Threads: safe from any.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "aws/ambient.h"
#include "http/client.h"
#include "s3/credentials.h"
#include "s3/part_pool.h"
#include "server/allowed_endpoints.h"
#include "session/export_stores.h"
#include "store/s3_store.h"

namespace sluice::server {

class Stores final : public session::ExportStores {
 public:
  // Of memory, for parts of uploads. They begin at 8 MiB, whatever `largest` is.
  struct PartMemory {
    size_t pool_bytes = 0;          // for those in flight of all exports together
    uint64_t largest = UINT64_MAX;  // bytes of one
  };
  // `ambient`: where this server's own credentials come from. `role_session`: how long those of
  // roles last; 0: as STS has it.
  Stores(PartMemory parts, std::vector<std::string> local_export_dirs,
         AllowedEndpoints allowed_endpoints = {}, aws::AmbientOptions ambient = {},
         std::chrono::seconds role_session = {});

  Result<std::unique_ptr<store::ObjectStore>> s3(const session::AwsAccess& access,
                                                 const std::string& bucket) override;
  Result<session::AwsIdentity> aws_identity(const session::AwsAccess& access,
                                            std::stop_token stop) override;
  Status check_endpoint(const std::string& endpoint) override {
    return allowed_endpoints_.check(endpoint);
  }
  Result<store::Probed> probe(const session::AwsAccess& access, const std::string& bucket,
                              const std::string& prefix, std::stop_token stop) override;
  void keep_only(const std::set<std::string>& connections) override;
  Result<LocalPlace> local(const std::string& url) override;

  // For /metrics.
  http::Counters http() const { return http_.counters(); }
  size_t part_bytes_in_flight() const { return pool_.in_flight(); }
  size_t part_pool_bytes() const { return pool_.capacity(); }

 private:
  using Provider = std::shared_ptr<s3::CredentialsProvider>;
  // Shared with the stores that use it.
  struct RoleInUse {
    std::string connection;
    std::string options;  // all that the credentials depend on
    Provider provider;
  };

  Provider credentials(const session::AwsAccess& access);
  Provider role_chain(const session::AwsAccess& access);
  std::string region(const session::AwsAccess& access) const;
  s3::Client::Options client_options(const session::AwsAccess& access) const;

  http::Client http_;
  s3::PartPool pool_;
  const uint64_t largest_part_bytes_;
  const std::vector<std::string> local_export_dirs_;
  const AllowedEndpoints allowed_endpoints_;
  const aws::AmbientOptions ambient_options_;
  const std::chrono::seconds role_session_;
  const Provider ambient_;
  std::mutex mutex_;
  std::list<RoleInUse> roles_;  // guarded; the one that was asked for last comes first
};

}  // namespace sluice::server
