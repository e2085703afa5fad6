// Puts commits into one order: validates them, gives them times, writes them to the log in groups
// (one sync a group) and publishes them.
//
//   commit() ─> queue ─> [ validate ─> number rows ─> log ─> publish ] ─> commit() returns
//
// While a group is being synced, the commits that come meanwhile gather for the next one. Where
// rows follow from time (derivation.h), there are groups without commits, too. A thread of its own
// does all of this; it is the only one that changes collections.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <semaphore>
#include <thread>
#include <unordered_set>

#include "collection/commit_codec.h"
#include "collection/derivation.h"
#include "collection/log.h"
#include "collection/state.h"

namespace sluice::collection {

// A commit as its own thread has prepared it: encoded, with the keys of its rows.
struct PreparedWrite {
  CollectionId id;
  engine::Shape shape;
  std::vector<std::shared_ptr<Batch>> batches;
  uint64_t rows = 0;
  std::string encoded_rows;
  DeletionSet erased;
  // The values of all that is erased, for whom collections follow from this one; nothing: unknown.
  std::optional<std::vector<std::shared_ptr<Batch>>> erased_rows;
  std::vector<Segment> loads;
  // For each unique key, keys of the rows in batches, in order. Row ids are positions, from 0,
  // until the sequencer gives ids. What the rows of loads have is entered before (load_claims.h).
  std::vector<std::vector<KeyedRow>> keys;
  std::vector<std::vector<size_t>> key_columns;
  std::vector<PreparedKeys> key_rows;  // of the rows in batches, for indexes of CREATE INDEX
  bool is_new = false;                 // its collection is created by this commit
  DeletionSet claimed;                 // rows of loads that have been entered
  std::vector<UniqueIndex> indexes;    // of a collection that this commit creates
};

struct PreparedCommit {
  std::vector<Commit::Create> created;
  std::vector<Commit::Retain> retained;
  std::vector<CollectionId> dropped;
  std::vector<PreparedWrite> writes;
  std::vector<Commit::Record> records;
  std::vector<Commit::Record> notes;
  std::optional<uint64_t> catalog_revision;
  bool published = false;  // set by the sequencer
};

// Which row is in the way of which key; the commit's own thread turns it into words.
struct Duplicate {
  size_t write = 0;
  size_t key = 0;
  int64_t row = 0;  // a position among the batches' rows, or a row id of a load
  bool of_load = false;
};

struct CommitOutcome {
  Result<Committed> result = Error();
  std::optional<Duplicate> duplicate;
};

class Sequencer {
 public:
  // `published` is called by the sequencer's thread after each group.
  Sequencer(State& state, std::unique_ptr<LogWriter> log, uint64_t last_sequence,
            std::function<void()> published);
  // Ends what is queued, then stops.
  ~Sequencer();

  // Waits until the commit is durable and readable. A stop is heeded only until it is begun.
  // `commit` must stay until then.
  CommitOutcome commit(PreparedCommit& commit, std::stop_token stop);

  // Runs `task` between two groups, on the sequencer's thread, and waits for it.
  void run(const std::function<void()>& task);
  // Only within run(): commits that waited for a load's keys are looked at again.
  void wake_waiting();
  // Only within run(): later groups go to a new log file.
  Status begin_log(uint64_t number);
  // Only within run(): takes commits again if what made the store read-only is over.
  void try_again();
  uint64_t log_number() const { return log_->number(); }
  uint64_t last_sequence() const { return sequence_; }

 private:
  struct Request {
    PreparedCommit* commit = nullptr;
    const std::function<void()>* task = nullptr;
    CommitOutcome outcome;
    std::binary_semaphore done{0};
  };
  // What earlier commits of the same group will have done.
  struct Group {
    Time time;
    std::map<uint64_t, CollectionPtr> created;
    std::unordered_set<uint64_t> dropped;
    std::map<uint64_t, DeletionSet> erased;
    uint64_t revision = 0;
    std::vector<Request*> accepted;
    PreparedCommit derived;   // what follows from them
    bool is_derived = false;  // whether that was asked
    ByteWriter payload;
    uint64_t commits = 0;
    std::optional<Time> due;  // as Derived has it
  };
  struct IndexChange {
    UniqueIndex* index;
    KeyedRow added;
    std::optional<int64_t> before;
  };

  void work();
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void run_group(std::vector<Request*> requests);
  void complete(Group& group);
  Status write(const Group& group);
  // False: not answered yet, it waits for what becomes of a load.
  bool accept(Group& group, Request& request);
  Status validate(Group& group, const PreparedCommit& commit);
  Status check_erased(Group& group, const PreparedWrite& write);
  CollectionPtr collection_of(const Group& group, CollectionId id) const;
  bool meets_load(const Group& group, const PreparedCommit& commit) const;
  std::optional<Duplicate> claim_keys(Group& group, PreparedCommit& commit);
  void give_row_ids(PreparedCommit& commit, LoggedCommit& logged);
  // What follows from the group, as one more commit of it.
  void derive(Group& group);
  Status add_derived(Group& group, Derived derived);
  void publish(Group& group);
  void publish(Time time, PreparedCommit& commit);
  void fail(Group& group, const Error& error);

  State& state_;
  std::unique_ptr<LogWriter> log_;  // this and the next: the thread's own
  uint64_t sequence_;
  const std::function<void()> published_;

  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Request*> queue_;
  std::chrono::steady_clock::time_point next_without_commits_;  // the thread's own
  std::deque<Request*> waiting_;  // not begun, until a load is committed or undone
  std::jthread thread_;           // last: ends before what it uses goes
};

// A committed group's effect on the collections and records: also what replay does.
Status apply_logged(State& state, Time time, LoggedCommit commit);

}  // namespace sluice::collection
