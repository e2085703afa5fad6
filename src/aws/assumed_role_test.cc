// Roles against the strict STS of tests/s3fake, alone and under an upload.
#include "aws/assumed_role.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "s3/client.h"
#include "s3/object_writer.h"
#include "s3/part_pool.h"
#include "s3fake/server.h"
#include "s3fake/sts.h"

namespace sluice::aws {
namespace {

using s3fake::Fault;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr uint64_t kPartBytes = 64 << 10;
constexpr const char* kExternalId = "mz_eb5cb59b-e2fe-41f3-87ca-d2176a495345_u42";

std::string trusting(const std::string& principal, const std::string& condition = "") {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":")" +
         principal + R"("},"Action":"sts:AssumeRole")" +
         (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}]}";
}
std::string trusting_with_id(const std::string& principal) {
  return trusting(principal,
                  R"({"StringEquals":{"sts:ExternalId":")" + std::string(kExternalId) + "\"}}");
}

// A server whose user may assume the role "server", which may assume "exporter" with the external
// id.
struct Fixture {
  explicit Fixture(s3fake::Server::Options options = {}) : server(with_sts(std::move(options))) {
    user = sts->add_user("ann", {"AKIAANN", "ann/secret+canary", ""});
    EXPECT_TRUE(sts->add_role("server", trusting(user)));
    EXPECT_TRUE(sts->add_role("exporter", trusting_with_id(sts->role_arn("server"))));
    service.endpoint = server.endpoint();
    service.region = sts->options().region;
    service.clock = &clock;
    service.retry.base = service.retry.cap = std::chrono::milliseconds(1);
  }

  s3fake::Server::Options with_sts(s3fake::Server::Options options) const {
    options.sts = sts;
    options.now = now;
    options.min_part_bytes = kPartBytes;
    return options;
  }
  static std::shared_ptr<s3::CredentialsProvider> ann() {
    return s3::fixed_credentials({"AKIAANN", "ann/secret+canary", "", {}});
  }
  std::shared_ptr<s3::CredentialsProvider> role(const std::string& name,
                                                std::shared_ptr<s3::CredentialsProvider> base,
                                                const std::string& external_id = "") {
    return assumed_role(http, service, {sts->role_arn(name), name + "-session", external_id, {}},
                        std::move(base));
  }
  std::shared_ptr<s3::CredentialsProvider> chain() {
    return role("exporter", role("server", ann()), kExternalId);
  }
  Error refusal(s3::CredentialsProvider& provider) {
    const auto got = provider.get({});
    EXPECT_FALSE(got.ok());
    return got.ok() ? Error() : got.error();
  }

  std::unique_ptr<s3::Client> client(std::shared_ptr<s3::CredentialsProvider> provider) {
    s3::Client::Options options;
    options.endpoint.url = server.endpoint();
    options.region = server.options().region;
    options.retry.base = options.retry.cap = std::chrono::milliseconds(1);
    options.retry.deadline = std::chrono::hours(10);
    options.clock = &clock;
    return s3::Client::make(http, std::move(provider), options).value();
  }
  // An object of so many parts.
  Result<s3::ObjectInfo> upload(s3::Client& client, int parts) {
    s3::ObjectWriter::Options options;
    options.first_part_bytes = kPartBytes;
    options.settle_bound = std::chrono::milliseconds(50);
    s3::ObjectWriter writer(client, pool, {server.options().bucket, "a.parquet"}, options);
    for (int i = 0; i < parts; ++i) {
      if (before_part.count(i + 1) > 0) before_part[i + 1]();
      const std::string part(kPartBytes, static_cast<char>('a' + i % 26));
      content += part;
      TRY(writer.append(std::as_bytes(std::span(part.data(), part.size())), {}));
    }
    TRY(writer.close({}));
    return writer.complete({});
  }

  int parts_stored() const {
    int stored = 0;
    for (const auto& request : server.requests()) {
      stored += request.operation == "UploadPart" && request.status == 200 ? 1 : 0;
    }
    return stored;
  }

  // Until so many are; an upload that has failed stores no more.
  void wait_for_parts(int count) const {
    const auto ended = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (parts_stored() < count && std::chrono::steady_clock::now() < ended) {
      std::this_thread::yield();
    }
  }

  std::map<int, std::function<void()>> before_part;
  // Everybody's, and it stands still.
  FakeClock clock{std::chrono::system_clock::now()};
  // How long the machine sleeps while its next request is on the way, and its clock is behind.
  std::atomic<int> sleep_minutes = 0;
  std::chrono::minutes behind{0};
  std::function<time_t()> now = [this] {
    clock.advance(std::chrono::minutes(sleep_minutes.exchange(0)));
    return std::chrono::system_clock::to_time_t(clock.now() + behind);
  };
  std::shared_ptr<s3fake::Sts> sts =
      std::make_shared<s3fake::Sts>(s3fake::Sts::Options{.now = now});
  s3fake::Server server;
  http::Client http;
  s3::PartPool pool{size_t{1} << 20};
  Sts service;
  std::string user;
  std::string content;
};

TEST(AssumedRole, ChainsWithTheExternalIdAtTheLastHopOnly) {
  Fixture f;
  const auto chain = f.chain();
  const auto got = chain->get({});
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_FALSE(got->session_token.empty());
  const auto requests = f.sts->requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].caller, f.user);
  EXPECT_EQ(requests[0].session_name, "server-session");
  EXPECT_EQ(requests[0].external_id, "");
  EXPECT_EQ(requests[1].caller, "arn:aws:sts::123456789012:assumed-role/server/server-session");
  EXPECT_EQ(requests[1].role_arn, f.sts->role_arn("exporter"));
  EXPECT_EQ(requests[1].external_id, kExternalId);
  const auto identity = get_caller_identity(f.http, f.service, *chain, {});
  ASSERT_TRUE(identity.ok()) << identity.error().message;
  EXPECT_EQ(identity->arn, "arn:aws:sts::123456789012:assumed-role/exporter/exporter-session");
  EXPECT_EQ(identity->account, "123456789012");
  EXPECT_EQ(f.sts->granted(), 2U);  // kept
}

// As AWS evaluates them: no external id is not an empty one, and negations hold without one.
TEST(AssumedRole, IsHeldToTheConditionsOfItsTrust) {
  Fixture f;
  struct Case {
    const char* condition;
    bool with_right, with_other, with_none;
  };
  const Case cases[] = {
      {R"({"StringEquals":{"sts:ExternalId":"right"}})", true, false, false},
      {R"({"StringEquals":{"sts:ExternalId":["x","right"]}})", true, false, false},
      {R"({"StringEqualsIfExists":{"sts:ExternalId":"right"}})", true, false, true},
      {R"({"StringLike":{"sts:ExternalId":"ri*t"}})", true, false, false},
      {R"({"StringNotEquals":{"sts:ExternalId":"other"}})", true, false, true},
      {R"({"Null":{"sts:ExternalId":"true"}})", false, false, true},
      {R"({"Null":{"sts:ExternalId":"false"}})", true, true, false},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.condition);
    ASSERT_TRUE(f.sts->add_role("conditional", trusting(f.user, one.condition)));
    const auto assumes = [&](const char* id) {
      return f.role("conditional", Fixture::ann(), id)->get({}).ok();
    };
    EXPECT_EQ(assumes("right"), one.with_right);
    EXPECT_EQ(assumes("other"), one.with_other);
    EXPECT_EQ(assumes(""), one.with_none);
  }
}

TEST(AssumedRole, TellsARefusalInAwssWords) {
  Fixture f;
  const Error error = f.refusal(*f.role("exporter", f.role("server", Fixture::ann()), "mz_wrong"));
  EXPECT_EQ(error.message,
            "AssumeRole arn:aws:iam::123456789012:role/exporter: 403 AccessDenied: User: "
            "arn:aws:sts::123456789012:assumed-role/server/server-session is not authorized to "
            "perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/exporter "
            "(request sts-0002)");
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_EQ(error.sqlstate, "58000");
  EXPECT_THAT(error.hint, HasSubstr("mz_wrong"));
}

TEST(AssumedRole, TellsWrongKeysApart) {
  Fixture f;
  const auto wrong = [&](const char* key, const char* secret) {
    return f.refusal(*f.role("server", s3::fixed_credentials({key, secret, "", {}}))).message;
  };
  EXPECT_THAT(wrong("AKIANOBODY", "x"), HasSubstr("403 InvalidClientTokenId: The security token"));
  EXPECT_THAT(wrong("AKIAANN", "secret-canary-2"),
              AllOf(HasSubstr("403 SignatureDoesNotMatch"), Not(HasSubstr("secret-canary"))));
}

TEST(AssumedRole, NeverQuotesASecretThatAServiceSays) {
  Fixture f;
  const auto identity = assume_role_with_web_identity(
      f.http, f.service, {f.sts->role_arn("server"), "session", "", {}}, "canary.of.token", {});
  ASSERT_FALSE(identity.ok());
  EXPECT_THAT(identity.error().message,
              AllOf(HasSubstr("400 InvalidIdentityToken: No provider knows the token …"),
                    Not(HasSubstr("canary"))));
}

TEST(AssumedRole, TriesAgainWhatMayPass) {
  Fixture f;
  f.server.fail({"STS", 1, 2, Fault::kInternalError});
  EXPECT_TRUE(f.role("server", Fixture::ann())->get({}).ok());
  f.server.clear_faults();
  f.server.fail({"STS", 1, 1, Fault::kLostAnswer});
  EXPECT_TRUE(f.role("server", Fixture::ann())->get({}).ok());
  f.server.clear_faults();
  f.server.fail({"STS", 1, 100, Fault::kSlowDown});
  EXPECT_THAT(f.refusal(*f.role("server", Fixture::ann())).message,
              AllOf(HasSubstr("503 SlowDown"), HasSubstr("the last of 4 tries")));
}

TEST(AssumedRole, SaysWhereNobodyAnswers) {
  Fixture f;
  f.service.endpoint = "http://127.0.0.1:1";
  const Error error = f.refusal(*f.role("server", Fixture::ann()));
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, StartsWith("AssumeRole arn:aws:iam::123456789012:role/server at "
                                        "http://127.0.0.1:1: "));
}

TEST(AssumedRole, RenewsItsBaseWhenThatHasExpired) {
  Fixture f;
  const auto chain = f.chain();
  const auto first = chain->get({});
  ASSERT_TRUE(first.ok());
  f.sts->expire_sessions();  // the server's too, which is still kept
  EXPECT_TRUE(chain->refused(*first));
  const auto second = chain->get({});
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_NE(second->access_key_id, first->access_key_id);
  EXPECT_EQ(f.sts->granted(), 4U);
}

TEST(AssumedRole, StopsWhileItWaits) {
  Fixture f;
  f.server.fail({"STS", 1, 1, Fault::kHang});
  const auto role = f.role("server", Fixture::ann());
  std::stop_source stop;
  auto got = std::async(std::launch::async, [&] { return role->get(stop.get_token()); });
  f.server.wait_for("STS", 1);
  stop.request_stop();
  EXPECT_EQ(got.get().error().code, ErrorCode::kCancelled);
}

// This machine's clock is an hour ahead: what AWS calls an expiry would be long past.
TEST(AssumedRole, MeasuresLivesByAwssClock) {
  const auto sts = std::make_shared<s3fake::Sts>();
  const std::string user = sts->add_user("ann", {"AKIAANN", "ann/secret", ""});
  ASSERT_TRUE(sts->add_role("r", trusting(user)));
  sts->set_session_seconds(900);
  const s3fake::StsServer server(sts);
  http::Client http;
  FakeClock clock(std::chrono::system_clock::now() + std::chrono::minutes(14));
  Sts service{.endpoint = server.endpoint(), .region = sts->options().region, .ca_file = {}};
  service.clock = &clock;
  const auto role = assumed_role(http, service, {sts->role_arn("r"), "session", "", {}},
                                 s3::fixed_credentials({"AKIAANN", "ann/secret", "", {}}));
  const auto got = role->get({});
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_NEAR(
      static_cast<double>(
          std::chrono::duration_cast<std::chrono::seconds>(*got->expiry - clock.now()).count()),
      900, 5);
}

// ---- uploads over roles -----------------------------------------------------------------------

// `happens` once for each of these parts, when it comes for the first time.
s3fake::Server::Options at_parts(const std::vector<int>& parts,
                                 const std::function<void()>& happens) {
  struct Waited {
    std::mutex mutex;
    std::set<std::string> targets;
  };
  const auto waited = std::make_shared<Waited>();
  for (const int part : parts) waited->targets.insert(fmt::format("partNumber={}&", part));
  s3fake::Server::Options options;
  options.watch = [waited, &happens](s3fake::Server::Options::Moment moment, const std::string&,
                                     const std::string& target) {
    const std::lock_guard lock(waited->mutex);
    if (moment == s3fake::Server::Options::Moment::kBefore &&
        std::erase_if(waited->targets, [&](const auto& text) {
          return target.find(text) != std::string::npos;
        }) > 0) {
      happens();
    }
    return true;
  };
  return options;
}

TEST(AssumedRole, UploadsAreWholeThoughTokensExpireInTheirMiddle) {
  std::function<void()> expire;
  Fixture f(at_parts({4, 24, 44}, expire));
  expire = [&f] { f.sts->expire_sessions(); };
  const auto client = f.client(f.chain());
  const auto object = f.upload(*client, 60);
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(f.server.objects().at("a.parquet"), f.content);
  size_t refused = 0;
  for (const auto& request : f.server.requests()) refused += request.status == 400 ? 1 : 0;
  EXPECT_GE(refused, 1U);
  EXPECT_GE(f.sts->granted(), 2U * 2);
}

TEST(AssumedRole, UploadsFailWithTheWordsOfStsWhenTheirCredentialsEndAndNoneFollow) {
  std::function<void()> expire;
  Fixture f(at_parts({4}, expire));
  expire = [&f] {
    f.sts->expire_sessions();
    f.sts->refuse(403, "AccessDenied", "not any more");
  };
  const auto client = f.client(f.chain());
  const auto object = f.upload(*client, 20);
  ASSERT_FALSE(object.ok());
  EXPECT_THAT(object.error().message,
              AllOf(HasSubstr("UploadPart"), HasSubstr("AssumeRole"),
                    HasSubstr("403 AccessDenied: not any more (request sts-")));
  EXPECT_EQ(object.error().code, ErrorCode::kDenied);
  EXPECT_TRUE(f.server.objects().empty());
  // What is open can only be removed by somebody with credentials.
  client->wait_for_clean_up(std::chrono::seconds(20));
  EXPECT_EQ(f.server.open_uploads().size(), 1U);
}

// Expiry that is foreseen, as it is without a revocation: the rest of their life is enough.
TEST(AssumedRole, UploadsLeaveNothingWhenTheRefreshIsRefused) {
  Fixture f;
  f.before_part[5] = [&f] {
    // A request that is under way when the clock jumps would be refused as an old one.
    f.wait_for_parts(4);
    f.sts->refuse(403, "AccessDenied", "not any more");
    f.clock.advance(std::chrono::minutes(60) - std::chrono::seconds(20));
  };
  const auto client = f.client(f.chain());
  const auto object = f.upload(*client, 200);
  ASSERT_FALSE(object.ok());
  EXPECT_THAT(object.error().message, HasSubstr("403 AccessDenied: not any more (request sts-"));
  EXPECT_EQ(f.sts->granted(), 2U);
  EXPECT_TRUE(f.server.objects().empty());
  EXPECT_TRUE(client->wait_for_clean_up(std::chrono::seconds(20)));
  EXPECT_TRUE(f.server.open_uploads().empty());
}

// An export of more than an hour and a half, in sessions of a quarter of one: they are renewed
// before they end, so that nothing is ever refused.
TEST(AssumedRole, UploadsOutliveManySessionsWithoutARefusal) {
  Fixture f;
  // The clock jumps under requests for a session too: not past their end.
  f.service.retry.deadline = std::chrono::hours(10);
  f.sts->set_session_seconds(900);
  constexpr int kParts = 30;
  for (int part = 2; part <= kParts; ++part) {
    f.before_part[part] = [&f, part] {
      f.wait_for_parts(part - 1);
      f.clock.advance(std::chrono::seconds(200));
    };
  }
  const auto client = f.client(f.chain());
  const auto object = f.upload(*client, kParts);
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(f.server.objects().at("a.parquet"), f.content);
  for (const auto& request : f.server.requests()) {
    // The clock may jump under a request for a session, and that one is then made again.
    if (request.operation == "STS") continue;
    EXPECT_EQ(request.status, 200) << request.target;
  }
  EXPECT_GE(f.sts->granted(), 2U * (kParts * 200 / 900));
}

TEST(AssumedRole, IsAskedForAgainAfterASleepOnTheWay) {
  Fixture f;
  f.service.retry.deadline = std::chrono::hours(1);
  f.sleep_minutes = 20;
  const auto got = f.role("server", Fixture::ann())->get({});
  ASSERT_TRUE(got.ok()) << got.error().message;
  ASSERT_EQ(f.sts->requests().size(), 2U);
  EXPECT_EQ(f.sts->requests()[0].code, "SignatureDoesNotMatch");
}

TEST(AssumedRole, IsAskedForOnceWhereTheClockIsWrong) {
  Fixture f;
  f.behind = std::chrono::minutes(20);
  EXPECT_THAT(f.refusal(*f.role("server", Fixture::ann())).message,
              HasSubstr("403 SignatureDoesNotMatch: The difference between"));
  EXPECT_EQ(f.sts->requests().size(), 1U);
}

TEST(AssumedRole, UploadsGoOnAfterASleep) {
  Fixture f;
  f.before_part[3] = [&f] {
    f.wait_for_parts(2);
    f.sleep_minutes = 20;
  };
  const auto client = f.client(Fixture::ann());
  const auto object = f.upload(*client, 4);
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(f.server.objects().at("a.parquet"), f.content);
  const auto requests = f.server.requests();
  // One or more: several parts may have been on the way.
  EXPECT_TRUE(std::any_of(requests.begin(), requests.end(),
                          [](const auto& request) { return request.status == 403; }));
}

TEST(AssumedRole, IsNotRenewedForEverForARequestThatStaysRefused) {
  Fixture f;
  class Refused final : public s3::CredentialsProvider {
   public:
    Result<s3::Credentials> get(std::stop_token) override {
      return s3::Credentials{"ASIANOBODY", "x", "token" + std::to_string(++asked), {}};
    }
    bool refused(const s3::Credentials&) override { return true; }
    int asked = 0;
  };
  const auto provider = std::make_shared<Refused>();
  const auto client = f.client(provider);
  const auto listed = client->list(f.server.options().bucket, "", 1, {});
  ASSERT_FALSE(listed.ok());
  EXPECT_THAT(listed.error().message, HasSubstr("403 InvalidAccessKeyId"));
  EXPECT_EQ(provider->asked, 4);
}

}  // namespace
}  // namespace sluice::aws
