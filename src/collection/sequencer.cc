#include "collection/sequencer.h"

#include "base/log.h"
#include "collection/snapshot.h"

namespace sluice::collection {
namespace {

constexpr size_t kMostCommitsInGroup = 1000;
constexpr size_t kMostGroupBytes = size_t{64} << 20;
// More is not worth the wait of all commits, nor is its record of the log.
constexpr size_t kMostDerivedBytes = size_t{256} << 20;

using Steady = std::chrono::steady_clock;
// What follows from time is seen to at most as often, where no commit does it: each is a sync.
constexpr std::chrono::milliseconds kBetweenGroupsWithoutCommits{10};
constexpr std::chrono::milliseconds kLongestPause{1000};

constexpr size_t kProbeBytes = size_t{1} << 20;

Error read_only(const std::string& reason, bool passing) {
  return error(ErrorCode::kExhausted, "the server is read-only: {}", reason)
      .with_sqlstate("53100")
      .with_hint(passing ? "Free space on the disk of the data directory: commits are taken again "
                           "within a second of that."
                         : "Look after the disk of the data directory, then restart the server.");
}

template <typename Requests>
void end_waiting(Requests& waiting) {
  for (auto* request : std::exchange(waiting, {})) {
    request->outcome.result = cancelled();
    request->done.release();
  }
}

Error gone() {
  return error(ErrorCode::kConflict, "could not serialize access due to concurrent update")
      .with_sqlstate("40001");
}

}  // namespace

Sequencer::Sequencer(State& state, std::unique_ptr<LogWriter> log, uint64_t last_sequence,
                     std::function<void()> published)
    : state_(state),
      log_(std::move(log)),
      sequence_(last_sequence),
      published_(std::move(published)),
      thread_([this] { work(); }) {}

Sequencer::~Sequencer() {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(nullptr);  // the last one
  }
  arrived_.notify_all();
  thread_.join();
}

CommitOutcome Sequencer::commit(PreparedCommit& commit, std::stop_token stop) {
  Request request;
  request.commit = &commit;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&request);
  }
  arrived_.notify_all();
  // Taken back if still queued; once begun it is seen through.
  const std::stop_callback take_back(stop, [&] {
    const std::lock_guard lock(mutex_);
    if (std::erase(queue_, &request) + std::erase(waiting_, &request) == 0) return;
    request.outcome.result = cancelled();
    request.done.release();
  });
  request.done.acquire();
  return std::move(request.outcome);
}

void Sequencer::run(const std::function<void()>& task) {
  Request request;
  request.task = &task;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&request);
  }
  arrived_.notify_all();
  request.done.acquire();
}

Status Sequencer::begin_log(uint64_t number) {
  TRY_ASSIGN(log_, LogWriter::create(state_.files, state_.paths.logs, number));
  return ok();
}

void Sequencer::try_again() {
  const std::string path = state_.paths.temporary + "/probe";
  const auto probe = [&]() -> Status {
    TRY_ASSIGN(const auto file, state_.files.create(path));
    TRY(file->append(std::string(kProbeBytes, '\0')));
    return file->sync();
  };
  const Status room = probe();
  (void)state_.files.remove(path);
  if (!room.ok() || !begin_log(log_->number() + 1).ok()) return;
  log::info("commits are taken again");
  state_.set_read_only("", false);
}

void Sequencer::work() {
  while (true) {
    std::vector<Request*> group;
    {
      std::unique_lock lock(mutex_);
      wait_for_work(lock);
      while (!queue_.empty() && group.size() < kMostCommitsInGroup) {
        Request* request = queue_.front();
        // A task, and the end, come between groups.
        if ((request == nullptr || request->task != nullptr) && !group.empty()) break;
        queue_.pop_front();
        if (request == nullptr) return end_waiting(waiting_);
        group.push_back(request);
        if (request->task != nullptr) break;
      }
    }
    if (group.empty()) {
      run_group({});
      next_without_commits_ = Steady::now() + kBetweenGroupsWithoutCommits;
    } else if (group.front()->task != nullptr) {
      (*group.front()->task)();
      group.front()->done.release();
    } else {
      run_group(std::move(group));
    }
  }
}

// Until there is a request, or what follows from time is due.
void Sequencer::wait_for_work(std::unique_lock<std::mutex>& lock) {
  while (queue_.empty()) {
    // Only this thread changes it.
    const auto due = state_.timeline.due();
    if (!due) {
      arrived_.wait(lock);
      continue;
    }
    // The clock may be set, and what is due may be centuries away.
    const Steady::duration until = std::min(state_.timeline.until(*due), kLongestPause);
    const auto pause = std::max(until, next_without_commits_ - Steady::now());
    if (pause <= Steady::duration::zero()) return;
    arrived_.wait_for(lock, pause);
  }
}

// None: time alone has brought it about.
void Sequencer::run_group(std::vector<Request*> requests) {
  Group group;
  group.time = state_.timeline.begin_group();
  group.revision = state_.records.revision();
  std::vector<Request*> answered;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (group.payload.size() > kMostGroupBytes) {
      const std::lock_guard lock(mutex_);
      queue_.insert(queue_.begin(), requests.begin() + static_cast<ptrdiff_t>(i), requests.end());
      break;
    }
    if (accept(group, *requests[i])) answered.push_back(requests[i]);
  }
  group.due = state_.timeline.due();
  const bool is_time = group.due && *group.due <= group.time;
  if (group.accepted.empty() && !requests.empty() && !is_time) {
    state_.timeline.end_group(false, group.due);
  } else {
    complete(group);
  }
  // Only now: a reader that comes after its commit's answer finds it complete.
  for (Request* request : answered) request->done.release();
  if (group.commits > 0) published_();
}

void Sequencer::complete(Group& group) {
  derive(group);
  // Commits have been refused before they came here; time can't be.
  const bool is_refused = group.accepted.empty() && !state_.read_only_reason().empty();
  if (!is_refused) {
    const Status written = write(group);
    if (written.ok()) {
      publish(group);
      state_.timeline.end_group(true, group.due);
      return;
    }
    fail(group, written.error());
  }
  const auto derivation = state_.derivation();
  const bool forgets = derivation && group.is_derived;
  state_.timeline.end_group(false, forgets ? derivation->forget() : group.due);
}

Status Sequencer::write(const Group& group) {
  // Time has passed, and nothing came of it.
  if (group.commits == 0) return ok();
  ByteWriter payload;
  payload.i64(group.time.milliseconds);
  payload.u64(group.commits);
  payload.raw(group.payload.bytes().data(), group.payload.size());
  TRY(log_->append(sequence_ + 1, payload.bytes()));
  ++sequence_;
  state_.log_bytes += payload.size();
  ++state_.groups;
  return ok();
}

bool Sequencer::accept(Group& group, Request& request) {
  PreparedCommit& commit = *request.commit;
  const std::string reason = state_.read_only_reason();
  if (!reason.empty()) {
    request.outcome.result = read_only(reason, state_.read_only_passes());
    return true;
  }
  if (auto valid = validate(group, commit); !valid.ok()) {
    request.outcome.result = std::move(valid).error();
    return true;
  }
  if (meets_load(group, commit)) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(&request);
    return false;
  }
  LoggedCommit logged;
  give_row_ids(commit, logged);
  for (const Commit::Create& create : commit.created) {
    group.created[create.id.value] =
        std::make_shared<Collection>(create.id, create.spec, group.time, state_.row_ids(create.id));
  }
  for (PreparedWrite& write : commit.writes) {
    if (write.indexes.empty()) continue;
    group.created.at(write.id.value)->indexes() = std::move(write.indexes);
  }
  if (auto duplicate = claim_keys(group, commit)) {
    for (const Commit::Create& create : commit.created) group.created.erase(create.id.value);
    request.outcome.duplicate = duplicate;
    request.outcome.result = error(ErrorCode::kExists, "duplicate key value");
    return true;
  }
  for (const CollectionId id : commit.dropped) group.dropped.insert(id.value);
  for (const PreparedWrite& write : commit.writes) {
    if (!write.erased.empty()) group.erased[write.id.value].insert_all(write.erased);
  }
  if (!commit.records.empty()) ++group.revision;
  logged.created = commit.created;
  logged.retained = commit.retained;
  logged.dropped = commit.dropped;
  logged.records = commit.records;
  logged.notes = commit.notes;
  write_commit(group.payload, logged);
  ++group.commits;
  request.outcome.result = Committed{group.time, group.revision};
  group.accepted.push_back(&request);
  return true;
}

CollectionPtr Sequencer::collection_of(const Group& group, CollectionId id) const {
  if (group.dropped.contains(id.value)) return nullptr;
  if (const auto found = group.created.find(id.value); found != group.created.end()) {
    return found->second;
  }
  CollectionPtr collection = state_.find(id);
  return collection && !collection->dropped() ? collection : nullptr;
}

Status Sequencer::validate(Group& group, const PreparedCommit& commit) {
  if (commit.catalog_revision && *commit.catalog_revision != group.revision) {
    return error(ErrorCode::kConflict, "the catalog was changed concurrently")
        .with_sqlstate("40001");
  }
  std::unordered_set<uint64_t> created;
  for (const Commit::Create& create : commit.created) {
    if (!created.insert(create.id.value).second || collection_of(group, create.id)) {
      return internal("collection {} is there already", create.id.value);
    }
  }
  for (const CollectionId id : commit.dropped) {
    if (!collection_of(group, id)) return gone();
  }
  for (const Commit::Retain& retain : commit.retained) {
    if (!created.contains(retain.id.value) && !collection_of(group, retain.id)) return gone();
  }
  for (const PreparedWrite& write : commit.writes) {
    if (created.contains(write.id.value)) {
      if (!write.erased.empty()) return internal("rows of a new collection are erased");
    } else if (!collection_of(group, write.id)) {
      return gone();
    }
    TRY(check_erased(group, write));
  }
  return ok();
}

Status Sequencer::check_erased(Group& group, const PreparedWrite& write) {
  if (write.erased.empty()) return ok();
  const CollectionPtr collection = collection_of(group, write.id);
  const auto earlier = group.erased.find(write.id.value);
  if (collection->deletes_any_of(write.erased)) return gone();
  if (earlier != group.erased.end() && earlier->second.intersects(write.erased)) return gone();
  return ok();
}

void Sequencer::give_row_ids(PreparedCommit& commit, LoggedCommit& logged) {
  for (PreparedWrite& write : commit.writes) {
    LoggedWrite& entry = logged.writes.emplace_back();
    entry.id = write.id;
    entry.first_row_id = state_.row_ids(write.id)->fetch_add(static_cast<int64_t>(write.rows));
    number_rows(write.batches, entry.first_row_id);
    for (auto& keys : write.keys) {
      for (KeyedRow& keyed : keys) keyed.row += entry.first_row_id;
    }
    entry.rows = std::move(write.encoded_rows);
    entry.erased = write.erased;
    for (const Segment& load : write.loads) entry.loads.push_back(load.info);
  }
}

// Whether a key of the commit is one that a load has entered whose commit is under way: as long as
// it may fail, nobody can say whether the key is taken.
bool Sequencer::meets_load(const Group& group, const PreparedCommit& commit) const {
  for (const PreparedWrite& write : commit.writes) {
    const CollectionPtr collection = collection_of(group, write.id);
    if (!collection || collection->claimed().empty()) continue;
    for (size_t key = 0; key < write.keys.size(); ++key) {
      for (const KeyedRow& keyed : write.keys[key]) {
        const auto row = collection->indexes()[key].find(keyed.key);
        if (row && collection->claimed().contains(*row) && !write.claimed.contains(*row)) {
          return true;
        }
      }
    }
  }
  return false;
}

void Sequencer::wake_waiting() {
  const std::lock_guard lock(mutex_);
  queue_.insert(queue_.begin(), waiting_.begin(), waiting_.end());
  waiting_.clear();
}

// Enters the keys of all rows in batches, or of none when one is taken by a live row.
std::optional<Duplicate> Sequencer::claim_keys(Group& group, PreparedCommit& commit) {
  std::vector<IndexChange> done;
  const auto undo = [&] {
    for (auto change = done.rbegin(); change != done.rend(); ++change) {
      if (change->before) {
        change->index->put(change->added.key, *change->before);
      } else {
        change->index->remove(change->added.key, change->added.row);
      }
    }
  };
  for (size_t number = 0; number < commit.writes.size(); ++number) {
    const PreparedWrite& write = commit.writes[number];
    const CollectionPtr collection = collection_of(group, write.id);
    const auto earlier = group.erased.find(write.id.value);
    const auto dead = [&](int64_t row) {
      return write.erased.contains(row) || collection->is_deleted(row) ||
             (earlier != group.erased.end() && earlier->second.contains(row));
    };
    for (size_t key = 0; key < write.keys.size(); ++key) {
      UniqueIndex& index = collection->indexes()[key];
      const auto claim = [&](const KeyedRow& keyed) {
        const auto before = index.find(keyed.key);
        if (before && !dead(*before)) return false;
        index.put(keyed.key, keyed.row);
        done.push_back({&index, keyed, before});
        return true;
      };
      for (const KeyedRow& keyed : write.keys[key]) {
        if (claim(keyed)) continue;
        undo();
        const int64_t first = write.batches.front()->row_ids.front();
        return Duplicate{number, key, keyed.row - first, false};
      }
    }
  }
  return std::nullopt;
}

void Sequencer::derive(Group& group) {
  const auto derivation = state_.derivation();
  if (!derivation) {
    group.due.reset();
    return;
  }
  std::map<uint64_t, SourceChange> by_id;
  for (const Request* request : group.accepted) {
    for (const PreparedWrite& write : request->commit->writes) {
      if (!derivation->reads(write.id)) continue;
      SourceChange& change = by_id[write.id.value];
      change.id = write.id;
      for (const auto& batch : write.batches) change.added.push_back(&batch->rows);
      if (write.erased_rows) {
        for (const auto& batch : *write.erased_rows) change.erased.push_back(&batch->rows);
      }
      const bool unknown = !write.erased.empty() && !write.erased_rows;
      change.is_partial = change.is_partial || unknown || !write.loads.empty();
    }
  }
  const bool is_time = group.due && *group.due <= group.time;
  if (by_id.empty() && !is_time && !derivation->is_due()) return;
  std::vector<SourceChange> changes;
  changes.reserve(by_id.size());
  for (auto& [id, change] : by_id) changes.push_back(std::move(change));
  const auto reserve = [this](CollectionId id, size_t rows) {
    return RowId{state_.row_ids(id)->fetch_add(static_cast<int64_t>(rows))};
  };
  group.is_derived = true;
  const Status added = add_derived(group, derivation->step(group.time, changes, reserve));
  if (added.ok()) return;
  log::error("derived rows are left out: {}", added.error().message);
  group.derived = {};
  derivation->forget();
  // Without what it could follow: that this is left behind is to be on record.
  if (!add_derived(group, derivation->step(group.time, changes, reserve)).ok()) group.derived = {};
}

Status Sequencer::add_derived(Group& group, Derived derived) {
  group.due = derived.due;
  CHECK(!group.due || *group.due > group.time);
  LoggedCommit logged;
  size_t bytes = 0;
  for (DerivedChange& change : derived.changes) {
    const CollectionPtr collection = collection_of(group, change.id);
    if (!collection) continue;  // dropped meanwhile
    PreparedWrite& write = group.derived.writes.emplace_back();
    write.id = change.id;
    for (const auto& rows : change.added) {
      TRY(check_columns(*rows, collection->spec.shape));
      auto batch = copied_batch(*rows, collection->spec.shape);
      batch->row_ids.resize(rows->size());
      write.batches.push_back(std::move(batch));
    }
    number_rows(write.batches, change.first_row_id.value);
    for (const RowId row : change.erased) {
      if (!write.erased.insert(row.value) || collection->is_deleted(row.value)) {
        return internal("row {} of collection {} is erased twice", row.value, change.id.value);
      }
    }
    LoggedWrite& entry = logged.writes.emplace_back();
    entry.id = change.id;
    entry.first_row_id = change.first_row_id.value;
    entry.erased = write.erased;
    TRY(encode_write_rows(write.batches, entry.rows));
    bytes += entry.rows.size();
    if (bytes > kMostDerivedBytes) return internal("derived rows are too many for one group");
  }
  if (logged.writes.empty() && derived.notes.empty()) return ok();
  group.derived.notes = derived.notes;
  logged.notes = std::move(derived.notes);
  write_commit(group.payload, logged);
  ++group.commits;
  return ok();
}

void Sequencer::publish(Group& group) {
  for (auto& [id, collection] : group.created) state_.add(collection);
  static_cast<void>(state_.timeline.advance_since());
  publish(group.time, group.derived);
  for (Request* request : group.accepted) {
    publish(group.time, *request->commit);
    ++state_.commits;
  }
}

void Sequencer::publish(Time time, PreparedCommit& commit) {
  for (const Commit::Retain& retain : commit.retained) {
    state_.timeline.retain(retain.id, retain.history);
  }
  for (PreparedWrite& write : commit.writes) {
    const CollectionPtr collection = state_.find(write.id);
    for (Segment& load : write.loads) load.file->keep();
    if (!write.claimed.empty()) {
      collection->claimed().erase_all(std::exchange(write.claimed, {}));
      wake_waiting();
    }
    if (!enter_rows(collection->key_indexes(), write.key_rows, write.batches, write.loads)) {
      state_.index_work = true;
    }
    state_.grow_tail(collection->apply(
        time, {std::move(write.batches), std::move(write.erased), std::move(write.loads)}));
    collection->forget_before(state_.timeline.advance_since(write.id));
  }
  for (const CollectionId id : commit.dropped) state_.find(id)->drop(time);
  state_.records.apply(commit.records);
  state_.notes.apply(commit.notes);
  commit.published = true;
}

void Sequencer::fail(Group& group, const Error& error) {
  log::error("commits are refused from now on: {}", error.message);
  // What a failed write has left is cut off, and that is made sure of: then nothing but the want of
  // space is in the way of the next log. After a failed sync nobody knows what the disk holds.
  const bool passing = error.code != ErrorCode::kUnknown && log_->cut_back().ok();
  state_.set_read_only(error.message, passing);
  for (Request* request : group.accepted) {
    Error refused = read_only(error.message, passing);
    if (error.code == ErrorCode::kUnknown) {
      refused.code = ErrorCode::kUnknown;
      refused.detail = "Whether this commit is durable shows at the next start.";
    }
    request->outcome.result = std::move(refused);
  }
}

Status apply_logged(State& state, Time time, LoggedCommit commit) {
  for (Commit::Create& create : commit.created) {
    const uint64_t next = std::max(state.next_collection_id.load(), create.id.value + 1);
    state.next_collection_id = next;
    state.add(std::make_shared<Collection>(create.id, std::move(create.spec), time,
                                           state.row_ids(create.id)));
  }
  for (const Commit::Retain& retain : commit.retained) {
    state.timeline.retain(retain.id, retain.history);
  }
  for (LoggedWrite& write : commit.writes) {
    const CollectionPtr collection = state.find(write.id);
    if (!collection)
      return internal("the log writes to collection {}, which is not there", write.id.value);
    Change change;
    TRY_ASSIGN(change.batches,
               decode_write_rows(write.rows, collection->spec.shape.types, write.first_row_id));
    int64_t next = collection->row_ids->load();
    for (const auto& batch : change.batches) next = std::max(next, batch->row_ids.back() + 1);
    change.erased = std::move(write.erased);
    for (const SegmentInfo& info : write.loads) {
      state.next_segment = std::max(state.next_segment.load(), info.number + 1);
      next = std::max(next, info.last_row_id + 1);
      TRY_ASSIGN(auto file,
                 SegmentFile::attach(state.engine, state.paths, info.number, state.graveyard));
      change.loads.push_back({info, std::move(file)});
    }
    collection->row_ids->store(next);
    state.grow_tail(collection->apply(time, std::move(change)));
  }
  for (const CollectionId id : commit.dropped) {
    if (const CollectionPtr collection = state.find(id)) collection->drop(time);
  }
  state.records.apply(commit.records);
  state.notes.apply(commit.notes);
  return ok();
}

}  // namespace sluice::collection
