#include "store/s3_store.h"

#include <algorithm>

namespace sluice::store {
namespace {

constexpr size_t kMaxSmallObjectBytes = size_t{64} << 20;
constexpr size_t kMinBucketName = 3;
constexpr size_t kMaxBucketName = 255;  // 63 with S3 itself, more with old buckets and others

ObjectInfo converted(s3::ObjectInfo object) {
  return {std::move(object.key), object.bytes, std::move(object.etag)};
}

// The name becomes a part of host names and paths, so nothing may end one there.
bool is_bucket_name(const std::string& name) {
  return name.size() >= kMinBucketName && name.size() <= kMaxBucketName && name != "..." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

class S3Writer final : public ObjectWriter {
 public:
  S3Writer(s3::Client& client, s3::PartPool& pool, s3::ObjectName name,
           s3::ObjectWriter::Options options, s3::ObjectWriter::Begun begun)
      : writer_(client, pool, std::move(name), options, std::move(begun)) {}

  Status append(std::span<const std::byte> bytes, std::stop_token stop) override {
    return writer_.append(bytes, std::move(stop));
  }
  Status end(std::stop_token stop) override { return writer_.end(std::move(stop)); }
  bool is_sent() const override { return writer_.is_sent(); }
  Status close(std::stop_token stop) override { return writer_.close(std::move(stop)); }
  Result<ObjectInfo> complete(std::stop_token stop) override {
    TRY_ASSIGN(auto object, writer_.complete(std::move(stop)));
    return converted(std::move(object));
  }
  Status abort(std::stop_token stop) override { return writer_.abort(std::move(stop)); }
  uint64_t bytes() const override { return writer_.bytes(); }
  uint64_t parts() const override { return writer_.parts(); }
  std::string upload_id() const override { return writer_.upload_id(); }

 private:
  s3::ObjectWriter writer_;
};

}  // namespace

Result<std::unique_ptr<S3Store>> S3Store::make(http::Client& http, s3::PartPool& pool,
                                               std::shared_ptr<s3::CredentialsProvider> credentials,
                                               Options options) {
  TRY(check_bucket(options.bucket));
  TRY_ASSIGN(auto client,
             s3::Client::make(http, std::move(credentials), std::move(options.client)));
  return std::unique_ptr<S3Store>(
      new S3Store(pool, std::move(options.bucket), options.writer, std::move(client)));
}

Status S3Store::check_bucket(const std::string& name) {
  if (is_bucket_name(name)) return ok();
  return invalid("invalid S3 bucket name \"{}\"", name);
}

S3Store::S3Store(s3::PartPool& pool, std::string bucket, s3::ObjectWriter::Options writer_options,
                 std::unique_ptr<s3::Client> client)
    : pool_(pool),
      bucket_(std::move(bucket)),
      writer_options_(writer_options),
      client_(std::move(client)) {}

Result<Listing> S3Store::list_after(const std::string& prefix, const std::string& after,
                                    int max_keys, std::stop_token stop) {
  TRY_ASSIGN(auto page, client_->list(bucket_, prefix, max_keys, std::move(stop), after));
  Listing listing;
  listing.truncated = page.truncated;
  for (auto& object : page.objects) listing.objects.push_back(converted(std::move(object)));
  return listing;
}

Status S3Store::put(const std::string& key, std::span<const std::byte> bytes,
                    std::stop_token stop) {
  TRY(client_->put_object({bucket_, key}, bytes, s3::IfExists::kReplace, std::move(stop)));
  return ok();
}

Status S3Store::remove(const std::string& key, std::stop_token stop) {
  return client_->delete_object({bucket_, key}, std::move(stop));
}

Result<std::string> S3Store::get(const std::string& key, std::stop_token stop) {
  return client_->get_object({bucket_, key}, kMaxSmallObjectBytes, std::move(stop));
}

std::unique_ptr<ObjectWriter> S3Store::writer(const std::string& key, UploadBegun begun) {
  s3::ObjectWriter::Begun told;
  if (begun) {
    told = [key, begun = std::move(begun)](const std::string& id, const std::stop_token& stop) {
      return begun({key, id}, stop);
    };
  }
  return std::make_unique<S3Writer>(*client_, pool_, s3::ObjectName{bucket_, key}, writer_options_,
                                    std::move(told));
}

Result<std::vector<OpenUpload>> S3Store::list_uploads(const std::string& prefix,
                                                      std::stop_token stop) {
  TRY_ASSIGN(auto uploads, client_->list_uploads(bucket_, prefix, std::move(stop)));
  std::vector<OpenUpload> found;
  found.reserve(uploads.size());
  for (s3::OpenUpload& upload : uploads) {
    found.push_back({std::move(upload.key), std::move(upload.id)});
  }
  return found;
}

Status S3Store::abort_upload(const OpenUpload& upload, std::stop_token stop) {
  return client_->abort_upload({bucket_, upload.key}, upload.id, std::move(stop));
}

std::string S3Store::url(const std::string& key) const {
  return s3::ObjectName{bucket_, key}.url();
}

}  // namespace sluice::store
