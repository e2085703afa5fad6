// An index of CREATE INDEX: which rows of a collection have a key, in memory.
//
// It answers with candidates: every row with that key that any readable time shows, and perhaps
// rows that are gone. Rows never change and their ids are never given again, so a reader that takes
// the rows of its own time from among the candidates, and asks its own condition of them, sees
// exactly what it would see without an index. docs/design/indexes.md has the alternatives.
//
//   registered, between two groups ─> building: rows that were there are entered beside commits
//        │                               │   ^
//        │ each group enters its rows,   v   │ a bulk load: its rows lie in segments, and are
//        │ before anybody can read them  ready ┘ entered beside commits, too
//        │
//        └─> out of use: no memory, or a key that could not be computed; a commit never fails
//
// Rows that were folded away are noted, and taken out when they are many.
//
// Threads: safe from any. The sequencer enters the rows of commits, the builder all others.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "collection/batch.h"
#include "collection/key_rows.h"
#include "collection/segment.h"

namespace sluice::collection {

// What all indexes of a store may take together.
struct IndexMemory {
  const uint64_t most_bytes;
  std::atomic<uint64_t> used_bytes = 0;
};

class KeyIndex {
 public:
  enum class Phase : uint8_t { kBuilding, kReady, kOutOfUse };
  struct Info {
    Phase phase = Phase::kBuilding;
    std::string reason;  // why it is out of use
    uint64_t rows = 0;   // that are entered: some may be gone
    uint64_t bytes = 0;
  };

  KeyIndex(std::vector<size_t> columns, std::shared_ptr<IndexMemory> memory);
  KeyIndex(const KeyIndex&) = delete;
  ~KeyIndex();

  const std::vector<size_t>& columns() const { return columns_; }
  Info info() const;

  // Ids of rows that have one of `keys`, chunks of the columns' own types, ascending and each once.
  // A key with a NULL has none. nullopt: not ready, or too many to be worth it.
  Result<std::optional<std::vector<int64_t>>> find(const engine::Chunk& keys) const;

  // The rest is for the store. Rows that are to be entered beside commits: not ready until then.
  using Part = std::variant<Segment, BatchPtr>;
  void add_parts(std::vector<Part> parts);
  // `first` is added to their ids.
  void enter(std::span<const KeyedRow> rows, int64_t first = 0);
  // These rows are in no segment and no batch any more.
  void forget(const DeletionSet& rows);
  // Why it is of no use from now on. Gives back its memory.
  void give_up(std::string reason);

  // For the builder's thread: what is to be entered next, which part_done() takes off.
  std::optional<Part> next_part() const;
  void part_done();
  // Takes out rows that were forgotten, if they are many and nothing is to be entered.
  void sweep();
  // Whether nobody wants it any more.
  bool retired() const { return retired_; }
  void retire();

 private:
  void account_locked();
  void give_up_locked(std::string reason);

  const std::vector<size_t> columns_;
  const std::shared_ptr<IndexMemory> memory_;  // shared by the indexes of a store
  std::atomic<bool> retired_ = false;
  mutable std::mutex mutex_;  // of the rest
  Phase phase_ = Phase::kBuilding;
  std::string reason_;
  KeyRows rows_;
  std::deque<Part> parts_;
  DeletionSet forgotten_;
  uint64_t accounted_bytes_ = 0;
};

// The keys of a commit's rows for one index, worked out on the commit's own thread. Row ids are
// positions among its rows, from 0.
struct PreparedKeys {
  std::shared_ptr<KeyIndex> index;  // shared with its collection, which may lose it meanwhile
  std::vector<KeyedRow> rows;
};
using KeyIndexes = std::vector<std::shared_ptr<KeyIndex>>;

// For each index that can be prepared; the sequencer works out what is missing.
std::vector<PreparedKeys> prepare_keys(const KeyIndexes& indexes,
                                       const std::vector<std::shared_ptr<Batch>>& batches);

// The sequencer's thread: enters rows that are durable, and that nobody can read yet. `batches`
// have their final ids. False: some are left to the builder.
bool enter_rows(const KeyIndexes& indexes, const std::vector<PreparedKeys>& prepared,
                const std::vector<std::shared_ptr<Batch>>& batches,
                const std::vector<Segment>& loads);

// The keys of the rows in one batch. Rows with a NULL among them are left out.
Result<std::vector<KeyedRow>> keys_of_batch(const Batch& batch, const std::vector<size_t>& columns);

}  // namespace sluice::collection
