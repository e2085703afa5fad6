// The dataflow of a view, of which other views may do a part, or read one.
//
//   view A ── Flow: Aggregate ──┐                       the parts that both had are one Part now:
//                               ├── Part ── Flow: Join, …    state and work once, its changes for
//   view B ── Flow: TopK ───────┘                       each reader
//
// Views are filled each for itself. When one becomes live, whatever it does that a live one does,
// too, is thrown away, and the other's is shared: both are at the same time then, so their states
// mean the same.
//
// A part is brought on by whichever of its readers comes first; the others find what has changed in
// its log. While a live view reads a part, it is brought on by groups of commits; else by whoever
// catches up, who reads what it has missed from the store.
//
// Threads: a Flow is its owner's: one at a time. Parts are locked, since their readers are on two
// threads: the store's for live views, the worker's for those that are behind (views.cc).
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "collection/store.h"
#include "dataflow/graph.h"
#include "engine/engine.h"
#include "views/views.h"

namespace sluice::views {

class Part;
using PartPtr = std::shared_ptr<Part>;  // shared by the flows that read it

class Flow {
 public:
  // `inputs`: whatever the graph reads is among them. It has the state of no time yet.
  Flow(std::unique_ptr<dataflow::Graph> graph, std::vector<Input> inputs);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  dataflow::Graph& graph() { return *graph_; }
  const dataflow::Graph& graph() const { return *graph_; }

  // ---- Following

  // All changes of its inputs in the group at `time`, the next one that changes any of them. Only
  // while it is followed.
  Result<dataflow::Delta> follow(const dataflow::Graph::Changes& changes, collection::Time time);

  // The same for one that is behind, in two steps. First, at any time: brings the parts that it
  // reads to `to`, if nobody follows them, where they or it have been brought to `since` at least.
  // Takes off `most` the rows that have changed; false: it were more. Then with the changes of
  // the inputs that it reads itself.
  Result<bool> bring_parts(engine::Engine& engine, const collection::ReadView& to,
                           collection::Time since, size_t& most, std::stop_token stop);
  Result<dataflow::Delta> catch_up(const dataflow::Graph::Changes& changes, collection::Time to);
  // Those that it reads itself.
  std::vector<Input> direct_inputs() const;
  // Changes of parts that it has not taken.
  size_t rows_to_take() const;

  // Whether its groups are followed, from the last one on.
  void set_followed(bool followed);

  // ---- Sharing

  // Where one of `others`, or a part that they read, does what this one does, too, it does it for
  // both from now on. All of them have seen all groups up to the one at `time`, and the others are
  // followed. Between groups.
  void share_with(std::span<Flow* const> others, collection::Time time);
  std::vector<PartPtr> parts() const;

  // ---- What it costs, of parts its share

  uint64_t bytes() const;
  void set_limit(uint64_t bytes);
  std::optional<Error> error() const;
  // Those of its parts first.
  std::vector<OperatorInfo> operators() const;

 private:
  // A part as this one reads it.
  struct Reading {
    dataflow::SourceId source;  // as the graph knows it
    PartPtr part;
    uint64_t reader = 0;  // the part's number for it
  };
  bool share_node(const dataflow::Node& node, Flow& other, PartPtr whole, collection::Time time);
  PartPtr split(const dataflow::Node& node, collection::Time time);
  const Reading* reading_of(dataflow::SourceId source) const;
  void read(PartPtr part, dataflow::SourceId source);
  void drop_unread();
  Result<dataflow::Delta> tick(dataflow::Graph::Changes changes, collection::Time time);
  using Numbers = std::map<const Part*, size_t>;  // of the last operator of each part that is told
  void tell(std::vector<OperatorInfo>& all, Numbers& parts, size_t shared_by) const;

  const std::unique_ptr<dataflow::Graph> graph_;
  const std::vector<Input> inputs_;
  std::vector<Reading> readings_;
  bool followed_ = false;
  uint64_t limit_bytes_ = 0;
};

// What reading a part gives that has gone on without the reader, or is not as the store is.
bool is_lost_part(const Error& error);

// A dataflow that several read.
class Part {
 public:
  Part(std::unique_ptr<Flow> flow, collection::Time time);

  // ---- Its readers. Each has seen what it had been brought to when it came.
  uint64_t add_reader();
  void remove_reader(uint64_t reader);
  void add_follower(int by);

  // ---- Bringing it on: see Flow.
  Status follow(const dataflow::Graph::Changes& changes, collection::Time time, uint64_t limit);
  Result<bool> bring(engine::Engine& engine, const collection::ReadView& to, collection::Time since,
                     size_t& most, uint64_t limit, std::stop_token stop);
  // The group at `time` was not written: who reads this or a part of it that has seen it is to be
  // filled anew.
  void lose(collection::Time time);

  // What has changed until `to` since the reader asked last, each row at most once. kUnavailable:
  // that is not known any more.
  Result<dataflow::Delta> take(uint64_t reader, collection::Time to);
  size_t rows_to_take(uint64_t reader) const;

  // Of one reader.
  uint64_t bytes() const { return bytes_ / std::max<uint64_t>(readers_count_, 1); }
  size_t readers() const { return readers_count_; }
  std::optional<Error> error() const;
  // Its flow, for its readers between groups.
  Flow& flow() { return *flow_; }

 private:
  struct Entry {
    collection::Time time;
    dataflow::Delta delta;
    size_t rows = 0;
  };
  Status advance(const dataflow::Graph::Changes& changes, collection::Time time, bool is_group);
  void set_limit(uint64_t of_reader);
  void trim();

  mutable std::mutex mutex_;
  const std::unique_ptr<Flow> flow_;
  const std::set<dataflow::SourceId> sources_;  // with those of the parts that it reads
  collection::Time time_;                       // of what it has seen last
  std::optional<Error> lost_;
  int followers_ = 0;
  // What some reader has not taken; the number of the first.
  std::deque<Entry> log_;
  uint64_t first_ = 0;
  size_t log_rows_ = 0;
  std::map<uint64_t, uint64_t> readers_;  // and the entry that each takes next
  uint64_t last_reader_ = 0;
  std::atomic<uint64_t> bytes_ = 0;
  std::atomic<size_t> readers_count_ = 0;
};

}  // namespace sluice::views
