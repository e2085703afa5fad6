#include "session/live_indexes.h"

#include "base/log.h"

namespace sluice::session {
namespace {

using collection::KeyIndex;

std::string phase_name(KeyIndex::Phase phase) {
  switch (phase) {
    case KeyIndex::Phase::kBuilding:
      return "building";
    case KeyIndex::Phase::kReady:
      return "ready";
    case KeyIndex::Phase::kOutOfUse:
      break;
  }
  return "out of use";
}

}  // namespace

LiveIndexes::LiveIndexes(collection::Store& store, NewestCatalog newest)
    : store_(store), newest_(std::move(newest)) {}

void LiveIndexes::start() {
  {
    const std::lock_guard lock(sync_mutex_);
    started_ = true;
  }
  sync();
}

void LiveIndexes::sync() {
  // The newest catalog is taken under the lock, so that it is never older than what was added.
  const std::lock_guard one_at_a_time(sync_mutex_);
  if (!started_) return;
  const auto catalog = newest_();
  if (!catalog.ok()) {
    log::error("the catalog cannot be read, indexes stay as they are: {}", catalog.error().message);
    return;
  }
  std::vector<Known> gone;
  std::vector<const sql::Object*> added;
  {
    const std::lock_guard lock(mutex_);
    for (auto each = known_.begin(); each != known_.end();) {
      if ((*catalog)->find(each->first) != nullptr) {
        ++each;
        continue;
      }
      gone.push_back(std::move(each->second));
      each = known_.erase(each);
    }
    for (const auto& [id, object] : (*catalog)->objects()) {
      if (object->index() != nullptr && !known_.contains(id)) added.push_back(object.get());
    }
  }
  for (const Known& index : gone) store_.remove_index(index.collection, index.rows);
  for (const sql::Object* const object : added) {
    const sql::Index& index = *object->index();
    const collection::CollectionId rows = *(*catalog)->find(index.on)->collection();
    auto made = store_.add_index(rows, index.columns);
    if (!made.ok()) continue;  // its relation was dropped meanwhile, and so is it
    const std::lock_guard lock(mutex_);
    known_[object->id] = {.collection = rows, .rows = std::move(made).value()};
  }
}

std::shared_ptr<const KeyIndex> LiveIndexes::find(sql::ObjectId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : found->second.rows;
}

std::vector<sql::IndexState> LiveIndexes::states() const {
  std::vector<sql::IndexState> states;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, known] : known_) {
    const KeyIndex::Info info = known.rows->info();
    states.push_back({.id = id,
                      .phase = phase_name(info.phase),
                      .reason = info.reason,
                      .rows = info.rows,
                      .bytes = info.bytes});
  }
  return states;
}

}  // namespace sluice::session
