#include "collection/store.h"

#include <condition_variable>

#include "base/log.h"
#include "collection/bulk_load.h"
#include "collection/changes.h"
#include "collection/erased_rows.h"
#include "collection/index_builder.h"
#include "collection/load_claims.h"
#include "collection/maintenance.h"
#include "collection/open_store.h"
#include "collection/recovery.h"
#include "collection/sequencer.h"
#include "collection/snapshot.h"

namespace sluice::collection {
namespace {

// How long a commit waits for the tail to be flushed before it is refused. A disk that is merely
// slow is waited for; a client that will not wait can cancel.
constexpr std::chrono::seconds kFlushWait{180};
// What one commit may write to the log; what loads hold is not part of it.
constexpr uint64_t kMostCommitBytes = uint64_t{1} << 30;
// Times the tail's limit at which commits wait.
constexpr uint64_t kTailSlack = 4;

class View final : public ReadView {
 public:
  View(std::shared_ptr<State> state, Time time) : state_(std::move(state)), time_(time) {}
  ~View() override { state_->timeline.release(time_); }
  Time time() const override { return time_; }

  Result<std::shared_ptr<const Snapshot>> snapshot(CollectionId id,
                                                   const Overlay* overlay) const override {
    const auto* rows = dynamic_cast<const RowOverlay*>(overlay);
    CHECK((rows == nullptr) == (overlay == nullptr));
    const CollectionPtr collection = state_->find(id);
    auto view = collection ? collection->view(time_) : std::nullopt;
    // A collection that its transaction is about to create has nothing but the overlay's rows.
    if (!view && rows != nullptr) {
      return make_snapshot(state_->engine, rows->shape(), time_, rows, {});
    }
    if (!view) return error(ErrorCode::kNotFound, "collection {} is not there", id.value);
    TRY(check_kept(id, time_));
    return make_snapshot(state_->engine, collection->spec.shape, time_, rows, std::move(*view));
  }

  Result<std::shared_ptr<const Changes>> changes(CollectionId id, Time lower) const override {
    const CollectionPtr collection = state_->find(id);
    if (!collection) return error(ErrorCode::kNotFound, "collection {} is not there", id.value);
    if (lower > time_ || lower < collection->created) {
      return invalid("changes from {} to {} can't be read: the table's first time is {}",
                     lower.milliseconds, time_.milliseconds, collection->created.milliseconds);
    }
    // Held until what is to be read has been taken, so that nothing after it is folded meanwhile.
    TRY_ASSIGN(const Time held, state_->timeline.hold(lower));
    const View hold(state_, held);
    TRY(check_kept(id, lower));
    auto changed = collection->changed(lower, time_);
    if (!changed) return error(ErrorCode::kNotFound, "collection {} is not there", id.value);
    return make_changes(state_->engine, collection->spec.shape, {lower, time_},
                        std::move(*changed));
  }

 private:
  Status check_kept(CollectionId id, Time time) const {
    if (state_->timeline.is_kept(id, time)) return ok();
    return invalid("Timestamp ({}) is not valid for all inputs: history is kept from {} on",
                   time.milliseconds, state_->timeline.since(id).milliseconds);
  }

  const std::shared_ptr<State> state_;  // shared: a view may outlive the store
  const Time time_;
};

class LogStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(Options options, engine::Engine& engine, Clock& clock,
                                             Files& files);
  ~LogStore() override;

  CollectionId new_collection_id() override { return {state_->next_collection_id.fetch_add(1)}; }
  Result<std::unique_ptr<Overlay>> overlay(CollectionId id) override;
  Result<std::unique_ptr<Overlay>> overlay(CollectionId id, const engine::Shape& shape) override;
  Result<std::unique_ptr<BulkLoad>> load(CollectionId id, const engine::Shape& shape) override;
  Result<Committed> commit(Commit commit, std::stop_token stop) override;
  std::shared_ptr<const ReadView> read() override;
  Result<std::shared_ptr<const ReadView>> read_at(Time time) override;
  Result<Time> since(CollectionId id) override;
  Time derive(std::shared_ptr<Derivation> derivation) override;
  void between_groups(const std::function<void()>& task) override { sequencer_->run(task); }
  Result<std::shared_ptr<KeyIndex>> add_index(CollectionId id,
                                              std::vector<size_t> columns) override;
  void remove_index(CollectionId id, const std::shared_ptr<KeyIndex>& index) override;
  Status check_index_memory(uint64_t rows) const override;
  std::pair<std::map<std::string, std::string>, uint64_t> records() override {
    return state_->records.get();
  }
  std::map<std::string, std::string> notes() override { return state_->notes.get().first; }
  Stats stats() override;

 private:
  LogStore(std::shared_ptr<State> state, std::shared_ptr<void> lock)
      : state_(std::move(state)), lock_(std::move(lock)) {}
  Result<PreparedCommit> prepare(Commit commit, const std::stop_token& stop);
  Status prepare_write(const CollectionSpec& spec, Commit::Write& from, PreparedWrite& write);
  Error duplicate_error(const PreparedCommit& commit, const Duplicate& duplicate);
  Status wait_for_room(std::stop_token stop);

  const std::shared_ptr<State> state_;  // shared with views
  const std::shared_ptr<void> lock_;    // on the directory
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<Maintenance> maintenance_;  // ends before the sequencer
  std::unique_ptr<IndexBuilder> index_builder_;
};

Result<std::unique_ptr<Store>> LogStore::open(Options options, engine::Engine& engine, Clock& clock,
                                              Files& files) {
  TRY(files.make_directory(options.directory));
  TRY_ASSIGN(auto lock, files.lock(options.directory + "/LOCK"));
  auto state = std::make_shared<State>(std::move(options), engine, clock, files);
  TRY(prepare_directory(files, state->paths));
  TRY_ASSIGN(const Recovered recovered, recover(*state));
  TRY_ASSIGN(auto log, LogWriter::create(files, state->paths.logs, recovered.next_log));
  auto store = std::unique_ptr<LogStore>(new LogStore(state, std::move(lock)));
  LogStore& made = *store;
  made.index_builder_ = std::make_unique<IndexBuilder>(*state);
  made.sequencer_ =
      std::make_unique<Sequencer>(*state, std::move(log), recovered.sequence, [&made] {
        if (made.maintenance_) made.maintenance_->look();
        made.index_builder_->look();
      });
  made.maintenance_ = std::make_unique<Maintenance>(*state, *made.sequencer_);
  return std::unique_ptr<Store>(std::move(store));
}

LogStore::~LogStore() {
  maintenance_->stop();
  sequencer_.reset();
  index_builder_->stop();
}

Result<std::unique_ptr<Overlay>> LogStore::overlay(CollectionId id) {
  const CollectionPtr collection = state_->find(id);
  if (!collection) return error(ErrorCode::kNotFound, "collection {} is not there", id.value);
  return std::unique_ptr<Overlay>(std::make_unique<RowOverlay>(collection->spec.shape));
}

Result<std::unique_ptr<Overlay>> LogStore::overlay(CollectionId, const engine::Shape& shape) {
  return std::unique_ptr<Overlay>(std::make_unique<RowOverlay>(shape));
}

Result<std::unique_ptr<BulkLoad>> LogStore::load(CollectionId id, const engine::Shape& shape) {
  if (auto reason = state_->read_only_reason(); !reason.empty()) {
    return error(ErrorCode::kExhausted, "the server is read-only: {}", reason)
        .with_sqlstate("53100");
  }
  return make_bulk_load(*state_, id, shape);
}

Status LogStore::prepare_write(const CollectionSpec& spec, Commit::Write& from,
                               PreparedWrite& write) {
  write.shape = spec.shape;
  if (from.changes) {
    const auto& overlay = dynamic_cast<const RowOverlay&>(*from.changes);
    write.batches = overlay.live_batches();
    write.erased = overlay.erased_rows();
  }
  for (const auto& load : from.loads) {
    for (const auto& batch : packed(load->batches, spec.shape.types, nullptr)) {
      write.batches.push_back(batch);
    }
    write.loads.insert(write.loads.end(), load->segments.begin(), load->segments.end());
  }
  int64_t position = 0;
  for (const auto& batch : write.batches) {
    for (int64_t& id : batch->row_ids) id = position++;
  }
  write.rows = static_cast<uint64_t>(position);
  TRY(encode_write_rows(write.batches, write.encoded_rows));
  for (const UniqueKey& key : spec.unique_keys) {
    write.key_columns.push_back(key.columns);
    auto& keys = write.keys.emplace_back();
    for (const auto& batch : write.batches) {
      TRY_ASSIGN(const engine::RowKeys found, engine::row_keys(batch->rows, key.columns));
      for (size_t row = 0; row < batch->size(); ++row) {
        if (!found.has_null[row]) keys.push_back({found.keys[row], batch->row_ids[row]});
      }
    }
  }
  return ok();
}

Result<PreparedCommit> LogStore::prepare(Commit commit, const std::stop_token& stop) {
  PreparedCommit prepared;
  uint64_t bytes = 0;
  for (Commit::Write& from : commit.writes) {
    PreparedWrite write;
    write.id = from.id;
    const CollectionPtr collection = state_->find(from.id);
    const auto created = std::find_if(commit.created.begin(), commit.created.end(),
                                      [&](const Commit::Create& c) { return c.id == from.id; });
    if (created == commit.created.end() && !collection) {
      return error(ErrorCode::kConflict, "the table was dropped concurrently")
          .with_sqlstate("40001");
    }
    write.is_new = created != commit.created.end();
    TRY(prepare_write(created != commit.created.end() ? created->spec : collection->spec, from,
                      write));
    if (!write.is_new) write.key_rows = prepare_keys(collection->key_indexes(), write.batches);
    if (!write.erased.empty() && !write.is_new) {
      TRY_ASSIGN(write.erased_rows, erased_rows(*state_, *collection, write.erased, stop));
    }
    if (bytes += write.encoded_rows.size(); bytes > kMostCommitBytes) {
      return error(ErrorCode::kExhausted, "the changes of this transaction do not fit into memory")
          .with_sqlstate("53200")
          .with_hint("Commit more often.");
    }
    prepared.writes.push_back(std::move(write));
  }
  prepared.created = std::move(commit.created);
  prepared.retained = std::move(commit.retained);
  prepared.dropped = std::move(commit.dropped);
  prepared.records = std::move(commit.records);
  prepared.notes = std::move(commit.notes);
  prepared.catalog_revision = commit.catalog_revision;
  return prepared;
}

Status LogStore::wait_for_room(std::stop_token stop) {
  const uint64_t most = kTailSlack * state_->options.tail_limit_bytes;
  if (state_->tail_bytes <= most) return ok();
  if (maintenance_->wait_until_below(most, kFlushWait, stop)) return ok();
  if (stop.stop_requested()) return cancelled();
  return error(ErrorCode::kExhausted, "rows in memory could not be written to disk in time")
      .with_sqlstate("53100");
}

Result<Committed> LogStore::commit(Commit commit, std::stop_token stop) {
  if (commit.created.empty() && commit.retained.empty() && commit.dropped.empty() &&
      commit.writes.empty() && commit.records.empty() && commit.notes.empty() &&
      !commit.catalog_revision) {
    return Committed{state_->timeline.upper(), state_->records.revision()};
  }
  // Notes are no rows: they need no room, and an export's undo must not wait for it.
  if (!commit.writes.empty()) TRY(wait_for_room(stop));
  TRY_ASSIGN(PreparedCommit prepared, prepare(std::move(commit), stop));
  LoadClaims claims(*state_, *sequencer_, prepared);
  TRY_ASSIGN(const auto taken, claims.claim(stop));
  if (taken) return duplicate_error(prepared, *taken);
  CommitOutcome outcome = sequencer_->commit(prepared, stop);
  if (outcome.duplicate) return duplicate_error(prepared, *outcome.duplicate);
  return std::move(outcome.result);
}

Error LogStore::duplicate_error(const PreparedCommit& commit, const Duplicate& duplicate) {
  const PreparedWrite& write = commit.writes[duplicate.write];
  const CollectionPtr collection = state_->find(write.id);
  const CollectionSpec* spec = collection ? &collection->spec : nullptr;
  for (const Commit::Create& create : commit.created) {
    if (create.id == write.id) spec = &create.spec;
  }
  // Dropped by another commit since the sequencer looked.
  if (spec == nullptr)
    return error(ErrorCode::kNotFound, "collection {} is not there", write.id.value);
  const UniqueKey& key = spec->unique_keys[duplicate.key];
  std::string names, values;
  for (const size_t column : key.columns) {
    engine::Value value;
    if (duplicate.of_load) {
      for (const Segment& segment : write.loads) {
        auto connection = state_->engine.connect();
        if (!connection.ok()) break;
        auto found = (*connection)
                         ->query(fmt::format("SELECT c{} FROM {} WHERE row_id = {}", column,
                                             segment.table(), duplicate.row));
        if (found.ok() && !found->empty()) value = (*found)[0][0];
      }
    } else {
      auto row = static_cast<size_t>(duplicate.row);
      for (const auto& batch : write.batches) {
        if (row < batch->size()) {
          value = batch->rows.GetValue(column, row);
          break;
        }
        row -= batch->size();
      }
    }
    names += (names.empty() ? "" : ", ") + spec->shape.names[column];
    values += (values.empty() ? "" : ", ") + value.ToString();
  }
  return error(ErrorCode::kExists, "duplicate key value violates unique constraint \"{}\"",
               key.constraint_name)
      .with_sqlstate("23505")
      .with_detail(fmt::format("Key ({})=({}) already exists.", names, values));
}

std::shared_ptr<const ReadView> LogStore::read() {
  return std::make_shared<View>(state_, state_->timeline.hold_newest());
}

Result<std::shared_ptr<const ReadView>> LogStore::read_at(Time time) {
  TRY_ASSIGN(const Time held, state_->timeline.hold(time));
  return std::shared_ptr<const ReadView>(std::make_shared<View>(state_, held));
}

Result<Time> LogStore::since(CollectionId id) {
  const CollectionPtr collection = state_->find(id);
  if (!collection) return error(ErrorCode::kNotFound, "collection {} is not there", id.value);
  return std::max(state_->timeline.since(id), collection->created);
}

Time LogStore::derive(std::shared_ptr<Derivation> derivation) {
  Time last;
  sequencer_->run([&] {
    last = state_->timeline.upper();
    state_->set_derivation(std::move(derivation));
  });
  return last;
}

Result<std::shared_ptr<KeyIndex>> LogStore::add_index(CollectionId id,
                                                      std::vector<size_t> columns) {
  const auto index = std::make_shared<KeyIndex>(std::move(columns), state_->index_memory);
  bool found = false;
  sequencer_->run([&] {
    const CollectionPtr collection = state_->find(id);
    if (!collection) return;
    found = true;
    const Collection::Capture rows = collection->capture();
    std::vector<KeyIndex::Part> parts(rows.segments.begin(), rows.segments.end());
    parts.insert(parts.end(), rows.tail.begin(), rows.tail.end());
    index->add_parts(std::move(parts));
    KeyIndexes indexes = collection->key_indexes();
    indexes.push_back(index);
    collection->set_key_indexes(std::move(indexes));
  });
  if (!found) return error(ErrorCode::kNotFound, "collection {} is not there", id.value);
  state_->index_work = true;
  index_builder_->look();
  return index;
}

void LogStore::remove_index(CollectionId id, const std::shared_ptr<KeyIndex>& index) {
  index->retire();
  sequencer_->run([&] {
    const CollectionPtr collection = state_->find(id);
    if (!collection) return;
    KeyIndexes indexes = collection->key_indexes();
    std::erase(indexes, index);
    collection->set_key_indexes(std::move(indexes));
  });
}

Status LogStore::check_index_memory(uint64_t rows) const {
  const IndexMemory& memory = *state_->index_memory;
  if (memory.used_bytes + rows * KeyRows::kLeastRowBytes <= memory.most_bytes) return ok();
  return error(ErrorCode::kExhausted, "the keys of the index do not fit into memory")
      .with_sqlstate("53200")
      .with_detail(fmt::format("The keys of all indexes may take {} MB, and take {} MB.",
                               memory.most_bytes >> 20, memory.used_bytes >> 20))
      .with_hint("Give the server more memory (--memory-limit), or drop another index.");
}

Store::Stats LogStore::stats() {
  Stats stats;
  stats.log_bytes = state_->log_bytes;
  stats.tail_bytes = state_->tail_bytes;
  for (const CollectionPtr& collection : state_->all()) {
    stats.tail_rows += collection->tail_rows();
    stats.segments += collection->segment_count();
    stats.segment_bytes += collection->segment_bytes();
    stats.deleted_rows += collection->deleted_rows();
  }
  stats.commits = state_->commits;
  stats.groups = state_->groups;
  stats.holds = state_->timeline.holds();
  stats.index_bytes = state_->index_memory->used_bytes;
  stats.read_only_reason = state_->read_only_reason();
  return stats;
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(Store::Options options, engine::Engine& engine,
                                          Clock& clock, Files& files) {
  return LogStore::open(std::move(options), engine, clock, files);
}

Result<std::unique_ptr<Store>> Store::open(Options options, engine::Engine& engine, Clock& clock) {
  return open_store(std::move(options), engine, clock, Files::real());
}

}  // namespace sluice::collection
