#include <cstdlib>
#include <filesystem>

#include "s3fake/server.h"
#include "store/local_store.h"
#include "store/object_store_suite.h"
#include "store/s3_store.h"

namespace sluice::store {
namespace {

class S3Make final : public Make {
 public:
  S3Make() : pool_(size_t{32} << 20) {
    S3Store::Options options;
    options.bucket = server_.options().bucket;
    options.client.endpoint.url = server_.endpoint();
    options.client.region = server_.options().region;
    options.writer.first_part_bytes = size_t{5} << 20;
    const auto& keys = server_.options().keys;
    auto made = S3Store::make(
        http_, pool_, s3::fixed_credentials({keys.access_key, keys.secret_key, "", {}}), options);
    store_ = std::move(made).value();
  }
  ObjectStore& store() override { return *store_; }
  bool is_clean() override {
    return store_->client().wait_for_clean_up(std::chrono::seconds(10)) &&
           server_.open_uploads().empty();
  }

 private:
  s3fake::Server server_;
  http::Client http_;
  s3::PartPool pool_;
  std::unique_ptr<S3Store> store_;
};

class LocalMake final : public Make {
 public:
  LocalMake() {
    char path[] = "/tmp/object-store-XXXXXX";
    folder_ = mkdtemp(path);
    store_ = LocalStore::make(folder_.string()).value();
  }
  ~LocalMake() override { std::filesystem::remove_all(folder_); }
  ObjectStore& store() override { return *store_; }
  bool is_clean() override {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.path().filename().string().ends_with(".sluice-part")) return false;
    }
    return true;
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<LocalStore> store_;
};

const std::vector<MakeOf> kMakes = {{"s3", [] { return std::make_unique<S3Make>(); }},
                                    {"local", [] { return std::make_unique<LocalMake>(); }}};

}  // namespace

INSTANTIATE_OBJECT_STORE_SUITE(kMakes);

}  // namespace sluice::store
