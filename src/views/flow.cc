#include "views/flow.h"

#include <algorithm>
#include <set>

#include "views/reading.h"

namespace sluice::views {
namespace {

using collection::Time;
using dataflow::Delta;
using dataflow::Graph;
using dataflow::Node;
using dataflow::SourceId;

// More changes than these are not kept for a reader that is behind: it is filled anew.
constexpr size_t kMostLogRows = 500'000;

// What no collection has.
SourceId next_source() {
  static std::atomic<uint64_t> last = uint64_t{1} << 63;
  return {++last};
}

std::set<SourceId> sources_of(const dataflow::Plan& plan) {
  std::set<SourceId> sources;
  for (const Node* node : dataflow::in_order(plan)) {
    if (node->kind == dataflow::NodeKind::kSource) {
      sources.insert(node->as<dataflow::Source>().id);
    }
  }
  return sources;
}

constexpr const char* kLostPart = "a part that views share has gone on without one of them";

Error lost_part() { return error(ErrorCode::kUnavailable, "{}", kLostPart).with_sqlstate("55000"); }

}  // namespace

bool is_lost_part(const Error& error) {
  return error.code == ErrorCode::kUnavailable && error.message == kLostPart;
}

Flow::Flow(std::unique_ptr<Graph> graph, std::vector<Input> inputs)
    : graph_(std::move(graph)), inputs_(std::move(inputs)) {}

Flow::~Flow() {
  set_followed(false);
  for (const Reading& reading : readings_) reading.part->remove_reader(reading.reader);
}

// ---- following

Result<Delta> Flow::follow(const Graph::Changes& changes, Time time) {
  for (const Reading& reading : readings_) {
    TRY(reading.part->follow(changes, time, limit_bytes_));
  }
  return tick(changes, time);
}

Result<bool> Flow::bring_parts(engine::Engine& engine, const collection::ReadView& to, Time since,
                               size_t& most, std::stop_token stop) {
  for (const Reading& reading : readings_) {
    TRY_ASSIGN(const bool brought,
               reading.part->bring(engine, to, since, most, limit_bytes_, stop));
    if (!brought) return false;
  }
  return true;
}

Result<Delta> Flow::catch_up(const Graph::Changes& changes, Time to) { return tick(changes, to); }

Result<Delta> Flow::tick(Graph::Changes changes, Time time) {
  for (const Reading& reading : readings_) {
    TRY_ASSIGN(Delta delta, reading.part->take(reading.reader, time));
    if (!delta.empty()) changes[reading.source] = std::move(delta);
  }
  graph_->set_limit(limit_bytes_);
  return graph_->tick(changes, now_at(time));
}

std::vector<Input> Flow::direct_inputs() const {
  const std::vector<SourceId> read = graph_->sources_read();
  std::vector<Input> direct;
  for (const Input& input : inputs_) {
    if (std::find(read.begin(), read.end(), source_of(input.id)) != read.end()) {
      direct.push_back(input);
    }
  }
  return direct;
}

size_t Flow::rows_to_take() const {
  size_t rows = 0;
  for (const Reading& reading : readings_) rows += reading.part->rows_to_take(reading.reader);
  return rows;
}

void Flow::set_followed(bool followed) {
  if (followed == followed_) return;
  followed_ = followed;
  for (const Reading& reading : readings_) reading.part->add_follower(followed ? 1 : -1);
}

// ---- sharing

void Flow::read(PartPtr part, SourceId source) {
  const uint64_t reader = part->add_reader();
  if (followed_) part->add_follower(1);
  readings_.push_back({source, std::move(part), reader});
}

// The graph may have dropped what read a part.
void Flow::drop_unread() {
  const std::vector<SourceId> read = graph_->borrowed();
  std::erase_if(readings_, [&](const Reading& reading) {
    if (std::find(read.begin(), read.end(), reading.source) != read.end()) return false;
    if (followed_) reading.part->add_follower(-1);
    reading.part->remove_reader(reading.reader);
    return true;
  });
}

const Flow::Reading* Flow::reading_of(SourceId source) const {
  for (const Reading& reading : readings_) {
    if (reading.source == source) return &reading;
  }
  return nullptr;
}

// Null: it can't be.
PartPtr Flow::split(const Node& node, Time time) {
  const SourceId source = next_source();
  std::unique_ptr<Graph> graph = graph_->split(node, source);
  if (!graph) return nullptr;
  auto flow = std::make_unique<Flow>(std::move(graph), inputs_);
  for (const SourceId borrowed : flow->graph().borrowed()) {
    if (flow->reading_of(borrowed) == nullptr) flow->read(reading_of(borrowed)->part, borrowed);
  }
  auto part = std::make_shared<Part>(std::move(flow), time);
  read(part, source);
  drop_unread();
  return part;
}

// `other` is the flow of `whole`, or of a view then there is none.
bool Flow::share_node(const Node& node, Flow& other, PartPtr whole, Time time) {
  if (graph_->plan().instance != other.graph().plan().instance) return false;
  const Node* const same = other.graph().find_same(node, graph_->fingerprint(node));
  if (same == nullptr) return false;
  const bool is_whole = whole && same == other.graph().plan().root.get();
  const PartPtr part = is_whole ? std::move(whole) : other.split(*same, time);
  if (!part) return false;
  const SourceId source = next_source();
  graph_->borrow(node, source);
  read(part, source);
  drop_unread();
  return true;
}

void Flow::share_with(std::span<Flow* const> others, Time time) {
  for (const Node* node : graph_->shareable()) {
    const std::vector<const Node*> left = graph_->shareable();
    if (std::find(left.begin(), left.end(), node) == left.end()) continue;  // it went with another
    // Views' own nodes first, then those of the parts that they read.
    std::vector<std::pair<Flow*, PartPtr>> where;
    std::set<Flow*> seen;
    for (Flow* other : others) where.emplace_back(other, nullptr);
    for (size_t i = 0; i < where.size(); ++i) {
      Flow& flow = *where[i].first;
      if (!seen.insert(&flow).second) continue;
      if (share_node(*node, flow, where[i].second, time)) break;
      for (const Reading& reading : flow.readings_) {
        where.emplace_back(&reading.part->flow(), reading.part);
      }
    }
  }
}

std::vector<PartPtr> Flow::parts() const {
  std::vector<PartPtr> parts;
  for (const Reading& reading : readings_) parts.push_back(reading.part);
  return parts;
}

// ---- what it costs

uint64_t Flow::bytes() const {
  uint64_t bytes = graph_->bytes();
  for (const Reading& reading : readings_) bytes += reading.part->bytes();
  return bytes;
}

void Flow::set_limit(uint64_t bytes) {
  limit_bytes_ = bytes;
  graph_->set_limit(bytes);
}

std::optional<Error> Flow::error() const {
  if (auto error = graph_->error()) return error;
  for (const Reading& reading : readings_) {
    if (auto error = reading.part->error()) return error;
  }
  return std::nullopt;
}

std::vector<OperatorInfo> Flow::operators() const {
  std::vector<OperatorInfo> all;
  Numbers parts;
  tell(all, parts, 1);
  return all;
}

void Flow::tell(std::vector<OperatorInfo>& all, Numbers& parts, size_t shared_by) const {
  for (const Reading& reading : readings_) {
    if (parts.contains(reading.part.get())) continue;
    reading.part->flow().tell(all, parts, std::max(shared_by, reading.part->readers()));
    parts[reading.part.get()] = all.size() - 1;
  }
  std::map<const Node*, size_t> numbers;
  for (const Graph::NodeState& state : graph_->states()) {
    if (state.borrowed) {
      numbers[state.node] = parts.at(reading_of(*state.borrowed)->part.get());
      continue;
    }
    OperatorInfo info;
    info.number = all.size();
    numbers[state.node] = info.number;
    for (const auto& input : state.node->inputs) info.inputs.push_back(numbers.at(input.get()));
    info.description = dataflow::describe(*state.node);
    info.kind = info.description.substr(0, info.description.find(' '));
    info.rows = state.state.rows;
    info.bytes = state.state.bytes;
    info.nanoseconds = static_cast<uint64_t>(state.total.count());
    info.last_nanoseconds = static_cast<uint64_t>(state.last_tick.count());
    info.failing = state.failing;
    info.shared_by = shared_by;
    all.push_back(std::move(info));
  }
}

// ---- parts

Part::Part(std::unique_ptr<Flow> flow, Time time)
    : flow_(std::move(flow)), sources_(sources_of(flow_->graph().plan())), time_(time) {}

uint64_t Part::add_reader() {
  const std::lock_guard lock(mutex_);
  readers_[++last_reader_] = first_ + log_.size();
  readers_count_ = readers_.size();
  bytes_ = flow_->bytes();
  return last_reader_;
}

void Part::remove_reader(uint64_t reader) {
  const std::lock_guard lock(mutex_);
  readers_.erase(reader);
  readers_count_ = readers_.size();
  trim();
}

void Part::add_follower(int by) {
  const std::lock_guard lock(mutex_);
  followers_ += by;
  flow_->set_followed(followers_ > 0);
}

Status Part::advance(const Graph::Changes& changes, Time time, bool is_group) {
  // So it stays if this does not come to its end.
  lost_ = lost_part();
  auto delta = is_group ? flow_->follow(changes, time) : flow_->catch_up(changes, time);
  if (!delta.ok()) {
    lost_ = delta.error();
    return *lost_;
  }
  if (!delta->empty()) {
    // They may refer to the changes, which go.
    log_.push_back({time, copied(*delta), dataflow::row_count(*delta)});
    log_rows_ += log_.back().rows;
  }
  time_ = time;
  bytes_ = flow_->bytes();
  lost_.reset();
  return ok();
}

Status Part::follow(const Graph::Changes& changes, Time time, uint64_t limit) {
  const std::lock_guard lock(mutex_);
  if (lost_) return *lost_;
  if (time_ >= time) return ok();  // another reader came first
  const bool concerns = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
    return sources_.contains(change.first);
  });
  if (!concerns) return ok();
  set_limit(limit);
  return advance(changes, time, true);
}

// What a reader may take is told without what the others have of this part.
void Part::set_limit(uint64_t of_reader) {
  flow_->set_limit(of_reader == 0 ? 0 : of_reader + bytes_ - bytes());
}

Result<bool> Part::bring(engine::Engine& engine, const collection::ReadView& to, Time since,
                         size_t& most, uint64_t limit, std::stop_token stop) {
  {
    const std::lock_guard lock(mutex_);
    if (lost_) return *lost_;
    if (followers_ > 0 || time_ >= to.time()) return true;
    // Followed until its last reader that was live fell behind, so nothing has changed in between.
    since = std::max(since, time_);
    set_limit(limit);
  }
  // From here on nobody else brings it on: what could become live does so on this thread.
  TRY_ASSIGN(const bool brought, flow_->bring_parts(engine, to, since, most, stop));
  if (!brought) return false;
  Graph::Changes changes;
  for (const Input& input : flow_->direct_inputs()) {
    TRY_ASSIGN(const auto of_input, to.changes(input.id, since));
    Delta delta;
    TRY_ASSIGN(const bool whole,
               read_changes(engine, *of_input, input.shape.types, most, delta, stop));
    if (!whole) return false;
    most -= std::min(most, dataflow::row_count(delta));
    if (!delta.empty()) changes[source_of(input.id)] = std::move(delta);
  }
  const std::lock_guard lock(mutex_);
  TRY(advance(changes, to.time(), false));
  return true;
}

void Part::lose(Time time) {
  const std::lock_guard lock(mutex_);
  if (!lost_ && time_ >= time) lost_ = lost_part();
  for (const PartPtr& part : flow_->parts()) part->lose(time);
}

Result<Delta> Part::take(uint64_t reader, Time to) {
  Delta known;
  size_t entries = 0;
  {
    const std::lock_guard lock(mutex_);
    if (lost_) return *lost_;
    uint64_t& next = readers_.at(reader);
    if (next < first_) return lost_part();
    uint64_t end = next;
    for (; end < first_ + log_.size() && log_[end - first_].time <= to; ++end, ++entries) {
      const Delta& delta = log_[end - first_].delta;
      known.insert(known.end(), delta.begin(), delta.end());
    }
    next = end;
    trim();
  }
  // Its own rows, since other readers are on other threads. Should that fail, it is left behind.
  Delta taken = copied(known);
  if (entries > 1) return dataflow::consolidate(taken, flow_->graph().types());
  return taken;
}

size_t Part::rows_to_take(uint64_t reader) const {
  const std::lock_guard lock(mutex_);
  size_t rows = 0;
  for (size_t at = std::max(readers_.at(reader), first_) - first_; at < log_.size(); ++at) {
    rows += log_[at].rows;
  }
  return rows;
}

// Forgets what all have taken, and what is too much to keep for those that have not; never the
// newest, which those that follow are about to take.
void Part::trim() {
  uint64_t oldest = first_ + log_.size();
  for (const auto& [reader, next] : readers_) {
    if (next >= first_) oldest = std::min(oldest, next);  // not one that is left out already
  }
  while (!log_.empty() && (first_ < oldest || (log_rows_ > kMostLogRows && log_.size() > 1))) {
    log_rows_ -= log_.front().rows;
    log_.pop_front();
    ++first_;
  }
}

std::optional<Error> Part::error() const {
  const std::lock_guard lock(mutex_);
  return lost_ ? lost_ : flow_->error();
}

}  // namespace sluice::views
