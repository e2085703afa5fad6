#include "store/probe_dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "s3/client.h"
#include "s3fake/server.h"
#include "store/late_request.h"

namespace sluice::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Understood = s3fake::Server::Options::Dialect;

// A bucket of a store that understands this.
class DialectBucket {
 public:
  explicit DialectBucket(Understood understood = {}, const std::set<std::string>& denied = {},
                         const Watch& watch = {}) {
    s3fake::Server::Options options;
    if (watch) {
      options.watch = [watch](auto moment, const std::string& operation, const std::string&) {
        return watch(moment, operation);
      };
    }
    options.dialect = std::move(understood);
    options.allowed = [denied](const std::string& operation, const std::string&) {
      return !denied.contains(operation);
    };
    server_ = std::make_unique<s3fake::Server>(std::move(options));
    asked_.bucket = server_->options().bucket;
    asked_.prefix = "exp/a";
    asked_.may_be_unsigned = true;
    endpoint_ = server_->endpoint();
  }

  // By a name of which buckets' names can be a part.
  void by_name() {
    endpoint_ = "http://s3.localhost" + endpoint_.substr(endpoint_.rfind(':'));
    asked_.may_be_unsigned = false;  // nobody knows that it is this machine
  }
  AskedStore& asked() { return asked_; }

  Result<Probed> probe(std::stop_token stop = {}) {
    return probe_store(
        [this](const s3::Dialect& dialect) {
          s3::Client::Options options;
          options.endpoint.url = endpoint_;
          options.endpoint.path_style = dialect.path_style;
          options.dialect = dialect;
          options.region = server_->options().region;
          options.retry.base = options.retry.cap = std::chrono::milliseconds(1);
          const auto& keys = server_->options().keys;
          return s3::Client::make(
              http_, s3::fixed_credentials({keys.access_key, keys.secret_key, "", {}}), options);
        },
        asked_, std::move(stop));
  }
  std::vector<std::string> found() {
    const auto probed = probe();
    EXPECT_TRUE(probed.ok()) << probed.error().message;
    EXPECT_TRUE(is_clean());
    std::vector<std::string> out;
    if (!probed.ok()) return out;
    for (const auto& one : probed->found) out.push_back(one.property + " = " + one.value);
    return out;
  }
  bool is_clean() const { return server_->objects().empty() && server_->open_uploads().empty(); }
  s3fake::Server& server() { return *server_; }

 private:
  std::unique_ptr<s3fake::Server> server_;
  AskedStore asked_;
  std::string endpoint_;
  http::Client http_;
};

TEST(ProbeDialect, FindsWhatAStoreUnderstands) {
  EXPECT_THAT(DialectBucket().found(),
              ElementsAre("PATH STYLE = true", "CHECKSUM = CRC32C", "SIGNED PAYLOAD = false",
                          "CONDITIONAL PUT = true", "EQUAL PARTS = false", "MAX PARTS = 10000"));
}

TEST(ProbeDialect, FindsWhatAStoreDoesNotUnderstand) {
  DialectBucket bucket({.checksums = {},
                        .conditions = Understood::Conditions::kIgnored,
                        .takes_unsigned = false,
                        .equal_parts = true,
                        .max_parts = 1'000});
  EXPECT_THAT(bucket.found(),
              ElementsAre("PATH STYLE = true", "CHECKSUM = NONE", "SIGNED PAYLOAD = true",
                          "CONDITIONAL PUT = false", "EQUAL PARTS = true", "MAX PARTS = 1000"));
}

TEST(ProbeDialect, FindsTheChecksumThatIsVerified) {
  for (const std::string only : {"CRC32", "CRC32C", "CRC64NVME", "SHA256"}) {
    DialectBucket bucket({.checksums = {only}});
    EXPECT_THAT(bucket.found(), testing::Contains("CHECKSUM = " + only));
  }
}

TEST(ProbeDialect, FindsAStoreThatRefusesConditions) {
  DialectBucket bucket({.conditions = Understood::Conditions::kRefused});
  EXPECT_THAT(bucket.found(), testing::Contains("CONDITIONAL PUT = false"));
}

TEST(ProbeDialect, FindsBucketsInTheHostsName) {
  DialectBucket bucket({.path_style = false});
  bucket.by_name();
  EXPECT_THAT(bucket.found(), testing::Contains("PATH STYLE = false"));
}

TEST(ProbeDialect, AsksNothingThatWasGiven) {
  DialectBucket bucket;
  for (const auto property : s3::dialect_properties()) {
    bucket.asked().given.insert(std::string(property));
  }
  EXPECT_THAT(bucket.found(), IsEmpty());
  EXPECT_EQ(bucket.server().count("UploadPart"), 1U);  // the right
}

TEST(ProbeDialect, FindsNothingThatItCouldNotUndo) {
  EXPECT_THAT(DialectBucket({}, {"DeleteObject"}).found(), ElementsAre("PATH STYLE = true"));
  EXPECT_THAT(DialectBucket({}, {"AbortMultipartUpload"}).found(),
              ElementsAre("PATH STYLE = true", "CHECKSUM = CRC32C", "SIGNED PAYLOAD = false",
                          "CONDITIONAL PUT = true"));
}

TEST(ProbeDialect, FindsNothingOfAStoreThatFails) {
  DialectBucket bucket;
  bucket.server().fail(
      {.operation = "", .nth = 1, .count = 1'000, .fault = s3fake::Fault::kInternalError});
  EXPECT_THAT(bucket.found(), IsEmpty());
}

TEST(ProbeDialect, AStopEndsItAndLeavesNothing) {
  // The first of each is for the rights.
  for (const auto& [operation, nth] : std::initializer_list<std::pair<std::string, int>>{
           {"PutObject", 3}, {"CreateMultipartUpload", 2}, {"UploadPart", 3}, {"UploadPart", 4}}) {
    SCOPED_TRACE(fmt::format("{} {}", operation, nth));
    std::stop_source source;
    DialectBucket bucket({}, {}, stop_after(operation, nth, source));
    bucket.server().fail(
        {.operation = operation, .nth = nth, .count = 1, .fault = s3fake::Fault::kHangAfter});
    const auto probed = bucket.probe(source.get_token());
    ASSERT_FALSE(probed.ok());
    EXPECT_EQ(probed.error().code, ErrorCode::kCancelled);
    EXPECT_TRUE(bucket.is_clean());
  }
}

TEST(ProbeDialect, RemovesWhatArrivesAfterAStop) {
  for (const auto& [operation, nth, removal] :
       {std::tuple{"PutObject", 3, "DeleteObject"},
        std::tuple{"CreateMultipartUpload", 2, "ListMultipartUploads"}}) {
    SCOPED_TRACE(operation);
    LateRequest late(operation, nth, removal);
    DialectBucket bucket({}, {}, late.watch());
    ASSERT_FALSE(bucket.probe(late.stop()).ok());
    ASSERT_TRUE(late.wait_until_it_has_arrived());
    EXPECT_TRUE(bucket.is_clean());
  }
}

}  // namespace
}  // namespace sluice::store
