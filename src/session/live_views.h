// The catalog's materialized views, kept up to date: what the catalog has got is added to
// views::Views, and what it has no more is removed.
//
// A view that cannot be planned any more, after the server was replaced by another version, is
// broken: reading it tells why, and nothing else is held up.
//
// Threads: safe from any.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "collection/store.h"
#include "sql/catalog.h"
#include "sql/materialized_view_state.h"
#include "views/views.h"

namespace sluice::session {

class LiveViews {
 public:
  using NewestCatalog = std::function<Result<std::shared_ptr<const sql::Catalog>>()>;

  using NewestTime = std::function<collection::Time()>;

  LiveViews(NewestCatalog newest, NewestTime now);

  // To be called once, before the first session: all views of the catalog are kept from now on.
  void start(std::unique_ptr<views::Views> views);
  // To be called after each commit that may have changed the catalog.
  void sync();

  // 0A000 when there can be no such view; else what it would do, one operator a line.
  Result<std::string> explain(const std::shared_ptr<const sql::Catalog>& catalog,
                              const sql::MaterializedView& view);

  // As views::Views has them.
  Status check(collection::CollectionId id, collection::Time time);
  Status wait(collection::CollectionId id, std::stop_token stop);

  // In order of id.
  std::vector<sql::MaterializedViewState> states();

 private:
  struct Known {
    collection::CollectionId collection;
    std::string name;
    std::optional<Error> broken;  // it was never given to `views_`
  };

  // Its name if `views_` keeps it; else why not.
  Result<std::string> known(collection::CollectionId id);
  void add(const std::shared_ptr<const sql::Catalog>& catalog, const sql::Object& object);
  Result<views::Definition> definition(const std::shared_ptr<const sql::Catalog>& catalog,
                                       const sql::MaterializedView& view);

  const NewestCatalog newest_;
  const NewestTime now_;
  std::unique_ptr<views::Views> views_;  // constant once sessions are there
  std::mutex mutex_;
  std::map<sql::ObjectId, Known> known_;  // the last two: under the mutex
  std::map<collection::CollectionId, sql::ObjectId> by_collection_;
};

}  // namespace sluice::session
