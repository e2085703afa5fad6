// The unique keys of a load, entered beside other commits: ten million of them at once would hold
// up everybody for seconds.
//
//   claim()    scans the load's files; slice by slice, between groups, on the sequencer:
//                 key not in the index, or its row deleted       -> entered
//                 its row erased by this very commit             -> entered, the old row noted
//                 its row live                                   -> 23505
//                 its row that of another load under way         -> 40001, as when a row that is to
//                                                                   be erased is gone already
//   commit     the rows are committed, or
//   undo()     notes are put back, then what was entered is taken out, slice by slice
//
// Others that meet a key which is entered and not committed wait in the sequencer for the outcome.
// A load waits for nobody, so nobody waits for ever.
//
// Threads: that of its commit.
#pragma once

#include "collection/sequencer.h"

namespace sluice::collection {

class LoadClaims {
 public:
  // All must outlive it.
  LoadClaims(State& state, Sequencer& sequencer, PreparedCommit& commit)
      : state_(state), sequencer_(sequencer), commit_(commit) {}
  LoadClaims(const LoadClaims&) = delete;
  // Undoes what was not committed.
  ~LoadClaims() { undo(); }

  // A key that is taken, or an error; nullopt when all are entered.
  Result<std::optional<Duplicate>> claim(std::stop_token stop);

 private:
  struct Replaced {
    UniqueIndex* index;
    engine::RowKey key;
    int64_t row;
  };
  // What became of a slice: how many were entered before the one in the way.
  struct Slice {
    size_t entered = 0;
    bool conflict = false;
  };
  Status check_memory() const;
  Result<std::optional<Duplicate>> claim(size_t number, size_t key, std::stop_token stop);
  Slice enter(PreparedWrite& write, size_t key, std::span<const KeyedRow> rows);
  Slice enter_new(PreparedWrite& write, size_t key, std::span<const KeyedRow> rows);
  void undo();

  State& state_;
  Sequencer& sequencer_;
  PreparedCommit& commit_;
  std::map<uint64_t, CollectionPtr> collections_;  // those that were there before the commit
  std::vector<Replaced> replaced_;
  uint64_t key_bytes_ = 0;  // of all unique keys: at the beginning, plus what was entered since
};

}  // namespace sluice::collection
