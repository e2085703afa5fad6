// The suite of every object store, and what only a real S3 service can tell, against the service
// that S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if need be, AWS_SESSION_TOKEN,
// AWS_REGION and S3_CA_FILE name. Makes a bucket of its own, or uses that of S3_BUCKET, which must
// be empty. Skipped where S3_ENDPOINT is not set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <random>

#include "s3/requester.h"
#include "store/object_store_suite.h"
#include "store/s3_store.h"

namespace sluice::store {
namespace {

using testing::HasSubstr;

std::string environment(const char* name, const char* otherwise = "") {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

bool there_is_a_service() { return !environment("S3_ENDPOINT").empty(); }

class RealMake final : public Make {
 public:
  RealMake() : pool_(size_t{64} << 20) {
    options_.client.endpoint.url = environment("S3_ENDPOINT");
    options_.client.region = environment("AWS_REGION", "us-east-1");
    options_.client.ca_file = environment("S3_CA_FILE");
    options_.writer.first_part_bytes = size_t{5} << 20;
    options_.bucket = environment("S3_BUCKET");
    if (options_.bucket.empty()) create_bucket();
    store_ = S3Store::make(http_, pool_, credentials(), options_).value();
  }
  ~RealMake() override {
    while (true) {
      const auto page = store_->list("", 1000, {});
      if (!page.ok() || page->objects.empty()) break;
      for (const ObjectInfo& object : page->objects) (void)store_->remove(object.key, {});
    }
    if (environment("S3_BUCKET").empty()) (void)bucket_request("DELETE", "DeleteBucket");
  }

  ObjectStore& store() override { return *store_; }
  s3::Client& client() { return store_->client(); }
  const std::string& bucket() const { return options_.bucket; }
  bool is_clean() override {
    client().wait_for_clean_up(std::chrono::seconds(30));
    const auto uploads = client().list_uploads(bucket(), "", {});
    return uploads.ok() && uploads->empty();
  }
  std::unique_ptr<S3Store> store_with(const s3::Credentials& other) {
    return S3Store::make(http_, pool_, s3::fixed_credentials(other), options_).value();
  }
  static s3::Credentials keys() {
    return {environment("AWS_ACCESS_KEY_ID"),
            environment("AWS_SECRET_ACCESS_KEY"),
            environment("AWS_SESSION_TOKEN"),
            {}};
  }

 private:
  static std::shared_ptr<s3::CredentialsProvider> credentials() {
    return s3::fixed_credentials(keys());
  }
  Status bucket_request(const char* method, const char* operation) {
    auto requester = s3::Requester::make(http_, credentials(), options_.client).value();
    TRY(requester->run(s3::Operation(method, {operation, options_.bucket, ""}), {}).response);
    return ok();
  }
  void create_bucket() {
    options_.bucket = fmt::format("sluice-test-{:08x}{:08x}", std::random_device()(), getpid());
    const auto status = bucket_request("PUT", "CreateBucket");
    EXPECT_TRUE(status.ok()) << Status(status).error().message;
  }

  http::Client http_;
  s3::PartPool pool_;
  S3Store::Options options_;
  std::unique_ptr<S3Store> store_;
};

std::vector<MakeOf> makes() {
  if (!there_is_a_service()) return {};
  return {{"real", [] { return std::make_unique<RealMake>(); }}};
}

class RealS3Test : public testing::Test {
 protected:
  void SetUp() override {
    if (!there_is_a_service()) GTEST_SKIP() << "S3_ENDPOINT is not set";
    real_ = std::make_unique<RealMake>();
  }
  s3::ObjectName name(const std::string& key) const { return {real_->bucket(), key}; }

  std::unique_ptr<RealMake> real_;
};

TEST_F(RealS3Test, RefusesWrongKeysWithWordsOfItsOwn) {
  s3::Credentials wrong = RealMake::keys();
  const std::string key = std::string(wrong.secret_access_key.view()) + "x";
  wrong.secret_access_key = key;
  const auto list = real_->store_with(wrong)->list("", 1, {});
  ASSERT_FALSE(list.ok());
  EXPECT_EQ(list.error().code, ErrorCode::kDenied);
  EXPECT_THAT(list.error().message, HasSubstr("403 SignatureDoesNotMatch"));
  EXPECT_THAT(list.error().message, testing::Not(HasSubstr(key)));
  EXPECT_THAT(list.error().message, HasSubstr("(request "));
  wrong = RealMake::keys();
  wrong.access_key_id = "NOSUCHKEY";
  EXPECT_THAT(real_->store_with(wrong)->list("", 1, {}).error().message,
              HasSubstr("403 InvalidAccessKeyId"));
}

TEST_F(RealS3Test, PutsOnlyWhatIsNotThere) {
  auto& client = real_->client();
  EXPECT_TRUE(client.put_object(name("k"), bytes_of("1"), s3::IfExists::kFail, {}).ok());
  const auto again = client.put_object(name("k"), bytes_of("2"), s3::IfExists::kFail, {});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kExists);
}

TEST_F(RealS3Test, ForetellsTheETagOfAnUpload) {
  const auto writer = real_->store().writer("big");
  const std::string piece(12'000'000, 'p');
  ASSERT_TRUE(writer->append(bytes_of(piece), {}).ok());
  ASSERT_TRUE(writer->close({}).ok());
  const auto object = writer->complete({});
  ASSERT_TRUE(object.ok()) << object.error().message;
  const auto head = real_->client().head_object(name("big"), {});
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->etag, object->etag);
  EXPECT_EQ(head->bytes, 12'000'000U);
}

TEST_F(RealS3Test, AbortsAnUploadThatIsGoneAlready) {
  auto& client = real_->client();
  const auto id = client.create_upload(name("k"), nullptr, {});
  ASSERT_TRUE(id.ok()) << id.error().message;
  EXPECT_EQ(client.list_uploads(real_->bucket(), "k", {}).value().size(), 1U);
  EXPECT_TRUE(client.abort_upload(name("k"), *id, {}).ok());
  EXPECT_TRUE(client.abort_upload(name("k"), *id, {}).ok());
}

// As after an answer that was lost: what is there is found again, and taken for what it is.
TEST_F(RealS3Test, CompletesAnUploadTwice) {
  auto& client = real_->client();
  const auto id = client.create_upload(name("k"), nullptr, {}).value();
  std::promise<Result<s3::SentPart>> part;
  client.upload_part(name("k"), id, 1, bytes_of("content"), {},
                     [&](Result<s3::SentPart> result) { part.set_value(std::move(result)); });
  const std::vector<s3::SentPart> parts = {part.get_future().get().value()};
  for (int i = 0; i < 2; ++i) {
    const auto completion = client.complete_upload(name("k"), id, parts, {});
    ASSERT_TRUE(completion.object.ok()) << completion.object.error().message;
    EXPECT_EQ(completion.object->bytes, 7U);
  }
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ObjectStoreTest);
INSTANTIATE_OBJECT_STORE_SUITE(makes());

}  // namespace sluice::store
