#include "aws/refreshing.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

namespace sluice::aws {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Fetches give key 1, 2, …, each good for an hour, unless told otherwise.
class Source {
 public:
  Result<s3::Credentials> fetch(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    if (!changed_.wait(lock, stop, [this] { return open_; })) return cancelled();
    if (failure) return *failure;
    s3::Credentials out;
    out.access_key_id = std::to_string(++given_);
    out.secret_access_key = "secret";
    if (life) out.expiry = clock.now() + *life;
    return out;
  }
  void hold() { set(false); }
  void let_go() { set(true); }
  // Until so many fetches have begun.
  void wait_for(int fetches) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= fetches; });
  }
  int begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }

  FakeClock clock{std::chrono::system_clock::from_time_t(1'800'000'000)};
  std::optional<Error> failure;  // these two: while no fetch is under way
  std::optional<seconds> life = hours(1);

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = true;
  int begun_ = 0;
  int given_ = 0;
};

struct Refreshed {
  std::string key() {
    const auto got = provider->get({});
    return got.ok() ? got->access_key_id : "error: " + got.error().message;
  }
  // Until so many fetches have failed, and this is known to those who ask.
  void expect_failures(int count) {
    source.wait_for(1 + count);
    while (provider->failures() < static_cast<uint64_t>(count)) std::this_thread::yield();
  }
  // What get() gives once a fetch in the background has ended.
  void expect_soon(const std::string& expected) {
    while (key() != expected) std::this_thread::yield();
  }

  Source source;
  std::unique_ptr<RefreshingCredentials> provider = std::make_unique<RefreshingCredentials>(
      [this](std::stop_token stop) { return source.fetch(stop); },
      RefreshingCredentials::Options{.clock = &source.clock});
};

TEST(RefreshingCredentials, AreKeptUntilTheyAreSoonToExpire) {
  Refreshed f;
  EXPECT_EQ(f.source.begun(), 0);
  EXPECT_EQ(f.key(), "1");
  f.source.clock.advance(minutes(55) - seconds(1));
  EXPECT_EQ(f.key(), "1");
  EXPECT_EQ(f.source.begun(), 1);
}

TEST(RefreshingCredentials, ServeWhileNewOnesAreFetchedOnce) {
  Refreshed f;
  EXPECT_EQ(f.key(), "1");
  f.source.hold();
  f.source.clock.advance(minutes(56));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(f.key(), "1");
  f.source.wait_for(2);
  f.source.let_go();
  f.expect_soon("2");
  EXPECT_EQ(f.source.begun(), 2);
}

TEST(RefreshingCredentials, AreFetchedOnceForAllWhoWait) {
  Refreshed f;
  f.source.hold();
  std::vector<std::future<std::string>> keys(8);
  for (auto& key : keys) key = std::async(std::launch::async, [&f] { return f.key(); });
  f.source.wait_for(1);
  f.source.let_go();
  for (auto& key : keys) EXPECT_EQ(key.get(), "1");
  EXPECT_EQ(f.source.begun(), 1);
}

TEST(RefreshingCredentials, OfShortLifeAreRefreshedInItsLastThird) {
  Refreshed f;
  f.source.life = seconds(30);
  EXPECT_EQ(f.key(), "1");
  f.source.clock.advance(seconds(19));
  EXPECT_EQ(f.key(), "1");
  EXPECT_EQ(f.source.begun(), 1);
  f.source.clock.advance(seconds(2));
  f.expect_soon("2");
}

TEST(RefreshingCredentials, FailOnlyWhenTheOldOnesAreAboutToEnd) {
  Refreshed f;
  EXPECT_EQ(f.key(), "1");
  f.source.failure = error(ErrorCode::kDenied, "the role is gone");
  f.source.clock.advance(minutes(56));
  EXPECT_EQ(f.key(), "1");
  f.expect_failures(1);
  f.source.clock.advance(minutes(3) - seconds(1));
  EXPECT_EQ(f.key(), "1");
  f.expect_failures(2);
  f.source.clock.advance(seconds(2));
  EXPECT_EQ(f.key(), "error: the role is gone");
}

TEST(RefreshingCredentials, KeepTheLastMinuteOfTheOldOnesForCleaningUp) {
  Refreshed f;
  EXPECT_EQ(f.key(), "1");
  f.source.failure = error(ErrorCode::kDenied, "the role is gone");
  f.source.clock.advance(minutes(59) + seconds(30));
  EXPECT_EQ(f.key(), "1");  // nothing has failed yet
  f.expect_failures(1);
  EXPECT_EQ(f.key(), "error: the role is gone");
  EXPECT_EQ(f.provider->get_to_clean_up({})->access_key_id, "1");
  f.source.clock.advance(seconds(31));
  EXPECT_FALSE(f.provider->get_to_clean_up({}).ok());
}

TEST(RefreshingCredentials, AreTriedAgainAfterAPauseWhileTheOldOnesServe) {
  Refreshed f;
  EXPECT_EQ(f.key(), "1");
  f.source.failure = error(ErrorCode::kUnavailable, "no answer");
  f.source.clock.advance(minutes(56));
  EXPECT_EQ(f.key(), "1");
  f.expect_failures(1);
  f.source.clock.advance(seconds(9));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(f.key(), "1");
  EXPECT_EQ(f.source.begun(), 2);
  f.source.clock.advance(seconds(1));
  EXPECT_EQ(f.key(), "1");
  f.expect_failures(2);
}

TEST(RefreshingCredentials, AreFetchedAnewWhenTheyAreRefused) {
  Refreshed f;
  const auto first = f.provider->get({});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(f.provider->refused(*first));
  EXPECT_EQ(f.key(), "2");
  // Others that were signed with the first ones are refused later.
  EXPECT_TRUE(f.provider->refused(*first));
  EXPECT_EQ(f.key(), "2");
  EXPECT_EQ(f.source.begun(), 2);
}

TEST(RefreshingCredentials, WithoutAnEndAreReadAnewNowAndThen) {
  Refreshed f;
  f.source.life.reset();
  EXPECT_EQ(f.key(), "1");
  f.source.clock.advance(minutes(14));
  EXPECT_EQ(f.key(), "1");
  f.source.failure = error(ErrorCode::kInvalid, "half a file");
  f.source.clock.advance(hours(100));
  EXPECT_EQ(f.key(), "1");
  f.expect_failures(1);
  EXPECT_EQ(f.key(), "1");
}

TEST(RefreshingCredentials, LetTheirWaitersStop) {
  Refreshed f;
  f.source.hold();
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return f.provider->get(stop.get_token()); });
  f.source.wait_for(1);
  stop.request_stop();
  EXPECT_EQ(waiting.get().error().code, ErrorCode::kCancelled);
  f.source.let_go();
  EXPECT_EQ(f.key(), "1");
  EXPECT_EQ(f.source.begun(), 1);
}

TEST(RefreshingCredentials, EndTheirFetchWhenTheyGo) {
  Refreshed f;
  EXPECT_EQ(f.key(), "1");
  f.source.hold();
  f.source.clock.advance(minutes(56));
  EXPECT_EQ(f.key(), "1");
  f.source.wait_for(2);
  f.provider.reset();  // or it hangs here
}

}  // namespace
}  // namespace sluice::aws
