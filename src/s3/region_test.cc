// Buckets that are in another region than the one that was said, or guessed.
#include <gmock/gmock.h>

#include <future>
#include <map>

#include "s3/test_fixture.h"

namespace sluice::s3 {
namespace {

using testing::HasSubstr;

// Each request that an export, its clean-up or a probe makes, by its name.
std::map<std::string, Status> each_request(S3Fixture& s3) {
  Client& client = *s3.client;
  const ObjectName object = s3.name("a");
  std::map<std::string, Status> out;
  const auto keep = [&out](const std::string& operation, const auto& result) {
    out.emplace(operation, result.ok() ? ok() : Status(result.error()));
  };
  keep("ListObjectsV2", client.list("lake", "", 1, {}));
  keep("PutObject", client.put_object(object, bytes_of("text"), IfExists::kReplace, {}));
  keep("HeadObject", client.head_object(object, {}));
  keep("GetObject", client.get_object(object, 100, {}));
  keep("CreateMultipartUpload", client.create_upload(object, nullptr, {}));
  const std::string id = s3.server.open_upload("a");
  std::promise<Result<SentPart>> promise;
  client.upload_part(object, id, 1, bytes_of("text"), {},
                     [&promise](Result<SentPart> part) { promise.set_value(std::move(part)); });
  const auto part = promise.get_future().get();
  keep("UploadPart", part);
  keep("CompleteMultipartUpload",
       client.complete_upload(object, id, {part.ok() ? *part : SentPart{"e"}}, {}).object);
  keep("ListMultipartUploads", client.list_uploads("lake", "", {}));
  keep("AbortMultipartUpload", client.abort_upload(object, s3.server.open_upload("a"), {}));
  keep("DeleteObject", client.delete_object(object, {}));
  return out;
}

s3fake::Server::Options that_answers(int status) {
  auto options = S3Fixture::small_parts();
  options.wrong_region_status = status;
  return options;
}

void ask_in(S3Fixture& s3, const std::string& region, bool follow) {
  Client::Options options = s3.client_options();
  options.region = region;
  options.follow_region = follow;
  s3.make_client(options);
}

TEST(Region, ThatIsWrongIsNamedByEachRequest) {
  for (const int status : {301, 307, 400}) {
    SCOPED_TRACE(status);
    S3Fixture s3(that_answers(status));
    ask_in(s3, "us-east-1", false);
    const auto answers = each_request(s3);
    EXPECT_EQ(answers.size(), 10U);
    for (const auto& [operation, answer] : answers) {
      ASSERT_FALSE(answer.ok()) << operation;
      EXPECT_THAT(answer.error().message, HasSubstr(operation));
      EXPECT_EQ(answer.error().hint, "The bucket is in region \"eu-test-1\".") << operation;
    }
  }
}

TEST(Region, IsFollowedByEachRequestWhereNobodyHasSaidOne) {
  for (const int status : {301, 307, 400}) {
    SCOPED_TRACE(status);
    S3Fixture s3(that_answers(status));
    ask_in(s3, "us-east-1", true);
    for (const auto& [operation, answer] : each_request(s3)) {
      EXPECT_TRUE(answer.ok()) << operation << ": " << answer.error().message;
    }
    // Only the first one had to be told.
    EXPECT_EQ(s3.client->retries(), 1U);
    // Also one with a body.
    ask_in(s3, "us-east-1", true);
    EXPECT_TRUE(s3.client->put_object(s3.name("b"), bytes_of("t"), IfExists::kReplace, {}).ok());
    EXPECT_EQ(s3.server.objects()["b"], "t");
  }
}

TEST(Region, IsNotFollowedInCircles) {
  auto options = S3Fixture::small_parts();
  options.region = "not a region";
  S3Fixture nowhere(options);
  ask_in(nowhere, "us-east-1", true);
  EXPECT_FALSE(nowhere.client->list("lake", "", 1, {}).ok());
  EXPECT_EQ(nowhere.server.requests().size(), 1U);
}

TEST(Region, MovesTheEndpointToo) {
  const auto there = Endpoint::make({.url = "", .region = "eu-west-1", .path_style = false});
  EXPECT_EQ(there->target("lake", "a").origin, "https://lake.s3.eu-west-1.amazonaws.com");
}

}  // namespace
}  // namespace sluice::s3
