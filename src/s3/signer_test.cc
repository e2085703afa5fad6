// Against the figures that AWS publishes: "Signature Calculations for the Authorization Header"
// in S3's manual, and the test suite of Signature Version 4.
#include "s3/signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

namespace sluice::s3 {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

WallTime utc(int year, int month, int day, int hour = 0, int minute = 0) {
  std::tm tm{};
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  tm.tm_hour = hour;
  tm.tm_min = minute;
  return std::chrono::system_clock::from_time_t(timegm(&tm));
}

// The manual's user, bucket, region and day.
std::string signature_of_example(Unsigned request) {
  const Credentials credentials{
      "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", {}};
  request.host = "examplebucket.s3.amazonaws.com";
  if (request.payload_hash.empty()) request.payload_hash = kEmptyHash;
  const auto headers = signed_headers(request, credentials, {"us-east-1"}, utc(2013, 5, 24));
  EXPECT_EQ(headers.back().name, "Authorization");
  return headers.back().value;
}

TEST(Signer, SignsTheManualsGetObject) {
  EXPECT_EQ(signature_of_example({.method = "GET",
                                  .host = "",
                                  .path = "/test.txt",
                                  .query = {},
                                  .headers = {{"Range", "bytes=0-9"}},
                                  .payload_hash = ""}),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(Signer, SignsTheManualsPutObject) {
  const std::string_view body = "Welcome to Amazon S3.";
  const std::string hash = hex_sha256(std::as_bytes(std::span(body.data(), body.size())));
  EXPECT_EQ(hash, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  EXPECT_THAT(signature_of_example({.method = "PUT",
                                    .host = "",
                                    .path = "/test$file.text",
                                    .query = {},
                                    .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                                {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                                    .payload_hash = hash}),
              EndsWith("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(Signer, SignsTheManualsGetBucketLifecycle) {
  EXPECT_THAT(signature_of_example({.method = "GET",
                                    .host = "",
                                    .path = "/",
                                    .query = {{"lifecycle", ""}},
                                    .headers = {},
                                    .payload_hash = ""}),
              EndsWith("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(Signer, SignsTheManualsListObjects) {
  EXPECT_THAT(signature_of_example({.method = "GET",
                                    .host = "",
                                    .path = "/",
                                    .query = {{"prefix", "J"}, {"max-keys", "2"}},
                                    .headers = {},
                                    .payload_hash = ""}),
              EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(Signer, SignsTheSuitesGetVanilla) {
  const Credentials credentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}};
  const Unsigned request{.method = "GET",
                         .host = "example.amazonaws.com",
                         .path = "/",
                         .query = {},
                         .headers = {{"X-Amz-Date", "20150830T123600Z"}},
                         .payload_hash = std::string(kEmptyHash)};
  EXPECT_THAT(
      authorization(request, credentials, {"us-east-1", "service"}, utc(2015, 8, 30, 12, 36)),
      EndsWith("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
}

TEST(Signer, SendsAndSignsTheSessionToken) {
  const Credentials credentials{"AKID", "secret", "the/token==", {}};
  const Unsigned request{.method = "GET",
                         .host = "h",
                         .path = "/",
                         .query = {},
                         .headers = {},
                         .payload_hash = std::string(kUnsignedPayload)};
  const auto headers = signed_headers(request, credentials, {"r"}, utc(2020, 1, 1));
  std::string sent;
  for (const auto& header : headers) sent += header.name + "=" + header.value + "\n";
  EXPECT_THAT(sent, HasSubstr("x-amz-security-token=the/token==\n"));
  EXPECT_THAT(sent, HasSubstr("x-amz-content-sha256=UNSIGNED-PAYLOAD\n"));
  EXPECT_THAT(sent, HasSubstr("SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                              "x-amz-security-token,"));
  EXPECT_THAT(sent, testing::Not(HasSubstr("secret")));
}

TEST(Signer, EncodesOddKeys) {
  EXPECT_EQ(percent_encoded("/a b&é?#%+=:,//x~_-.", Slash::kKeep),
            "/a%20b%26%C3%A9%3F%23%25%2B%3D%3A%2C//x~_-.");
  EXPECT_EQ(percent_encoded("a/b", Slash::kEncode), "a%2Fb");
}

TEST(Signer, SortsTheQueryByWhatIsSent) {
  EXPECT_EQ(canonical_query({{"uploads", ""}, {"prefix", "a/b c"}, {"é", "1"}, {"a", "2"}}),
            "%C3%A9=1&a=2&prefix=a%2Fb%20c&uploads=");
}

}  // namespace
}  // namespace sluice::s3
