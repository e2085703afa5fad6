// Roles against a real service that has an STS: the radosgw of this run.
//
// The environment is that of s3_real_test, and S3_ROLE_ARN names a role that its user may assume.
// Skipped where it is not set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "aws/assumed_role.h"
#include "s3/client.h"
#include "s3/object_writer.h"

namespace sluice::aws {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The access keys that a provider has given out.
class Watched final : public s3::CredentialsProvider {
 public:
  explicit Watched(std::shared_ptr<s3::CredentialsProvider> inner) : inner_(std::move(inner)) {}
  Result<s3::Credentials> get(std::stop_token stop) override {
    auto got = inner_->get(std::move(stop));
    const std::lock_guard lock(mutex_);
    if (got.ok()) given_.insert(got->access_key_id);
    return got;
  }
  bool refused(const s3::Credentials& credentials) override { return inner_->refused(credentials); }
  size_t given() {
    const std::lock_guard lock(mutex_);
    return given_.size();
  }

 private:
  const std::shared_ptr<s3::CredentialsProvider> inner_;
  std::mutex mutex_;
  std::set<std::string> given_;
};

class RealRoles : public testing::Test {
 protected:
  void SetUp() override {
    if (environment("S3_ROLE_ARN").empty()) GTEST_SKIP() << "S3_ROLE_ARN is not set";
    bucket_ = fmt::format("sluice-roles-{:08x}{:08x}", std::random_device()(), getpid());
    service_.endpoint = options_.endpoint.url = environment("S3_ENDPOINT");
    service_.region = options_.region = "us-east-1";
    EXPECT_TRUE(bucket_request("PUT").ok());
  }
  void TearDown() override {
    if (bucket_.empty()) return;
    const auto client = s3::Client::make(http_, user(), options_).value();
    (void)client->delete_object({bucket_, "a"}, {});
    EXPECT_TRUE(bucket_request("DELETE").ok());  // and so it was empty
  }
  Status bucket_request(const char* method) {
    const auto requester = s3::Requester::make(http_, user(), options_).value();
    TRY(requester->run(s3::Operation(method, {method, bucket_, ""}), {}).response);
    return ok();
  }
  static std::shared_ptr<s3::CredentialsProvider> user() {
    return s3::fixed_credentials(
        {environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"), "", {}});
  }
  std::shared_ptr<s3::CredentialsProvider> role(
      std::chrono::seconds duration = {}, std::shared_ptr<s3::CredentialsProvider> base = user()) {
    return assumed_role(http_, service_, {environment("S3_ROLE_ARN"), "tests", "", duration},
                        std::move(base));
  }

  std::string bucket_;
  Sts service_;
  s3::Client::Options options_;
  http::Client http_;
  s3::PartPool pool_{size_t{64} << 20};
};

TEST_F(RealRoles, AreAssumedAndAreLetIn) {
  const auto client = s3::Client::make(http_, role(), options_).value();
  const auto put = client->put_object({bucket_, "a"}, {}, s3::IfExists::kReplace, {});
  EXPECT_TRUE(put.ok()) << put.error().message;
}

TEST_F(RealRoles, ThatAreNotThereAreRefused) {
  const auto nobody =
      assumed_role(http_, service_, {"arn:aws:iam:::role/nosuch-role", "tests", "", {}}, user());
  const auto got = nobody->get({});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::kDenied);
  EXPECT_EQ(got.error().sqlstate, "58000");
  EXPECT_THAT(got.error().message,
              AllOf(HasSubstr("AssumeRole arn:aws:iam:::role/nosuch-role: 404 "),
                    HasSubstr("(request tx")));
}

TEST_F(RealRoles, AreNotForWrongKeys) {
  const auto wrong =
      role({}, s3::fixed_credentials({environment("AWS_ACCESS_KEY_ID"), "wrong-canary", "", {}}));
  const auto got = wrong->get({});
  ASSERT_FALSE(got.ok());
  EXPECT_THAT(got.error().message,
              AllOf(HasSubstr("403 SignatureDoesNotMatch"), Not(HasSubstr("canary"))));
}

// Sessions of two seconds, and an upload that lasts longer than several of them.
TEST_F(RealRoles, AreAssumedAgainUnderAnUpload) {
  const auto provider = std::make_shared<Watched>(role(seconds(2)));
  const auto client = s3::Client::make(http_, provider, options_).value();
  s3::ObjectWriter::Options writer_options;
  writer_options.first_part_bytes = size_t{5} << 20;
  s3::ObjectWriter writer(*client, pool_, {bucket_, "a"}, writer_options);
  const std::string part(writer_options.first_part_bytes, 'p');
  int parts = 0;
  while (provider->given() < 4) {
    ASSERT_LT(parts, 400);
    const Status appended = writer.append(std::as_bytes(std::span(part.data(), part.size())), {});
    ASSERT_TRUE(appended.ok()) << appended.error().message;
    ++parts;
    // No more data than this takes: it would only be memory.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ASSERT_TRUE(writer.close({}).ok());
  const auto object = writer.complete({});
  ASSERT_TRUE(object.ok()) << object.error().message;
  const auto head = client->head_object({bucket_, "a"}, {});
  ASSERT_TRUE(head.ok()) << head.error().message;
  EXPECT_EQ(head->bytes, part.size() * static_cast<size_t>(parts));
}

// It does not say that they have expired: it knows such a key no longer.
TEST_F(RealRoles, AreAssumedAgainWhenTheyHaveExpired) {
  class Stale final : public s3::CredentialsProvider {
   public:
    Stale(s3::Credentials old, std::shared_ptr<s3::CredentialsProvider> fresh)
        : old_(std::move(old)), fresh_(std::move(fresh)) {}
    Result<s3::Credentials> get(std::stop_token stop) override {
      return refused_ ? fresh_->get(std::move(stop)) : old_;
    }
    bool refused(const s3::Credentials&) override { return refused_ = true; }

   private:
    const s3::Credentials old_;
    const std::shared_ptr<s3::CredentialsProvider> fresh_;
    bool refused_ = false;
  };
  const auto old = role(seconds(1))->get({});
  ASSERT_TRUE(old.ok()) << old.error().message;
  std::this_thread::sleep_until(*old->expiry + seconds(2));
  const auto before = s3::Client::make(http_, s3::fixed_credentials(*old), options_).value();
  ASSERT_FALSE(before->list(bucket_, "", 1, {}).ok());
  const auto stale = std::make_shared<Stale>(*old, role());
  const auto client = s3::Client::make(http_, stale, options_).value();
  const auto listed = client->list(bucket_, "", 1, {});
  EXPECT_TRUE(listed.ok()) << listed.error().message;
}

}  // namespace
}  // namespace sluice::aws
