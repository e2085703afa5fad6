// One collection as it is in memory: its segments, its tail, its deletions, and as much of its past
// as somebody may still read.
//
// Threads: only the sequencer changes it (and the opener, before there is one), under the mutex;
// readers take what they need under it, briefly. What they take is immutable or a cheap copy.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>

#include "collection/key_index.h"
#include "collection/segment.h"
#include "collection/unique_index.h"

namespace sluice::collection {

// The next row id of a collection. Shared by the collection and by bulk loads, which reserve ids
// before their commit and even before the collection is there.
using RowIds = std::atomic<int64_t>;

// What a commit does to one collection.
struct Change {
  std::vector<std::shared_ptr<Batch>> batches;  // with ids; times are set when applied
  DeletionSet erased;
  std::vector<Segment> loads;  // times are set when applied
};

class Collection {
 public:
  Collection(CollectionId id, CollectionSpec spec, Time created, std::shared_ptr<RowIds> row_ids);

  const CollectionId id;
  const CollectionSpec spec;
  const Time created;
  const std::shared_ptr<RowIds> row_ids;  // shared with loads under way

  // What a reader at `time` sees.
  struct View {
    std::vector<Segment> segments;
    std::vector<BatchPtr> batches;
    DeletionSet deleted;
    uint64_t rows = 0;
  };
  // nullopt if it was not there at that time.
  std::optional<View> view(Time time) const;

  // When rows went: (time, row id), or, of a commit that erased many, the time and all of them.
  struct Removals {
    std::vector<std::pair<int64_t, int64_t>> few;
    std::vector<std::pair<int64_t, DeletionSet>> many;
  };
  // What came and went after `lower`, until `upper`; both are held, or not older than what is.
  struct Changed {
    std::vector<Segment> segments;  // may hold rows that came or went
    std::vector<BatchPtr> batches;
    Removals removals;
    DeletionSet removed;  // all rows of `removals`
  };
  // nullopt if it was not there at `upper`.
  std::optional<Changed> changed(Time lower, Time upper) const;

  // Sequencer only, from here on. Gives by how many bytes the tail has grown.
  int64_t apply(Time time, Change change);
  void drop(Time time);
  bool is_deleted(int64_t row) const { return deletions_.contains(row); }
  bool deletes_any_of(const DeletionSet& rows) const { return deletions_.intersects(rows); }
  std::vector<UniqueIndex>& indexes() { return indexes_; }  // one for each unique key
  // Rows of loads whose keys are in the indexes and whose commits are under way.
  DeletionSet& claimed() { return claimed_; }
  void forget_before(Time since);
  // Of CREATE INDEX. Changed between two groups only; any thread may ask for them.
  KeyIndexes key_indexes() const;
  void set_key_indexes(KeyIndexes indexes);

  // Everything, for the head of a new log.
  struct Capture {
    std::vector<Segment> segments;
    std::vector<BatchPtr> tail;
    DeletionSet deletions;
    Removals removals;
    std::vector<std::pair<int64_t, uint64_t>> row_counts;  // time, rows from then on
    std::optional<Time> dropped;
  };
  Capture capture() const;
  Capture begin_capture();  // and freezes the tail
  // Puts `added` in the place of `removed` (by number) and of the captured tail, of which `kept`
  // stays; `forgotten` are deleted rows that are in no segment any more. Gives by how many bytes
  // the tail has grown.
  int64_t end_capture(const std::vector<uint64_t>& removed, const std::vector<Segment>& added,
                      const std::vector<BatchPtr>& kept, const DeletionSet& forgotten);
  void restore(Capture capture);

  uint64_t tail_bytes() const { return tail_bytes_; }
  uint64_t tail_rows() const;
  uint64_t deleted_rows() const;
  size_t segment_count() const;
  uint64_t segment_bytes() const;
  std::optional<Time> dropped() const;

  // Maintenance's own: its segments are not rewritten before that moment, since it failed.
  struct Postponed {
    std::chrono::steady_clock::time_point until{};
    std::chrono::seconds pause{0};  // the last one; the next is twice that
  };
  Postponed rewriting;

 private:
  mutable std::mutex mutex_;
  std::optional<Time> dropped_;
  std::vector<Segment> segments_;
  std::vector<BatchPtr> tail_;
  size_t frozen_ = 0;  // batches at the tail's front that are being flushed
  std::atomic<uint64_t> tail_bytes_ = 0;
  DeletionSet deletions_;
  // Of retained history, in order of time. Two forms, since a bitmap for each row that a commit
  // of one row erases, or sixteen bytes for each of millions that another does, is too much.
  std::deque<std::pair<int64_t, int64_t>> few_removals_;
  std::deque<std::pair<int64_t, DeletionSet>> many_removals_;
  std::deque<std::pair<int64_t, uint64_t>> row_counts_;
  KeyIndexes key_indexes_;            // shared with who looks rows up
  std::vector<UniqueIndex> indexes_;  // this and the next: the sequencer's own
  DeletionSet claimed_;
};
using CollectionPtr = std::shared_ptr<Collection>;

}  // namespace sluice::collection
