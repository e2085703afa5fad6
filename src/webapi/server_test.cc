#include "webapi/server.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "session/fake_session.h"
#include "webapi/batch.h"
#include "webapi/guard.h"
#include "webapi/json.h"

namespace sluice::webapi {
namespace {

using Json = nlohmann::json;

// ---- who may call

TEST(Guard, TakesTheAddressesWeListenOnAndNamedHosts) {
  const auto allowed = [](std::string_view host) {
    return is_allowed_host(host, "10.0.0.5", {"db.example", "FD00::1"});
  };
  for (const std::string_view host :
       {"localhost", "localhost:6876", "LOCALHOST:1", "127.0.0.1:80", "[::1]", "[::1]:6876",
        "10.0.0.5:6876", "DB.example:6876", "[fd00::1]:80"}) {
    EXPECT_TRUE(allowed(host)) << host;
  }
  for (const std::string_view host :
       {"", "evil.example", "localhost.evil.example", "localhost:", "localhost:80:80", "10.0.0.6",
        "127.0.0.1.evil.example", "[::1", "[::1]x", "::1", "localhost@evil.example", "a.db.example",
        "fd00::1", "db.example."}) {
    EXPECT_FALSE(allowed(host)) << host;
  }
  EXPECT_TRUE(is_allowed_host("[fe80::1]:80", "fe80::1", {}));
}

TEST(Guard, KnowsNamesOfHosts) {
  for (const std::string_view name :
       {"sluice", "SQL.example.com", "my_service", "10.0.0.5", "fd00::1", "::ffff:10.0.0.1"}) {
    EXPECT_TRUE(is_host_name(name)) << name;
  }
  for (const std::string_view name :
       {"", ":", "[fd00::1]", "[fd00::1", "sluice:6876", "beef:80", "http://sluice", "*",
        "*.example.com", "a b", "a,b", "fd00::x", "\xC3\xA4"}) {
    EXPECT_FALSE(is_host_name(name)) << name;
  }
}

TEST(Guard, TellsOtherOrigins) {
  EXPECT_TRUE(is_same_origin("http://localhost:6876", "localhost:6876"));
  EXPECT_TRUE(is_same_origin("https://LOCALHOST:6876", "localhost:6876"));
  for (const std::string_view origin : {"null", "", "http://evil.example", "http://localhost",
                                        "http://localhost:6877", "file://localhost:6876"}) {
    EXPECT_FALSE(is_same_origin(origin, "localhost:6876")) << origin;
  }
}

TEST(Guard, KnowsJson) {
  for (const std::string_view type : {"application/json", "Application/JSON ; charset=UTF-8"}) {
    EXPECT_TRUE(is_json(type)) << type;
  }
  for (const std::string_view type :
       {"", "text/plain", "application/jsonx", "text/plain; application/json",
        "application/json; charset=latin1", "application/x-www-form-urlencoded"}) {
    EXPECT_FALSE(is_json(type)) << type;
  }
}

TEST(JsonText, EscapesWhatJsonNeeds) {
  const std::string text = std::string("a\"\\\n\t\x01", 6) + '\0' + "\xC3\xA4\xE2\x82\xAC";
  std::string out;
  append_string(out, text);
  EXPECT_EQ(Json::parse(out).get<std::string>(), text);
  out.clear();
  append_string(out, "x\xFFy\xC3");
  EXPECT_EQ(out, "\"x\xEF\xBF\xBDy\xEF\xBF\xBD\"");
}

TEST(ParseRequest, TakesBothFormsAndNothingElse) {
  EXPECT_EQ(parse_request(R"({"query":"a; b"})")->script, "a; b");
  const auto request =
      parse_request(R"({"queries":[{"query":"a","params":["1",null,2,true]},{"query":"b"}]})");
  ASSERT_TRUE(request.ok());
  ASSERT_EQ(request->statements.size(), 2U);
  using Texts = std::vector<std::optional<std::string>>;
  EXPECT_EQ(request->statements[0].parameters, (Texts{"1", std::nullopt, "2", "true"}));
  for (const std::string_view wrong :
       {"", "[]", "{}", "{\"query\":1}", R"({"query":"a","queries":[]})", R"({"queries":"a"})",
        R"({"queries":[{"params":[]}]})", R"({"queries":[{"query":"a","params":"1"}]})",
        R"({"queries":[{"query":"a","params":[[]]}]})", "{\"query\":\"\xFF\"}",
        "{\"query\":\"a\""}) {
    EXPECT_FALSE(parse_request(wrong).ok()) << wrong;
  }
  EXPECT_FALSE(parse_request(std::string(size_t{1} << 20, '[')).ok());
}

// ---- the server

class WebApi : public testing::Test {
 protected:
  void SetUp() override { start({}); }
  void start(Server::Options options) {
    server_.reset();
    auto started = Server::start(
        std::move(options), sessions_, [this] { return health_; },
        [] { return std::string("sluice_up 1\n"); });
    ASSERT_TRUE(started.ok()) << started.error().message;
    server_ = std::move(*started);
  }

  httplib::Client client() const {
    httplib::Client made("127.0.0.1", server_->port());
    made.set_read_timeout(20);
    return made;
  }
  httplib::Result post(const std::string& body, const httplib::Headers& headers = {},
                       const std::string& type = "application/json") const {
    return client().Post("/api/sql", headers, body, type);
  }
  int status(const std::string& body, const httplib::Headers& headers = {},
             const std::string& type = "application/json") const {
    const auto answer = post(body, headers, type);
    return answer ? answer->status : 0;
  }
  // The results of a script.
  Json results(const std::string& script) const {
    const auto answer = post(Json{{"query", script}}.dump());
    if (!answer) return "no answer";
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->get_header_value("Content-Type"), "application/json");
    return Json::parse(answer->body)["results"];
  }

  session::FakeSessions sessions_;
  Health health_;
  std::unique_ptr<Server> server_;  // ends before its sessions
};

TEST_F(WebApi, GivesTagsRowsAndTheirDescription) {
  EXPECT_EQ(results("insert; rows 2"), Json::parse(R"([
    {"ok":"INSERT 0 1","notices":[]},
    {"tag":"SELECT 2","rows":[["0",null],["1","v1"]],"desc":{"columns":[
       {"name":"n","type_oid":23,"type_len":4,"type_mod":-1},
       {"name":"t","type_oid":25,"type_len":-1,"type_mod":-1}]},"notices":[]}])"));
  EXPECT_EQ(results("rows 0")[0]["rows"], Json::array());
  EXPECT_EQ(results("rows 3000")[0]["rows"].size(), 3000U);
  EXPECT_EQ(results(" ; "), Json::array());
}

TEST_F(WebApi, StopsAtTheFirstError) {
  EXPECT_EQ(results("insert; fail; insert"), Json::parse(R"([
    {"ok":"INSERT 0 1","notices":[]},
    {"error":{"message":"relation \"t\" does not exist","code":"42P01","detail":"a detail",
              "hint":"a hint","position":5},"notices":[]}])"));
  EXPECT_EQ(results("rows 5000 fail"), Json::parse(R"([
    {"error":{"message":"division by zero","code":"22012"},"notices":[]}])"));
  EXPECT_EQ(results("syntax")[0]["error"]["code"], "42601");
  EXPECT_EQ(results("throw")[0]["error"]["code"], "XX000");
  EXPECT_EQ(results("broken"), Json::parse(R"([
    {"error":{"message":"could not serialize access","code":"40001"},"notices":[]}])"));
}

TEST_F(WebApi, RunsStatementsWithParameters) {
  const auto answer = post(
      R"({"queries":[{"query":"echo","params":["7","hi"]},{"query":"echo","params":[8,null]}]})");
  ASSERT_TRUE(answer);
  const Json both = Json::parse(answer->body)["results"];
  EXPECT_EQ(both[0]["rows"], Json::parse(R"([["7","hi"]])"));
  EXPECT_EQ(both[1]["rows"], Json::parse(R"([["8",null]])"));
  const auto wrong = post(R"({"queries":[{"query":"echo","params":["7"]}]})");
  ASSERT_TRUE(wrong);
  EXPECT_EQ(Json::parse(wrong->body)["results"][0]["error"]["code"], "08P01");
}

TEST_F(WebApi, GivesNoticesWithTheirStatement) {
  EXPECT_EQ(results("notice; insert"), Json::parse(R"([
    {"ok":"NOTICE","notices":[{"message":"take note","code":"00000","severity":"NOTICE",
                               "detail":"a detail","hint":"a hint"}]},
    {"ok":"INSERT 0 1","notices":[]}])"));
}

TEST_F(WebApi, RefusesCopyThroughItself) {
  for (const char* copy : {"copy in", "copy out 3"}) {
    const Json error = results(copy)[0]["error"];
    EXPECT_NE(error["message"].get<std::string>().find("unsupported via this API"),
              std::string::npos);
    EXPECT_EQ(error["code"], "0A000");
  }
}

TEST_F(WebApi, EachRequestIsASessionOfItsOwn) {
  EXPECT_EQ(results("begin; insert").size(), 2U);
  EXPECT_TRUE(sessions_.wait_for("session ended"));
  EXPECT_EQ(server_->sessions(), 0);
}

TEST_F(WebApi, BoundsAResult) {
  start({.max_result_bytes = 100'000});
  EXPECT_EQ(results("rows 1000")[0]["rows"].size(), 1000U);
  const Json all = results("insert; endless");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1]["error"]["code"], "54000");
  EXPECT_NE(all[1]["error"]["message"].get<std::string>().find("exceeds max size"),
            std::string::npos);
}

TEST_F(WebApi, TakesJsonFromItsOwnOriginOnly) {
  const std::string body = R"({"query":"insert"})";
  const std::string host = "localhost:" + std::to_string(server_->port());
  EXPECT_EQ(status(body), 200);
  EXPECT_EQ(status(body, {{"Host", host}, {"Origin", "http://" + host}}), 200);
  EXPECT_EQ(status(body, {{"Host", host}, {"Origin", "http://evil.example"}}), 403);
  EXPECT_EQ(status(body, {{"Origin", "null"}}), 403);
  EXPECT_EQ(status(body, {{"Host", "evil.example"}}), 403);
  EXPECT_EQ(status(body, {}, "text/plain"), 415);
  EXPECT_EQ(status(body, {}, "application/x-www-form-urlencoded"), 415);
  EXPECT_EQ(status(body, {{"Content-Encoding", "gzip"}}), 415);
  EXPECT_EQ(status("{", {}), 400);
  EXPECT_EQ(client().Get("/api/sql")->status, 405);
  EXPECT_EQ(client().Post("/other", "x", "text/plain")->status, 404);
  EXPECT_EQ(client().Get("/other")->status, 404);
}

TEST_F(WebApi, BoundsABody) {
  start({.max_body_bytes = 1000});
  EXPECT_EQ(status(Json{{"query", std::string(5000, 'x')}}.dump()), 413);
  // In chunks, without a length to refuse at once.
  const std::string piece(600, ' ');
  const auto answer = client().Post(
      "/api/sql",
      [&](size_t offset, httplib::DataSink& sink) {
        sink.write(piece.data(), piece.size());
        if (offset > 3000) sink.done();
        return true;
      },
      "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(status(R"({"query":"insert"})"), 200);
}

TEST_F(WebApi, KeepsAConnectionForSeveralRequests) {
  auto kept = client();
  kept.set_keep_alive(true);
  for (int i = 0; i < 20; ++i) {
    const auto answer = kept.Post("/api/sql", R"({"query":"insert"})", "application/json");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
  }
}

TEST_F(WebApi, TellsItsHealthAndMetrics) {
  EXPECT_EQ(client().Get("/health")->body, R"({"status":"ok"})");
  EXPECT_EQ(client().Get("/metrics")->body, "sluice_up 1\n");
  health_.problems = {"read-only: the disk is \"full\""};
  const auto sick = client().Get("/health");
  EXPECT_EQ(sick->status, 503);
  EXPECT_EQ(sick->body,
            R"({"status":"unavailable","reasons":["read-only: the disk is \"full\""]})");
}

TEST_F(WebApi, BusySessionsRefuseAnotherButNotAHealthCheck) {
  start({.max_sessions = 1});
  std::thread busy([&] { EXPECT_EQ(results("wait")[0]["error"]["code"], "57014"); });
  ASSERT_TRUE(sessions_.wait_for("begin waiting"));
  EXPECT_EQ(status(R"({"query":"insert"})"), 503);
  EXPECT_EQ(client().Get("/health")->status, 200);
  // Stopping cancels it, and what it has to say still comes.
  server_->stop();
  busy.join();
  EXPECT_TRUE(sessions_.has("cancelled"));
}

TEST_F(WebApi, StopsTheStatementOfAClientThatHasGone) {
  auto leaving = client();
  std::thread asking([&] { leaving.Post("/api/sql", R"({"query":"wait"})", "application/json"); });
  EXPECT_TRUE(sessions_.wait_for("begin waiting"));
  leaving.stop();
  EXPECT_TRUE(sessions_.wait_for("cancelled"));
  EXPECT_TRUE(sessions_.wait_for("session ended"));
  asking.join();
}

TEST_F(WebApi, ASecondServerOnThePortIsRefused) {
  const auto second = Server::start(
      {.port = server_->port()}, sessions_, [] { return Health{}; }, [] { return std::string(); });
  EXPECT_FALSE(second.ok());
}

}  // namespace
}  // namespace sluice::webapi
