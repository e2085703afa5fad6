#include "aws/refreshing.h"

#include <algorithm>

#include "base/log.h"
#include "secrets/wiping.h"

namespace sluice::aws {

using std::chrono::milliseconds;

RefreshingCredentials::RefreshingCredentials(Fetch fetch, Options options)
    : fetch_(std::move(fetch)), options_(options) {}

// The thread is the last member: it is asked to stop and joined before anything else goes.
RefreshingCredentials::~RefreshingCredentials() = default;

Result<s3::Credentials> RefreshingCredentials::get(std::stop_token stop) {
  return get(For::kWork, std::move(stop));
}

Result<s3::Credentials> RefreshingCredentials::get_to_clean_up(std::stop_token stop) {
  return get(For::kCleanUp, std::move(stop));
}

Result<s3::Credentials> RefreshingCredentials::get(For purpose, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const auto now = options_.clock->steady();
  const bool spared = purpose == For::kWork && !fetched_.ok();
  const bool good =
      held_ && (!held_->ends_at ||
                now < *held_->ends_at - (spared ? held_->kept_to_clean_up : milliseconds(0)));
  if (good && now < held_->refresh_at) return held_->credentials;
  if (!wanted_ && (!good || now >= not_before_)) {
    wanted_ = true;
    if (!thread_.joinable()) {
      thread_ = std::jthread([this](std::stop_token ends) { fetch_when_wanted(std::move(ends)); });
    }
    changed_.notify_all();
  }
  if (good) return held_->credentials;
  const uint64_t seen = fetches_ended_;
  changed_.wait(lock, stop, [&] { return fetches_ended_ != seen; });
  if (fetches_ended_ == seen) return cancelled();
  return fetched_;
}

bool RefreshingCredentials::refused(const s3::Credentials& credentials) {
  const std::lock_guard lock(mutex_);
  // Those of others have been replaced already.
  if (held_ && held_->credentials.access_key_id == credentials.access_key_id &&
      held_->credentials.session_token == credentials.session_token) {
    held_.reset();
  }
  return true;
}

uint64_t RefreshingCredentials::failures() {
  const std::lock_guard lock(mutex_);
  return failures_;
}

RefreshingCredentials::Held RefreshingCredentials::held(s3::Credentials credentials) const {
  const auto now = options_.clock->steady();
  Held out{std::move(credentials), now + options_.life_without_expiry, std::nullopt,
           options_.kept_to_clean_up};
  if (const auto expiry = out.credentials.expiry) {
    const auto life = std::max(
        std::chrono::duration_cast<milliseconds>(*expiry - options_.clock->now()), milliseconds(0));
    out.ends_at = now + life;
    out.kept_to_clean_up = std::min(options_.kept_to_clean_up, life / 6);
    out.refresh_at = *out.ends_at - std::min(options_.soon, life / 3);
  }
  return out;
}

void RefreshingCredentials::fetch_when_wanted(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return wanted_; })) {
    lock.unlock();
    auto fetched = fetch_(stop);
    secrets::wipe_stack();
    lock.lock();
    // Nobody waits for such a fetch, so nobody else would tell.
    std::string to_log;
    if (!fetched.ok() && held_ && !stop.stop_requested()) to_log = fetched.error().message;
    fetched_ = std::move(fetched);
    if (fetched_.ok()) {
      held_ = held(*fetched_);
    } else {
      ++failures_;
      not_before_ = options_.clock->steady() + options_.pause_after_failure;
    }
    wanted_ = false;
    ++fetches_ended_;
    changed_.notify_all();
    if (to_log.empty()) continue;
    lock.unlock();
    log::warning("AWS credentials cannot be refreshed: {}", to_log);
    lock.lock();
  }
}

}  // namespace sluice::aws
