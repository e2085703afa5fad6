#include "sql/catalog_edit.h"

#include <algorithm>
#include <type_traits>

#include "sql/catalog_records.h"

namespace sluice::sql {
namespace {

ObjectKind kind_of(const decltype(Object::body)& body) {
  if (std::holds_alternative<Schema>(body)) return ObjectKind::kSchema;
  if (std::holds_alternative<Table>(body)) return ObjectKind::kTable;
  if (std::holds_alternative<MaterializedView>(body)) return ObjectKind::kMaterializedView;
  if (std::holds_alternative<Secret>(body)) return ObjectKind::kSecret;
  if (std::holds_alternative<Connection>(body)) return ObjectKind::kConnection;
  if (std::holds_alternative<Index>(body)) return ObjectKind::kIndex;
  return ObjectKind::kView;
}

// Also as PostgreSQL has it: tables and views share the state for relations.
std::string_view exists_sqlstate(ObjectKind kind) {
  if (kind == ObjectKind::kSchema) return "42P06";
  return kind == ObjectKind::kSecret || kind == ObjectKind::kConnection ? "42710" : "42P07";
}

Status check_column_names(std::span<const Column> columns) {
  std::set<std::string_view> seen;
  for (const auto& column : columns)
    if (!seen.insert(column.name).second)
      return invalid("column \"{}\" specified more than once", column.name).with_sqlstate("42701");
  return ok();
}

Error still_used(const Catalog& catalog, const Object& object, const Object& user) {
  const bool in_schema = object.kind == ObjectKind::kSchema;
  std::string text =
      in_schema ? fmt::format("cannot drop schema \"{}\" because it is not empty", object.name)
                : fmt::format("cannot drop {} \"{}\": still depended upon by {} \"{}\"",
                              kind_name(object.kind), object.name, kind_name(user.kind), user.name);
  return error(ErrorCode::kInvalid, "{}", text)
      .with_sqlstate("2BP01")
      .with_detail(fmt::format("{} {} {} {} {}", kind_name(user.kind), catalog.qualified_name(user),
                               in_schema ? "is in" : "depends on", kind_name(object.kind),
                               catalog.qualified_name(object)))
      .with_hint("Use DROP ... CASCADE to drop the dependent objects too.");
}

}  // namespace

CatalogEdit::CatalogEdit(std::shared_ptr<const Catalog> base)
    : base_(std::move(base)), catalog_(base_) {}

std::shared_ptr<Catalog> CatalogEdit::edited() {
  return std::shared_ptr<Catalog>(new Catalog(*catalog_));
}

Result<bool> CatalogEdit::free_name(const Object* existing, ObjectKind kind,
                                    const std::string& shown, CreateOptions options) {
  if (existing == nullptr) return true;
  if (options.if_not_exists) {
    notices_.push_back({.sqlstate = "42710",
                        .message = fmt::format("{} \"{}\" already exists, skipping",
                                               kind_name(existing->kind), shown)});
    return false;
  }
  const bool relation = existing->is_relation();
  return error(ErrorCode::kExists, "{} \"{}\" already exists",
               relation ? "relation" : kind_name(existing->kind), shown)
      .with_sqlstate(exists_sqlstate(relation ? existing->kind : kind));
}

Result<std::optional<ObjectId>> CatalogEdit::create_schema(const NameParts& name,
                                                           CreateOptions options) {
  if (name.empty() || name.size() > 2)
    return invalid("improper schema name: {}", fmt::join(name, ".")).with_sqlstate("42601");
  if (name.size() == 2 && name[0] != kDatabaseName)
    return error(ErrorCode::kNotFound, "unknown database '{}'", name[0]).with_sqlstate("3D000");
  const std::string& own = name.back();
  TRY_ASSIGN(const bool free,
             free_name(catalog_->find_schema(own), ObjectKind::kSchema, own, options));
  if (!free) return std::optional<ObjectId>();
  if (own.starts_with("pg_") || own.starts_with("mz_"))
    return error(ErrorCode::kDenied, "unacceptable schema name '{}'", own)
        .with_sqlstate("42939")
        .with_detail("The prefixes \"mz_\" and \"pg_\" are reserved for system schemas.");
  Object object;
  object.kind = ObjectKind::kSchema;
  object.name = own;
  object.body = Schema{};
  return std::optional<ObjectId>(insert(std::move(object)));
}

Result<std::optional<ObjectId>> CatalogEdit::create_item(const NameParts& name,
                                                         const SearchPath& path,
                                                         decltype(Object::body) body,
                                                         CreateOptions options) {
  TRY_ASSIGN(const Catalog::Place place, catalog_->place_for(name, path));
  Object object;
  object.schema = place.schema->id;
  object.name = place.name;
  object.kind = kind_of(body);
  object.body = std::move(body);
  TRY(check_column_names(object.columns()));
  const Object* existing = catalog_->find_in(*place.schema, place.name);
  if (existing != nullptr && options.or_replace && existing->query_sql() != nullptr &&
      object.kind == existing->kind) {
    std::set<ObjectId> replaced = {existing->id};
    for (const Object* user : catalog_->dependents(existing->id)) {
      if (user->index() == nullptr) return still_used(*catalog_, *existing, *user);
      replaced.insert(user->id);
    }
    TRY(remove(replaced));
  } else {
    TRY_ASSIGN(const bool free, free_name(existing, object.kind, place.name, options));
    if (!free) return std::optional<ObjectId>();
  }
  return std::optional<ObjectId>(insert(std::move(object)));
}

ObjectId CatalogEdit::insert(Object object) {
  object.id = {.system = false, .number = catalog_->next_number_};
  if (object.kind == ObjectKind::kSchema) object.schema = object.id;
  const ObjectId id = object.id;
  put(std::make_shared<const Object>(std::move(object)));
  return id;
}

void CatalogEdit::put(std::shared_ptr<const Object> object) {
  auto next = edited();
  touched_.insert(object->id);
  next->add(std::move(object));
  catalog_ = std::move(next);
}

Status CatalogEdit::drop(ObjectKind kind, const std::vector<NameParts>& names,
                         const SearchPath& path, DropOptions options) {
  std::set<ObjectId> ids;
  for (const auto& name : names) {
    auto found = catalog_->require(kind, name, path);
    if (!found.ok()) {
      const auto& failure = found.error();
      if (!options.if_exists || failure.code != ErrorCode::kNotFound || failure.sqlstate == "3D000")
        return std::move(found).error();
      notices_.push_back({.message = fmt::format("{} \"{}\" does not exist, skipping",
                                                 kind_name(kind), fmt::join(name, "."))});
      continue;
    }
    const Object& object = **found;
    if (object.id.system || object.oid() == 2200)
      return error(ErrorCode::kDenied, "cannot drop {} \"{}\" because it is required by the system",
                   kind_name(kind), object.name)
          .with_sqlstate(object.id.system ? "42501" : "2BP01");
    ids.insert(object.id);
  }
  // What depends on them goes too, or must be named itself.
  std::vector<ObjectId> pending(ids.begin(), ids.end());
  while (!pending.empty()) {
    const Object& object = *catalog_->find(pending.back());
    pending.pop_back();
    for (const Object* user : catalog_->dependents(object.id)) {
      if (ids.contains(user->id)) continue;
      if (user->index() != nullptr && object.kind != ObjectKind::kSchema) {
        ids.insert(user->id);  // it has no rows of its own: nobody would want it to stay
        continue;
      }
      if (!options.cascade) return still_used(*catalog_, object, *user);
      notices_.push_back({.message = fmt::format("drop cascades to {} {}", kind_name(user->kind),
                                                 catalog_->qualified_name(*user))});
      ids.insert(user->id);
      pending.push_back(user->id);
    }
  }
  return remove(ids);
}

Status CatalogEdit::remove(const std::set<ObjectId>& ids) {
  auto next = edited();
  // Items before the schemas that hold them: a schema's number may be lower or higher.
  for (const bool schemas : {false, true}) {
    for (const ObjectId id : ids) {
      const Object* object = next->find(id);
      if (object == nullptr || (object->kind == ObjectKind::kSchema) != schemas) continue;
      next->remove(id);
      touched_.insert(id);
    }
  }
  catalog_ = std::move(next);
  return ok();
}

Status CatalogEdit::replace_body(ObjectId id, decltype(Object::body) body) {
  const Object* old = catalog_->find(id);
  CHECK(old != nullptr && !id.system && old->body.index() == body.index());
  Object changed = *old;
  changed.body = std::move(body);
  TRY(remove({id}));
  put(std::make_shared<const Object>(std::move(changed)));
  return ok();
}

Status CatalogEdit::rename(ObjectId id, const std::string& name) {
  const Object* old = catalog_->find(id);
  CHECK(old != nullptr && !id.system && old->kind != ObjectKind::kSchema);
  // A view's text names what it reads; following a rename would mean to rewrite that text.
  const auto users = catalog_->dependents(id);
  for (const Object* user : users)
    if (user->query_sql() != nullptr)
      return invalid("cannot rename {} \"{}\": still depended upon by {} \"{}\"",
                     kind_name(old->kind), old->name, kind_name(user->kind), user->name)
          .with_sqlstate("2BP01");
  TRY(free_name(catalog_->find_in(catalog_->schema_of(*old), name), old->kind, name, {}));
  Object changed = *old;
  changed.name = name;
  TRY(remove({id}));
  put(std::make_shared<const Object>(std::move(changed)));
  return ok();
}

Status CatalogEdit::comment(ObjectId id, std::optional<size_t> column, const std::string& text) {
  const Object* old = catalog_->find(id);
  CHECK(old != nullptr);
  if (id.system)
    return error(ErrorCode::kDenied, "system item '{}' cannot be modified", old->name)
        .with_sqlstate("42501");
  Object changed = *old;
  if (!column) {
    changed.comment = text;
  } else if (auto* table = std::get_if<Table>(&changed.body)) {
    table->columns.at(*column).comment = text;
  } else if (auto* view = std::get_if<View>(&changed.body)) {
    view->columns.at(*column).comment = text;
  } else if (auto* kept = std::get_if<MaterializedView>(&changed.body)) {
    kept->columns.at(*column).comment = text;
  }
  auto next = edited();
  touched_.insert(id);
  next->objects_[id] = std::make_shared<const Object>(std::move(changed));
  catalog_ = std::move(next);
  return ok();
}

Result<std::vector<collection::Commit::Record>> CatalogEdit::records() const {
  std::vector<collection::Commit::Record> all;
  for (const ObjectId id : touched_) {
    const Object* now = catalog_->find(id);
    if (now == nullptr && base_->find(id) == nullptr) continue;  // came and went
    std::optional<std::string> value;
    if (now != nullptr) {
      TRY_ASSIGN(value, write_record(*now, catalog_->keyring_.get()));
    }
    all.push_back({.key = record_key(id), .value = std::move(value)});
  }
  if (catalog_->next_number_ != base_->next_number_)
    all.push_back(
        {.key = std::string(kNextNumberKey), .value = std::to_string(catalog_->next_number_)});
  return all;
}

std::vector<collection::CollectionId> CatalogEdit::created_collections() const {
  std::vector<collection::CollectionId> created;
  for (const ObjectId id : touched_) {
    const Object* now = catalog_->find(id);
    if (now == nullptr || base_->find(id) != nullptr) continue;
    if (const auto rows = now->collection()) created.push_back(*rows);
  }
  return created;
}

std::vector<collection::Commit::Retain> CatalogEdit::retained_collections() const {
  using History = std::optional<std::chrono::milliseconds>;
  const auto history_of = [](const Object& object) -> History {
    return object.retain_history() ? History(object.retain_history()->time) : std::nullopt;
  };
  std::vector<collection::Commit::Retain> retained;
  for (const ObjectId id : touched_) {
    const Object* const now = catalog_->find(id);
    if (now == nullptr || !now->collection()) continue;
    const Object* const old = base_->find(id);
    const History history = history_of(*now);
    if (history == (old == nullptr ? History() : history_of(*old))) continue;
    retained.push_back({*now->collection(), history});
  }
  return retained;
}

std::vector<collection::CollectionId> CatalogEdit::dropped_collections() const {
  std::vector<collection::CollectionId> dropped;
  for (const ObjectId id : touched_) {
    const Object* old = base_->find(id);
    if (old == nullptr || catalog_->find(id) != nullptr) continue;
    if (const auto rows = old->collection()) dropped.push_back(*rows);
  }
  return dropped;
}

}  // namespace sluice::sql
