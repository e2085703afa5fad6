#include "s3/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::s3 {
namespace {

using testing::HasSubstr;

const Subject kPut{"PutObject", "lake", "a.parquet"};

std::string xml(const std::string& content) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>" + content + "</Error>";
}

http::Response response(int status, const std::string& body,
                        std::vector<http::Header> headers = {}) {
  http::Response out;
  out.status = status;
  out.body = body;
  out.headers = std::move(headers);
  return out;
}

ServiceError parsed(const http::Response& answer) {
  return service_error(answer, Body::kOfService).value();
}

TEST(ServiceError, SaysWhatWasDoneAndWhatS3Said) {
  const auto error = parsed(
      response(403, xml("<Code>AccessDenied</Code><Message>Access Denied</Message>"
                        "<RequestId>tx0001</RequestId><AWSAccessKeyId>AKID</AWSAccessKeyId>")));
  EXPECT_EQ(error.error(kPut).message,
            "PutObject s3://lake/a.parquet: 403 AccessDenied: Access Denied (request tx0001)");
  EXPECT_EQ(error.error(kPut).code, ErrorCode::kDenied);
}

TEST(ServiceError, TakesTheRequestIdFromTheHeader) {
  const auto error = parsed(response(404, "", {{"X-Amz-Request-Id", "tx7"}}));
  EXPECT_EQ(error.error({"HeadObject", "lake", "k"}).message,
            "HeadObject s3://lake/k: 404 NotFound (request tx7)");
}

TEST(ServiceError, FindsAnErrorInA200) {
  const auto answer = response(200, xml("<Code>InternalError</Code><Message>Oh</Message>"));
  const auto error = parsed(answer);
  EXPECT_TRUE(error.is_transient());
  EXPECT_TRUE(error.is_ambiguous());
  EXPECT_EQ(error.meaning(), ErrorCode::kUnavailable);
  // But an object may contain what it likes.
  EXPECT_FALSE(service_error(answer, Body::kOfObject).has_value());
}

TEST(ServiceError, IsNoneWhereThereIsNone) {
  EXPECT_FALSE(service_error(response(204, ""), Body::kOfService).has_value());
  EXPECT_FALSE(service_error(response(200, "<ListBucketResult/>"), Body::kOfService).has_value());
}

TEST(ServiceError, TellsWhatToDoAboutIt) {
  const auto meaning = [](int status, const std::string& code) {
    return parsed(response(status, xml("<Code>" + code + "</Code>"))).meaning();
  };
  EXPECT_EQ(meaning(403, "SignatureDoesNotMatch"), ErrorCode::kDenied);
  EXPECT_EQ(meaning(400, "ExpiredToken"), ErrorCode::kDenied);
  EXPECT_EQ(meaning(404, "NoSuchBucket"), ErrorCode::kNotFound);
  EXPECT_EQ(meaning(412, "PreconditionFailed"), ErrorCode::kExists);
  EXPECT_EQ(meaning(400, "EntityTooSmall"), ErrorCode::kInvalid);
  EXPECT_EQ(meaning(501, "NotImplemented"), ErrorCode::kInvalid);
  EXPECT_EQ(meaning(400, "RequestTimeout"), ErrorCode::kUnavailable);
  EXPECT_EQ(meaning(409, "OperationAborted"), ErrorCode::kUnavailable);
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    EXPECT_EQ(meaning(status, "X"), ErrorCode::kUnavailable) << status;
  }
}

TEST(ServiceError, KnowsThatThrottledRequestsWereNotDone) {
  EXPECT_FALSE(parsed(response(503, xml("<Code>SlowDown</Code>"))).is_ambiguous());
  EXPECT_FALSE(parsed(response(429, "")).is_ambiguous());
  EXPECT_FALSE(parsed(response(403, "")).is_ambiguous());
  EXPECT_TRUE(parsed(response(500, "")).is_ambiguous());
  EXPECT_TRUE(parsed(response(503, "")).is_ambiguous());
}

TEST(ServiceError, NamesTheRightRegion) {
  const auto error = parsed(
      response(400, xml("<Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region>")));
  EXPECT_EQ(error.error(kPut).hint, "The bucket is in region \"eu-west-1\".");
  const auto moved = parsed(response(301, "", {{"x-amz-bucket-region", "us-west-2"}}));
  EXPECT_THAT(moved.error(kPut).hint, HasSubstr("us-west-2"));
}

TEST(ServiceError, HintsAtTheCauseThatItsCodeTells) {
  const auto hint = [](int status, const std::string& code, const std::string& operation) {
    const auto error = parsed(response(status, xml("<Code>" + code + "</Code>")));
    return error.error({operation, "lake", "a"}).hint;
  };
  EXPECT_EQ(hint(403, "AccessDenied", "UploadPart 7"),
            "The access key needs the right s3:PutObject here.");
  EXPECT_EQ(hint(403, "AccessDenied", "ListObjectsV2"),
            "The access key needs the right s3:ListBucket here.");
  EXPECT_EQ(hint(403, "AccessDenied", "NobodyKnows"), "");
  EXPECT_THAT(hint(403, "SignatureDoesNotMatch", "PutObject"), HasSubstr("secret access key"));
  EXPECT_THAT(hint(400, "ExpiredToken", "PutObject"), HasSubstr("session token"));
  EXPECT_THAT(hint(503, "SlowDown", "PutObject"), HasSubstr("later"));
  EXPECT_EQ(hint(500, "InternalError", "PutObject"), "");
}

TEST(ServiceError, TamesTextFromOutside) {
  const auto error = parsed(response(
      400, xml("<Code>A&#10;B</Code><Message>" + std::string(100'000, 'x') + "</Message>")));
  EXPECT_EQ(error.code, "A B");
  EXPECT_LT(error.error(kPut).message.size(), 2000U);
  EXPECT_EQ(parsed(response(500, "<html>not xml")).code, "InternalError");
}

}  // namespace
}  // namespace sluice::s3
