// All views of a server, and the following of each group of commits by those that are live.
//
//   a view is the worker's (views.cc) ── attach() ──> the store's thread's, which steps it
//                                     <── left behind, broken, forgotten ──
//
// Threads: each call says on which one; what is guarded by the mutex is told at Kept.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "views/readable.h"
#include "views/view.h"

namespace sluice::views {

// More rows of a view than this are not written with the group that they follow from, since commits
// would wait for it: they are loaded, or the view is filled anew, beside them.
inline constexpr size_t kMostDerivedRows = 500'000;

// A view with all that is known of it.
struct Kept {
  Kept(Surroundings around, Definition definition) : view(around, std::move(definition)) {}

  View view;              // its owner's: the store's thread if attached, else the worker's
  std::stop_source stop;  // asked when it is removed
  std::vector<std::shared_ptr<Kept>> upstream;  // views that it reads; shared with the list of all

  // Guarded by Follower::mutex, from here on. `attached` is changed by the store's thread only.
  bool attached = false;
  bool removed = false;
  bool keeps_memory = false;  // from its fill on
  bool too_large = false;     // to be broken by the next group; the store's thread's
  Phase phase = Phase::kFilling;
  Readable readable;
  std::optional<Error> broken;
  std::optional<Error> trouble;                      // why the worker can't go on just now
  std::chrono::steady_clock::time_point not_before;  // the worker looks at it again
  int shortages = 0;                                 // of memory, since it was live last
  uint64_t filled_rows = 0, rows_to_fill = 0, bytes = 0;

  collection::CollectionId id() const { return view.id(); }
};
using KeptPtr = std::shared_ptr<Kept>;  // shared by the list, dependents and whoever works on it

class Follower final : public collection::Derivation {
 public:
  Follower(collection::Store& store, Options options) : store_(store), options_(options) {}

  // ---- The store's (derivation.h).
  bool reads(collection::CollectionId id) const override;
  bool is_due() const override { return due_; }
  collection::Derived step(collection::Time time, std::span<const collection::SourceChange> changes,
                           const Reserve& reserve) override;
  std::optional<collection::Time> forget() override;

  // ---- The worker's.
  // Makes a view that is up to date but for a little one that the store's thread follows, from the
  // next group on. False: too much has changed meanwhile, or something it reads isn't live.
  Result<bool> attach(Kept& kept, std::stop_token stop);
  // The time at which to read all that the view reads; nothing: some of it isn't readable now.
  std::shared_ptr<const collection::ReadView> read_inputs(const Kept& kept) const;
  // What a view may take, with what the others take already.
  uint64_t room_for(const Kept& kept) const;

  // ---- Any thread's.
  void add(KeptPtr kept);
  void remove(collection::CollectionId id);
  KeptPtr find(collection::CollectionId id) const;
  std::vector<KeptPtr> all() const;
  const std::vector<KeptPtr>& all_locked() const { return kept_; }
  // With the mutex held.
  Status check_locked(const Kept& kept, collection::Time time) const;
  bool is_live_locked(const Kept& kept) const;
  const Error* obstacle_locked(const Kept& kept) const;
  // Broken, or something that it reads is.
  bool is_hopeless_locked(const Kept& kept) const;
  void set_broken_locked(Kept& kept, Error error) const;

  mutable std::mutex mutex;
  std::condition_variable_any changed;

 private:
  // What is known of a group while views are stepped in order.
  struct Step {
    collection::Time time;
    std::map<collection::CollectionId, dataflow::Delta> deltas;
    std::set<collection::CollectionId> unknown;  // changed in ways that can't be followed
    collection::Derived out;
  };
  void step_one(const KeptPtr& kept, Step& step, const Reserve& reserve);
  void follow(Kept& kept, const dataflow::Graph::Changes& changes, Step& step,
              const Reserve& reserve);
  void leave_behind(Kept& kept, Step& step, std::optional<Error> why);
  void break_off(Kept& kept, Step& step, Error error);
  // Of all that are followed.
  std::optional<collection::Time> next_due() const;
  std::optional<collection::Time> oldest_asked_locked(const Kept& kept) const;
  void check_memory_locked();
  void note_locked(const Kept& kept, Step& step);

  collection::Store& store_;
  const Options options_;
  std::vector<KeptPtr> kept_;      // guarded; in the order in which they were added
  std::set<uint64_t> inputs_;      // guarded; of all of them
  std::atomic<bool> due_ = false;  // some view waits for a group to become live in
  // The last step's, in case that it has not happened: what was readable before it.
  struct Stepped {
    KeptPtr kept;
    Readable::Mark mark;
    std::vector<PartPtr> parts;  // that it has brought on, whatever has become of it since
  };
  std::vector<Stepped> stepped_;
  collection::Time stepped_at_;  // its time
};

// Why a view is broken, in words for who reads it.
Error broken_view(const std::string& view, Error error);

// The note in which it is durable when a view is readable.
std::string note_key(collection::CollectionId id);

}  // namespace sluice::views
