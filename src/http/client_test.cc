#include "http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <future>
#include <thread>

#include "base/text.h"
#include "s3fake/http_server.h"

namespace sluice::http {
namespace {

using s3fake::Connection;
using s3fake::http_answer;
using s3fake::HttpRequest;
using s3fake::HttpServer;
using std::chrono::milliseconds;
using testing::HasSubstr;

// Answers with what it was sent, in words.
bool echo(const HttpRequest& request, Connection& connection) {
  std::string body;
  if (!connection.read(body, request.content_length)) return false;
  std::string answer = request.method + " " + request.target + "\n";
  for (const auto& [name, value] : request.headers) answer += fmt::format("{}={}\n", name, value);
  return connection.write(http_answer(200, {{"X-Answer", "yes"}}, answer + "\n" + body));
}

struct Fixture {
  explicit Fixture(HttpServer::Handler handler, bool tls = false)
      : server(std::move(handler), tls) {}

  Request request(const std::string& path) const {
    Request out;
    out.url = fmt::format("{}://127.0.0.1:{}{}", server.ca_file().empty() ? "http" : "https",
                          server.port(), path);
    out.ca_file = server.ca_file();
    return out;
  }
  Result<Response> get(const std::string& path) { return client.run(request(path), {}); }

  HttpServer server;
  Client client;
};

TEST(HttpClient, NeverConnectsToWhereMachinesKeepCredentials) {
  Fixture fixture(echo);
  // 0.0.0.0 would reach the server here.
  for (const std::string& host : {fmt::format("0.0.0.0:{}", fixture.server.port()),
                                  fmt::format("0:{}", fixture.server.port()),
                                  fmt::format("[::ffff:0:0]:{}", fixture.server.port()),
                                  std::string("169.254.169.254"), std::string("[fe80::1]")}) {
    Request request;
    request.url = fmt::format("http://{}/", host);
    const auto response = fixture.client.run(request, {});
    ASSERT_FALSE(response.ok()) << host;
    EXPECT_EQ(response.error().code, ErrorCode::kDenied) << response.error().message;
    EXPECT_THAT(response.error().message, HasSubstr("metadata services")) << host;
  }
  EXPECT_EQ(fixture.server.connections(), 0u);
}

TEST(HttpClient, ADoorThatTheServerHasOpenedForItselfIsShutForOthers) {
  Fixture fixture(echo);
  Request request;
  request.url = fmt::format("http://0.0.0.0:{}/", fixture.server.port());
  request.may_reach_metadata = true;
  const auto own = fixture.client.run(request, {});
  ASSERT_TRUE(own.ok()) << own.error().message;
  // The connection is kept, and a request for the same host would take it.
  request.may_reach_metadata = false;
  const auto response = fixture.client.run(request, {});
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kDenied);
}

TEST(HttpClient, SendsMethodHeadersAndBodyAndGetsTheAnswer) {
  Fixture fixture(echo);
  const std::string body(3'000'000, 'b');
  Request request = fixture.request("/a/%20b?c=d");
  request.method = "PUT";
  request.headers = {{"X-Mine", "one two"}, {"X-Empty", ""}};
  request.body = bytes_of(body);
  const auto response = fixture.client.run(request, {});
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->header("x-answer"), "yes");
  EXPECT_THAT(response->body, testing::StartsWith("PUT /a/%20b?c=d\n"));
  EXPECT_THAT(response->body, HasSubstr("x-mine=one two\n"));
  EXPECT_THAT(response->body, HasSubstr("x-empty=\n"));
  EXPECT_THAT(response->body, HasSubstr("content-length=3000000\n"));
  EXPECT_THAT(response->body, testing::EndsWith("\n" + body));
  EXPECT_THAT(response->body, testing::Not(HasSubstr("expect=")));
}

TEST(HttpClient, SendsEmptyBodiesWithTheirLength) {
  Fixture fixture(echo);
  for (const char* method : {"PUT", "POST"}) {
    Request request = fixture.request("/");
    request.method = method;
    const auto response = fixture.client.run(request, {});
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_THAT(response->body, HasSubstr("content-length=0\n"));
  }
}

TEST(HttpClient, LeavesPathsAsTheyAre) {
  Fixture fixture(echo);
  const auto response = fixture.get("/a//b/../c/./d");
  ASSERT_TRUE(response.ok());
  EXPECT_THAT(response->body, testing::StartsWith("GET /a//b/../c/./d\n"));
}

TEST(HttpClient, KeepsConnections) {
  Fixture fixture(echo);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(fixture.get("/").ok());
  EXPECT_EQ(fixture.server.connections(), 1U);
  EXPECT_EQ(fixture.client.counters().connections, 1U);
  EXPECT_EQ(fixture.client.counters().requests, 10U);
  EXPECT_EQ(fixture.client.counters().running, 0U);
}

TEST(HttpClient, TakesANewConnectionWhereARequestMayBeSentOnce) {
  Fixture fixture(echo);
  Request request = fixture.request("/");
  request.send_at_most_once = true;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(fixture.client.run(request, {}).ok());
  EXPECT_EQ(fixture.server.connections(), 3U);
}

TEST(HttpClient, RunsRequestsAtTheSameTime) {
  std::mutex mutex;
  std::condition_variable all_here;
  int here = 0;
  // Nobody is answered before all eight have come.
  Fixture fixture([&](const HttpRequest& request, Connection& connection) {
    {
      std::unique_lock lock(mutex);
      ++here;
      all_here.notify_all();
      all_here.wait(lock, [&] { return here >= 8; });
    }
    return echo(request, connection);
  });
  std::vector<std::future<Result<Response>>> answers(8);
  for (auto& answer : answers) {
    answer = std::async(std::launch::async, [&] { return fixture.get("/"); });
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
}

TEST(HttpClient, StopsWithinMillisecondsWhateverItWaitsFor) {
  std::promise<void> arrived;
  Fixture fixture([&](const HttpRequest&, Connection& connection) {
    arrived.set_value();
    connection.wait_for_close();
    return false;
  });
  std::stop_source stop;
  auto answer = std::async(std::launch::async, [&] {
    return fixture.client.run(fixture.request("/"), stop.get_token());
  });
  arrived.get_future().wait();
  const auto before = std::chrono::steady_clock::now();
  stop.request_stop();
  const auto response = answer.get();
  const auto took = std::chrono::steady_clock::now() - before;
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kCancelled);
  // 50 ms is the promise; sanitizers and a busy machine get some more.
  EXPECT_LT(took, milliseconds(500));
}

TEST(HttpClient, DoesNotBeginWhatIsStoppedAlready) {
  Fixture fixture(echo);
  std::stop_source stop;
  stop.request_stop();
  const auto response = fixture.client.run(fixture.request("/"), stop.get_token());
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kCancelled);
}

TEST(HttpClient, EndsWhatRunsWhenItIsDestroyed) {
  std::promise<void> arrived;
  HttpServer server(
      [&](const HttpRequest&, Connection& connection) {
        arrived.set_value();
        connection.wait_for_close();
        return false;
      },
      false);
  std::promise<Result<Response>> answer;
  {
    Client client;
    Request request;
    request.url = fmt::format("http://127.0.0.1:{}/", server.port());
    client.start(request, {},
                 [&](Result<Response> response) { answer.set_value(std::move(response)); });
    arrived.get_future().wait();
  }
  EXPECT_EQ(answer.get_future().get().error().code, ErrorCode::kCancelled);
}

TEST(HttpClient, GivesUpOnAServerThatIsIdleOrTooSlow) {
  Fixture fixture([](const HttpRequest&, Connection& connection) {
    connection.wait_for_close();
    return false;
  });
  Request idle = fixture.request("/");
  idle.idle_timeout = milliseconds(30);
  const auto first = fixture.client.run(idle, {});
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(first.error().message, HasSubstr("nothing sent or received for 30 ms"));

  Request slow = fixture.request("/");
  slow.total_timeout = milliseconds(30);
  const auto second = fixture.client.run(slow, {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

TEST(HttpClient, TakesAnAnswerUpToItsBound) {
  Fixture fixture([](const HttpRequest&, Connection& connection) {
    return connection.write(http_answer(200, {}, std::string(1000, 'x')));
  });
  Request request = fixture.request("/");
  request.max_response_bytes = 1000;
  EXPECT_TRUE(fixture.client.run(request, {}).ok());
  request.max_response_bytes = 999;
  const auto response = fixture.client.run(request, {});
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kExhausted);
}

TEST(HttpClient, SaysSoWhenAnAnswerIsCutOrTheConnectionReset) {
  Fixture fixture([](const HttpRequest& request, Connection& connection) {
    if (request.target == "/cut") {
      const std::string whole = http_answer(200, {}, std::string(1000, 'x'));
      connection.write(whole.substr(0, whole.size() - 500));
    } else if (request.target == "/head") {
      connection.write("HTTP/1.1 200 OK\r\nETag: \"abc");
    } else {
      connection.reset();
    }
    return false;
  });
  for (const char* path : {"/cut", "/head", "/reset"}) {
    const auto response = fixture.get(path);
    ASSERT_FALSE(response.ok()) << path;
    EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  }
  EXPECT_EQ(fixture.client.counters().failures, 3U);
}

TEST(HttpClient, TrustsOnlyTheCertificateItWasGiven) {
  Fixture fixture(echo, true);
  EXPECT_TRUE(fixture.get("/").ok());
  Request stranger = fixture.request("/");
  stranger.ca_file.clear();
  const auto response = fixture.client.run(stranger, {});
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kDenied);
}

TEST(HttpClient, IgnoresTheProxyOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  Fixture fixture(echo);
  EXPECT_TRUE(fixture.get("/").ok());
  unsetenv("http_proxy");
}

TEST(HttpClient, RefusesWhatWouldBeAnotherRequest) {
  Fixture fixture(echo);
  Request request = fixture.request("/");
  request.headers = {{"Authorization", "secret\r\nX-Other: 1"}};
  const auto split = fixture.client.run(request, {});
  ASSERT_FALSE(split.ok());
  EXPECT_EQ(split.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(split.error().message, testing::Not(HasSubstr("secret")));
  EXPECT_EQ(fixture.get("/ HTTP/1.1\r\nX-Other: 1").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(fixture.get("/" + std::string(8'000'000, 'x')).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(fixture.server.connections(), 0U);
}

TEST(HttpClient, RefusesOtherSchemesAndFollowsNothing) {
  Fixture fixture([](const HttpRequest&, Connection& connection) {
    return connection.write(http_answer(307, {{"Location", "/elsewhere"}}, ""));
  });
  Request file;
  file.url = "file:///etc/hostname";
  const auto response = fixture.client.run(file, {});
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kInvalid);
  const auto redirect = fixture.get("/");
  ASSERT_TRUE(redirect.ok());
  EXPECT_EQ(redirect->status, 307);
}

}  // namespace
}  // namespace sluice::http
