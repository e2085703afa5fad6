// Each source of ambient credentials against a small service that speaks its protocol.
#include "aws/ambient.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include "s3fake/http_server.h"
#include "s3fake/sts.h"

namespace sluice::aws {
namespace {

using s3fake::Connection;
using s3fake::HttpRequest;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

std::string document(const std::string& key, const std::string& token_name = "Token",
                     const std::string& expiration = "2099-01-01T00:00:00Z") {
  return fmt::format(R"({{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"{}","SecretAccessKey":)"
                     R"("canary-secret","{}":"canary-token","Expiration":"{}","RoleArn":"x"}})",
                     key, token_name, expiration);
}

// What EC2 and ECS have at their addresses, as strict as they are.
class Metadata {
 public:
  enum class Mood { kHelpful, kSilent, kBusyOnce, kGarbage, kNoRole };

  explicit Metadata(Mood mood = Mood::kHelpful) : mood_(mood) {}
  std::string endpoint() const { return fmt::format("http://127.0.0.1:{}", http_.port()); }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  bool handle(const HttpRequest& request, Connection& connection) {
    size_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request.method + " " + request.target);
      number = requests_.size();
    }
    std::string body;
    if (!connection.read(body, request.content_length)) return false;
    if (mood_ == Mood::kSilent) {
      connection.wait_for_close();
      return false;
    }
    const bool busy = mood_ == Mood::kBusyOnce && number % 2 == 1;
    const auto [status, text] = busy ? std::pair<int, std::string>{503, ""} : answer(request);
    return connection.write(s3fake::http_answer(status, {}, text));
  }

  std::pair<int, std::string> answer(const HttpRequest& request) const {
    const std::string roles = "/latest/meta-data/iam/security-credentials/";
    if (request.target == "/latest/api/token") {
      if (request.method != "PUT") return {405, ""};
      return request.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600"
                 ? std::pair<int, std::string>{200, "hop-token\n"}
                 : std::pair<int, std::string>{400, ""};
    }
    if (request.target.rfind("/latest/", 0) == 0) {
      if (request.header("x-aws-ec2-metadata-token") != "hop-token") return {401, ""};
      if (request.target == roles && mood_ == Mood::kNoRole) return {404, ""};
      if (request.target == roles) return {200, "machine-role"};
      if (request.target != roles + "machine-role") return {404, ""};
      return {200, mood_ == Mood::kGarbage ? "canary not json" : document("ASIAEC2")};
    }
    if (request.target == "/v2/credentials/task") return {200, document("ASIAECS")};
    if (request.target == "/v1/credentials") {
      return request.header("authorization") == "canary-pod-token"
                 ? std::pair<int, std::string>{200, document("ASIAEKS")}
                 : std::pair<int, std::string>{403, ""};
    }
    return {404, ""};
  }

  const Mood mood_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  s3fake::HttpServer http_{[this](const HttpRequest& request, Connection& connection) {
                             return handle(request, connection);
                           },
                           false};
};

class Ambient : public testing::Test {
 protected:
  Ambient() {
    char name[] = "/tmp/ambient-test-XXXXXX";
    home_ = mkdtemp(name);
    std::filesystem::create_directory(home_ + "/.aws");
    set("HOME", home_);
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  ~Ambient() override { std::filesystem::remove_all(home_); }

  void set(const std::string& name, const std::string& value) { environment_[name] = value; }
  // Returns its path.
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(home_ + "/" + name) << text;
    return home_ + "/" + name;
  }
  void use(const Metadata& metadata) {
    set("AWS_EC2_METADATA_DISABLED", "");
    options_.container_endpoint = options_.instance_endpoint = metadata.endpoint();
  }
  void use_sts() {
    const std::string user = sts_->add_user("ann", {"AKIAANN", "canary-ann", ""});
    ASSERT_TRUE(sts_->add_role(
        "data", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":")" +
                    user + R"(","Federated":"idp"},"Action":"sts:*"}]})"));
    sts_->add_web_identity("canary.web.token");
    set("AWS_ENDPOINT_URL_STS", server_.endpoint());
    set("AWS_REGION", sts_->options().region);
  }

  AmbientOptions options() {
    options_.environment =
        [values = environment_](const std::string& name) -> std::optional<std::string> {
      const auto found = values.find(name);
      return found == values.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
    return options_;
  }
  Result<s3::Credentials> get() { return ambient_credentials(http_, options())->get({}); }
  // The access key that is found, or what goes wrong.
  std::string found() {
    const auto got = get();
    if (got.ok()) return got->access_key_id;
    const Error& error = got.error();
    EXPECT_EQ(error.sqlstate, "58000");
    std::string text = error.message + "\n" + error.detail + "\n" + error.hint;
    EXPECT_THAT(text, Not(HasSubstr("canary")));
    return text;
  }

  std::string home_;
  std::map<std::string, std::string> environment_;
  AmbientOptions options_;
  std::shared_ptr<s3fake::Sts> sts_ = std::make_shared<s3fake::Sts>();
  s3fake::StsServer server_{sts_};
  http::Client http_;
};

TEST_F(Ambient, CredentialsOfTheEnvironmentComeFirst) {
  write(".aws/credentials", "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=s\n");
  EXPECT_EQ(found(), "AKIAFILE");
  set("AWS_ACCESS_KEY_ID", "AKIAENV");
  EXPECT_EQ(found(), "AKIAFILE");  // half of them are none
  set("AWS_SECRET_ACCESS_KEY", "secret");
  set("AWS_SESSION_TOKEN", "token");
  const auto got = get();
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->access_key_id, "AKIAENV");
  EXPECT_EQ(got->secret_access_key, "secret");
  EXPECT_EQ(got->session_token, "token");
  EXPECT_FALSE(got->expiry);
}

TEST_F(Ambient, ProfilesAreFoundInTheFilesThatAreNamed) {
  set("AWS_SHARED_CREDENTIALS_FILE",
      write("keys", "[lake]\naws_access_key_id=AKIALAKE\naws_secret_access_key=s\n"));
  set("AWS_CONFIG_FILE", write("settings", "[profile lake]\nregion=eu-north-1\n"));
  set("AWS_PROFILE", "lake");
  EXPECT_EQ(found(), "AKIALAKE");
  EXPECT_EQ(ambient_region(options()), "eu-north-1");
  set("AWS_DEFAULT_REGION", "eu-south-2");
  EXPECT_EQ(ambient_region(options()), "eu-south-2");
  set("AWS_PROFILE", "nosuch");
  EXPECT_THAT(found(),
              StartsWith("AWS credentials from profile: profile \"nosuch\": it is not in "));
  EXPECT_EQ(ambient_region(options()), "eu-south-2");
}

TEST_F(Ambient, ProfilesAssumeRolesFromOtherProfiles) {
  use_sts();
  write(".aws/credentials", "[ann]\naws_access_key_id=AKIAANN\naws_secret_access_key=canary-ann\n");
  write(".aws/config",
        "[default]\nrole_arn = " + sts_->role_arn("data") +
            "\nsource_profile = ann\nexternal_id = ext-1\nrole_session_name = nightly\n");
  EXPECT_THAT(found(), StartsWith("ASIAFAKE"));
  ASSERT_EQ(sts_->requests().size(), 1U);
  EXPECT_EQ(sts_->requests()[0].external_id, "ext-1");
  EXPECT_EQ(sts_->requests()[0].session_name, "nightly");
  sts_->remove_role("data");
  EXPECT_THAT(found(), AllOf(StartsWith("AWS credentials from profile: profile \"default\": "
                                        "AssumeRole arn:aws:iam::123456789012:role/data: 403 "
                                        "AccessDenied: "),
                             HasSubstr("(request sts-"),
                             HasSubstr("environment: AWS_ACCESS_KEY_ID is not set")));
}

TEST_F(Ambient, ProfilesAssumeRolesFromOtherSources) {
  use_sts();
  const std::string role = "[default]\nrole_arn = " + sts_->role_arn("data") + "\n";
  write(".aws/config", role + "credential_source = Environment\n");
  EXPECT_THAT(found(), HasSubstr("its source: AWS_ACCESS_KEY_ID is not set"));
  write(".aws/config", role + "credential_source = Ec2InstanceMetadata\n");
  EXPECT_THAT(found(), HasSubstr("its source: AWS_EC2_METADATA_DISABLED is true"));
  write(".aws/config", role + "credential_source = Elsewhere\n");
  EXPECT_THAT(found(), HasSubstr("credential_source is \"Elsewhere\", not Environment"));
  write(".aws/config", role);
  EXPECT_THAT(found(), HasSubstr("it needs one of source_profile and credential_source"));
  write(".aws/config", role + "web_identity_token_file = " + write("t", "canary.web.token\n"));
  EXPECT_THAT(found(), StartsWith("ASIAFAKE"));
}

TEST_F(Ambient, ProfilesThatLeadNowhereSaySo) {
  const auto with = [&](const std::string& text) {
    write(".aws/config", text);
    return found();
  };
  EXPECT_THAT(with("[default]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\n"
                   "source_profile=default\n"),
              HasSubstr("profile \"default\": its source_profile leads back to it"));
  EXPECT_THAT(with("[default]\nrole_arn=r\nsource_profile=b\nmfa_serial=m\n"), HasSubstr("MFA"));
  EXPECT_THAT(with("[default]\naws_access_key_id=AKIA\n"), HasSubstr("no aws_secret_access_key"));
  EXPECT_THAT(with("[default]\nsso_start_url=https://x\nsso_account_id=1\n"),
              AllOf(HasSubstr("SSO (IAM Identity Center), which is not supported"),
                    HasSubstr("aws configure export-credentials --profile default")));
  EXPECT_THAT(with("[default]\nregion=eu-west-1\n"),
              HasSubstr("profile: profile \"default\" has no credentials"));
  EXPECT_THAT(with("[default]\nnonsense canary\n"), HasSubstr("/.aws/config: line 2 has no `=`"));
}

TEST_F(Ambient, ProfilesRunTheirProcess) {
  const auto with = [&](const std::string& command) {
    write(".aws/config", "[default]\ncredential_process = " + command + "\n");
    return found();
  };
  const std::string path = write("out.json", document("ASIAPROC", "SessionToken"));
  EXPECT_EQ(with("cat '" + path + "'"), "ASIAPROC");
  EXPECT_EQ(get()->expiry->time_since_epoch(), std::chrono::seconds(4'070'908'800));
  EXPECT_THAT(with("echo canary >&2 && exit 3"), HasSubstr("the program failed (exit code 3)"));
  EXPECT_THAT(with("echo canary"), HasSubstr("what came is not a JSON object"));
  EXPECT_THAT(with("echo '{}'"), HasSubstr("has no AccessKeyId"));
  options_.bound = std::chrono::milliseconds(300);
  EXPECT_THAT(with("sleep 1000"), HasSubstr("the program did not end in time"));
}

TEST_F(Ambient, WebIdentityTokensAreTradedForARole) {
  use_sts();
  set("AWS_WEB_IDENTITY_TOKEN_FILE", write("token", "canary.web.token"));
  EXPECT_THAT(found(), HasSubstr("AWS_ROLE_ARN is not"));
  set("AWS_ROLE_ARN", sts_->role_arn("data"));
  set("AWS_ROLE_SESSION_NAME", "pod-7");
  EXPECT_THAT(found(), StartsWith("ASIAFAKE"));
  EXPECT_EQ(sts_->requests().back().action, "AssumeRoleWithWebIdentity");
  EXPECT_EQ(sts_->requests().back().session_name, "pod-7");
  write("token", "canary.old.token");
  EXPECT_THAT(found(), HasSubstr("400 InvalidIdentityToken: No provider knows the token …"));
  std::filesystem::remove(home_ + "/token");
  EXPECT_THAT(found(), HasSubstr("there is no file " + home_ + "/token"));
}

TEST_F(Ambient, ContainersOfEcsAreAskedByTheirPath) {
  const Metadata metadata;
  use(metadata);
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/task");
  EXPECT_EQ(found(), "ASIAECS");
  EXPECT_EQ(get()->session_token, "canary-token");
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/nosuch");
  EXPECT_THAT(found(), HasSubstr("/v2/credentials/nosuch answers 404"));
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/");
  EXPECT_THAT(found(), HasSubstr("does not begin with a slash"));
}

TEST_F(Ambient, PodsOfEksAreAskedWithTheirToken) {
  const Metadata metadata;
  use(metadata);
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", metadata.endpoint() + "/v1/credentials");
  EXPECT_THAT(found(), HasSubstr("/v1/credentials answers 403"));
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-pod-token");
  EXPECT_EQ(found(), "ASIAEKS");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "old");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write("pod", "canary-pod-token\n"));
  EXPECT_EQ(found(), "ASIAEKS");
  write("pod", "canary-one\r\nX-Other: canary");
  EXPECT_THAT(found(), HasSubstr("more than one line"));
}

TEST_F(Ambient, TokensOfPodsAreSentInPlainToNobodyElse) {
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-pod-token");
  for (const char* url : {"http://evil.example/x", "http://169.254.169.254/x", "http://10.0.0.1/",
                          "http://127.0.0.1.evil.example/", "http://localhost:80@evil.example/"}) {
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    EXPECT_THAT(found(), HasSubstr("may only be asked with https")) << url;
  }
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "file:///etc/passwd");
  EXPECT_THAT(found(), HasSubstr("is no url of http or https"));
}

TEST_F(Ambient, InstancesAreAskedByVersionTwoOnly) {
  const Metadata metadata;
  use(metadata);
  EXPECT_EQ(found(), "ASIAEC2");
  EXPECT_EQ(metadata.requests(),
            (std::vector<std::string>{
                "PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
                "GET /latest/meta-data/iam/security-credentials/machine-role"}));
}

TEST_F(Ambient, InstancesAreAskedAgainWhenTheyAreBusy) {
  const Metadata metadata(Metadata::Mood::kBusyOnce);
  use(metadata);
  EXPECT_EQ(found(), "ASIAEC2");
}

TEST_F(Ambient, InstancesThatTalkNonsenseAreNotQuoted) {
  const Metadata garbage(Metadata::Mood::kGarbage);
  use(garbage);
  EXPECT_THAT(found(), HasSubstr("machine-role: what came is not a JSON object"));
  const Metadata bare(Metadata::Mood::kNoRole);
  use(bare);
  EXPECT_THAT(found(), HasSubstr("EC2 instance: the instance has no role"));
}

TEST_F(Ambient, CredentialsThatAreNowhereAreListedWithWhatWasTried) {
  set("AWS_EC2_METADATA_DISABLED", "");
  options_.instance_endpoint = "http://127.0.0.1:1";
  const auto got = get();
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::kDenied);
  EXPECT_EQ(got.error().message, "this server has no AWS credentials of its own");
  EXPECT_THAT(
      got.error().detail,
      MatchesRegex("Tried before this gave up:\n"
                   "environment: AWS_ACCESS_KEY_ID is not set\n"
                   "profile: there is no file /tmp/.*/.aws/config or /tmp/.*/.aws/credentials\n"
                   "web identity token: AWS_WEB_IDENTITY_TOKEN_FILE is not set\n"
                   "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set\n"
                   "EC2 instance: no token .http://127.0.0.1:1/latest/api/token: Failed to "
                   "connect.*hop limit is 1"));
}

TEST_F(Ambient, SearchesEndInTimeThoughTheMetadataServiceIsSilent) {
  const Metadata metadata(Metadata::Mood::kSilent);
  use(metadata);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(found(), HasSubstr("EC2 instance: no token"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  // The rest of a search gets what is left of its time.
  options_.bound = std::chrono::milliseconds(100);
  const auto second = std::chrono::steady_clock::now();
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
  EXPECT_THAT(found(), HasSubstr("AWS credentials from container"));
  EXPECT_LT(std::chrono::steady_clock::now() - second, std::chrono::seconds(1));
}

TEST_F(Ambient, SearchesEndWhenTheirProviderGoes) {
  const Metadata metadata(Metadata::Mood::kSilent);
  use(metadata);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(ambient_credentials(http_, options())->get(stop.get_token()).error().code,
            ErrorCode::kCancelled);
}

}  // namespace
}  // namespace sluice::aws
