#include "session/live_views.h"

#include <algorithm>

#include "base/log.h"
#include "session/row_writer.h"
#include "sql/standing_query.h"

namespace sluice::session {
namespace {

// Without what the names of our own functions begin with.
std::string for_people(std::string description) {
  constexpr std::string_view kOwn = "sluice_";
  for (size_t at = 0; (at = description.find(kOwn, at)) != std::string::npos;) {
    description.erase(at, kOwn.size());
  }
  return description;
}

sql::MaterializedViewState state_of(const views::ViewInfo& info, collection::Time newest) {
  sql::MaterializedViewState state;
  state.phase = views::name(info.phase);
  state.live = info.phase == views::Phase::kLive;
  state.hydrated = state.live || info.phase == views::Phase::kCatchingUp;
  if (info.error) state.error = info.error->message;
  state.filled_rows = info.filled_rows;
  state.rows_to_fill = info.rows_to_fill;
  state.bytes = info.bytes;
  if (info.complete) {
    state.complete_ms = info.complete->milliseconds;
    state.lag_ms = std::max<int64_t>(0, newest.milliseconds - info.complete->milliseconds);
  }
  for (const views::OperatorInfo& one : info.operators) {
    state.operators.push_back({.number = one.number,
                               .inputs = {one.inputs.begin(), one.inputs.end()},
                               .kind = one.kind,
                               .description = for_people(one.description),
                               .rows = one.rows,
                               .bytes = one.bytes,
                               .nanoseconds = one.nanoseconds,
                               .last_nanoseconds = one.last_nanoseconds,
                               .failing = one.failing,
                               .shared_by = one.shared_by});
  }
  return state;
}

}  // namespace

LiveViews::LiveViews(NewestCatalog newest, NewestTime now)
    : newest_(std::move(newest)), now_(std::move(now)) {}

void LiveViews::start(std::unique_ptr<views::Views> views) {
  CHECK(views_ == nullptr && views != nullptr);
  views_ = std::move(views);
  sync();
}

void LiveViews::sync() {
  if (views_ == nullptr) return;
  // The newest catalog is taken under the lock, so that it is never older than what was added.
  const std::lock_guard lock(mutex_);
  const auto catalog = newest_();
  if (!catalog.ok()) {
    log::error("the catalog cannot be read, materialized views stay as they are: {}",
               catalog.error().message);
    return;
  }
  // A view has a higher id than what it reads, so this is from readers to what they read.
  for (auto each = known_.end(); each != known_.begin();) {
    --each;
    if ((*catalog)->find(each->first) != nullptr) continue;
    if (!each->second.broken) views_->remove(each->second.collection);
    by_collection_.erase(each->second.collection);
    each = known_.erase(each);
  }
  for (const auto& [id, object] : (*catalog)->objects()) {
    if (object->materialized_view() != nullptr && !known_.contains(id)) add(*catalog, *object);
  }
}

void LiveViews::add(const std::shared_ptr<const sql::Catalog>& catalog, const sql::Object& object) {
  const sql::MaterializedView& view = *object.materialized_view();
  Known known{.collection = view.collection,
              .name = catalog->qualified_name(object),
              .broken = std::nullopt};
  auto made = definition(catalog, view);
  if (made.ok()) {
    made->name = known.name;
    views_->add(std::move(made).value());
  } else {
    known.broken = std::move(made).error().within(
        fmt::format("the materialized view {} cannot be kept up to date", known.name));
    log::error("{}", known.broken->message);
    // Nor is it known any more at which times its rows were right.
    views_->remove(known.collection);
  }
  by_collection_[known.collection] = object.id;
  known_.emplace(object.id, std::move(known));
}

Result<views::Definition> LiveViews::definition(const std::shared_ptr<const sql::Catalog>& catalog,
                                                const sql::MaterializedView& view) {
  TRY_ASSIGN(sql::StandingQuery standing, sql::standing_query(catalog, view));
  views::Definition definition;
  definition.id = view.collection;
  definition.shape = stored_shape(view.columns);
  definition.query = std::move(standing.query);
  for (const sql::ObjectId id : standing.inputs) {
    const sql::Object* const input = catalog->find(id);
    CHECK(input != nullptr && input->collection());
    const auto known = known_.find(id);
    if (known != known_.end() && known->second.broken) {
      return error(ErrorCode::kInvalid, "it reads {}, which cannot be kept up to date",
                   known->second.name)
          .with_sqlstate("55000");
    }
    definition.inputs.push_back({.id = *input->collection(),
                                 .name = sql::input_name(id),
                                 .shape = stored_shape(input->columns())});
  }
  return definition;
}

Result<std::string> LiveViews::explain(const std::shared_ptr<const sql::Catalog>& catalog,
                                       const sql::MaterializedView& view) {
  CHECK(views_ != nullptr);
  std::optional<views::Definition> made;
  {
    const std::lock_guard lock(mutex_);
    TRY_ASSIGN(made, definition(catalog, view));
  }
  return views_->explain(made->query, made->inputs);
}

Result<std::string> LiveViews::known(collection::CollectionId id) {
  for (const bool again : {false, true}) {
    // Its commit is visible a moment before it is added.
    if (again) sync();
    const std::lock_guard lock(mutex_);
    const auto found = by_collection_.find(id);
    if (found == by_collection_.end()) continue;
    const Known& view = known_.at(found->second);
    if (view.broken) return *view.broken;
    return view.name;
  }
  return error(ErrorCode::kNotFound, "the materialized view was dropped meanwhile")
      .with_sqlstate("42P01");
}

Status LiveViews::check(collection::CollectionId id, collection::Time time) {
  TRY_ASSIGN(const std::string name, known(id));
  Status right = views_->check(id, time);
  if (right.ok() || !right.error().detail.empty()) return right;
  return std::move(right).error().with_detail(fmt::format("In the materialized view {}.", name));
}

Status LiveViews::wait(collection::CollectionId id, std::stop_token stop) {
  TRY(known(id));
  return views_->wait(id, std::move(stop));
}

std::vector<sql::MaterializedViewState> LiveViews::states() {
  std::vector<sql::MaterializedViewState> states;
  if (views_ == nullptr) return states;
  const collection::Time newest = now_();
  const auto infos = views_->info();
  const std::lock_guard lock(mutex_);
  states.reserve(known_.size());
  for (const auto& [id, view] : known_) {
    const collection::CollectionId rows = view.collection;
    const auto info = std::find_if(infos.begin(), infos.end(),
                                   [rows](const auto& each) { return each.id == rows; });
    if (info == infos.end() && !view.broken) continue;  // added meanwhile
    sql::MaterializedViewState state;
    if (view.broken) {
      state.phase = views::name(views::Phase::kBroken);
      state.error = view.broken->message;
    } else {
      state = state_of(*info, newest);
    }
    state.id = id;
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace sluice::session
