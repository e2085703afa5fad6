// A plan at work: changes of the sources in, changes of the answer out.
//
//   tick(changes) ── each node once, inputs before readers ── consolidated changes of the root
//
// A tick is all or nothing: either every node has taken it in, or the graph is void and every later
// tick gives the same error; its owner then builds a new one. Errors in rows are no such failure:
// they make error() tell of them until the rows are gone, and the other rows go on.
//
// Time passes from tick to tick. A plan whose rows come and go with it tells when its answer
// changes next; a tick at that time, or later, is to come then, though nothing else has changed.
//
// The first tick also gives what is there without any rows (constants, the count of nothing), so a
// graph is brought to life by a tick, be it an empty one, or filled:
//
//   begin_fill(sink) ── for each source of fill_order(): fill(source, rows)…, end(source)
//                    ── finish_fill() ── ticks
//
// Filling takes in what is there already. Between its calls operators absorb rows without saying
// what they would mean so far, so the sink sees each row of the answer come and none go. Memory is
// the state and some batches, whatever passes through.
//
// What several graphs have in common, one of them can do for all: a part of it becomes a graph of
// its own (split()), whose changes the others read as a source's in place of their own part
// (borrow()). All of them have to be brought up to the same state then.
//
// Threads: one at a time. Many rows by key are worked on by several threads (operators/sharded.h);
// what the graph calls, such as a filling's sink, may then be called on any of them, never by two
// at once.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataflow/build.h"
#include "dataflow/operator.h"
#include "dataflow/plan.h"
#include "dataflow/same_plan.h"
#include "dataflow/scan_condition.h"

namespace duckdb {
class Connection;
}

namespace sluice::dataflow {

class Graph {
 public:
  // Changes by source; each row has all of the collection's columns. What no source of the plan
  // reads is left aside.
  using Changes = std::map<SourceId, Delta>;

  static Result<std::unique_ptr<Graph>> make(Plan plan,
                                             Parallelism parallelism = Parallelism::of_machine());
  ~Graph();

  // The changes of the answer, each row at most once. `changes` must stay as they are until the
  // result is no longer used: it may refer to them. `now`, in milliseconds since 1970, matters to
  // plans with a TemporalFilter only, and never goes back.
  Result<Delta> tick(const Changes& changes, uint64_t now = 0);
  // The time at which the answer changes though no source does; none: never, as far as is known.
  std::optional<uint64_t> next_due() const;
  // How many rows come and go by then; at least `most` where there are more.
  size_t due_rows(uint64_t now, size_t most) const;

  // ---- Filling, in place of the first tick. After an error of any of these the graph is void; so
  // it is when one is stopped, which shows within some batches (kCancelled).

  // Takes rows of the answer as they become certain, at most kBatchRows at a time; a row may come
  // more than once, its counts then add up. They may refer to what fill() was given and are good
  // until the sink returns. An error of the sink ends the filling with that error.
  using Sink = std::function<Status(const Delta&)>;
  Status begin_fill(Sink sink, std::stop_token stop = {}, uint64_t now = 0);
  // The sources of the plan, each once, in the order that makes the least work; any other order
  // and any mixture of them is as right.
  std::vector<SourceId> fill_order() const;
  // The columns of the source that the plan reads, ascending.
  std::vector<size_t> columns_read(SourceId source) const;
  // A condition in SQL on the source's columns, called by these names: rows for which it is not
  // true need not come. Nothing: all of them have to.
  std::optional<std::string> scan_condition(SourceId source, const ColumnName& name) const;
  // Rows with all of the collection's columns, of which those that are not read may hold anything;
  // the caller's again when this returns.
  Status fill(SourceId source, const Delta& rows);
  // No more rows of the source will come. May be left out, at the cost of some work.
  Status end(SourceId source);
  Status finish_fill();

  // ---- Parts in common. Between ticks, once there was one, or a filling.

  // The sources that it reads itself, not through what it has given up or borrowed.
  std::vector<SourceId> sources_read() const;
  // Those that split() and borrow() were told of and that are still read.
  std::vector<SourceId> borrowed() const;
  // The nodes that could be shared, those that read others first: they keep rows, do not depend on
  // the time, and their work is done here.
  std::vector<const Node*> shareable() const;
  // One of them that does the same as a node of another graph; nullptr: there is none.
  const Node* find_same(const Node& node, uint64_t fingerprint);
  uint64_t fingerprint(const Node& own) { return fingerprints_.of(own); }
  // Takes the node, one of shareable(), with all below it into a graph of its own. The changes that
  // this one gives are those of the source `as` here from now on. Null: something below the node is
  // read from elsewhere, too, and nothing has changed.
  std::unique_ptr<Graph> split(const Node& node, SourceId as);
  // Drops the node, one of shareable(), with all below it that nothing else reads. Its changes are
  // those of the source `as` from now on, each row at most once.
  void borrow(const Node& node, SourceId as);

  // ---- What it costs

  // All that the operators keep: as long to ask as there are nodes.
  size_t bytes() const;
  // Once they keep more, the tick or fill() that has seen it fails with 53200 and the graph is
  // void. Within one of these it may be more for a while. 0: no limit.
  void set_limit(size_t bytes) { limit_bytes_ = bytes; }

  // The error that reading the answer gives now; none mostly.
  std::optional<Error> error() const;

  struct NodeState {
    const Node* node;
    OperatorState state;
    bool failing;                           // has errors
    std::optional<SourceId> borrowed;       // another graph does it; the rest is of no meaning then
    std::chrono::nanoseconds last_tick{0};  // spent in it by the last tick, 0 if it did not come by
    std::chrono::nanoseconds total{0};      // since the beginning, filling included
    uint64_t rows_in = 0;                   // since the beginning: changes that came, and that went
    uint64_t rows_out = 0;
  };
  // Each node whose work is done here, or is borrowed; inputs before their readers.
  std::vector<NodeState> states() const;

  const Plan& plan() const { return plan_; }
  const std::vector<engine::LogicalType>& types() const { return plan_.root->types; }

 private:
  struct Step;
  struct Filling;
  class Stopwatch;
  explicit Graph(Plan plan);
  std::vector<size_t> below(size_t step) const;
  bool is_shareable(size_t step) const;
  std::optional<size_t> step_of(const Node& node) const;
  void leave_to(size_t step, SourceId as);
  void link();
  Delta run(const Changes& changes);
  void fill_step(size_t step, size_t input, const BatchPtr& rows);
  void end_step(size_t step, size_t input);
  void finish_step(size_t step);
  Emit emit_from(size_t step);
  void set_time(uint64_t now);
  template <typename Work>
  Status guarded(const Work& work);
  template <typename Work>
  void or_void(const Work& work);
  void check_limit() const;

  const Plan plan_;
  const bool rows_once_;                            // the root's changes need no consolidation
  std::shared_ptr<duckdb::Connection> connection_;  // whose context expressions are evaluated in;
                                                    // shared with what was split off
  std::vector<Step> steps_;
  Fingerprints fingerprints_;
  std::vector<size_t> timed_;         // steps whose rows come and go with time
  std::unique_ptr<Filling> filling_;  // between begin_fill() and finish_fill()
  bool started_ = false;
  size_t limit_bytes_ = 0;
  uint64_t ticks_ = 0;
  std::optional<Error> void_;
};

}  // namespace sluice::dataflow
