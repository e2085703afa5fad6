#include "store/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "s3/client.h"
#include "s3fake/server.h"
#include "store/late_request.h"

namespace sluice::store {
namespace {

using testing::HasSubstr;

using Outcomes = std::map<std::string, std::string>;  // check -> outcome

const Outcomes kAllWell = {{"list", "ok"},
                           {"put", "ok"},
                           {"conditional put", "ok"},
                           {"multipart create", "ok"},
                           {"multipart upload", "ok"},
                           {"multipart abort", "ok"},
                           {"delete", "ok"}};

Outcomes all_well_but(const Outcomes& others) {
  Outcomes out = others;
  out.insert(kAllWell.begin(), kAllWell.end());
  return out;
}

// A bucket where all is allowed but these operations.
class Bucket {
 public:
  explicit Bucket(const std::set<std::string>& denied = {}, const std::string& region = "",
                  const Watch& watch = {})
      : server_([&] {
          s3fake::Server::Options options;
          if (watch) {
            options.watch = [watch](auto moment, const std::string& operation, const std::string&) {
              return watch(moment, operation);
            };
          }
          options.allowed = [denied](const std::string& operation, const std::string&) {
            return !denied.contains(operation);
          };
          return options;
        }()) {
    s3::Client::Options options;
    options.endpoint.url = server_.endpoint();
    options.region = region.empty() ? server_.options().region : region;
    options.retry.base = options.retry.cap = std::chrono::milliseconds(1);
    const auto& keys = server_.options().keys;
    client_ = s3::Client::make(
                  http_, s3::fixed_credentials({keys.access_key, keys.secret_key, "", {}}), options)
                  .value();
  }

  Result<std::vector<ProbedRight>> probe(std::stop_token stop = {}) {
    auto rights = store::probe(*client_, server_.options().bucket, "exp/a", std::move(stop));
    if (rights.ok()) {
      for (const auto& right : *rights) details_[right.check] = right.detail;
    }
    return rights;
  }
  Outcomes outcomes() {
    Outcomes out;
    const auto rights = probe();
    EXPECT_TRUE(rights.ok()) << rights.error().message;
    if (!rights.ok()) return out;
    for (const auto& right : *rights) {
      out[right.check] = name(right.outcome);
      EXPECT_EQ(right.outcome == ProbedRight::Outcome::kOk, right.detail.empty()) << right.detail;
    }
    return out;
  }
  const std::string& detail(const std::string& check) { return details_[check]; }
  bool is_clean() const { return server_.objects().empty() && server_.open_uploads().empty(); }
  s3fake::Server& server() { return server_; }

 private:
  s3fake::Server server_;
  http::Client http_;
  std::unique_ptr<s3::Client> client_;
  std::map<std::string, std::string> details_;
};

TEST(Probe, WithAllRightsAllIsWell) {
  Bucket bucket;
  EXPECT_EQ(bucket.outcomes(), kAllWell);
  EXPECT_TRUE(bucket.is_clean());
}

TEST(Probe, ChecksInTheOrderOfAnExport) {
  Bucket bucket;
  std::vector<std::string> checks;
  const auto rights = bucket.probe();
  for (const auto& right : *rights) checks.push_back(right.check);
  EXPECT_THAT(checks, testing::ElementsAre("list", "put", "conditional put", "multipart create",
                                           "multipart upload", "multipart abort", "delete"));
}

TEST(Probe, NamesTheRightThatIsMissing) {
  const struct {
    std::string denied, check, detail;
    Outcomes others;
  } kCases[] = {
      {"ListObjectsV2", "list", "s3:ListBucket on lake (condition s3:prefix exp/a/*)", {}},
      {"PutObject", "put", "s3:PutObject on lake/exp/a/*", {{"conditional put", "skipped"}}},
      {"CreateMultipartUpload",
       "multipart create",
       "s3:PutObject on lake/exp/a/*",
       {{"multipart upload", "skipped"}, {"multipart abort", "skipped"}}},
      {"UploadPart", "multipart upload", "s3:PutObject on lake/exp/a/*", {}},
      {"AbortMultipartUpload", "multipart abort", "s3:AbortMultipartUpload on lake/exp/a/*", {}},
      {"DeleteObject",
       "delete",
       "s3:DeleteObject on lake/exp/a/*",
       {{"put", "skipped"}, {"conditional put", "skipped"}}},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.denied);
    Bucket bucket({one.denied});
    Outcomes expected = one.others;
    expected[one.check] = "failed";
    EXPECT_EQ(bucket.outcomes(), all_well_but(expected));
    EXPECT_THAT(bucket.detail(one.check), HasSubstr(one.detail));
    EXPECT_THAT(bucket.detail(one.check), HasSubstr("403 AccessDenied"));
    EXPECT_TRUE(bucket.is_clean());
  }
}

TEST(Probe, BeginsNothingThatItCouldNotUndo) {
  Bucket bucket({"DeleteObject", "AbortMultipartUpload"});
  EXPECT_EQ(bucket.outcomes(), all_well_but({{"delete", "failed"},
                                             {"put", "skipped"},
                                             {"conditional put", "skipped"},
                                             {"multipart create", "skipped"},
                                             {"multipart upload", "skipped"},
                                             {"multipart abort", "skipped"}}));
  EXPECT_EQ(bucket.server().count("PutObject"), 0u);
  EXPECT_EQ(bucket.server().count("CreateMultipartUpload"), 0u);
}

TEST(Probe, LeavesNothingWhereOnlyOneRightIsGiven) {
  const std::set<std::string> kAll = {"ListObjectsV2", "PutObject",    "CreateMultipartUpload",
                                      "UploadPart",    "DeleteObject", "AbortMultipartUpload"};
  for (const std::string& allowed : kAll) {
    SCOPED_TRACE(allowed);
    std::set<std::string> denied = kAll;
    denied.erase(allowed);
    Bucket bucket(denied);
    EXPECT_FALSE(bucket.outcomes().empty());
    EXPECT_TRUE(bucket.is_clean());
  }
}

TEST(Probe, LeavesNothingWhenTheStoreFailsInTheMiddle) {
  for (const std::string operation :
       {"PutObject", "CreateMultipartUpload", "UploadPart", "DeleteObject"}) {
    for (const auto fault : {s3fake::Fault::kInternalErrorAfterAll, s3fake::Fault::kLostAnswer}) {
      SCOPED_TRACE(operation + " " + s3fake::name(fault));
      Bucket bucket;
      bucket.server().fail({.operation = operation, .nth = 1, .count = 5, .fault = fault});
      const auto rights = bucket.probe();
      ASSERT_TRUE(rights.ok()) << rights.error().message;
      EXPECT_TRUE(bucket.is_clean());
    }
  }
}

TEST(Probe, AStopEndsItAndLeavesNothing) {
  for (const std::string operation : {"PutObject", "CreateMultipartUpload", "UploadPart"}) {
    SCOPED_TRACE(operation);
    std::stop_source source;
    Bucket bucket({}, "", stop_after(operation, 1, source));
    bucket.server().fail(
        {.operation = operation, .nth = 1, .count = 1, .fault = s3fake::Fault::kHangAfter});
    const auto rights = bucket.probe(source.get_token());
    ASSERT_FALSE(rights.ok());
    EXPECT_EQ(rights.error().code, ErrorCode::kCancelled);
    EXPECT_TRUE(bucket.is_clean());
  }
}

TEST(Probe, RemovesWhatArrivesAfterAStop) {
  for (const auto& [operation, removal] :
       {std::pair{"PutObject", "DeleteObject"},
        std::pair{"CreateMultipartUpload", "ListMultipartUploads"}}) {
    SCOPED_TRACE(operation);
    LateRequest late(operation, 1, removal);
    Bucket bucket({}, "", late.watch());
    ASSERT_FALSE(bucket.probe(late.stop()).ok());
    ASSERT_TRUE(late.wait_until_it_has_arrived());
    EXPECT_TRUE(bucket.is_clean());
  }
}

// What a store without the right to its key says, in AWS's words.
TEST(Probe, NamesTheRightToAKey) {
  const s3fake::HttpServer server(
      [](const s3fake::HttpRequest& request, s3fake::Connection& connection) {
        std::string body;
        if (!connection.read(body, request.content_length)) return false;
        if (request.method == "DELETE") return connection.write(s3fake::http_answer(204, {}, ""));
        return connection.write(s3fake::http_answer(
            403, {},
            "<Error><Code>AccessDenied</Code><Message>User: arn:aws:sts::1:assumed-role/r/s is not "
            "authorized to perform: kms:GenerateDataKey on resource: "
            "arn:aws:kms:eu-west-1:1:key/k</Message></Error>"));
      },
      false);
  http::Client http;
  s3::Client::Options options;
  options.endpoint.url = fmt::format("http://127.0.0.1:{}", server.port());
  const auto client =
      s3::Client::make(http, s3::fixed_credentials({"key", "secret", "", {}}), options).value();
  const auto rights = store::probe(*client, "lake", "exp", {});
  ASSERT_TRUE(rights.ok()) << rights.error().message;
  EXPECT_EQ(rights->at(1).check, "put");
  EXPECT_EQ(rights->at(1).outcome, ProbedRight::Outcome::kFailed);
  EXPECT_THAT(rights->at(1).detail, testing::StartsWith("kms:GenerateDataKey on the key"));
  EXPECT_THAT(rights->at(3).detail, testing::StartsWith("kms:GenerateDataKey on the key"));
}

TEST(Probe, TellsAStoreThatPutsInSpiteOfTheCondition) {
  const s3fake::HttpServer server(
      [](const s3fake::HttpRequest& request, s3fake::Connection& connection) {
        std::string body;
        if (!connection.read(body, request.content_length)) return false;
        return connection.write(s3fake::http_answer(200, {{"ETag", "\"e\""}}, ""));
      },
      false);
  http::Client http;
  s3::Client::Options options;
  options.endpoint.url = fmt::format("http://127.0.0.1:{}", server.port());
  options.retry.base = options.retry.cap = std::chrono::milliseconds(1);
  const auto client =
      s3::Client::make(http, s3::fixed_credentials({"key", "secret", "", {}}), options).value();
  const auto rights = store::probe(*client, "lake", "exp", {});
  ASSERT_TRUE(rights.ok()) << rights.error().message;
  EXPECT_EQ(rights->at(2).check, "conditional put");
  EXPECT_EQ(rights->at(2).outcome, ProbedRight::Outcome::kFailed);
  EXPECT_THAT(rights->at(2).detail, HasSubstr("in spite of If-None-Match"));
}

TEST(Probe, TellsAWrongRegion) {
  Bucket bucket({}, "us-east-1");
  EXPECT_FALSE(bucket.outcomes().empty());
  EXPECT_THAT(bucket.detail("list"), HasSubstr("eu-test-1"));
}

}  // namespace
}  // namespace sluice::store
