// Sends one request of S3's and tries again where that may help: the only place that retries.
//
// A try is made again after a lost connection, a timeout, 5xx, 429 and S3's throttling codes, after
// a pause of full jitter (uniform between nothing and a bound that doubles up to a cap), as long as
// neither the tries nor the deadline are used up. Each try asks for credentials and is signed anew;
// one that is refused because its credentials have expired is made again with new ones.
// A store that says it is asked too much is asked less: fewer requests are under way at once
// (concurrency_limit.h), and it gets more tries, since only time helps there.
// A bucket that turns out to be in another region is asked there from then on, where following is
// allowed; else the error names the region.
//
// Threads: safe from any. A thread of its own waits out the pauses, so the curl loop never does;
// `done` runs on the curl loop's thread or on that one, and must not wait.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "s3/concurrency_limit.h"
#include "s3/credentials.h"
#include "s3/dialect.h"
#include "s3/endpoint.h"
#include "s3/error.h"
#include "s3/signer.h"

namespace sluice::s3 {

struct RetryPolicy {
  int tries = 5;
  int throttled_tries = 15;  // instead, once the store has said that it is asked too much
  std::chrono::milliseconds base{100};
  std::chrono::milliseconds cap{5'000};
  std::chrono::milliseconds deadline{300'000};  // over all tries of a request
};

// The longest pause after so many failed tries (1: the first has failed).
std::chrono::milliseconds longest_pause(const RetryPolicy& policy, int failed_tries);

struct Operation {
  Operation(std::string http_method, Subject of)
      : method(std::move(http_method)), subject(std::move(of)) {}

  std::string method;
  Subject subject;
  std::vector<Parameter> query;
  std::vector<http::Header> headers;
  std::span<const std::byte> body;    // must stay valid until the outcome
  std::shared_ptr<const void> owner;  // keeps the body until then, if it is given
  std::string body_sha256;            // its digest, where that is known already
  Body answer = Body::kOfService;
  size_t max_answer_bytes = size_t{16} << 20;
  bool send_at_most_once = false;  // per try
  bool cleans_up = false;          // undoes what others have done
  std::optional<int> tries;        // instead of the policy's
  std::optional<std::chrono::milliseconds> deadline;
  // What is wrong with an answer that looks like a success: such an answer is a lost one.
  std::function<std::optional<std::string>(const http::Response&)> complaint;
};

struct Outcome {
  Result<http::Response> response = cancelled();
  // S3's own words, where the last try ended with such an error.
  std::optional<ServiceError> refusal;
  // Some try failed in a way that leaves open whether S3 has done it.
  bool ambiguous = false;
};

class Requester {
 public:
  struct Options {
    Endpoint::Options endpoint;
    std::string region = "us-east-1";
    Dialect dialect;                           // but `path_style`, which is the endpoint's
    bool follow_region = false;                // nobody has said that it is this one
    std::string ca_file;                       // empty: the system's
    std::vector<http::Header> headers;         // of every request
    std::vector<http::Header> object_headers;  // of those that begin an object
    RetryPolicy retry;
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds idle_timeout{60'000};
    Clock* clock = &Clock::real();  // must outlive the requester
    uint64_t seed = 0;              // of the pauses; 0: a random one
    // How long to wait really, for a pause before a retry: a test's fake clock moves on instead.
    std::function<std::chrono::milliseconds(std::chrono::milliseconds)> on_pause;
  };
  using Done = std::function<void(Outcome)>;

  // `http` must outlive the requester.
  static Result<std::unique_ptr<Requester>> make(http::Client& http,
                                                 std::shared_ptr<CredentialsProvider> credentials,
                                                 Options options);
  // Ends what is still under way with kCancelled.
  ~Requester();

  void start(Operation operation, std::stop_token stop, Done done);
  Outcome run(Operation operation, std::stop_token stop);

  // The pause before the next try, for operations that look before they try again. kCancelled.
  Status pause(int failed_tries, std::stop_token stop);

  struct Counters {
    uint64_t retries = 0;
    uint64_t throttled = 0;  // answers
  };
  Counters counters() const { return {retries_, throttled_}; }
  // Of requests under way at once; none while the store does not complain.
  std::optional<int> concurrency_limit();

  const RetryPolicy& policy() const { return options_.retry; }
  const Dialect& dialect() const { return options_.dialect; }
  const std::vector<http::Header>& object_headers() const { return options_.object_headers; }
  Clock& clock() const { return *options_.clock; }

 private:
  class Call;
  using Steady = std::chrono::steady_clock;

  Requester(http::Client& http, std::shared_ptr<CredentialsProvider> credentials, Options options,
            Endpoint endpoint);
  // Where requests go, and which region their signature is for.
  struct Where {
    std::string region;
    Endpoint endpoint;
  };
  std::shared_ptr<const Where> where();
  bool move_to(const std::string& region);
  std::chrono::milliseconds next_pause(int failed_tries);
  void try_later(std::shared_ptr<Call> call, std::chrono::milliseconds pause);
  // Whether the call may be sent now; else it is when one that is under way has ended.
  bool admit(const std::shared_ptr<Call>& call);
  void answered(Call& call, ConcurrencyLimit::Answer answer);
  void hurry(const Call* call);
  void ended();
  void wait_out_pauses();

  http::Client& http_;
  const std::shared_ptr<CredentialsProvider> credentials_;
  const Options options_;
  const bool is_private_;  // Endpoint::is_private()

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::shared_ptr<const Where> where_;  // guarded, as the next six
  std::mt19937_64 random_;
  std::multimap<Steady::time_point, std::shared_ptr<Call>> waiting_;
  ConcurrencyLimit limit_;
  std::deque<std::shared_ptr<Call>> queue_;  // behind the limit, first come, first sent
  size_t under_way_ = 0;
  bool closing_ = false;
  std::atomic<uint64_t> retries_{0}, throttled_{0};
  std::stop_source stop_all_;
  std::thread thread_;  // last
};

}  // namespace sluice::s3
