// Collections whose rows follow from those of others, as the store sees what keeps them up to date.
//
//   commits of a group ─> validate, number rows ─> step ─> log ─> publish
//                                                   └ changes of derived collections, as one more
//                                                     commit of the group
//
// So derived rows are durable and readable together with what they follow from: no time shows the
// one without the other. docs/design/derived-collections.md has the alternatives.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "collection/store.h"

namespace sluice::collection {

// What the commits of a group do to one collection, at one time. Valid during the step.
struct SourceChange {
  CollectionId id;
  std::vector<const engine::Chunk*> added;
  std::vector<const engine::Chunk*> erased;  // by value
  // Not all of it is given: rows were loaded past the log, more were erased than are looked up, or
  // they were erased before anybody read the collection. Who follows it has to read it anew.
  bool is_partial = false;
};

struct DerivedChange {
  CollectionId id;
  std::vector<std::unique_ptr<engine::Chunk>> added;  // of the collection's shape
  RowId first_row_id;  // of the rows added, which follow each other; by Reserve
  std::vector<RowId> erased;
};

// What follows from a group of commits.
struct Derived {
  std::vector<DerivedChange> changes;
  std::vector<Commit::Record> notes;  // durable with the changes
  // The first time, after the group's, from which on derived rows are others though nothing has
  // changed: another group is stepped then, be it without commits. None: never, as things are.
  std::optional<Time> due;
};

class Derivation {
 public:
  // The first of so many new row ids of a derived collection; the others follow it.
  using Reserve = std::function<RowId(CollectionId id, size_t rows)>;

  virtual ~Derivation() = default;
  // Whether changes of the collection have to be known. Any thread.
  virtual bool reads(CollectionId id) const = 0;
  // The sequencer's thread: whether step() is to be called for a group that changes nothing of what
  // is read, too.
  virtual bool is_due() const { return false; }
  // The sequencer's thread: once for each group that changes what it reads, or at whose time what
  // it has told is due, in order of time. It holds up all commits, and can't fail them: what it
  // can't follow it must mark for its readers. A collection that it changes is written by nobody
  // else meanwhile and has no unique keys.
  virtual Derived step(Time time, std::span<const SourceChange> changes,
                       const Reserve& reserve) = 0;
  // The sequencer's thread: what the last step has told was not written, and so hasn't happened.
  // Gives what is due now, as Derived has it.
  virtual std::optional<Time> forget() = 0;
};

}  // namespace sluice::collection
