// Credentials that are kept until shortly before they expire: one fetch for all who ask.
//
//   none, expired, refused   everybody waits for the one fetch that is under way
//   soon to expire           the old ones serve, while one fetch is under way
//   fresh                    they serve
//
// "Soon" is five minutes, or a third of their life where that is shorter. A fetch that fails while
// the old ones are good is tried again every so often; its error is told when they no longer are,
// and to those who begin something a little earlier, so that what they have begun can still be
// undone. Credentials without an expiry are read anew now and then, since files and environments of
// containers change. Lives are measured by the clock that never goes back, so a jump of the wall
// clock changes nothing.
//
// Threads: safe from any. Fetches run on a thread of the provider, which its destructor ends.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "s3/credentials.h"

namespace sluice::aws {

class RefreshingCredentials final : public s3::CredentialsProvider {
 public:
  using Fetch = std::function<Result<s3::Credentials>(std::stop_token)>;
  struct Options {
    std::chrono::milliseconds soon{std::chrono::minutes(5)};
    // Before the end of the old ones, when no new ones could be had; or a sixth of their life.
    std::chrono::milliseconds kept_to_clean_up{std::chrono::minutes(1)};
    std::chrono::milliseconds pause_after_failure{10'000};  // while the old ones are good
    std::chrono::milliseconds life_without_expiry{std::chrono::minutes(15)};
    Clock* clock = &Clock::real();  // must outlive the provider
  };

  RefreshingCredentials(Fetch fetch, Options options);
  ~RefreshingCredentials() override;

  Result<s3::Credentials> get(std::stop_token stop) override;
  Result<s3::Credentials> get_to_clean_up(std::stop_token stop) override;
  bool refused(const s3::Credentials& credentials) override;
  // How many fetches have failed.
  uint64_t failures();

 private:
  using Steady = std::chrono::steady_clock::time_point;
  struct Held {
    s3::Credentials credentials;
    Steady refresh_at;
    std::optional<Steady> ends_at;  // none: good until they are refused
    std::chrono::milliseconds kept_to_clean_up;
  };
  enum class For { kWork, kCleanUp };

  Result<s3::Credentials> get(For purpose, std::stop_token stop);

  Held held(s3::Credentials credentials) const;
  void fetch_when_wanted(std::stop_token stop);

  const Fetch fetch_;
  const Options options_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Held> held_;                       // guarded, as the next five
  Result<s3::Credentials> fetched_ = cancelled();  // the last fetch's, for those who wait for it
  uint64_t fetches_ended_ = 0;
  uint64_t failures_ = 0;
  bool wanted_ = false;  // from the wish for a fetch to its end
  Steady not_before_{};  // of a fetch while the held ones are good
  std::jthread thread_;  // last
};

}  // namespace sluice::aws
