// What a connection says of all its requests, and of the objects that they make.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "s3/client.h"
#include "s3fake/http_server.h"

namespace sluice::s3 {
namespace {

using s3fake::HttpRequest;

// Takes everything, and keeps the heads of what it took.
class Bucket {
 public:
  Bucket() : server_([this](const auto& request, auto& at) { return answer(request, at); }, false) {
    Client::Options options;
    options.endpoint.url = fmt::format("http://127.0.0.1:{}", server_.port());
    options.headers = {{"x-amz-expected-bucket-owner", "123456789012"}};
    options.object_headers = {{"x-amz-server-side-encryption", "aws:kms"},
                              {"x-amz-storage-class", "STANDARD_IA"}};
    client_ = Client::make(http_, fixed_credentials({"key", "secret", "", {}}), options).value();
  }

  Client& client() { return *client_; }
  HttpRequest last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  bool answer(const HttpRequest& request, s3fake::Connection& connection) {
    std::string body;
    if (!connection.read(body, request.content_length)) return false;
    {
      const std::lock_guard lock(mutex_);
      last_ = request;
    }
    const std::string id =
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    return connection.write(
        s3fake::http_answer(200, {{"ETag", "\"e\""}}, request.method == "POST" ? id : ""));
  }

  std::mutex mutex_;
  HttpRequest last_;  // guarded
  s3fake::HttpServer server_;
  http::Client http_;
  std::unique_ptr<Client> client_;
};

const ObjectName kName{"lake", "a"};

void expect_object_headers(const HttpRequest& request, bool expected) {
  EXPECT_EQ(request.header("x-amz-server-side-encryption"), expected ? "aws:kms" : "");
  EXPECT_EQ(request.header("x-amz-storage-class"), expected ? "STANDARD_IA" : "");
  EXPECT_EQ(request.header("x-amz-expected-bucket-owner"), "123456789012");
  const std::string signed_headers = request.header("authorization");
  EXPECT_THAT(signed_headers, testing::HasSubstr("x-amz-expected-bucket-owner"));
  EXPECT_EQ(signed_headers.find("x-amz-server-side-encryption") != std::string::npos, expected);
}

TEST(ObjectHeaders, GoWithWhatBeginsAnObject) {
  Bucket bucket;
  ASSERT_TRUE(bucket.client().put_object(kName, {}, IfExists::kFail, {}).ok());
  EXPECT_EQ(bucket.last().header("if-none-match"), "*");
  expect_object_headers(bucket.last(), true);
  ASSERT_TRUE(bucket.client().create_upload(kName, nullptr, {}).ok());
  expect_object_headers(bucket.last(), true);
}

TEST(ObjectHeaders, AreNotSentWithOthers) {
  Bucket bucket;
  ASSERT_TRUE(bucket.client().delete_object(kName, {}).ok());
  expect_object_headers(bucket.last(), false);
  ASSERT_TRUE(bucket.client().head_object(kName, {}).ok());
  expect_object_headers(bucket.last(), false);
}

}  // namespace
}  // namespace sluice::s3
