#include "session/transaction.h"

#include <set>

namespace sluice::session {

Transaction::Transaction(Database& database, bool block)
    : database_(database), block_(block), began_at_(std::chrono::system_clock::now()) {}

const collection::ReadView& Transaction::view() {
  if (!view_) view_ = database_.store().read();
  return *view_;
}

Result<std::shared_ptr<const sql::Catalog>> Transaction::catalog() {
  if (edit_) return edit_->catalog();
  if (!catalog_) {
    // The catalog first: a table in it can't be missing from the view that is taken after it,
    // unless it has been dropped in between.
    TRY_ASSIGN(catalog_, database_.catalog());
    view();
  }
  return catalog_;
}

Result<sql::CatalogEdit*> Transaction::edit() {
  if (!edit_) {
    TRY_ASSIGN(auto base, catalog());
    edit_ = std::make_unique<sql::CatalogEdit>(std::move(base));
  }
  return edit_.get();
}

Result<std::shared_ptr<const collection::Snapshot>> Transaction::snapshot(
    collection::CollectionId id) {
  if (loads_.contains(id)) {
    return invalid("a table into which this transaction has loaded many rows can't be read in it")
        .with_sqlstate("55000")
        .with_hint("COMMIT first, or load in a transaction of its own.");
  }
  auto found = overlays_.find(id);
  if (found == overlays_.end() && created_.contains(id)) {
    TRY_ASSIGN(auto made, database_.store().overlay(id, created_.at(id).shape));
    found = overlays_.emplace(id, std::move(made)).first;
  }
  return view().snapshot(id, found == overlays_.end() ? nullptr : found->second.get());
}

Result<std::shared_ptr<const collection::Snapshot>> Transaction::view_snapshot(
    collection::CollectionId id, const std::shared_ptr<const collection::ReadView>& at) {
  if (created_.contains(id)) {
    return invalid("a materialized view can't be read in the transaction that creates it")
        .with_sqlstate("55000")
        .with_hint("COMMIT first.");
  }
  const collection::ReadView& when = at ? *at : view();
  Status right = database_.live_views().check(id, when.time());
  if (right.ok()) return when.snapshot(id);
  if (right.error().code != ErrorCode::kUnavailable) return std::move(right).error();
  if (!at) awaited_ = id;
  return std::move(right).error().with_hint(
      at ? "Read at a newer time." : "Begin a new transaction, which reads at a newer time.");
}

void Transaction::start_over() {
  CHECK(!writes());
  view_.reset();
  catalog_.reset();
  edit_.reset();
  awaited_.reset();
  used_ = false;
}

Result<collection::Overlay*> Transaction::overlay(const sql::Table& table) {
  const collection::CollectionId id = table.collection;
  auto found = overlays_.find(id);
  if (found == overlays_.end()) {
    const auto created = created_.find(id);
    auto made = created == created_.end() ? database_.store().overlay(id)
                                          : database_.store().overlay(id, created->second.shape);
    if (!made.ok()) return std::move(made).error();
    found = overlays_.emplace(id, std::move(made).value()).first;
  }
  return found->second.get();
}

void Transaction::add_load(collection::CollectionId id,
                           std::shared_ptr<collection::LoadedRows> rows) {
  loads_[id].push_back(std::move(rows));
}

void Transaction::add_collection(collection::CollectionId id, collection::CollectionSpec spec) {
  created_[id] = std::move(spec);
}

bool Transaction::writes() const {
  if (committed_) return false;
  return !overlays_.empty() || !loads_.empty() || (edit_ && edit_->changed());
}

Status Transaction::commit(std::stop_token stop) {
  collection::Commit commit;
  std::set<collection::CollectionId> gone;  // made or written, and dropped again, in here
  if (edit_ && edit_->changed()) {
    TRY_ASSIGN(commit.records, edit_->records());
    commit.dropped = edit_->dropped_collections();
    commit.retained = edit_->retained_collections();
    commit.catalog_revision = edit_->base_revision();
    gone.insert(commit.dropped.begin(), commit.dropped.end());
    std::set<collection::CollectionId> kept;
    for (const collection::CollectionId made : edit_->created_collections()) {
      kept.insert(made);
      commit.created.push_back({made, created_.at(made)});
    }
    for (const auto& [id, spec] : created_) {
      if (!kept.contains(id)) gone.insert(id);
    }
  }
  std::map<collection::CollectionId, collection::Commit::Write> writes;
  for (const auto& [id, overlay] : overlays_) {
    if (!gone.contains(id)) writes[id].changes = overlay;
  }
  for (const auto& [id, loads] : loads_) {
    if (!gone.contains(id)) writes[id].loads = loads;
  }
  for (auto& [id, write] : writes) {
    write.id = id;
    commit.writes.push_back(std::move(write));
  }
  if (commit.records.empty() && commit.writes.empty() && commit.created.empty() &&
      commit.dropped.empty()) {
    return ok();
  }
  TRY(database_.commit(std::move(commit), std::move(stop)));
  committed_ = true;
  return ok();
}

}  // namespace sluice::session
