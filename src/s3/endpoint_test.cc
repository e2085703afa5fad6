#include "s3/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::s3 {
namespace {

Target target_of(const Endpoint::Options& options, std::string_view bucket, std::string_view key) {
  return Endpoint::make(options).value().target(bucket, key);
}

TEST(Endpoint, PutsTheBucketInThePathOfAGivenEndpoint) {
  const Target target = target_of({"http://LocalHost:9000/", "", {}}, "lake", "a/b c");
  EXPECT_EQ(target.origin, "http://localhost:9000");
  EXPECT_EQ(target.host, "localhost:9000");
  EXPECT_EQ(target.path, "/lake/a/b c");
  EXPECT_EQ(target_of({"http://h", "", {}}, "lake", "").path, "/lake");
  EXPECT_EQ(target_of({"https://h/base/", "", {}}, "lake", "k").path, "/base/lake/k");
}

TEST(Endpoint, PutsTheBucketInTheHostAtAws) {
  const Target target = target_of({"", "eu-west-1", {}}, "lake", "k");
  EXPECT_EQ(target.origin, "https://lake.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(target.host, "lake.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(target.path, "/k");
  EXPECT_EQ(target_of({"", "eu-west-1", {}}, "lake", "").path, "/");
  EXPECT_EQ(target_of({"", "cn-north-1", {}}, "lake", "").host,
            "lake.s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(target_of({"", "eu-west-1", true}, "lake", "k").path, "/lake/k");
}

TEST(Endpoint, PutsBucketsWithDotsInThePathOverTls) {
  EXPECT_EQ(target_of({"", "us-east-1", {}}, "my.lake", "k").host, "s3.us-east-1.amazonaws.com");
  EXPECT_EQ(target_of({"http://h", "", false}, "my.lake", "k").host, "my.lake.h");
}

TEST(Endpoint, KnowsWhereNobodyCanChangeAPayload) {
  const auto is_private = [](const std::string& url) {
    return Endpoint::make({url, "us-east-1", {}}).value().is_private();
  };
  for (const char* url : {"", "https://h", "http://127.0.0.1", "http://127.0.0.1:9000",
                          "http://127.1.2.3:1", "http://localhost:80", "http://[::1]:9000"}) {
    EXPECT_TRUE(is_private(url)) << url;
  }
  for (const char* url : {"http://h", "http://10.0.0.1:80", "http://127.0.0.1.nip.io:80",
                          "http://localhost.example", "http://[::2]:80"}) {
    EXPECT_FALSE(is_private(url)) << url;
  }
}

TEST(Endpoint, LeavesTheSchemesOwnPortOut) {
  EXPECT_EQ(target_of({"https://h:443", "", {}}, "b", "").host, "h");
  EXPECT_EQ(target_of({"http://h:80", "", {}}, "b", "").host, "h");
  EXPECT_EQ(target_of({"http://h:443", "", {}}, "b", "").host, "h:443");
  EXPECT_EQ(target_of({"http://[::1]:9000", "", {}}, "b", "").host, "[::1]:9000");
}

TEST(Endpoint, KeepsSlashesOfKeys) {
  EXPECT_EQ(target_of({"http://h", "", {}}, "b", "/a//b/").path, "/b//a//b/");
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const char* url : {"localhost:9000", "ftp://h", "http://", "http://:80", "http://u:p@h",
                          "http://h/?x", "http://h/%41", "http://h h"}) {
    const auto endpoint = Endpoint::make({url, "", {}});
    ASSERT_FALSE(endpoint.ok()) << url;
    EXPECT_EQ(endpoint.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(endpoint.error().message, testing::HasSubstr(url));
  }
}

TEST(Endpoint, RefusesRegionsThatWouldLeadElsewhere) {
  for (const char* region : {"", "evil.com/", "a.b", "eu west", "x@y"}) {
    EXPECT_FALSE(Endpoint::make({"", region, {}}).ok()) << region;
  }
}

}  // namespace
}  // namespace sluice::s3
