#include "views/follower.h"

#include "base/guarded.h"
#include "base/log.h"
#include "views/reading.h"

namespace sluice::views {
namespace {

using collection::CollectionId;
using collection::Time;
using dataflow::Delta;

Error not_readable(const std::string& view) {
  return error(ErrorCode::kUnavailable,
               "materialized view \"{}\" cannot be read at the time of this transaction", view)
      .with_sqlstate("55000")
      .with_detail("It was being filled, or brought up to date after a large change, at that time.")
      .with_hint("Begin a new transaction.");
}

// All that a group does to one collection; a change's rows stay where they are.
Delta delta_of(const collection::SourceChange& change) {
  Delta delta;
  delta.reserve(change.added.size() + change.erased.size());
  const auto refer = [&](const engine::Chunk& chunk, int64_t weight) {
    CHECK(chunk.size() <= dataflow::kBatchRows);
    const auto types = chunk.GetTypes();
    if (chunk.size() > 0) delta.push_back(referring(chunk, {types.begin(), types.end()}, weight));
  };
  for (const engine::Chunk* chunk : change.added) refer(*chunk, 1);
  for (const engine::Chunk* chunk : change.erased) refer(*chunk, -1);
  return delta;
}

}  // namespace

Error broken_view(const std::string& view, Error error) {
  if (error.code == ErrorCode::kExhausted) {
    return sluice::error(ErrorCode::kExhausted,
                         "materialized view \"{}\" needs more memory than is left for views", view)
        .with_sqlstate("53200")
        .with_detail(error.message)
        .with_hint(
            "Drop views that are not needed, or give the server more memory for views "
            "(--view-memory-limit). The view is filled again from time to time.");
  }
  return std::move(error).within(
      fmt::format("materialized view \"{}\" cannot be kept up to date", view));
}

std::string note_key(CollectionId id) { return fmt::format("view/{}", id.value); }

bool Follower::reads(CollectionId id) const {
  const std::lock_guard lock(mutex);
  return inputs_.contains(id.value);
}

std::vector<KeptPtr> Follower::all() const {
  const std::lock_guard lock(mutex);
  return kept_;
}

KeptPtr Follower::find(CollectionId id) const {
  const std::lock_guard lock(mutex);
  for (const KeptPtr& kept : kept_) {
    if (kept->id() == id) return kept;
  }
  return nullptr;
}

void Follower::add(KeptPtr kept) {
  const std::lock_guard lock(mutex);
  for (const Input& input : kept->view.definition().inputs) {
    inputs_.insert(input.id.value);
    for (const KeptPtr& other : kept_) {
      if (other->id() == input.id) kept->upstream.push_back(other);
    }
  }
  kept_.push_back(std::move(kept));
  changed.notify_all();
}

void Follower::remove(CollectionId id) {
  const KeptPtr kept = find(id);
  if (!kept) return;
  kept->stop.request_stop();
  decltype(stepped_) stepped;  // whose end is not to hold up commits
  store_.between_groups([&] {
    // The last group is written, or was forgotten.
    stepped.swap(stepped_);
    const std::lock_guard lock(mutex);
    kept->removed = true;
    // Whoever worked on it alone may still do so.
    if (kept->attached) kept->view.set_followed(false);
    kept->attached = false;
    std::erase(kept_, kept);
    inputs_.clear();
    for (const KeptPtr& left : kept_) {
      for (const Input& input : left->view.definition().inputs) inputs_.insert(input.id.value);
    }
  });
  changed.notify_all();
}

bool Follower::is_live_locked(const Kept& kept) const {
  return kept.phase == Phase::kLive &&
         std::all_of(kept.upstream.begin(), kept.upstream.end(),
                     [&](const KeptPtr& up) { return is_live_locked(*up); });
}

const Error* Follower::obstacle_locked(const Kept& kept) const {
  if (kept.broken) return &*kept.broken;
  if (kept.trouble) return &*kept.trouble;
  for (const KeptPtr& up : kept.upstream) {
    if (const Error* const found = obstacle_locked(*up)) return found;
  }
  return nullptr;
}

void Follower::set_broken_locked(Kept& kept, Error error) const {
  constexpr int kMostDoublings = 6;
  if (error.code == ErrorCode::kExhausted) {
    const int times = 1 << std::min(kept.shortages++, kMostDoublings);
    kept.not_before = std::chrono::steady_clock::now() + options_.retry_broken * times;
  }
  kept.phase = Phase::kBroken;
  kept.broken = std::move(error);
}

bool Follower::is_hopeless_locked(const Kept& kept) const {
  return kept.broken || std::any_of(kept.upstream.begin(), kept.upstream.end(),
                                    [&](const KeptPtr& up) { return is_hopeless_locked(*up); });
}

Status Follower::check_locked(const Kept& kept, Time time) const {
  if (!kept.readable.contains(time)) {
    if (kept.broken) return *kept.broken;
    return not_readable(kept.view.definition().name);
  }
  if (auto error = kept.readable.error_at(time)) return *std::move(error);
  for (const KeptPtr& up : kept.upstream) TRY(check_locked(*up, time));
  return ok();
}

std::shared_ptr<const collection::ReadView> Follower::read_inputs(const Kept& kept) const {
  auto view = store_.read();
  const std::lock_guard lock(mutex);
  for (const KeptPtr& up : kept.upstream) {
    if (!is_live_locked(*up) || !up->readable.contains(view->time())) return nullptr;
  }
  return view;
}

uint64_t Follower::room_for(const Kept& kept) const {
  const std::lock_guard lock(mutex);
  uint64_t others = 0;
  for (const KeptPtr& other : kept_) {
    if (other.get() != &kept) others += other->bytes;
  }
  // Never 0, which would be no limit at all.
  return options_.memory_limit_bytes > others ? options_.memory_limit_bytes - others : 1;
}

// Live views that take more than they may together lose the largest of them, from the next group
// on: what one has done to this group stays right.
void Follower::check_memory_locked() {
  uint64_t all = 0;
  Kept* largest = nullptr;
  for (const KeptPtr& kept : kept_) {
    all += kept->bytes;
    if (kept->attached && (largest == nullptr || kept->bytes > largest->bytes)) {
      largest = kept.get();
    }
  }
  if (all <= options_.memory_limit_bytes || largest == nullptr) return;
  largest->too_large = true;
  due_ = true;
}

Result<bool> Follower::attach(Kept& kept, std::stop_token stop) {
  bool attached = false;
  const auto task = [&]() -> Result<bool> {
    const auto to = read_inputs(kept);
    if (!to || stop.stop_requested()) return false;
    TRY_ASSIGN(const auto changes, kept.view.changes_until(*to, options_.refill_from_rows, stop));
    if (!changes) return false;
    TRY(kept.view.follow_later(*changes, to->time()));
    if (kept.view.later_rows() > kMostDerivedRows) {
      kept.view.hold(to);
      return false;
    }
    kept.view.hold(nullptr);
    const std::lock_guard lock(mutex);
    if (kept.removed) return false;
    std::vector<View*> live;
    for (const KeptPtr& other : kept_) {
      if (other->attached) live.push_back(&other->view);
    }
    kept.view.share_with(live, to->time());
    kept.view.set_followed(true);
    kept.attached = true;
    for (const KeptPtr& other : kept_) {
      if (other->attached) other->bytes = other->view.bytes();
    }
    due_ = true;
    return true;
  };
  Status done;
  store_.between_groups([&] {
    done = guarded("a materialized view", [&]() -> Status {
      TRY_ASSIGN(attached, task());
      return ok();
    });
  });
  TRY(std::move(done));
  return attached;
}

// The oldest time at which it, or a view that reads it, may be read.
std::optional<Time> Follower::oldest_asked_locked(const Kept& kept) const {
  std::optional<Time> oldest;
  if (const auto since = store_.since(kept.id()); since.ok()) oldest = *since;
  for (const KeptPtr& other : kept_) {
    for (const KeptPtr& up : other->upstream) {
      if (up.get() != &kept) continue;
      const auto since = oldest_asked_locked(*other);
      if (since && oldest) oldest = std::min(*since, *oldest);
    }
  }
  return oldest;
}

void Follower::note_locked(const Kept& kept, Step& step) {
  step.out.notes.push_back({note_key(kept.id()), kept.readable.to_note()});
}

collection::Derived Follower::step(Time time, std::span<const collection::SourceChange> changes,
                                   const Reserve& reserve) {
  Step step;
  step.time = time;
  stepped_.clear();
  stepped_at_ = time;
  due_ = false;
  for (const collection::SourceChange& change : changes) {
    Delta delta;
    const Status made = guarded("a view's input", [&]() -> Status {
      if (!change.is_partial) delta = delta_of(change);
      return ok();
    });
    if (change.is_partial || !made.ok()) {
      step.unknown.insert(change.id);
    } else if (!delta.empty()) {
      step.deltas.emplace(change.id, std::move(delta));
    }
  }
  for (const KeptPtr& kept : all()) {
    const Status stepped = guarded("a materialized view", [&]() -> Status {
      step_one(kept, step, reserve);
      return ok();
    });
    if (stepped.ok()) continue;
    if (kept->attached && stepped.error().code == ErrorCode::kExhausted) {
      break_off(*kept, step, stepped.error());
      continue;
    }
    if (kept->attached) kept->view.empty();
    leave_behind(*kept, step, std::nullopt);
  }
  step.out.due = next_due();
  return std::move(step.out);
}

std::optional<Time> Follower::next_due() const {
  std::optional<Time> next;
  const std::lock_guard lock(mutex);
  for (const KeptPtr& kept : kept_) {
    const auto due = kept->attached ? kept->view.next_due() : std::nullopt;
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

void Follower::step_one(const KeptPtr& kept, Step& step, const Reserve& reserve) {
  dataflow::Graph::Changes mine;
  bool unknown = false;
  for (const Input& input : kept->view.definition().inputs) {
    unknown = unknown || step.unknown.contains(input.id);
    const auto found = step.deltas.find(input.id);
    if (found != step.deltas.end()) mine[source_of(input.id)] = found->second;
  }
  const bool starts = kept->attached && kept->phase != Phase::kLive;
  const bool too_large = kept->attached && kept->too_large;
  const auto due = kept->attached ? kept->view.next_due() : std::nullopt;
  const bool is_time = due && *due <= step.time;
  if (mine.empty() && !unknown && !starts && !too_large && !is_time) return;
  stepped_.push_back({kept, kept->readable.mark(), kept->view.parts()});
  if (too_large) {
    break_off(
        *kept, step,
        sluice::error(ErrorCode::kExhausted, "it is the largest of them").with_sqlstate("53200"));
  } else if (is_time && kept->view.has_due(step.time, kMostDerivedRows)) {
    // Filled anew, beside commits.
    kept->view.empty();
    leave_behind(*kept, step, std::nullopt);
  } else if (!kept->attached || unknown) {
    leave_behind(*kept, step, std::nullopt);
  } else {
    follow(*kept, mine, step, reserve);
  }
}

// From this time on the view isn't what its inputs say; the worker takes it over.
void Follower::leave_behind(Kept& kept, Step& step, std::optional<Error> why) {
  step.unknown.insert(kept.id());
  step.deltas.erase(kept.id());
  const bool is_filled = kept.attached && kept.view.is_filled();
  if (kept.attached) kept.view.set_followed(false);
  // It goes on from before this group.
  if (is_filled) kept.view.hold(store_.read());
  const std::lock_guard lock(mutex);
  if (kept.readable.is_open()) {
    kept.readable.end(step.time);
    note_locked(kept, step);
  }
  if (!kept.attached) return;
  kept.attached = kept.too_large = false;
  kept.phase = is_filled ? Phase::kCatchingUp : Phase::kFilling;
  if (why) set_broken_locked(kept, *std::move(why));
  kept.bytes = kept.view.bytes();
  changed.notify_all();
}

void Follower::follow(Kept& kept, const dataflow::Graph::Changes& changes, Step& step,
                      const Reserve& reserve) {
  // One change may pass the bound of all by so much, before the largest has to go.
  kept.view.set_limit(room_for(kept) + options_.memory_limit_bytes / 4);
  auto delta = kept.view.follow(changes, step.time);
  if (!delta.ok() && is_lost_part(delta.error())) {
    // What it shares has gone on without it.
    kept.view.empty();
    return leave_behind(kept, step, std::nullopt);
  }
  if (!delta.ok()) return break_off(kept, step, std::move(delta).error());
  if (dataflow::row_count(*delta) + kept.view.later_rows() > kMostDerivedRows) {
    kept.view.empty();
    return leave_behind(kept, step, std::nullopt);
  }
  auto change = kept.view.emit(*delta, reserve);
  if (!change.ok()) {
    // Filled anew, it is right again.
    log::error("{}", change.error().message);
    kept.view.empty();
    return leave_behind(kept, step, std::nullopt);
  }
  if (!change->added.empty() || !change->erased.empty()) {
    step.deltas[kept.id()] = std::move(delta).value();
    step.out.changes.push_back(std::move(change).value());
  }
  const std::optional<Error> error = kept.view.error();
  const auto due = kept.view.next_due();
  const std::lock_guard lock(mutex);
  // Nobody has read it in between, but some might by AS OF.
  if (kept.readable.is_overdue(step.time)) kept.readable.end(step.time);
  const bool starts = !kept.readable.is_open();
  if (starts) kept.readable.begin(step.time);
  const bool is_due_anew = kept.readable.set_due(due);
  if (kept.readable.set_error(step.time, error) || starts || is_due_anew) {
    if (const auto since = oldest_asked_locked(kept)) kept.readable.forget_before(*since);
    note_locked(kept, step);
  }
  if (kept.phase != Phase::kLive) {
    kept.phase = Phase::kLive;
    kept.trouble.reset();
    kept.shortages = 0;
    changed.notify_all();
  }
  kept.bytes = kept.view.bytes();
  check_memory_locked();
}

void Follower::break_off(Kept& kept, Step& step, Error error) {
  Error why = broken_view(kept.view.definition().name, std::move(error));
  log::error("{}", why.message);
  kept.view.empty();
  leave_behind(kept, step, std::move(why));
}

std::optional<Time> Follower::forget() {
  {
    const std::lock_guard lock(mutex);
    for (auto& [kept, mark, parts] : stepped_) {
      kept->readable.go_back(mark);
      for (const PartPtr& part : parts) part->lose(stepped_at_);
      if (!kept->attached) continue;
      // What it remembers is ahead of the store.
      kept->view.empty();
      kept->attached = kept->too_large = false;
      kept->phase = Phase::kFilling;
      kept->bytes = 0;
    }
    stepped_.clear();
  }
  changed.notify_all();
  return next_due();
}

}  // namespace sluice::views
