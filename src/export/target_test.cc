#include <gtest/gtest.h>

#include "export/export.h"

namespace sluice::exports {
namespace {

std::string refusal(const std::string& url) {
  const auto target = parse_target(url);
  if (target.ok()) return "accepted";
  EXPECT_EQ(target.error().sqlstate, "22023") << url;
  return target.error().message;
}

TEST(ParseTarget, TakesBucketAndPathApart) {
  struct Case {
    const char* url;
    const char* bucket;
    const char* prefix;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"s3://lake/a/b", "lake", "a/b"},
           {"s3://lake/a/b/", "lake", "a/b"},
           {"s3://lake//a//b//", "lake", "a//b"},
           {"s3://lake", "lake", ""},
           {"s3://lake/", "lake", ""},
           {"s3://my.lake-2/day=2024-01-01", "my.lake-2", "day=2024-01-01"},
           {"s3://lake/a%2Fb%20c", "lake", "a%2Fb%20c"},
           {"s3://lake/äö", "lake", "äö"},
       }) {
    const auto target = parse_target(c.url);
    ASSERT_TRUE(target.ok()) << c.url << ": " << target.error().message;
    EXPECT_EQ(target->scheme, Target::Scheme::kS3);
    EXPECT_EQ(target->bucket, c.bucket);
    EXPECT_EQ(target->prefix, c.prefix);
  }
}

TEST(ParseTarget, TakesAFolder) {
  const auto target = parse_target("file:///srv/out/x/");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->scheme, Target::Scheme::kFile);
  EXPECT_EQ(target->prefix, "/srv/out/x");
}

TEST(ParseTarget, RefusesOtherSchemes) {
  for (const char* url : {"gs://lake/a", "S3://lake/a", "http://lake/a", "lake/a", "s3:lake", "s3",
                          "/tmp/a", "file:/tmp/a", "://a"}) {
    EXPECT_EQ(refusal(url), "only 's3://...' urls are supported as COPY TO target") << url;
  }
}

TEST(ParseTarget, RefusesWhatIsNoUrl) {
  EXPECT_EQ(refusal(""), "could not parse COPY TO target url: empty string");
  EXPECT_EQ(refusal("s3://"), "could not parse COPY TO target url: invalid format");
  EXPECT_EQ(refusal("s3:///a"), "could not parse COPY TO target url: invalid format");
  EXPECT_EQ(refusal("s3://lake/a b"), "could not parse COPY TO target url: invalid uri character");
  EXPECT_EQ(refusal(std::string("s3://lake/a\0b", 13)),
            "could not parse COPY TO target url: invalid uri character");
  EXPECT_EQ(refusal("s3://lake/a?b"),
            "could not parse COPY TO target url: '?' is not allowed in the path");
  EXPECT_EQ(refusal("s3://lake/a/../b"),
            "could not parse COPY TO target url: '..' is not allowed as a part of the path");
  EXPECT_EQ(refusal("file:///srv/../etc"),
            "could not parse COPY TO target url: '..' is not allowed as a part of the path");
  EXPECT_EQ(refusal("file://host/srv"),
            "could not parse COPY TO target url: a file url needs an absolute path");
  for (const char* bucket :
       {"Lake", "ab", "-lake", "lake-", "la_ke", "la..ke", "lake:80", "u@lake", "[::1]", "läke"}) {
    EXPECT_EQ(
        refusal(std::string("s3://") + bucket + "/a"),
        fmt::format("could not parse COPY TO target url: '{}' is not a valid name of a bucket",
                    bucket));
  }
}

}  // namespace
}  // namespace sluice::exports
