// What the parts of an open store share.
//
// Threads: safe from any thread; each field says who changes it.
#pragma once

#include <unordered_map>

#include "collection/collection.h"
#include "collection/timeline.h"

namespace sluice::collection {

// The catalog's durable records (or the notes of others), replaced as a whole step by step: the
// sequencer writes, all read.
class Records {
 public:
  using Map = std::map<std::string, std::string>;
  std::pair<Map, uint64_t> get() const {
    const std::lock_guard lock(mutex_);
    return {records_, revision_};
  }
  uint64_t revision() const {
    const std::lock_guard lock(mutex_);
    return revision_;
  }
  void set(Map records, uint64_t revision) {
    const std::lock_guard lock(mutex_);
    records_ = std::move(records);
    revision_ = revision;
  }
  void apply(const std::vector<Commit::Record>& changes) {
    if (changes.empty()) return;
    const std::lock_guard lock(mutex_);
    for (const Commit::Record& change : changes) {
      if (change.value) {
        records_[change.key] = *change.value;
      } else {
        records_.erase(change.key);
      }
    }
    ++revision_;
  }

 private:
  mutable std::mutex mutex_;
  Map records_;
  uint64_t revision_ = 0;
};

class State {
 public:
  State(Store::Options store_options, engine::Engine& its_engine, Clock& clock, Files& its_files)
      : options(std::move(store_options)),
        paths(options.directory),
        engine(its_engine),
        files(its_files),
        timeline(clock, options.retain_history),
        index_memory(new IndexMemory{options.index_memory_bytes}) {}

  const Store::Options options;
  const Paths paths;
  engine::Engine& engine;
  Files& files;
  Timeline timeline;
  Records records;
  Records notes;  // without a meaning for their revision
  // Shared with segments, which snapshots may keep longer than the store lives.
  const std::shared_ptr<Graveyard> graveyard = std::make_shared<Graveyard>();

  const std::shared_ptr<IndexMemory> index_memory;  // shared with indexes, which may outlive it
  std::atomic<bool> index_work = false;             // rows are left to the builder

  std::atomic<uint64_t> next_collection_id = 1;
  std::atomic<uint64_t> next_segment = 1;
  std::atomic<uint64_t> tail_bytes = 0;
  std::atomic<uint64_t> log_bytes = 0;
  std::atomic<uint64_t> commits = 0;
  std::atomic<uint64_t> groups = 0;

  // Dropped ones too, as long as somebody may read them. nullptr: never was, or forgotten.
  CollectionPtr find(CollectionId id) const {
    const std::lock_guard lock(mutex_);
    const auto found = collections_.find(id.value);
    return found == collections_.end() ? nullptr : found->second;
  }
  void add(CollectionPtr collection) {
    const std::lock_guard lock(mutex_);
    collections_[collection->id.value] = std::move(collection);
  }
  void remove(CollectionId id) {
    const std::lock_guard lock(mutex_);
    collections_.erase(id.value);
    row_ids_.erase(id.value);
  }
  std::vector<CollectionPtr> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<CollectionPtr> all;
    for (const auto& [id, collection] : collections_) all.push_back(collection);
    return all;
  }
  // The same object for an id before and after the collection is created.
  std::shared_ptr<RowIds> row_ids(CollectionId id) {
    const std::lock_guard lock(mutex_);
    auto& ids = row_ids_[id.value];
    if (!ids) ids = std::make_shared<RowIds>(1);
    return ids;
  }
  void grow_tail(int64_t by) { tail_bytes += static_cast<uint64_t>(by); }

  // Changed between two groups only.
  std::shared_ptr<Derivation> derivation() const {
    const std::lock_guard lock(mutex_);
    return derivation_;
  }
  void set_derivation(std::shared_ptr<Derivation> derivation) {
    const std::lock_guard lock(mutex_);
    derivation_ = std::move(derivation);
  }

  std::string read_only_reason() const {
    const std::lock_guard lock(mutex_);
    return read_only_reason_;
  }
  // `passing`: it may end when its cause is gone, without a restart.
  void set_read_only(const std::string& reason, bool passing) {
    const std::lock_guard lock(mutex_);
    read_only_reason_ = reason;
    read_only_passes_ = passing;
  }
  bool read_only_passes() const {
    const std::lock_guard lock(mutex_);
    return read_only_passes_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<uint64_t, CollectionPtr> collections_;
  std::unordered_map<uint64_t, std::shared_ptr<RowIds>> row_ids_;
  std::shared_ptr<Derivation> derivation_;
  std::string read_only_reason_;
  bool read_only_passes_ = false;
};

// Rows that a bulk load has written; see store.h.
class LoadedRows {
 public:
  LoadedRows(CollectionId target, engine::Shape its_shape)
      : id(target), shape(std::move(its_shape)) {}
  const CollectionId id;
  const engine::Shape shape;
  std::vector<BatchPtr> batches;  // a small load; ids are given at the commit
  std::vector<Segment> segments;  // a large one, with ids
};

}  // namespace sluice::collection
