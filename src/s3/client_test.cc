#include "s3/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "s3/test_fixture.h"

namespace sluice::s3 {
namespace {

using s3fake::Fault;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(S3Client, PutsGetsHeadsAndDeletes) {
  S3Fixture s3;
  const auto etag =
      s3.client->put_object(s3.name("a/b"), bytes_of("hello"), IfExists::kReplace, {});
  ASSERT_TRUE(etag.ok()) << etag.error().message;
  EXPECT_EQ(*etag, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(s3.client->get_object(s3.name("a/b"), 100, {}).value(), "hello");
  const auto head = s3.client->head_object(s3.name("a/b"), {});
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->bytes, 5U);
  EXPECT_EQ(head->etag, *etag);
  EXPECT_TRUE(s3.client->delete_object(s3.name("a/b"), {}).ok());
  EXPECT_THAT(s3.server.objects(), IsEmpty());
}

TEST(S3Client, WorksOverTlsAndByHostName) {
  auto server_options = S3Fixture::small_parts();
  server_options.tls = true;
  S3Fixture s3(server_options);
  auto options = s3.client_options();
  EXPECT_TRUE(s3.client->put_object(s3.name("k"), bytes_of("x"), IfExists::kReplace, {}).ok());
  options.endpoint.url.replace(options.endpoint.url.find("127.0.0.1"), 9, "s3.localhost");
  options.endpoint.path_style = false;
  s3.make_client(options);
  const auto got = s3.client->get_object(s3.name("k"), 100, {});
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(*got, "x");
  EXPECT_EQ(s3.server.requests().back().target, "/k");

  options.ca_file.clear();
  s3.make_client(options);
  const auto untrusted = s3.client->get_object(s3.name("k"), 100, {});
  ASSERT_FALSE(untrusted.ok());
  EXPECT_EQ(untrusted.error().code, ErrorCode::kDenied);
}

TEST(S3Client, SignsWithASessionToken) {
  auto server_options = S3Fixture::small_parts();
  server_options.keys.session_token = "token/+=";
  S3Fixture s3(server_options);
  EXPECT_TRUE(s3.client->put_object(s3.name("k"), bytes_of("x"), IfExists::kReplace, {}).ok());
}

TEST(S3Client, SaysWhatS3Refuses) {
  S3Fixture s3;
  const auto missing = s3.client->get_object(s3.name("no"), 100, {});
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message,
            "GetObject s3://lake/no: 404 NoSuchKey: The specified key does not exist. "
            "(request tx0001)");
  const auto bucket = s3.client->list("other", "", 10, {});
  EXPECT_EQ(bucket.error().message,
            "ListObjectsV2 s3://other: 404 NoSuchBucket: The specified bucket does not exist "
            "(request tx0002)");
  auto options = s3.client_options();
  options.region = "us-east-1";
  s3.make_client(options);
  const auto region = s3.client->list("lake", "", 10, {});
  EXPECT_THAT(region.error().message, HasSubstr("expecting region 'eu-test-1'"));
}

TEST(S3Client, RefusesAnObjectThatIsTooLong) {
  S3Fixture s3;
  s3.server.put("k", std::string(100, 'x'));
  EXPECT_TRUE(s3.client->get_object(s3.name("k"), 100, {}).ok());
  const auto got = s3.client->get_object(s3.name("k"), 99, {});
  EXPECT_EQ(got.error().code, ErrorCode::kExhausted);
}

TEST(S3Client, TakesAnObjectThatLooksLikeAnErrorForAnObject) {
  S3Fixture s3;
  const std::string content = "<Error><Code>InternalError</Code></Error>";
  s3.server.put("k", content);
  EXPECT_EQ(s3.client->get_object(s3.name("k"), 100, {}).value(), content);
}

TEST(S3Client, ListsKeysThatXmlHasToEscape) {
  S3Fixture s3;
  s3.server.put("a<b>&\"c", "x");
  const auto listing = s3.client->list("lake", "a<", 10, {});
  ASSERT_TRUE(listing.ok()) << listing.error().message;
  ASSERT_EQ(listing->objects.size(), 1U);
  EXPECT_EQ(listing->objects[0].key, "a<b>&\"c");
}

TEST(S3Client, PutsOnlyWhatIsNotThere) {
  S3Fixture s3;
  EXPECT_TRUE(s3.client->put_object(s3.name("k"), bytes_of("1"), IfExists::kFail, {}).ok());
  const auto again = s3.client->put_object(s3.name("k"), bytes_of("2"), IfExists::kFail, {});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kExists);
  EXPECT_THAT(s3.server.objects(), ElementsAre(Pair("k", "1")));
}

TEST(S3Client, KnowsItsOwnObjectAfterALostAnswer) {
  S3Fixture s3;
  s3.server.fail({"PutObject", 1, 1, Fault::kLostAnswer});
  EXPECT_TRUE(s3.client->put_object(s3.name("k"), bytes_of("mine"), IfExists::kFail, {}).ok());
  EXPECT_EQ(s3.server.count("PutObject"), 2U);
  EXPECT_EQ(s3.server.count("GetObject"), 1U);
}

TEST(S3Client, TakesNoOthersObjectForItsOwn) {
  S3Fixture s3;
  s3.server.put("k", "theirs");
  s3.server.fail({"PutObject", 1, 1, Fault::kLostAnswer});
  const auto put = s3.client->put_object(s3.name("k"), bytes_of("mine"), IfExists::kFail, {});
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code, ErrorCode::kExists);
}

TEST(S3Client, SaysUnknownWhereItMayNotLook) {
  auto server_options = S3Fixture::small_parts();
  server_options.allowed = [](const std::string& operation, const std::string&) {
    return operation != "GetObject";
  };
  S3Fixture s3(server_options);
  s3.server.fail({"PutObject", 1, 1, Fault::kLostAnswer});
  const auto put = s3.client->put_object(s3.name("k"), bytes_of("mine"), IfExists::kFail, {});
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code, ErrorCode::kUnknown);
}

TEST(S3Client, GetsOverEveryFaultOfASimpleRequest) {
  for (const Fault fault : s3fake::all_faults()) {
    if (fault == Fault::kDenied) continue;
    SCOPED_TRACE(s3fake::name(fault));
    S3Fixture s3;
    auto options = s3.client_options();
    if (fault == Fault::kHang || fault == Fault::kHangAfter) {
      options.idle_timeout = std::chrono::milliseconds(40);
      s3.make_client(options);
    }
    s3.server.put("there", "content");
    for (const char* operation :
         {"PutObject", "GetObject", "HeadObject", "ListObjectsV2", "DeleteObject"}) {
      // The answer to a HEAD has no body that could say which 400 it is.
      if (fault == Fault::kRequestTimeout && operation == std::string_view("HeadObject")) continue;
      s3.server.fail({operation, 1, 1, fault});
    }
    Client& client = *s3.client;
    EXPECT_TRUE(client.put_object(s3.name("new"), bytes_of("x"), IfExists::kReplace, {}).ok());
    const auto got = client.get_object(s3.name("there"), 100, {});
    EXPECT_TRUE(got.ok() && *got == "content");
    const auto head = client.head_object(s3.name("there"), {});
    EXPECT_TRUE(head.ok() && head->bytes == 7) << (head.ok() ? "" : head.error().message);
    const auto listing = client.list("lake", "", 10, {});
    EXPECT_TRUE(listing.ok() && listing->objects.size() == 2);
    EXPECT_TRUE(client.delete_object(s3.name("there"), {}).ok());
    EXPECT_THAT(s3.server.objects(), ElementsAre(Pair("new", "x")));
  }
}

TEST(S3Client, ForetellsTheETagOfAnUpload) {
  // md5 of the two sums' bytes, as S3 does it.
  EXPECT_EQ(
      multipart_etag({{"5d41402abc4b2a76b9719d911017c592"}, {"7d793037a0760186574b0282f2f435e7"}}),
      "065947336a2f2a95ba8899f3675c3be6-2");
  EXPECT_EQ(multipart_etag({SentPart{"not a sum"}}), "");
  EXPECT_EQ(multipart_etag({SentPart{"zd41402abc4b2a76b9719d911017c592"}}), "");
}

TEST(S3Client, RunsCleanUpsOneAfterTheOther) {
  S3Fixture s3;
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    s3.client->clean_up_later([&order, i](std::stop_token) { order.push_back(i); });
  }
  EXPECT_TRUE(s3.client->wait_for_clean_up(std::chrono::seconds(10)));
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

}  // namespace
}  // namespace sluice::s3
