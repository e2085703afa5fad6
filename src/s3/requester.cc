#include "s3/requester.h"

#include <algorithm>
#include <future>

namespace sluice::s3 {

using std::chrono::milliseconds;

namespace {

// How often one request gets new credentials. More than once, since sessions may be very short.
constexpr int kMaxRenewals = 3;
// How often one request follows its bucket to another region.
constexpr int kMaxMoves = 2;

}  // namespace

milliseconds longest_pause(const RetryPolicy& policy, int failed_tries) {
  auto pause = policy.base;
  for (int i = 1; i < failed_tries && pause < policy.cap; ++i) pause *= 2;
  return std::min(pause, policy.cap);
}

// One operation, from its first try to its outcome. At each time exactly one of these holds it:
// the starting thread, the curl loop, the pauses; that one's thread runs its code.
class Requester::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(Requester& requester, Operation operation, std::stop_token stop, Done done)
      : requester_(requester),
        operation_(std::move(operation)),
        done_(std::move(done)),
        deadline_(requester.clock().steady() +
                  operation_.deadline.value_or(requester.policy().deadline)),
        on_stop_(std::move(stop), [this] { end_soon(); }),
        on_stop_all_(requester.stop_all_.get_token(), [this] { end_soon(); }) {
    // Once for all tries, and not on the curl loop's thread.
    const bool may_be_unsigned = requester_.is_private_ && !operation_.body.empty() &&
                                 !requester_.options_.dialect.signed_payload;
    payload_hash_ = may_be_unsigned                  ? std::string(kUnsignedPayload)
                    : operation_.body_sha256.empty() ? hex_sha256(operation_.body)
                                                     : hex(operation_.body_sha256);
  }

  // With a place under the limit, or stopped.
  void attempt() {
    if (stop_.stop_requested()) return end(cancelled());
    CredentialsProvider& provider = *requester_.credentials_;
    auto credentials = operation_.cleans_up ? provider.get_to_clean_up(stop_.get_token())
                                            : provider.get(stop_.get_token());
    if (!credentials.ok()) {
      return end(std::move(credentials).error().within(operation_.subject.text()));
    }
    ++tries_;
    signed_by_ = std::move(credentials).value();
    requester_.http_.start(
        request(signed_by_), stop_.get_token(),
        [self = shared_from_this()](Result<http::Response> r) { self->answered(std::move(r)); });
  }

  bool is_stopped() const { return stop_.stop_requested(); }

  std::optional<ConcurrencyLimit::Place> place;  // guarded by the requester's lock

 private:
  std::vector<http::Header> headers(const std::vector<http::Header>& of_all) const {
    std::vector<http::Header> out = operation_.headers;
    out.insert(out.end(), of_all.begin(), of_all.end());
    return out;
  }
  http::Request request(const Credentials& credentials) {
    const auto& options = requester_.options_;
    const auto where = requester_.where();
    signed_for_ = where->region;
    signed_at_ = requester_.clock().now();
    const Target target = where->endpoint.target(operation_.subject.bucket, operation_.subject.key);
    Unsigned to_sign{.method = operation_.method,
                     .host = target.host,
                     .path = target.path,
                     .query = operation_.query,
                     .headers = headers(options.headers),
                     .payload_hash = payload_hash_};
    http::Request out;
    out.method = operation_.method;
    out.url = target.origin + percent_encoded(target.path, Slash::kKeep);
    if (!operation_.query.empty()) out.url += "?" + canonical_query(operation_.query);
    out.headers = signed_headers(std::move(to_sign), credentials, {signed_for_}, signed_at_);
    out.body = operation_.body;
    out.ca_file = options.ca_file;
    out.connect_timeout = options.connect_timeout;
    out.idle_timeout = options.idle_timeout;
    out.total_timeout = std::max(left(), milliseconds(1));
    out.max_response_bytes = operation_.max_answer_bytes;
    out.send_at_most_once = operation_.send_at_most_once;
    out.has_secrets = !credentials.session_token.empty();
    return out;
  }

  milliseconds left() const {
    return std::chrono::duration_cast<milliseconds>(deadline_ - requester_.clock().steady());
  }

  void answered(Result<http::Response> result) {
    refusal_.reset();
    if (result.ok()) refusal_ = service_error(*result, operation_.answer);
    const bool throttled = refusal_ && refusal_->is_throttling();
    was_throttled_ = was_throttled_ || throttled;
    using Answer = ConcurrencyLimit::Answer;
    requester_.answered(*this, throttled     ? Answer::kThrottled
                               : result.ok() ? Answer::kAccepted
                                             : Answer::kOther);
    if (!result.ok()) {
      ambiguous_ = true;
      const bool again = result.error().code == ErrorCode::kUnavailable;
      if (result.error().code == ErrorCode::kCancelled) return end(cancelled());
      return failed(std::move(result).error().within(operation_.subject.text()), again);
    }
    if (refusal_ && (renews_credentials() || follows_bucket())) {
      --tries_;
      return requester_.try_later(shared_from_this(), milliseconds(0));
    }
    if (refusal_) {
      ambiguous_ = ambiguous_ || refusal_->is_ambiguous();
      const bool too_old = refusal_->code == "RequestTimeTooSkewed" &&
                           may_have_grown_old(signed_at_, requester_.clock().now());
      return failed(refusal_->error(operation_.subject), refusal_->is_transient() || too_old);
    }
    if (operation_.complaint) {
      if (const auto complaint = operation_.complaint(*result)) {
        ambiguous_ = true;
        return failed(error(ErrorCode::kUnavailable, "{}: {} {}", operation_.subject.text(),
                            result->status, *complaint),
                      true);
      }
    }
    end(std::move(result));
  }

  // Whether the same request deserves a try with other credentials than those that were refused.
  // Not every service says that they have expired; some know such a session no longer.
  bool renews_credentials() {
    const bool outdated =
        says_outdated(refusal_->code) ||
        (refusal_->code == "InvalidAccessKeyId" && !signed_by_.session_token.empty());
    if (!outdated || renewals_ == kMaxRenewals || stop_.stop_requested() ||
        left() <= milliseconds(0))
      return false;
    ++renewals_;
    return requester_.credentials_->refused(signed_by_);
  }

  bool follows_bucket() {
    if (!requester_.options_.follow_region || refusal_->region.empty() ||
        refusal_->region == signed_for_ || moves_ == kMaxMoves || stop_.stop_requested()) {
      return false;
    }
    ++moves_;
    return requester_.move_to(refusal_->region);
  }

  void failed(Error failure, bool again) {
    const RetryPolicy& policy = requester_.policy();
    const int allowed =
        operation_.tries.value_or(was_throttled_ ? policy.throttled_tries : policy.tries);
    if (again && stop_.stop_requested()) return end(cancelled());
    if (again && tries_ < allowed) {
      const auto pause = requester_.next_pause(tries_);
      if (pause < left()) return requester_.try_later(shared_from_this(), pause);
    }
    if (tries_ > 1) failure.message += fmt::format(", the last of {} tries", tries_);
    end(std::move(failure));
  }

  void end(Result<http::Response> response) {
    // May wait for a callback that is just running; that one takes the requester's lock, so no lock
    // may be held here.
    on_stop_.reset();
    on_stop_all_.reset();
    requester_.answered(*this, ConcurrencyLimit::Answer::kOther);
    const Done done = std::move(done_);
    done({std::move(response), std::move(refusal_), ambiguous_});
    operation_.owner.reset();
    requester_.ended();
  }

  void end_soon() {
    stop_.request_stop();
    requester_.hurry(this);
  }

  struct OnStop {
    OnStop(std::stop_token token, std::function<void()> call)
        : callback(std::in_place, std::move(token), std::move(call)) {}
    void reset() { callback.reset(); }
    std::optional<std::stop_callback<std::function<void()>>> callback;
  };

  Requester& requester_;
  Operation operation_;
  Done done_;
  const Steady::time_point deadline_;
  std::string payload_hash_;
  Credentials signed_by_;   // the last try
  std::string signed_for_;  // the region, as well
  WallTime signed_at_;
  int renewals_ = 0;
  int moves_ = 0;
  int tries_ = 0;
  bool ambiguous_ = false;
  bool was_throttled_ = false;
  std::optional<ServiceError> refusal_;
  std::stop_source stop_;
  OnStop on_stop_;  // the last two: their callbacks use all above
  OnStop on_stop_all_;
};

Result<std::unique_ptr<Requester>> Requester::make(http::Client& http,
                                                   std::shared_ptr<CredentialsProvider> credentials,
                                                   Options options) {
  options.endpoint.region = options.region;
  TRY_ASSIGN(Endpoint endpoint, Endpoint::make(options.endpoint));
  return std::unique_ptr<Requester>(
      new Requester(http, std::move(credentials), std::move(options), std::move(endpoint)));
}

Requester::Requester(http::Client& http, std::shared_ptr<CredentialsProvider> credentials,
                     Options options, Endpoint endpoint)
    : http_(http),
      credentials_(std::move(credentials)),
      options_(std::move(options)),
      is_private_(endpoint.is_private()),
      where_(std::make_shared<const Where>(Where{options_.region, std::move(endpoint)})),
      random_(options_.seed != 0 ? options_.seed : std::random_device()()),
      thread_([this] { wait_out_pauses(); }) {}

Requester::~Requester() {
  stop_all_.request_stop();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ == 0; });
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Requester::start(Operation operation, std::stop_token stop, Done done) {
  {
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  const auto call =
      std::make_shared<Call>(*this, std::move(operation), std::move(stop), std::move(done));
  if (admit(call)) call->attempt();
}

bool Requester::admit(const std::shared_ptr<Call>& call) {
  const std::lock_guard lock(mutex_);
  // A stop that came before is seen here, a later one finds the call in `queue_`.
  if (call->is_stopped()) return true;
  call->place = limit_.take();
  if (!call->place) queue_.push_back(call);
  return call->place.has_value();
}

std::optional<int> Requester::concurrency_limit() {
  const std::lock_guard lock(mutex_);
  return limit_.limit();
}

void Requester::answered(Call& call, ConcurrencyLimit::Answer answer) {
  {
    const std::lock_guard lock(mutex_);
    if (!call.place) return;
    if (answer == ConcurrencyLimit::Answer::kThrottled) ++throttled_;
    limit_.give_back(*call.place, answer);
    call.place.reset();
    while (!queue_.empty()) {
      queue_.front()->place = limit_.take();
      if (!queue_.front()->place) break;
      waiting_.emplace(Steady::time_point(), std::move(queue_.front()));
      queue_.pop_front();
    }
  }
  changed_.notify_all();
}

Outcome Requester::run(Operation operation, std::stop_token stop) {
  std::promise<Outcome> promise;
  auto outcome = promise.get_future();
  start(std::move(operation), std::move(stop),
        [&promise](Outcome result) { promise.set_value(std::move(result)); });
  return outcome.get();
}

std::shared_ptr<const Requester::Where> Requester::where() {
  const std::lock_guard lock(mutex_);
  return where_;
}

bool Requester::move_to(const std::string& region) {
  if (!is_region_name(region)) return false;
  Endpoint::Options options = options_.endpoint;
  options.region = region;
  auto endpoint = Endpoint::make(options);
  if (!endpoint.ok()) return false;
  auto moved = std::make_shared<const Where>(Where{region, std::move(endpoint).value()});
  const std::lock_guard lock(mutex_);
  where_ = std::move(moved);
  return true;
}

Status Requester::pause(int failed_tries, std::stop_token stop) {
  const auto pause = next_pause(failed_tries);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, pause, [] { return false; });
  if (stop.stop_requested()) return cancelled();
  return ok();
}

milliseconds Requester::next_pause(int failed_tries) {
  milliseconds pause{0};
  {
    const std::lock_guard lock(mutex_);
    std::uniform_int_distribution<milliseconds::rep> uniform(
        0, longest_pause(options_.retry, failed_tries).count());
    pause = milliseconds(uniform(random_));
  }
  return options_.on_pause ? options_.on_pause(pause) : pause;
}

void Requester::try_later(std::shared_ptr<Call> call, milliseconds pause) {
  {
    const std::lock_guard lock(mutex_);
    ++retries_;
    // A stop that came before is seen here, a later one finds the call in `waiting_`.
    const auto at = call->is_stopped() ? Steady::time_point() : Steady::now() + pause;
    waiting_.emplace(at, std::move(call));
  }
  changed_.notify_all();
}

void Requester::hurry(const Call* call) {
  {
    const std::lock_guard lock(mutex_);
    const auto queued = std::find_if(queue_.begin(), queue_.end(),
                                     [&](const auto& entry) { return entry.get() == call; });
    if (queued != queue_.end()) {
      waiting_.emplace(Steady::time_point(), std::move(*queued));
      queue_.erase(queued);
    }
    const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const auto& entry) { return entry.second.get() == call; });
    if (found == waiting_.end()) return;
    auto entry = waiting_.extract(found);
    entry.key() = Steady::time_point();
    waiting_.insert(std::move(entry));
  }
  changed_.notify_all();
}

void Requester::ended() {
  // Notified under the lock: the destructor may be what waits for this, and it goes on at once.
  const std::lock_guard lock(mutex_);
  --under_way_;
  changed_.notify_all();
}

void Requester::wait_out_pauses() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    if (waiting_.empty()) {
      changed_.wait(lock);
    } else if (const auto at = waiting_.begin()->first; Steady::now() < at) {
      changed_.wait_until(lock, at);
    } else {
      const auto call = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      const bool has_place = call->place.has_value();
      lock.unlock();
      if (has_place || admit(call)) call->attempt();
      lock.lock();
    }
  }
}

}  // namespace sluice::s3
