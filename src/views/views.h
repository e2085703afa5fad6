// Materialized views at work: the rows of each are those of its query, at every time.
//
//   add() ─> filling ─> catching up ─> live ──┐ a change too large to follow, or a group of
//               ^            ^                │ commits that was not written
//               │            └────────────────┤
//               └─────────────────────────────┘            any of them ─> broken
//
// A live view's rows change in the same group of commits as what they follow from, so that no time
// shows the one without the other. While a view isn't live it is right at the times until it was
// left behind, and again from when it is live: the times between are never readable.
//
// A view may read others. What it takes from the engine, and what it does for a fill, is on a
// thread of its own; changes of live views are followed on the store's (collection/derivation.h).
//
// Threads: safe from any.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "collection/store.h"
#include "engine/engine.h"

namespace sluice::views {

// What a view's query reads: a table's rows, or another view's.
struct Input {
  collection::CollectionId id;
  std::string name;  // by which the query names it, once each
  engine::Shape shape;
};

struct Definition {
  collection::CollectionId id;  // where its rows are
  std::string name;             // for people
  engine::Shape shape;          // of its rows
  engine::Query query;          // gives exactly the shape's types
  std::vector<Input> inputs;
};

enum class Phase : uint8_t { kFilling, kCatchingUp, kLive, kBroken };
std::string_view name(Phase phase);

// One operator of a view's dataflow, as it is now.
struct OperatorInfo {
  size_t number = 0;              // from 0, inputs before their readers
  std::vector<size_t> inputs;     // numbers
  std::string kind;               // Join
  std::string description;        // as EXPLAIN has it
  uint64_t rows = 0, bytes = 0;   // kept
  uint64_t nanoseconds = 0;       // spent in all
  uint64_t last_nanoseconds = 0;  // by the last change
  bool failing = false;           // some of its rows are errors
  uint64_t shared_by = 1;         // views and parts of views that it works for
};

struct ViewInfo {
  collection::CollectionId id;
  Phase phase = Phase::kFilling;
  std::optional<Error> error;  // what reading it gives now
  uint64_t filled_rows = 0;    // of its inputs, while filling, and of how many
  uint64_t rows_to_fill = 0;
  uint64_t bytes = 0;                        // of what it remembers
  std::optional<collection::Time> complete;  // the newest time at which it can be read
  std::vector<OperatorInfo> operators;       // empty while it is not followed
};

struct Options {
  // All views together remember no more than so much; a view that would is broken.
  uint64_t memory_limit_bytes = uint64_t{1} << 30;
  // One that is broken for want of memory is filled again after so long; after twice that when it
  // breaks again, and so on, up to 64 times.
  std::chrono::milliseconds retry_broken{30'000};
  // More changed rows than this share of the inputs' are not followed one by one: the view is
  // filled anew.
  double refill_share = 0.1;
  uint64_t refill_from_rows = 100'000;
};

class Views {
 public:
  // The store and the engine must outlive it. `registration` is what the engine was opened with.
  static std::unique_ptr<Views> start(collection::Store& store, engine::Engine& engine,
                                      engine::Engine::Registration registration, Options options);
  // Ends following. The store must still be open.
  virtual ~Views() = default;

  // Whether there can be such a view, and what it would do: one operator a line. 0A000 with the
  // expression that stands in the way.
  virtual Result<std::string> explain(const engine::Query& query,
                                      std::span<const Input> inputs) = 0;

  // From now on the view is kept: its collection, and those of its inputs, are there, and views it
  // reads have been added. Nobody else writes its collection. What is wrong with the query shows as
  // a broken view.
  virtual void add(Definition definition) = 0;
  // Before or after its collection is dropped. Views that read it have been removed.
  virtual void remove(collection::CollectionId id) = 0;

  // Whether what the view's collection shows at that time is right. kUnavailable (55000): not at
  // that time; wait(), then read at a newer one. Else what is wrong: its rows' error, or why it is
  // broken.
  virtual Status check(collection::CollectionId id, collection::Time time) = 0;
  // Until the view, and all it reads, can be read at new times; or the error that is in the way.
  virtual Status wait(collection::CollectionId id, std::stop_token stop) = 0;

  // In the order in which they were added.
  virtual std::vector<ViewInfo> info() = 0;
};

}  // namespace sluice::views
