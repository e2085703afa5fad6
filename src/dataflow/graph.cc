#include "dataflow/graph.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <duckdb.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>
#include <set>

#include "base/check.h"
#include "dataflow/build.h"
#include "engine/engine.h"

namespace sluice::dataflow {
namespace {

using Clock = std::chrono::steady_clock;

// What ends a filling or a tick without being a failure of memory or of DuckDB.
struct Ended {
  Error error;
};

// The right side of a join first, since its planner put the smaller one there, and since left rows
// that find it complete need not be looked at again.
void collect_sources(const Node& node, std::set<const Node*>& seen,
                     std::vector<SourceId>& sources) {
  if (!seen.insert(&node).second) return;
  if (node.kind == NodeKind::kSource) {
    const SourceId id = node.as<Source>().id;
    if (std::find(sources.begin(), sources.end(), id) == sources.end()) sources.push_back(id);
  }
  const bool left_first = node.kind != NodeKind::kJoin || node.as<Join>().join == JoinKind::kRight;
  const size_t count = node.inputs.size();
  for (size_t i = 0; i < count; ++i) {
    collect_sources(*node.inputs[left_first ? i : count - 1 - i], seen, sources);
  }
}

// Whether an expression list has each of `width` columns as it is.
bool passes_all(const std::vector<ExpressionPtr>& expressions, size_t width) {
  std::set<size_t> passed;
  for (const ExpressionPtr& expression : expressions) {
    if (expression->GetExpressionClass() != duckdb::ExpressionClass::BOUND_REF) continue;
    passed.insert(expression->Cast<duckdb::BoundReferenceExpression>().index);
  }
  return passed.size() == width;
}

// Whether no tick's changes of the node have a row twice.
bool gives_rows_once(const Node& node) {
  switch (node.kind) {
    case NodeKind::kDistinct:
    case NodeKind::kTopK:
    case NodeKind::kWindow:
      return true;
    case NodeKind::kSetOperation:
      return node.as<SetOperation>().operation != SetOperationKind::kUnion;
    case NodeKind::kAggregate:
      return node.as<Aggregate>().sets.size() == 1;
    case NodeKind::kFilter:
      return gives_rows_once(*node.inputs[0]);
    case NodeKind::kProject:
      return passes_all(node.as<Project>().expressions, node.inputs[0]->types.size()) &&
             gives_rows_once(*node.inputs[0]);
    default:
      return false;
  }
}

bool keeps_rows(const Node& node) {
  switch (node.kind) {
    case NodeKind::kJoin:
    case NodeKind::kAggregate:
    case NodeKind::kDistinct:
    case NodeKind::kTopK:
    case NodeKind::kWindow:
      return true;
    case NodeKind::kSetOperation:
      return node.as<SetOperation>().operation != SetOperationKind::kUnion;
    default:
      return false;
  }
}

}  // namespace

struct Graph::Step {
  struct Reader {
    size_t step;
    size_t input;
  };
  const Node* node = nullptr;
  std::vector<size_t> inputs;  // steps
  std::vector<Reader> readers;
  std::unique_ptr<Operator> work;    // null where it is borrowed
  std::optional<SourceId> borrowed;  // the source whose changes are this node's
  Delta out;                         // of this tick
  bool is_due = false;               // time alone changes what it gives
  // What it cost.
  std::chrono::nanoseconds last_tick{0};
  uint64_t ticked = 0;  // number of the tick that `last_tick` is of
  std::chrono::nanoseconds total{0};
  uint64_t rows_in = 0;
  uint64_t rows_out = 0;
};

// While rows are taken in one batch after another, each through all nodes that it comes by.
struct Graph::Filling {
  Sink sink;
  std::stop_token stop;
  std::vector<std::vector<bool>> open;  // inputs of each step that have not ended
  std::set<SourceId> ended;
  // Whose time it is, and since when.
  size_t running = 0;
  Clock::time_point since;
};

// Gives the time from now on to a step, until it goes: then to the one before again.
class Graph::Stopwatch {
 public:
  Stopwatch(Graph& graph, size_t step) : graph_(graph), before_(graph.filling_->running) {
    turn_to(step);
  }
  ~Stopwatch() { turn_to(before_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  void turn_to(size_t step) {
    Filling& filling = *graph_.filling_;
    const Clock::time_point now = Clock::now();
    if (filling.running < graph_.steps_.size()) {
      graph_.steps_[filling.running].total += now - filling.since;
    }
    filling.running = step;
    filling.since = now;
  }

  Graph& graph_;
  const size_t before_;
};

Graph::Graph(Plan plan) : plan_(std::move(plan)), rows_once_(gives_rows_once(*plan_.root)) {}

Graph::~Graph() = default;

Result<std::unique_ptr<Graph>> Graph::make(Plan plan, Parallelism parallelism) {
  try {
    std::unique_ptr<Graph> graph(new Graph(std::move(plan)));
    graph->connection_ = std::make_shared<duckdb::Connection>(*graph->plan_.instance);
    for (const Node* node : in_order(graph->plan_)) {
      Step step;
      step.node = node;
      step.work = build_operator(*graph->connection_->context, *node, parallelism);
      graph->steps_.push_back(std::move(step));
    }
    graph->link();
    return graph;
  } catch (const std::exception& exception) {
    return engine::engine_error(exception);
  }
}

// Which step reads which, from the nodes that they do.
void Graph::link() {
  std::map<const Node*, size_t> numbers;
  timed_.clear();
  for (size_t number = 0; number < steps_.size(); ++number) {
    Step& step = steps_[number];
    step.inputs.clear();
    step.readers.clear();
    numbers.emplace(step.node, number);
    if (step.borrowed) continue;
    if (step.node->kind == NodeKind::kTemporalFilter) timed_.push_back(number);
    for (size_t i = 0; i < step.node->inputs.size(); ++i) {
      const size_t input = numbers.at(step.node->inputs[i].get());
      step.inputs.push_back(input);
      steps_[input].readers.push_back({number, i});
    }
  }
}

template <typename Work>
Status Graph::guarded(const Work& work) {
  if (void_) return *void_;
  try {
    work();
    return {};
  } catch (const Ended& ended) {
    void_ = ended.error;
  } catch (const std::bad_alloc&) {
    void_ = sluice::error(ErrorCode::kExhausted, "out of memory").with_sqlstate("53200");
  } catch (const std::exception& exception) {
    void_ = engine::engine_error(exception);
  }
  // What is left of the state is worth nothing, and its memory may be wanted.
  filling_.reset();
  steps_.clear();
  return *void_;
}

void Graph::check_limit() const {
  if (limit_bytes_ == 0) return;
  const size_t kept = bytes();
  if (kept <= limit_bytes_) return;
  throw Ended{sluice::error(ErrorCode::kExhausted, "out of memory")
                  .with_sqlstate("53200")
                  .with_detail(fmt::format("The rows that its operators keep take {} bytes; {} are "
                                           "allowed.",
                                           kept, limit_bytes_))};
}

// ---- ticks

Delta Graph::run(const Changes& changes) {
  ++ticks_;
  Clock::time_point since = Clock::now();
  for (Step& step : steps_) {
    if (step.borrowed) {
      if (const auto found = changes.find(*step.borrowed); found != changes.end()) {
        step.out = found->second;
      }
      continue;
    }
    if (!started_) step.out = step.work->start();
    std::vector<const Delta*> inputs;
    if (step.node->kind == NodeKind::kSource) {
      const auto found = changes.find(step.node->as<Source>().id);
      if (found == changes.end()) continue;
      inputs.push_back(&found->second);
    }
    for (const size_t input : step.inputs) inputs.push_back(&steps_[input].out);
    size_t rows = 0;
    for (const Delta* input : inputs) rows += row_count(*input);
    if (rows == 0 && !step.is_due) continue;
    Delta out = step.work->step(inputs);
    step.out.insert(step.out.end(), out.begin(), out.end());
    const Clock::time_point now = Clock::now();
    step.last_tick = now - since;
    step.ticked = ticks_;
    step.total += step.last_tick;
    step.rows_in += rows;
    step.rows_out += row_count(step.out);
    since = now;
  }
  // What is there without any rows may go at once with the first ones.
  const bool are_once = started_ && rows_once_;
  started_ = true;
  if (are_once) return std::move(steps_.back().out);
  return consolidate(steps_.back().out, plan_.root->types);
}

Result<Delta> Graph::tick(const Changes& changes, uint64_t now) {
  CHECK(!filling_);
  Delta out;
  TRY(guarded([&] {
    set_time(now);
    out = run(changes);
    for (Step& step : steps_) step.out.clear();
    check_limit();
  }));
  return out;
}

void Graph::set_time(uint64_t now) {
  for (const size_t number : timed_) {
    Operator& work = *steps_[number].work;
    work.set_time(now);
    const auto due = work.next_due();
    steps_[number].is_due = due && *due <= now;
  }
}

std::optional<uint64_t> Graph::next_due() const {
  std::optional<uint64_t> next;
  if (void_) return next;
  for (const size_t number : timed_) {
    const auto due = steps_[number].work->next_due();
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

size_t Graph::due_rows(uint64_t now, size_t most) const {
  size_t rows = 0;
  if (void_) return rows;
  for (const size_t number : timed_) rows += steps_[number].work->due_rows(now, most);
  return rows;
}

// ---- filling

std::vector<SourceId> Graph::fill_order() const {
  std::set<const Node*> seen;
  std::vector<SourceId> sources;
  collect_sources(*plan_.root, seen, sources);
  // Few rows first: the many then meet them, each about one, and not the other way round.
  const auto rows = [&](SourceId source) {
    const auto found = plan_.rows.find(source);
    return found == plan_.rows.end() ? 0 : found->second;
  };
  std::stable_sort(sources.begin(), sources.end(),
                   [&](SourceId a, SourceId b) { return rows(a) < rows(b); });
  return sources;
}

std::vector<size_t> Graph::columns_read(SourceId source) const {
  std::set<size_t> columns;
  for (const Step& step : steps_) {
    if (step.node->kind != NodeKind::kSource || step.node->as<Source>().id != source) continue;
    const std::vector<size_t>& of_node = step.node->as<Source>().columns;
    columns.insert(of_node.begin(), of_node.end());
  }
  return {columns.begin(), columns.end()};
}

std::optional<std::string> Graph::scan_condition(SourceId source, const ColumnName& name) const {
  std::set<std::string> conditions;  // one of which has to hold
  for (const Step& step : steps_) {
    if (step.node->kind != NodeKind::kSource || step.node->as<Source>().id != source) continue;
    const std::vector<size_t>& columns = step.node->as<Source>().columns;
    for (const Step::Reader& reader : step.readers) {
      const Node& node = *steps_[reader.step].node;
      if (node.kind != NodeKind::kFilter) return std::nullopt;
      const auto told = condition_in_sql(node.as<Filter>(),
                                         [&](size_t column) { return name(columns.at(column)); });
      if (!told) return std::nullopt;
      conditions.insert(*told);
    }
    if (step.readers.empty()) return std::nullopt;  // it is the answer
  }
  if (conditions.empty()) return std::nullopt;
  return fmt::format("{}", fmt::join(conditions, " OR "));
}

Status Graph::begin_fill(Sink sink, std::stop_token stop, uint64_t now) {
  CHECK(!started_ && !filling_);
  return guarded([&] {
    set_time(now);
    filling_ = std::make_unique<Filling>();
    filling_->sink = std::move(sink);
    filling_->stop = std::move(stop);
    filling_->running = steps_.size();
    for (const Step& step : steps_) {
      filling_->open.emplace_back(step.node->kind == NodeKind::kSource ? 1 : step.inputs.size(),
                                  true);
    }
    for (size_t step = 0; step < steps_.size(); ++step) {
      if (filling_->open[step].empty()) finish_step(step);
    }
  });
}

Status Graph::fill(SourceId source, const Delta& rows) {
  if (void_) return *void_;
  CHECK(filling_ && !filling_->ended.contains(source));
  return guarded([&] {
    for (size_t step = 0; step < steps_.size(); ++step) {
      const Node& node = *steps_[step].node;
      if (node.kind != NodeKind::kSource || node.as<Source>().id != source) continue;
      for (const BatchPtr& batch : rows) fill_step(step, 0, batch);
    }
    check_limit();
  });
}

Status Graph::end(SourceId source) {
  if (void_) return *void_;
  CHECK(filling_);
  if (!filling_->ended.insert(source).second) return {};
  return guarded([&] {
    for (size_t step = 0; step < steps_.size(); ++step) {
      const Node& node = *steps_[step].node;
      if (node.kind == NodeKind::kSource && node.as<Source>().id == source) end_step(step, 0);
    }
    check_limit();
  });
}

Status Graph::finish_fill() {
  if (void_) return *void_;
  CHECK(filling_);
  for (const SourceId source : fill_order()) TRY(end(source));
  filling_.reset();
  started_ = true;
  return {};
}

Emit Graph::emit_from(size_t number) {
  return [this, number](BatchPtr batch) {
    Step& step = steps_[number];
    step.rows_out += batch->size();
    if (filling_->stop.stop_requested()) {
      throw Ended{
          sluice::error(ErrorCode::kCancelled, "filling was stopped").with_sqlstate("57014")};
    }
    for (const Step::Reader& reader : step.readers) fill_step(reader.step, reader.input, batch);
    if (number + 1 != steps_.size()) return;
    const Stopwatch outside(*this, steps_.size());
    if (Status status = filling_->sink({std::move(batch)}); !status.ok())
      throw Ended{status.error()};
  };
}

void Graph::fill_step(size_t number, size_t input, const BatchPtr& rows) {
  const Stopwatch stopwatch(*this, number);
  Step& step = steps_[number];
  step.rows_in += rows->size();
  step.work->fill(input, rows, emit_from(number));
}

void Graph::end_step(size_t number, size_t input) {
  std::vector<bool>& open = filling_->open[number];
  CHECK(open[input]);
  open[input] = false;
  {
    const Stopwatch stopwatch(*this, number);
    steps_[number].work->end_input(input);
  }
  if (std::find(open.begin(), open.end(), true) == open.end()) finish_step(number);
}

void Graph::finish_step(size_t number) {
  {
    const Stopwatch stopwatch(*this, number);
    steps_[number].work->finish_fill(emit_from(number));
  }
  for (const Step::Reader& reader : steps_[number].readers) end_step(reader.step, reader.input);
}

// ---- parts in common

std::vector<SourceId> Graph::sources_read() const {
  std::vector<SourceId> sources;
  for (const Step& step : steps_) {
    if (step.borrowed || step.node->kind != NodeKind::kSource) continue;
    const SourceId id = step.node->as<Source>().id;
    if (std::find(sources.begin(), sources.end(), id) == sources.end()) sources.push_back(id);
  }
  return sources;
}

std::vector<SourceId> Graph::borrowed() const {
  std::vector<SourceId> sources;
  for (const Step& step : steps_) {
    if (step.borrowed) sources.push_back(*step.borrowed);
  }
  return sources;
}

// The step and all that it reads, by number.
std::vector<size_t> Graph::below(size_t step) const {
  std::set<size_t> found;
  std::vector<size_t> open{step};
  while (!open.empty()) {
    const size_t number = open.back();
    open.pop_back();
    if (!found.insert(number).second) continue;
    open.insert(open.end(), steps_[number].inputs.begin(), steps_[number].inputs.end());
  }
  return {found.begin(), found.end()};
}

bool Graph::is_shareable(size_t step) const {
  if (steps_[step].borrowed) return false;
  bool keeps = false;
  for (const size_t one : below(step)) {
    const Node& node = *steps_[one].node;
    if (node.kind == NodeKind::kTemporalFilter) return false;
    keeps = keeps || (!steps_[one].borrowed && keeps_rows(node));
  }
  return keeps;
}

std::vector<const Node*> Graph::shareable() const {
  std::vector<const Node*> nodes;
  for (size_t number = steps_.size(); number-- > 0;) {
    if (is_shareable(number)) nodes.push_back(steps_[number].node);
  }
  return nodes;
}

const Node* Graph::find_same(const Node& node, uint64_t fingerprint) {
  for (size_t number = 0; number < steps_.size(); ++number) {
    const Node& own = *steps_[number].node;
    if (fingerprints_.of(own) != fingerprint || !is_shareable(number)) continue;
    if (SameNodes()(own, node)) return &own;
  }
  return nullptr;
}

std::optional<size_t> Graph::step_of(const Node& node) const {
  for (size_t number = 0; number < steps_.size(); ++number) {
    if (steps_[number].node == &node && !steps_[number].borrowed) return number;
  }
  return std::nullopt;
}

std::unique_ptr<Graph> Graph::split(const Node& node, SourceId as) {
  const auto top = step_of(node);
  CHECK(started_ && !void_ && top);
  const std::vector<size_t> part = below(*top);
  // What is read from outside of the part, too: a source can be read twice, state can't.
  std::set<size_t> twice;
  for (const size_t number : part) {
    if (number == *top) continue;
    for (const Step::Reader& reader : steps_[number].readers) {
      if (std::binary_search(part.begin(), part.end(), reader.step)) continue;
      if (!steps_[number].borrowed && steps_[number].node->kind != NodeKind::kSource)
        return nullptr;
      twice.insert(number);
    }
  }
  NodePtr root = plan_.root;
  for (const Step::Reader& reader : steps_[*top].readers) {
    root = steps_[reader.step].node->inputs[reader.input];
  }
  std::unique_ptr<Graph> split(new Graph(Plan{plan_.instance, root, {}, {}}));
  split->connection_ = connection_;
  split->started_ = true;
  for (const size_t number : part) {
    Step& step = split->steps_.emplace_back();
    step.node = steps_[number].node;
    step.borrowed = steps_[number].borrowed;
    const bool is_copy = twice.contains(number) && !step.borrowed;
    // A source, or nothing of work.
    if (is_copy) step.work = build_operator(*connection_->context, *step.node, {});
  }
  or_void([&] {
    for (size_t i = 0; i < part.size(); ++i) {
      Step& step = steps_[part[i]];
      if (twice.contains(part[i])) continue;
      std::swap(split->steps_[i], step);
    }
    split->link();
    leave_to(*top, as);
  });
  return split;
}

// What fails half way leaves a graph that is worth nothing.
template <typename Work>
void Graph::or_void(const Work& work) {
  try {
    work();
  } catch (...) {
    void_ = sluice::error(ErrorCode::kExhausted, "out of memory").with_sqlstate("53200");
    steps_.clear();
    throw;
  }
}

void Graph::borrow(const Node& node, SourceId as) {
  const auto top = step_of(node);
  CHECK(started_ && !void_ && top);
  or_void([&] { leave_to(*top, as); });
}

// From now on somebody else does the step.
void Graph::leave_to(size_t number, SourceId as) {
  Step& step = steps_[number];
  step.work.reset();
  step.borrowed = as;
  step.inputs.clear();
  std::vector<Step> kept;
  const std::vector<size_t> reached = below(steps_.size() - 1);
  kept.reserve(reached.size());
  for (const size_t one : reached) kept.push_back(std::move(steps_[one]));
  steps_ = std::move(kept);
  link();
}

// ---- what there is to know of it

std::optional<Error> Graph::error() const {
  if (void_) return void_;
  for (const Step& step : steps_) {
    if (step.borrowed) continue;
    if (const Error* found = step.work->error()) return *found;
  }
  return std::nullopt;
}

size_t Graph::bytes() const {
  size_t bytes = 0;
  for (const Step& step : steps_) {
    if (step.work) bytes += step.work->state().bytes + step.work->error_bytes();
  }
  return bytes;
}

std::vector<Graph::NodeState> Graph::states() const {
  std::vector<NodeState> result;
  result.reserve(steps_.size());
  for (const Step& step : steps_) {
    if (step.borrowed) {
      result.push_back({step.node, {}, false, step.borrowed});
      continue;
    }
    NodeState state{step.node, step.work->state(), step.work->error() != nullptr, std::nullopt};
    state.state.bytes += step.work->error_bytes();
    if (step.ticked == ticks_) state.last_tick = step.last_tick;
    state.total = step.total;
    state.rows_in = step.rows_in;
    state.rows_out = step.rows_out;
    result.push_back(state);
  }
  return result;
}

}  // namespace sluice::dataflow
