// The object stores that exports write to, over one HTTP loop and one pool of part buffers.
//
// Threads: safe from any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/client.h"
#include "s3/part_pool.h"
#include "session/export_stores.h"

namespace sluice::server {

class Stores final : public session::ExportStores {
 public:
  // `part_pool_bytes` bounds the parts in flight of all exports together.
  Stores(size_t part_pool_bytes, std::vector<std::string> local_export_dirs);

  Result<std::unique_ptr<store::ObjectStore>> s3(const session::AwsAccess& access,
                                                 const std::string& bucket) override;
  Result<LocalPlace> local(const std::string& url) override;

  // For /metrics.
  http::Counters http() const { return http_.counters(); }
  size_t part_bytes_in_flight() const { return pool_.in_flight(); }
  size_t part_pool_bytes() const { return pool_.capacity(); }

 private:
  http::Client http_;
  s3::PartPool pool_;
  const std::vector<std::string> local_export_dirs_;
};

}  // namespace sluice::server
