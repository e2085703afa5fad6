// One transaction: the time it reads, what it has written so far, and its commit. Implicit ones
// (a statement or a simple query outside BEGIN) and blocks are alike.
//
// Its reads see one time, under its own changes. Nothing of it is durable or visible before
// commit() succeeds; dropping it rolls back.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "collection/store.h"
#include "session/database.h"
#include "sql/catalog_edit.h"

namespace sluice::session {

class Transaction {
 public:
  Transaction(Database& database, bool block);

  bool block() const { return block_; }  // begun by BEGIN
  void make_block() { block_ = true; }
  std::chrono::system_clock::time_point began_at() const { return began_at_; }

  // The time all its statements read; chosen at the first call.
  const collection::ReadView& view();
  // As of the first call, with its own changes.
  Result<std::shared_ptr<const sql::Catalog>> catalog();
  Result<sql::CatalogEdit*> edit();

  // What a table shows to this transaction.
  Result<std::shared_ptr<const collection::Snapshot>> snapshot(collection::CollectionId id);
  // What a materialized view shows at the time of `at`, which is this transaction's unless given:
  // kUnavailable (55000) when it isn't right then.
  Result<std::shared_ptr<const collection::Snapshot>> view_snapshot(
      collection::CollectionId id, const std::shared_ptr<const collection::ReadView>& at);
  // The view that snapshots of this transaction's time have last failed for, since it was behind.
  std::optional<collection::CollectionId> awaited() const { return awaited_; }
  // Where changes of a table's rows go.
  Result<collection::Overlay*> overlay(const sql::Table& table);
  // Rows that are loaded beside; snapshot() of the table is refused from then on.
  void add_load(collection::CollectionId id, std::shared_ptr<collection::LoadedRows> rows);
  // Announces the collection of a table that edit() has created.
  void add_collection(collection::CollectionId id, collection::CollectionSpec spec);

  // Whether there is something to commit: not after commit().
  bool writes() const;
  // Whether a statement has read or changed something at its time; describing one has not.
  bool is_used() const { return used_ || writes(); }
  void use() { used_ = true; }
  // Chooses its time anew at the next use. Nothing of it may have been written.
  void start_over();
  // To be called once. kConflict: nothing has happened, and it may be tried again from the start.
  Status commit(std::stop_token stop);

 private:
  Database& database_;
  bool block_;
  const std::chrono::system_clock::time_point began_at_;
  std::shared_ptr<const collection::ReadView> view_;
  std::shared_ptr<const sql::Catalog> catalog_;
  std::unique_ptr<sql::CatalogEdit> edit_;
  std::map<collection::CollectionId, std::shared_ptr<collection::Overlay>> overlays_;
  std::map<collection::CollectionId, std::vector<std::shared_ptr<collection::LoadedRows>>> loads_;
  std::map<collection::CollectionId, collection::CollectionSpec> created_;
  std::optional<collection::CollectionId> awaited_;
  bool used_ = false;
  bool committed_ = false;
};

}  // namespace sluice::session
