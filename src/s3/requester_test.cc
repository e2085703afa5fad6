#include "s3/requester.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "s3/test_fixture.h"

namespace sluice::s3 {
namespace {

using s3fake::Fault;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Time stands still but for pauses, which take none.
struct Fixture {
  Fixture() : clock(std::chrono::system_clock::now()) {
    options.endpoint.url = server.endpoint();
    options.region = server.options().region;
    options.clock = &clock;
    options.seed = 7;
    options.on_pause = [this](milliseconds pause) {
      clock.advance(pause);
      pauses.push_back(pause);
      return milliseconds(0);
    };
  }
  Requester& requester() {
    if (!made) {
      made =
          Requester::make(http, fixed_credentials({"AKIDFAKE", "fake/secret+key", "", {}}), options)
              .value();
    }
    return *made;
  }
  Outcome put(std::stop_token stop = {}) {
    Operation operation("PUT", {"PutObject", "lake", "k"});
    return requester().run(std::move(operation), std::move(stop));
  }

  s3fake::Server server;
  http::Client http;
  FakeClock clock;
  std::vector<milliseconds> pauses;
  Requester::Options options;
  std::unique_ptr<Requester> made;
};

TEST(Requester, DoublesItsLongestPauseUpToACap) {
  const RetryPolicy policy{.base = milliseconds(100), .cap = milliseconds(1'000)};
  EXPECT_EQ(longest_pause(policy, 1), milliseconds(100));
  EXPECT_EQ(longest_pause(policy, 2), milliseconds(200));
  EXPECT_EQ(longest_pause(policy, 4), milliseconds(800));
  EXPECT_EQ(longest_pause(policy, 5), milliseconds(1'000));
  EXPECT_EQ(longest_pause(policy, 1'000), milliseconds(1'000));
}

TEST(Requester, TriesAgainWithFullJitter) {
  Fixture f;
  f.server.fail({"PutObject", 1, 3, Fault::kSlowDown});
  const Outcome outcome = f.put();
  EXPECT_TRUE(outcome.response.ok());
  EXPECT_FALSE(outcome.ambiguous);
  EXPECT_EQ(f.server.count("PutObject"), 4U);
  ASSERT_EQ(f.pauses.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_LE(f.pauses[static_cast<size_t>(i)], longest_pause(f.options.retry, i + 1));
  }
}

TEST(Requester, SpreadsItsPauses) {
  Fixture f;
  f.options.retry.throttled_tries = 100;
  f.options.retry.deadline = std::chrono::hours(10);
  f.options.retry.cap = f.options.retry.base;
  f.server.fail({"PutObject", 1, 99, Fault::kSlowDown});
  EXPECT_TRUE(f.put().response.ok());
  const auto [least, most] = std::minmax_element(f.pauses.begin(), f.pauses.end());
  EXPECT_LT(*least, milliseconds(20));
  EXPECT_GT(*most, milliseconds(80));
}

TEST(Requester, GivesUpAfterItsTriesAndSaysSo) {
  Fixture f;
  f.server.fail({"PutObject", 1, 100, Fault::kInternalError});
  const Outcome outcome = f.put();
  ASSERT_FALSE(outcome.response.ok());
  EXPECT_EQ(outcome.response.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(outcome.response.error().message,
            "PutObject s3://lake/k: 500 InternalError: We encountered an internal error. "
            "(request tx0005), the last of 5 tries");
  EXPECT_TRUE(outcome.ambiguous);
  EXPECT_EQ(f.server.count("PutObject"), 5U);
}

TEST(Requester, GivesUpWhenAPauseWouldPassTheDeadline) {
  Fixture f;
  f.options.retry = {.tries = 1'000,
                     .base = milliseconds(1'000),
                     .cap = milliseconds(1'000),
                     .deadline = seconds(10)};
  f.server.fail({"PutObject", 1, 10'000, Fault::kSlowDown});
  const auto begin = f.clock.steady();
  EXPECT_FALSE(f.put().response.ok());
  EXPECT_GT(f.server.count("PutObject"), 10U);
  EXPECT_LT(f.server.count("PutObject"), 50U);
  EXPECT_LT(f.clock.steady() - begin, seconds(11));
}

// So many requests at once, all answered.
void put_at_once(Fixture& f, int requests) {
  std::vector<std::future<void>> ends;
  for (int i = 0; i < requests; ++i) {
    auto end = std::make_shared<std::promise<void>>();
    ends.push_back(end->get_future());
    f.requester().start(Operation("PUT", {"PutObject", "lake", std::to_string(i)}), {},
                        [end](const Outcome& outcome) {
                          EXPECT_TRUE(outcome.response.ok());
                          end->set_value();
                        });
  }
  for (auto& end : ends) end.wait();
}

TEST(Requester, AsksLessOfAStoreThatIsAskedTooMuchAndRecovers) {
  Fixture f;
  put_at_once(f, 24);
  EXPECT_EQ(f.requester().concurrency_limit(), std::nullopt);
  f.server.fail({"PutObject", 1, 60, Fault::kSlowDown});
  put_at_once(f, 24);
  EXPECT_EQ(f.requester().counters().throttled, 60U);
  EXPECT_EQ(f.requester().counters().retries, 60U);
  const auto low = f.requester().concurrency_limit();
  ASSERT_TRUE(low);
  EXPECT_LE(*low, 12);
  f.server.clear_faults();
  for (int i = 0; i < 200 && *f.requester().concurrency_limit() < 24; ++i) put_at_once(f, 48);
  EXPECT_GE(*f.requester().concurrency_limit(), 24);
}

TEST(Requester, GivesAThrottlingStoreMoreTries) {
  Fixture f;
  f.server.fail({"PutObject", 1, 14, Fault::kSlowDown});
  EXPECT_TRUE(f.put().response.ok());
  f.server.clear_faults();
  f.server.fail({"PutObject", 1, 1'000, Fault::kSlowDown});
  EXPECT_THAT(f.put().response.error().message, HasSubstr("the last of 15 tries"));
}

TEST(Requester, StopsWhatWaitsForItsTurn) {
  Fixture f;
  f.server.fail({"PutObject", 1, 1, Fault::kSlowDown});
  EXPECT_TRUE(f.put().response.ok());
  ASSERT_EQ(f.requester().concurrency_limit(), 2);
  // Two that are never answered: another one waits for its turn.
  f.server.clear_faults();
  f.server.fail({"PutObject", 1, 2, Fault::kHang});
  std::stop_source hanging, waiting;
  const auto put_until = [&f](std::stop_source& stop) {
    return std::async(std::launch::async, [&f, &stop] { return f.put(stop.get_token()); });
  };
  auto first = put_until(hanging);
  auto second = put_until(hanging);
  f.server.wait_for("PutObject", 4);
  auto third = put_until(waiting);
  EXPECT_EQ(third.wait_for(milliseconds(20)), std::future_status::timeout);
  waiting.request_stop();
  EXPECT_EQ(third.get().response.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(f.server.count("PutObject"), 4U);
  hanging.request_stop();
  EXPECT_EQ(first.get().response.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(second.get().response.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(f.put().response.ok());
}

TEST(Requester, DoesNotTryAgainWhatCannotHelp) {
  Fixture f;
  f.server.fail({"PutObject", 1, 1, Fault::kDenied});
  const Outcome outcome = f.put();
  ASSERT_FALSE(outcome.response.ok());
  EXPECT_EQ(outcome.response.error().code, ErrorCode::kDenied);
  EXPECT_EQ(f.server.count("PutObject"), 1U);
}

TEST(Requester, SignsEachTryAnew) {
  class Rotating final : public CredentialsProvider {
   public:
    Result<Credentials> get(std::stop_token) override {
      return Credentials{++calls_ < 3 ? "OLD" : "AKIDFAKE", "fake/secret+key", "", {}};
    }

   private:
    int calls_ = 0;
  };
  Fixture f;
  f.made = Requester::make(f.http, std::make_shared<Rotating>(), f.options).value();
  // The old key is refused; only the third try has the new one.
  f.server.fail({"PutObject", 1, 2, Fault::kSlowDown});
  EXPECT_TRUE(f.put().response.ok());
}

TEST(Requester, SaysWhyThereAreNoCredentials) {
  class None final : public CredentialsProvider {
    Result<Credentials> get(std::stop_token) override {
      return error(ErrorCode::kDenied, "the role cannot be assumed");
    }
  };
  Fixture f;
  f.made = Requester::make(f.http, std::make_shared<None>(), f.options).value();
  EXPECT_EQ(f.put().response.error().message, "PutObject s3://lake/k: the role cannot be assumed");
}

TEST(Requester, StopsDuringAPause) {
  Fixture f;
  f.options.on_pause = nullptr;
  f.options.retry.base = f.options.retry.cap = seconds(3600);
  f.options.retry.deadline = std::chrono::hours(100);
  f.options.clock = &Clock::real();
  f.server.fail({"PutObject", 1, 100, Fault::kSlowDown});
  std::stop_source stop;
  auto outcome = std::async(std::launch::async, [&] { return f.put(stop.get_token()); });
  f.server.wait_for("PutObject", 1);
  stop.request_stop();
  EXPECT_EQ(outcome.get().response.error().code, ErrorCode::kCancelled);
}

TEST(Requester, EndsWhatIsUnderWayWhenItIsDestroyed) {
  Fixture f;
  f.server.fail({"PutObject", 1, 100, Fault::kHang});
  std::promise<Outcome> outcome;
  f.requester().start(Operation("PUT", {"PutObject", "lake", "k"}), {},
                      [&](Outcome result) { outcome.set_value(std::move(result)); });
  f.server.wait_for("PutObject", 1);
  f.made.reset();
  EXPECT_EQ(outcome.get_future().get().response.error().code, ErrorCode::kCancelled);
}

TEST(Requester, SaysWhereItCouldNotConnect) {
  Fixture f;
  f.options.endpoint.url = "http://127.0.0.1:1";
  const Outcome outcome = f.put();
  ASSERT_FALSE(outcome.response.ok());
  EXPECT_EQ(outcome.response.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(outcome.response.error().message,
              HasSubstr("PutObject s3://lake/k: Failed to connect"));
}

}  // namespace
}  // namespace sluice::s3
