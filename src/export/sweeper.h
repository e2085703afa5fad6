// Cleans up after runs in the background: what could not be removed while a client waited, what a
// process that was killed has left, and what arrives at a store after it was removed.
//
//   a run has failed ─> pass ──nothing left──> another pass, a little later ──nothing left──>
//   cleaned
//                        ^  │                    (parts and requests that were cut off may arrive
//                        │  v                     late; S3 keeps, and bills, them)
//                        └ pause, doubled each time
//
// A run whose outcome is open (its sentinel was being deleted when the process ended, or no answer
// came) is decided first: without the sentinel it is done, and nothing of it is touched; with it,
// it has failed. One that was replacing objects is carried through instead.
//
// What keeps a run from being cleaned is on record in the journal. Nothing is ever given up.
//
// Threads: a thread of its own; add() and the numbers from any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "export/journal.h"

namespace sluice::exports {

class Sweeper {
 public:
  struct Place {
    std::unique_ptr<store::ObjectStore> store;
    std::string prefix;
  };
  // Opens where a run wrote to, as the connection is now. An error tells why it can't be cleaned.
  using Open = std::function<Result<Place>(const RunRecord& record)>;

  struct Options {
    std::chrono::milliseconds first{800};       // at most, for a run that has just failed
    std::chrono::milliseconds shortest{1'000};  // pauses after a failure: at most this, doubled …
    std::chrono::milliseconds longest{300'000};  // … up to this; at least half of it
    std::chrono::milliseconds confirm{10'000};   // until the second look
    std::chrono::milliseconds settle{2'000};     // a sentinel's end may still be on its way
    // A store that hangs holds up the other runs so long; doubled with each failure, up to
    // `longest`, since one that is only slow needs its time.
    std::chrono::milliseconds pass_bound{10'000};
    uint64_t seed = 0;              // of the pauses; 0: a random one
    Clock* clock = &Clock::real();  // must outlive the sweeper
  };

  // `journal` must outlive the sweeper.
  Sweeper(Journal& journal, Open open, Options options);
  ~Sweeper() = default;

  // Takes what the journal says is left, at once, and starts the thread.
  void start();
  // A run of this process has ended with something left, or undecided.
  void add(const std::string& id);

  // One pass over every run that is due; when the next one is. For the thread, and for tests that
  // do without.
  using Steady = std::chrono::steady_clock;
  std::optional<Steady::time_point> run_due(const std::stop_token& stop);

  size_t backlog() const;  // runs
  uint64_t failed_passes() const { return failed_passes_; }

 private:
  struct Job {
    Steady::time_point due;
    int failures = 0;
    int clean_passes = 0;
    bool was_seen_open = false;  // the sentinel of an open run
  };
  enum class Next { kNothing, kConfirm, kSettle, kAgain };

  void work(const std::stop_token& stop);
  Next pass(const std::string& id, Job& job, const std::stop_token& stop);
  Status finish_replacing(const Place& place, const Journal::Left& left,
                          const std::stop_token& stop);
  Next trouble(const Journal::Left& left, const Error& error,
               const std::vector<std::string>& remains);
  std::chrono::milliseconds doubled(std::chrono::milliseconds first, int times) const;
  std::chrono::milliseconds pause(const Job& job);
  std::chrono::milliseconds between(std::chrono::milliseconds least,
                                    std::chrono::milliseconds most);

  Journal& journal_;
  const Open open_;
  const Options options_;
  std::atomic<uint64_t> failed_passes_{0};
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Job> jobs_;  // guarded, as the next
  std::mt19937_64 random_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace sluice::exports
