// Collections: rows that come and go at logical times, durable in one data directory.
//
//   commits ─> sequencer ─> log (fdatasync, one for a group) ─> tail in memory ─> readable
//                                                                  │ flushed when large
//                                                                  v
//                                          immutable segment files (DuckDB databases), manifest
//
// A commit is durable before it is acknowledged and readable at its time from then on. A reader
// never holds up a writer: what it reads is immutable and kept alive by it.
//
// Threads: everything here is safe from any thread, unless a class says otherwise.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/chunk.h"
#include "engine/engine.h"

namespace sluice::collection {

// Never used again, also after a drop.
struct CollectionId {
  uint64_t value = 0;
  auto operator<=>(const CollectionId&) const = default;
};

// Logical time: milliseconds since 1970, never goes back, at most one is given a millisecond.
struct Time {
  int64_t milliseconds = 0;
  auto operator<=>(const Time&) const = default;
};

// A row's identity in its collection; only grows.
struct RowId {
  int64_t value = 0;
  auto operator<=>(const RowId&) const = default;
};

// Columns whose values together are unique among live rows. With `nulls_distinct`, rows with a
// NULL among them never collide (UNIQUE); primary keys have NOT NULL columns anyway.
struct UniqueKey {
  std::string constraint_name;  // for messages: t_pkey
  std::vector<size_t> columns;  // indexes into the shape
};

struct CollectionSpec {
  engine::Shape shape;
  std::vector<UniqueKey> unique_keys;
};

// Rows that were written ahead of their commit into segment files of their own, so that loading
// millions of rows holds up nobody. Dropped uncommitted, the files go away.
class LoadedRows;

// Writes LoadedRows. One thread at a time. Memory is bounded whatever is appended.
class BulkLoad {
 public:
  virtual ~BulkLoad() = default;
  virtual Status append(engine::Chunk& rows, std::stop_token stop) = 0;
  virtual uint64_t rows() const = 0;
  virtual Result<std::shared_ptr<LoadedRows>> finish(std::stop_token stop) = 0;
};

// What an open transaction has done to one collection; its own reads see it through Snapshot.
// One thread at a time.
class Overlay {
 public:
  virtual ~Overlay() = default;
  virtual Status append(engine::Chunk& rows) = 0;
  // Rows of the snapshot, or of the overlay itself, by the id that a read gave; a read that is
  // under way goes on without seeing it. fresh[i], when given: whether rows[i] had not been erased
  // before.
  virtual Status erase(std::span<const RowId> rows, bool* fresh = nullptr) = 0;
  virtual uint64_t bytes() const = 0;
};

// The rows of one collection at one time. Immutable; keeps all that it reads alive. The SQL is
// valid as long as the snapshot lives.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // A subquery in parentheses, in the engine's SQL, that gives the collection's columns under
  // `names`, and with `row_ids` one more BIGINT column of that name at the end. No filter on time
  // and no anti join is in it where nothing undeleted lies behind the time.
  virtual std::string table_sql(std::span<const std::string> names,
                                const std::optional<std::string>& row_ids) const = 0;
  virtual uint64_t row_count() const = 0;  // exact

  // Takes out of `ids` those that it does not show, as far as that is known without reading.
  virtual void keep_visible(std::vector<int64_t>& ids) const = 0;
  // As table_sql(), of the rows with these ids (ascending) and, besides, of some others: of all
  // that its transaction has added, and of neighbours in memory. Its SQL is valid as long as it
  // lives.
  struct Part {
    std::string sql;
    std::shared_ptr<const void> keep;
  };
  virtual Part rows_sql(std::span<const int64_t> ids, std::span<const std::string> names,
                        const std::optional<std::string>& row_ids) const = 0;
};

// What came to one collection and went from it in the times (lower, upper]: with the rows at lower
// they give the rows at upper. A row that came has diff +1 at the time of its commit, one that went
// -1; one that came and went in between has both. Immutable; keeps all that it reads alive. The SQL
// is valid as long as this lives.
class Changes {
 public:
  struct Names {
    std::string time = "mz_timestamp";  // BIGINT, milliseconds
    std::string diff = "mz_diff";       // BIGINT
    std::optional<std::string> row_id;  // BIGINT, the last column, when given
  };
  virtual ~Changes() = default;
  virtual Time lower() const = 0;
  virtual Time upper() const = 0;
  // A subquery in parentheses, as Snapshot's, of the collection's columns under `names`, then time
  // and diff. In no order.
  virtual std::string table_sql(std::span<const std::string> names, const Names& more) const = 0;
  std::string table_sql(std::span<const std::string> names) const {
    return table_sql(names, Names());
  }
  // Whether there are none for certain: then nothing needs to be run.
  virtual bool known_empty() const = 0;
};

// One consistent time over all collections, and a hold on it: it stays readable while this lives.
class ReadView {
 public:
  virtual ~ReadView() = default;
  virtual Time time() const = 0;
  // With an overlay: what its transaction sees; the collection may be one that the transaction has
  // yet to create. Else kNotFound if the collection did not exist then; kInvalid if its history
  // does not go back as far.
  virtual Result<std::shared_ptr<const Snapshot>> snapshot(
      CollectionId id, const Overlay* overlay = nullptr) const = 0;
  // What changed in the times (lower, time()]. kInvalid when lower is older than Store::since() or
  // newer than time(): who goes on from where it has been keeps the view of that time until then.
  virtual Result<std::shared_ptr<const Changes>> changes(CollectionId id, Time lower) const = 0;
};

// All of a commit happens at one time, or nothing of it.
struct Commit {
  struct Create {
    CollectionId id;
    CollectionSpec spec;
  };
  struct Write {
    CollectionId id;
    std::shared_ptr<const Overlay> changes;  // rows in and out; may be null
    std::vector<std::shared_ptr<LoadedRows>> loads;
  };
  // The catalog's durable form: a value for a key, or its removal. The meaning is the caller's.
  struct Record {
    std::string key;
    std::optional<std::string> value;
  };
  // How long what has changed in a collection, one of the commit's own or another, stays readable.
  // None: as long as with all others. What has been forgotten before stays so.
  struct Retain {
    CollectionId id;
    std::optional<std::chrono::milliseconds> history;
  };
  std::vector<Create> created;
  std::vector<Retain> retained;
  std::vector<CollectionId> dropped;
  std::vector<Write> writes;
  std::vector<Record> records;
  // Durable in the same way, but no part of the catalog: neither its revision nor who reads it
  // knows of them. What a subsystem must find again after a crash.
  std::vector<Record> notes;
  // When set, the commit fails with kConflict if any catalog record changed after this revision:
  // names resolved against an older catalog may mean something else now.
  std::optional<uint64_t> catalog_revision;
};

struct Committed {
  Time time;
  uint64_t catalog_revision = 0;
};

class Derivation;  // derivation.h
class KeyIndex;    // key_index.h

class Store {
 public:
  struct Options {
    std::string directory;
    std::chrono::milliseconds retain_history{1000};  // but for collections that say otherwise
    uint64_t tail_limit_bytes = uint64_t{64} << 20;  // rows in memory past this go to segments
    uint64_t load_memory_bytes = uint64_t{256} << 20;
    uint64_t key_memory_bytes = uint64_t{4} << 30;    // all unique keys; what passes it is refused
    uint64_t index_memory_bytes = uint64_t{4} << 30;  // all indexes of CREATE INDEX
    uint64_t segment_from_bytes = 256 << 10;  // less than this of a collection stays in memory
    uint64_t fold_from_rows = 10'000;         // with fewer deleted rows nothing is rewritten
    uint64_t load_from_rows = 50'000;         // a load of fewer goes through memory and log
    uint64_t log_limit_bytes = uint64_t{256} << 20;  // a longer log is replaced by a head
  };
  struct Stats {
    uint64_t log_bytes = 0, tail_bytes = 0, tail_rows = 0, segments = 0, segment_bytes = 0;
    uint64_t commits = 0, groups = 0, holds = 0, deleted_rows = 0;
    uint64_t index_bytes = 0;
    std::string read_only_reason;  // not empty: writes are refused because of this
  };

  // Takes the directory for itself (a second opener is refused), replays what the last process
  // left. `engine` must outlive the store. A directory of another format version is refused with
  // what to do.
  static Result<std::unique_ptr<Store>> open(Options options, engine::Engine& engine,
                                             Clock& clock = Clock::real());
  // Stops taking commits, waits for those under way. What is acknowledged needs no close.
  virtual ~Store() = default;

  virtual CollectionId new_collection_id() = 0;
  virtual Result<std::unique_ptr<Overlay>> overlay(CollectionId id) = 0;
  // For a collection that is created by the same commit.
  virtual Result<std::unique_ptr<Overlay>> overlay(CollectionId id, const engine::Shape& shape) = 0;
  virtual Result<std::unique_ptr<BulkLoad>> load(CollectionId id, const engine::Shape& shape) = 0;

  // Waits until durable. kConflict: a row to be erased is gone already; kExists with SQLSTATE
  // 23505: a unique key is taken; kExhausted (53100 disk_full): read-only.
  virtual Result<Committed> commit(Commit commit, std::stop_token stop) = 0;

  // The newest complete time.
  virtual std::shared_ptr<const ReadView> read() = 0;
  // kInvalid when older than what is retained of any collection or held by another view, or newer
  // than now.
  virtual Result<std::shared_ptr<const ReadView>> read_at(Time time) = 0;

  // The oldest time from which the collection's rows, and changes after it, can be read: not before
  // it was created, nor before what retained history and views hold. What happened until then has
  // been folded into the rows of that time.
  virtual Result<Time> since(CollectionId id) = 0;

  // From now on `derivation`, which may be null, is told of each group of commits. Gives the time
  // of the last group that it is not told of. One at a time; what was there before is told of no
  // more when this returns.
  virtual Time derive(std::shared_ptr<Derivation> derivation) = 0;

  // Calls `task` while no group of commits is under way, on the thread that else puts them into
  // order, and waits for it: commits wait meanwhile. It may read, and must not commit.
  virtual void between_groups(const std::function<void()>& task) = 0;

  // Rows by the values of some columns, to be built in the background and kept up to date from now
  // on. Not durable: to be added again after a start. kNotFound: the collection is not there.
  virtual Result<std::shared_ptr<KeyIndex>> add_index(CollectionId id,
                                                      std::vector<size_t> columns) = 0;
  virtual void remove_index(CollectionId id, const std::shared_ptr<KeyIndex>& index) = 0;
  // Whether an index over so many rows would fit into memory (53200).
  virtual Status check_index_memory(uint64_t rows) const = 0;

  // The catalog's records as of the newest commit, and the revision they have.
  virtual std::pair<std::map<std::string, std::string>, uint64_t> records() = 0;
  // The notes as of the newest commit.
  virtual std::map<std::string, std::string> notes() = 0;
  virtual Stats stats() = 0;
};

}  // namespace sluice::collection
