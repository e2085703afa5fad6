// What is on record of export runs: those under way, those that have ended, and what some of them
// have left at a store and is still to be removed.
//
//   begin() ─> running ─> publishing ─> done
//                 │            │  └───> (the process ends, or the sentinel's end is unknown: the
//                 v            v         sentinel at the store decides, by decide())
//              failed, cancelled ─> to clean ─> cleaned()
//
// A run is durable before its first request, an upload before its first byte, publishing before the
// sentinel is deleted, and a failure before anything is removed because of it. So at every moment
// the record and the store together say how the run ended. Runs that a server finds under way when
// it starts have failed with it, but for those that were publishing.
//
// A run that replaces objects goes on instead, once it is publishing: what it replaces is on record
// then, and is removed, and after it the sentinel.
//
// On disk: notes of the collection store, `export/{id}` (JSON), `export/{id}/upload/{n}` and
// `export/{id}/replaced/{n}`. The newest kKeptRuns are kept.
//
// Threads: safe from any; the calls about one run come from its own threads, and when it has ended
// from the sweeper's.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "collection/store.h"
#include "export/export.h"
#include "store/object_store.h"

namespace sluice::exports {

inline constexpr size_t kKeptRuns = 10'000;

enum class RunState : uint8_t { kRunning, kPublishing, kDone, kFailed, kCancelled };

struct RunRecord {
  std::string id;
  std::string statement;   // secrets masked; cut when it is very long
  std::string target;      // the url as it was given
  std::string connection;  // id of the catalog's object; empty for a local folder
  std::string user;
  std::string format;
  int64_t logical_time = 0;  // milliseconds since 1970
  RunState state = RunState::kRunning;
  uint64_t rows = 0, bytes = 0, files = 0, parts = 0, retries = 0;
  int64_t started = 0;   // microseconds since 1970
  int64_t finished = 0;  // 0: not yet
  std::string error;
  bool is_scattered = false;  // its objects' names don't all begin with mz-{id}-
  bool to_clean = false;      // something may be left at the store
  std::string trouble;        // what kept it from being removed so far, and what is left

  bool has_ended() const { return state > RunState::kPublishing; }
};

class Journal;

// One run under way. Must not outlive the journal.
class RecordedRun final : public RunLog {
 public:
  ~RecordedRun() override;
  const std::string& id() const { return id_; }
  ExportProgress& progress() { return *progress_; }

  Status upload_begun(const store::OpenUpload& upload, const std::stop_token& stop) override;
  Status publishing(const std::stop_token& stop) override;
  Status replacing(const std::vector<std::string>& keys, const std::stop_token& stop) override;
  Status failed(const Error& error) override;

  // The end of the run, with what run_export() returned. A success that cannot be recorded any more
  // stays one: at the next start the store tells so.
  void ended(const Result<ExportResult>& result);

 private:
  friend class Journal;
  RecordedRun(Journal& journal, std::string id, std::shared_ptr<ExportProgress> progress)
      : journal_(journal), id_(std::move(id)), progress_(std::move(progress)) {}

  Journal& journal_;
  const std::string id_;
  const std::shared_ptr<ExportProgress> progress_;  // shared with those who look on
  std::atomic<uint64_t> uploads_{0};
};

class Journal {
 public:
  // `store` must outlive the journal.
  explicit Journal(collection::Store& store, Clock& clock = Clock::real(), size_t kept = kKeptRuns)
      : store_(store), clock_(clock), kept_(kept) {}

  // To be called once, before anything else: reads what is on record, and ends what was under way
  // when the last process ended.
  Status load();

  // From here on the run is on record. id, statement, target, connection, user, format and
  // logical_time are the caller's.
  Result<std::unique_ptr<RecordedRun>> begin(RunRecord record, const std::stop_token& stop);

  struct Shown {
    RunRecord record;   // with the numbers of this moment
    std::string state;  // probing, writing, committing, done, failed, cancelled
  };
  std::vector<Shown> runs() const;  // oldest first

  // ---- for the sweeper
  struct Left {
    RunRecord record;
    std::vector<store::OpenUpload> uploads;  // all that the run has begun
    std::vector<std::string> replaced;       // the keys of what it replaces
  };
  // Runs that nobody works on and whose outcome is open, or whose traces are to be removed.
  std::vector<std::string> left() const;
  std::optional<Left> left(const std::string& id) const;
  // How a run without an outcome has ended.
  Status decide(const std::string& id, RunState state, const std::string& error);
  // What could not be written down when it happened. Nothing may be removed before that.
  Status write_down(const std::string& id);
  Status cleaned(const std::string& id);
  Status set_trouble(const std::string& id, const std::string& trouble);

 private:
  friend class RecordedRun;
  struct Entry {
    RunRecord record;
    std::map<uint64_t, store::OpenUpload> uploads;   // by number
    std::vector<std::string> replaced;               // keys, once they are to be removed
    std::shared_ptr<const ExportProgress> progress;  // while it runs
    bool is_durable = true;                          // the record, as it is here
  };
  using Notes = std::vector<collection::Commit::Record>;

  Status commit(Notes notes, const std::stop_token& stop);
  // Replaces the record of a run here, and then on disk.
  Status save(const RunRecord& record, const std::stop_token& stop, Notes more = {});
  std::optional<RunRecord> find(const std::string& id) const;
  // What is on disk of a run besides its record, to be forgotten.
  Notes details(const std::string& id) const;
  void end(RunRecord& record, RunState state, const std::string& error) const;
  Notes forget_oldest();

  collection::Store& store_;
  Clock& clock_;
  const size_t kept_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> runs_;  // guarded; ids grow with time
};

}  // namespace sluice::exports
