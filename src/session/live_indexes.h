// The catalog's indexes, as the store has them: what the catalog has got is added to the store,
// which builds it in the background, and what it has no more is removed.
//
// Threads: safe from any.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "collection/key_index.h"
#include "collection/store.h"
#include "sql/catalog.h"
#include "sql/index_state.h"

namespace sluice::session {

class LiveIndexes {
 public:
  using NewestCatalog = std::function<Result<std::shared_ptr<const sql::Catalog>>()>;

  // `store` must outlive it.
  LiveIndexes(collection::Store& store, NewestCatalog newest);

  // To be called once, before the first session.
  void start();
  // To be called after each commit that may have changed the catalog.
  void sync();

  // Null: it isn't there, or not yet.
  std::shared_ptr<const collection::KeyIndex> find(sql::ObjectId id) const;
  // In order of id.
  std::vector<sql::IndexState> states() const;

 private:
  struct Known {
    collection::CollectionId collection;
    std::shared_ptr<collection::KeyIndex> rows;  // shared with the store and with who looks up
  };

  collection::Store& store_;
  const NewestCatalog newest_;
  std::mutex sync_mutex_;  // one at a time; held while the store is waited for
  bool started_ = false;   // under it
  mutable std::mutex mutex_;
  std::map<sql::ObjectId, Known> known_;  // changed under both, read under the second
};

}  // namespace sluice::session
