// One bucket of S3, or of a service that speaks S3, as an object store.
//
// Threads: safe from any. Destroying the store waits, for 5 seconds at most, until the uploads of
// writers that were dropped have been removed.
#pragma once

#include <memory>
#include <string>

#include "http/client.h"
#include "s3/client.h"
#include "s3/object_writer.h"
#include "s3/part_pool.h"
#include "store/object_store.h"

namespace sluice::store {

class S3Store final : public ObjectStore {
 public:
  struct Options {
    std::string bucket;
    s3::Client::Options client;
    s3::ObjectWriter::Options writer;
  };

  // `http` and `pool` must outlive the store; both are shared by all stores of a process.
  // kInvalid: the endpoint or the bucket's name is none.
  static Result<std::unique_ptr<S3Store>> make(http::Client& http, s3::PartPool& pool,
                                               std::shared_ptr<s3::CredentialsProvider> credentials,
                                               Options options);

  // kInvalid: it is no bucket's name.
  static Status check_bucket(const std::string& name);

  Result<Listing> list_after(const std::string& prefix, const std::string& after, int max_keys,
                             std::stop_token stop) override;
  Status put(const std::string& key, std::span<const std::byte> bytes,
             std::stop_token stop) override;
  Status remove(const std::string& key, std::stop_token stop) override;
  Result<std::string> get(const std::string& key, std::stop_token stop) override;
  std::unique_ptr<ObjectWriter> writer(const std::string& key, UploadBegun begun) override;
  Result<std::vector<OpenUpload>> list_uploads(const std::string& prefix,
                                               std::stop_token stop) override;
  Status abort_upload(const OpenUpload& upload, std::stop_token stop) override;
  uint64_t retries() const override { return client_->retries(); }
  std::string url(const std::string& key) const override;
  using ObjectStore::writer;

  s3::Client& client() { return *client_; }

 private:
  S3Store(s3::PartPool& pool, std::string bucket, s3::ObjectWriter::Options writer_options,
          std::unique_ptr<s3::Client> client);

  s3::PartPool& pool_;
  const std::string bucket_;
  const s3::ObjectWriter::Options writer_options_;
  const std::unique_ptr<s3::Client> client_;
};

}  // namespace sluice::store
