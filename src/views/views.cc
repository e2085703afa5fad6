#include "views/views.h"

#include <chrono>
#include <thread>

#include "base/background.h"
#include "base/guarded.h"
#include "base/log.h"
#include "views/follower.h"
#include "views/reading.h"

namespace sluice::views {
namespace {

using collection::CollectionId;
using collection::Time;

// A view that has less than this to catch up with does so while commits wait.
constexpr size_t kFewRows = 1'000;
// Nor does it try to come nearer more often than this: beside steady writes it can't.
constexpr int kMostRounds = 5;
// So many times what is always followed is followed of larger inputs.
constexpr uint64_t kMostCopied = 10;
// After a failure that may pass.
constexpr std::chrono::seconds kPause{1};
// Until it is looked whether there is something to do.
constexpr std::chrono::seconds kLongest{600};

bool may_pass(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kConflict ||
         error.code == ErrorCode::kUnknown || error.sqlstate == "53100";
}

// Whether what a view shares has gone on without it.
template <typename T>
bool is_left_out(const T& result) {
  return !result.ok() && is_lost_part(result.error());
}

class Keeper final : public Views {
 public:
  Keeper(collection::Store& store, engine::Engine& engine,
         engine::Engine::Registration registration, Options options)
      : store_(store),
        engine_(engine),
        options_(options),
        planner_(std::move(registration)),
        follower_(std::make_shared<Follower>(store, options)) {
    store_.derive(follower_);
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  }
  ~Keeper() override {
    thread_.request_stop();
    for (const KeptPtr& kept : follower_->all()) kept->stop.request_stop();
    follower_->changed.notify_all();
    thread_.join();
    store_.derive(nullptr);
  }

  Result<std::string> explain(const engine::Query& query, std::span<const Input> inputs) override;
  void add(Definition definition) override;
  void remove(CollectionId id) override;
  Status check(CollectionId id, Time time) override;
  Status wait(CollectionId id, std::stop_token stop) override;
  std::vector<ViewInfo> info() override;

 private:
  Status wait_until_live(const Kept& kept, const std::stop_token& stop);
  void work(const std::stop_token& stop);
  KeptPtr next(const std::stop_token& stop);
  bool may_go_on_locked(const Kept& kept) const;
  Status bring_up(Kept& kept, const std::stop_token& stop);
  Status fill(Kept& kept, const std::stop_token& stop);
  enum class Distance { kNear, kFar, kUnknown };
  Result<Distance> catch_up(Kept& kept, bool last_round, const std::stop_token& stop);
  Status go_live(Kept& kept, const std::stop_token& stop);
  bool is_attached(const Kept& kept) const;
  bool is_hopeless(const Kept& kept) const;
  Status let_go(Kept& kept);
  Status begin_group(const std::stop_token& stop);
  void failed(Kept& kept, Error error, const std::stop_token& stop);
  void forget_notes(const std::stop_token& stop);

  collection::Store& store_;
  engine::Engine& engine_;
  const Options options_;
  dataflow::Planner planner_;
  const std::shared_ptr<Follower> follower_;  // shared with the store
  std::vector<CollectionId> removed_;         // whose notes are to go; guarded by follower_->mutex
  std::jthread thread_;                       // last: it uses the others
};

Result<std::string> Keeper::explain(const engine::Query& query, std::span<const Input> inputs) {
  std::vector<dataflow::SourceTable> tables;
  tables.reserve(inputs.size());
  const auto view = store_.read();
  for (const Input& input : inputs) {
    // Its maker may be about to create it.
    const auto snapshot = view->snapshot(input.id);
    tables.push_back({input.name, input.shape, source_of(input.id),
                      snapshot.ok() ? (*snapshot)->row_count() : 0});
  }
  TRY_ASSIGN(const dataflow::Plan plan, planner_.compile(query, tables));
  return dataflow::explain(plan);
}

void Keeper::add(Definition definition) {
  auto kept =
      std::make_shared<Kept>(Surroundings{store_, engine_, planner_}, std::move(definition));
  const auto notes = store_.notes();
  if (const auto note = notes.find(note_key(kept->id())); note != notes.end()) {
    kept->readable = Readable::from_note(note->second);
  }
  follower_->add(std::move(kept));
}

void Keeper::remove(CollectionId id) {
  follower_->remove(id);
  const std::lock_guard lock(follower_->mutex);
  removed_.push_back(id);
  follower_->changed.notify_all();
}

Status Keeper::check(CollectionId id, Time time) {
  const KeptPtr kept = follower_->find(id);
  if (!kept) {
    return error(ErrorCode::kUnavailable, "a materialized view is not there yet")
        .with_sqlstate("55000")
        .with_hint("Begin a new transaction.");
  }
  const std::lock_guard lock(follower_->mutex);
  return follower_->check_locked(*kept, time);
}

Status Keeper::wait(CollectionId id, std::stop_token stop) {
  const KeptPtr kept = follower_->find(id);
  if (!kept) return error(ErrorCode::kNotFound, "a materialized view is not there");
  while (true) {
    TRY(wait_until_live(*kept, stop));
    // The group that it is live from may be on its way to the disk, or fail there.
    store_.between_groups([] {});
    const std::lock_guard lock(follower_->mutex);
    if (follower_->is_live_locked(*kept)) return ok();
  }
}

Status Keeper::wait_until_live(const Kept& kept, const std::stop_token& stop) {
  std::unique_lock lock(follower_->mutex);
  const Error* obstacle = nullptr;
  const bool done = follower_->changed.wait(lock, stop, [&] {
    obstacle = follower_->obstacle_locked(kept);
    return obstacle != nullptr || kept.removed || follower_->is_live_locked(kept);
  });
  if (obstacle != nullptr) return *obstacle;
  if (!done) return cancelled();
  if (kept.removed) return error(ErrorCode::kNotFound, "the materialized view was dropped");
  return ok();
}

std::vector<ViewInfo> Keeper::info() {
  std::vector<ViewInfo> infos;
  const auto describe = [&] {
    const Time now = store_.read()->time();
    for (const KeptPtr& kept : follower_->all()) {
      const std::lock_guard lock(follower_->mutex);
      ViewInfo info;
      info.id = kept->id();
      info.phase = kept->phase;
      if (const Error* const found = follower_->obstacle_locked(*kept)) {
        info.error = *found;
      } else {
        info.error = kept->readable.last_error();
      }
      info.filled_rows = kept->filled_rows;
      info.rows_to_fill = kept->rows_to_fill;
      info.bytes = kept->bytes;
      info.complete = kept->readable.is_open() ? now : kept->readable.ended();
      if (kept->attached) info.operators = kept->view.operators();
      infos.push_back(std::move(info));
    }
  };
  // Views that are followed are the store's thread's.
  store_.between_groups(describe);
  return infos;
}

void Keeper::work(const std::stop_token& stop) {
  become_background_thread();
  while (!stop.stop_requested()) {
    forget_notes(stop);
    const KeptPtr kept = next(stop);
    if (!kept) continue;
    const std::stop_token removal = kept->stop.get_token();
    const Status done = guarded("a materialized view", [&] { return bring_up(*kept, removal); });
    if (!done.ok()) failed(*kept, done.error(), stop);
  }
}

// The notes of views that are gone, when there is nothing better to do.
void Keeper::forget_notes(const std::stop_token& stop) {
  collection::Commit commit;
  {
    const std::lock_guard lock(follower_->mutex);
    for (const CollectionId id : std::exchange(removed_, {})) {
      commit.notes.push_back({note_key(id), std::nullopt});
    }
  }
  if (commit.notes.empty()) return;
  // What stays is of no use, and in nobody's way.
  static_cast<void>(store_.commit(std::move(commit), stop));
}

// The first that is not live and could be; nothing: look again.
KeptPtr Keeper::next(const std::stop_token& stop) {
  std::unique_lock lock(follower_->mutex);
  auto again = std::chrono::steady_clock::now();
  KeptPtr found;
  const auto look = [&] {
    const auto now = std::chrono::steady_clock::now();
    again = now + kLongest;
    for (const KeptPtr& kept : follower_->all_locked()) {
      found = kept;
      if (!kept->attached && kept->keeps_memory && follower_->is_hopeless_locked(*kept))
        return true;
      if (!may_go_on_locked(*kept)) continue;
      if (kept->not_before <= now) return true;
      again = std::min(again, kept->not_before);
    }
    found.reset();
    return !removed_.empty();
  };
  while (!look() && !stop.stop_requested()) {
    follower_->changed.wait_until(lock, stop, again, look);
  }
  if (found && found->broken && !found->keeps_memory) {
    log::info("materialized view {} is filled again", found->view.definition().name);
    found->broken.reset();
    found->phase = Phase::kFilling;
  }
  return found;
}

// Whether it is the worker's to bring up, now or later.
bool Keeper::may_go_on_locked(const Kept& kept) const {
  if (kept.attached && kept.phase == Phase::kLive) return false;
  if (kept.broken && kept.broken->code != ErrorCode::kExhausted) return false;
  return std::all_of(kept.upstream.begin(), kept.upstream.end(),
                     [&](const KeptPtr& up) { return follower_->is_live_locked(*up); });
}

Status Keeper::bring_up(Kept& kept, const std::stop_token& stop) {
  {
    const std::lock_guard lock(follower_->mutex);
    kept.trouble.reset();
  }
  if (is_attached(kept)) return begin_group(stop);  // the last one was not written
  if (is_hopeless(kept)) return let_go(kept);
  for (int round = 1;; ++round) {
    if (!kept.view.is_filled()) {
      TRY(fill(kept, stop));
      if (!kept.view.is_filled()) return ok();  // what it reads was left behind
    }
    TRY_ASSIGN(const Distance distance, catch_up(kept, round >= kMostRounds, stop));
    if (distance == Distance::kNear) return go_live(kept, stop);
    // What it reads is to be brought up first.
    if (distance == Distance::kUnknown) return ok();
    if (stop.stop_requested()) return cancelled();
  }
}

Status Keeper::fill(Kept& kept, const std::stop_token& stop) {
  const auto at = follower_->read_inputs(kept);
  if (!at) return ok();
  {
    const std::lock_guard lock(follower_->mutex);
    kept.phase = Phase::kFilling;
    kept.keeps_memory = true;
    kept.filled_rows = kept.rows_to_fill = 0;
  }
  kept.view.set_limit(follower_->room_for(kept));
  const auto progress = [&](uint64_t rows, uint64_t of) {
    const std::lock_guard lock(follower_->mutex);
    kept.filled_rows = rows;
    kept.rows_to_fill = of;
  };
  TRY(kept.view.fill(at, progress, stop));
  const std::lock_guard lock(follower_->mutex);
  kept.phase = Phase::kCatchingUp;
  kept.bytes = kept.view.bytes();
  return ok();
}

// One round of it: how far the view is behind then.
Result<Keeper::Distance> Keeper::catch_up(Kept& kept, bool last_round,
                                          const std::stop_token& stop) {
  auto to = follower_->read_inputs(kept);
  if (!to) return Distance::kUnknown;
  const auto share =
      static_cast<uint64_t>(options_.refill_share * static_cast<double>(kept.view.input_rows()));
  // They are copied into memory: not too many, however large the inputs are.
  const uint64_t most =
      std::clamp(share, options_.refill_from_rows, kMostCopied * options_.refill_from_rows);
  const auto anew = [&kept] {
    kept.view.empty();
    return Distance::kFar;
  };
  kept.view.set_limit(follower_->room_for(kept));
  auto found = kept.view.changes_until(*to, most, stop);
  if (is_left_out(found)) return anew();
  TRY_ASSIGN(const auto changes, std::move(found));
  if (!changes) return anew();
  const size_t rows = kept.view.rows_to_follow(*changes);
  const bool near = rows <= kFewRows || (last_round && rows <= options_.refill_from_rows);
  // What was kept for a group that is too much for one is loaded beside commits.
  if (near && kept.view.later_rows() <= kMostDerivedRows) return Distance::kNear;
  kept.view.set_limit(follower_->room_for(kept));
  if (Status done = kept.view.catch_up(*changes, std::move(to), stop); !done.ok()) {
    if (is_left_out(done)) return anew();
    kept.view.empty();
    return std::move(done).error();
  }
  return Distance::kFar;
}

Status Keeper::go_live(Kept& kept, const std::stop_token& stop) {
  auto attached = follower_->attach(kept, stop);
  if (!attached.ok()) {
    kept.view.empty();
    if (is_left_out(attached)) return ok();
    return std::move(attached).error();
  }
  if (!*attached) return ok();
  return begin_group(stop);
}

bool Keeper::is_attached(const Kept& kept) const {
  const std::lock_guard lock(follower_->mutex);
  return kept.attached;
}

bool Keeper::is_hopeless(const Kept& kept) const {
  const std::lock_guard lock(follower_->mutex);
  return follower_->is_hopeless_locked(kept);
}

// What can't go on keeps neither memory nor the past.
Status Keeper::let_go(Kept& kept) {
  kept.view.empty();
  const std::lock_guard lock(follower_->mutex);
  kept.bytes = 0;
  kept.keeps_memory = false;
  if (!kept.broken) kept.phase = Phase::kFilling;
  return ok();
}

// Any group will do for views to become live in.
Status Keeper::begin_group(const std::stop_token& stop) {
  collection::Commit commit;
  commit.notes.push_back({"view", std::nullopt});
  TRY(store_.commit(std::move(commit), stop));
  return ok();
}

void Keeper::failed(Kept& kept, Error error, const std::stop_token& stop) {
  const std::string& name = kept.view.definition().name;
  std::unique_lock lock(follower_->mutex);
  if (!kept.attached && !may_pass(error)) kept.view.empty();
  if (!kept.attached) kept.bytes = kept.view.bytes();
  if (kept.removed || kept.stop.stop_requested() || stop.stop_requested()) return;
  if (may_pass(error) || kept.attached) {
    log::warning("materialized view {} waits: {}", name, error.message);
    kept.trouble = std::move(error);
    kept.not_before = std::chrono::steady_clock::now() + kPause;
    follower_->changed.notify_all();
    return;
  }
  if (error.code == ErrorCode::kNotFound) {
    // Mostly it, or what it reads, was dropped a moment ago, and its removal is on the way.
    follower_->changed.wait_for(lock, stop, kPause, [&] { return kept.removed; });
    if (kept.removed || stop.stop_requested()) return;
  }
  log::error("materialized view {} is broken: {}", name, error.message);
  follower_->set_broken_locked(kept, broken_view(name, std::move(error)));
  follower_->changed.notify_all();
}

}  // namespace

std::string_view name(Phase phase) {
  switch (phase) {
    case Phase::kFilling:
      return "filling";
    case Phase::kCatchingUp:
      return "catching up";
    case Phase::kLive:
      return "live";
    case Phase::kBroken:
      return "broken";
  }
  return "?";
}

std::unique_ptr<Views> Views::start(collection::Store& store, engine::Engine& engine,
                                    engine::Engine::Registration registration, Options options) {
  return std::make_unique<Keeper>(store, engine, std::move(registration), options);
}

}  // namespace sluice::views
