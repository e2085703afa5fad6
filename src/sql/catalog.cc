#include "sql/catalog.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "sql/system/relations.h"

namespace sluice::sql {
namespace {

// Words that PostgreSQL would not read back as a name without quotes.
constexpr std::string_view kReserved[] = {
    "all",          "analyse", "analyze",   "and",        "any",       "array",     "as",
    "asc",          "both",    "case",      "cast",       "check",     "collate",   "column",
    "constraint",   "create",  "default",   "deferrable", "desc",      "distinct",  "do",
    "else",         "end",     "except",    "false",      "fetch",     "for",       "foreign",
    "from",         "grant",   "group",     "having",     "in",        "initially", "intersect",
    "into",         "is",      "join",      "lateral",    "leading",   "left",      "like",
    "limit",        "natural", "not",       "null",       "offset",    "on",        "only",
    "or",           "order",   "primary",   "references", "returning", "right",     "select",
    "session_user", "some",    "symmetric", "table",      "then",      "to",        "trailing",
    "true",         "union",   "unique",    "user",       "using",     "values",    "variadic",
    "when",         "where",   "window",    "with"};

constexpr std::string_view kSystemSchemas[] = {"mz_catalog", "mz_internal", "pg_catalog",
                                               "information_schema", "sluice_internal"};

uint32_t system_schema_oid(std::string_view name) { return name == "pg_catalog" ? 11U : 0U; }

}  // namespace

std::string ObjectId::text() const { return fmt::format("{}{}", system ? 's' : 'u', number); }

std::optional<ObjectId> ObjectId::parse(std::string_view text) {
  if (text.size() < 2 || (text[0] != 's' && text[0] != 'u')) return std::nullopt;
  ObjectId id{.system = text[0] == 's', .number = 0};
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data() + 1, end, id.number);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return id;
}

std::string_view kind_name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kSchema:
      return "schema";
    case ObjectKind::kTable:
      return "table";
    case ObjectKind::kView:
      return "view";
    case ObjectKind::kMaterializedView:
      return "materialized view";
    case ObjectKind::kSecret:
      return "secret";
    case ObjectKind::kConnection:
      return "connection";
    case ObjectKind::kIndex:
      return "index";
  }
  return "object";
}

const ConnectionOption* Connection::option(std::string_view wanted) const {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const auto& each) { return each.name == wanted; });
  return found == options.end() ? nullptr : &*found;
}

uint32_t Object::oid() const {
  if (const auto* relation = system_relation(); relation != nullptr && relation->oid != 0)
    return relation->oid;
  if (kind == ObjectKind::kSchema) {
    if (name == kDefaultSchema) return 2200;
    if (const uint32_t known = system_schema_oid(name); id.system && known != 0) return known;
  }
  return (id.system ? kFirstSystemOid : kFirstUserOid) + static_cast<uint32_t>(id.number);
}

bool Object::is_relation() const {
  return kind == ObjectKind::kTable || kind == ObjectKind::kView ||
         kind == ObjectKind::kMaterializedView;
}

std::optional<collection::CollectionId> Object::collection() const {
  if (const auto* own = table()) return own->collection;
  if (const auto* own = materialized_view()) return own->collection;
  return std::nullopt;
}

const std::optional<RetainHistory>& Object::retain_history() const {
  static const std::optional<RetainHistory> none;
  if (const auto* own = table()) return own->retain_history;
  if (const auto* own = materialized_view()) return own->retain_history;
  return none;
}

const std::string* Object::query_sql() const {
  if (const auto* own = view()) return &own->query_sql;
  if (const auto* own = materialized_view()) return &own->query_sql;
  return nullptr;
}

std::span<const Column> Object::columns() const {
  if (const auto* own = table()) return own->columns;
  if (const auto* own = view()) return own->columns;
  if (const auto* own = materialized_view()) return own->columns;
  if (const auto* own = system_relation()) return own->columns;
  return {};
}

std::vector<ObjectId> Object::dependencies() const {
  if (const auto* own = view()) return own->dependencies;
  if (const auto* own = materialized_view()) return own->dependencies;
  if (const auto* own = index()) return {own->on};
  std::vector<ObjectId> secrets;
  if (const auto* own = connection()) {
    for (const auto& option : own->options)
      if (option.secret() != nullptr) secrets.push_back(*option.secret());
  }
  return secrets;
}

const Object* Catalog::find(ObjectId id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : found->second.get();
}

const Object* Catalog::find_oid(uint32_t oid) const {
  const auto found = by_oid_.find(oid);
  return found == by_oid_.end() ? nullptr : find(found->second);
}

const Object* Catalog::find_collection(collection::CollectionId id) const {
  const auto found = by_collection_.find(id);
  return found == by_collection_.end() ? nullptr : find(found->second);
}

const Object* Catalog::find_schema(std::string_view name) const {
  const auto found = schemas_.find(name);
  return found == schemas_.end() ? nullptr : find(found->second);
}

const Object* Catalog::find_in(const Object& schema, std::string_view name) const {
  const auto in_schema = by_schema_.find(schema.id);
  if (in_schema == by_schema_.end()) return nullptr;
  const auto found = in_schema->second.find(name);
  return found == in_schema->second.end() ? nullptr : find(found->second);
}

namespace {

// Database and schema of a name, checked; empty where not written.
Result<std::string> schema_part(const NameParts& name) {
  if (name.empty() || name.size() > 3)
    return invalid("improper relation name (too many dotted names): {}", fmt::join(name, "."))
        .with_sqlstate("42601");
  if (name.size() == 3 && name[0] != kDatabaseName)
    return error(ErrorCode::kNotFound, "unknown database '{}'", name[0]).with_sqlstate("3D000");
  return name.size() == 1 ? std::string() : name[name.size() - 2];
}

Error no_such_schema(std::string_view name) {
  return error(ErrorCode::kNotFound, "schema \"{}\" does not exist", name).with_sqlstate("3F000");
}

std::string with_article(ObjectKind kind) {
  return fmt::format("{} {}", kind == ObjectKind::kIndex ? "an" : "a", kind_name(kind));
}

Error missing(ObjectKind kind, const NameParts& name) {
  const std::string shown = fmt::format("{}", fmt::join(name, "."));
  if (kind == ObjectKind::kSchema) return no_such_schema(shown);
  const bool relation = kind == ObjectKind::kTable || kind == ObjectKind::kView ||
                        kind == ObjectKind::kMaterializedView;
  return error(ErrorCode::kNotFound, "{} \"{}\" does not exist", kind_name(kind), shown)
      .with_sqlstate(relation ? "42P01" : "42704");
}

}  // namespace

Result<const Object*> Catalog::lookup(const NameParts& name, const SearchPath& path) const {
  TRY_ASSIGN(const std::string schema_name, schema_part(name));
  if (!schema_name.empty()) {
    const Object* schema = find_schema(schema_name);
    if (schema == nullptr) return no_such_schema(schema_name);
    return find_in(*schema, name.back());
  }
  for (const auto& each : effective_path(path)) {
    const Object* schema = find_schema(each);
    const Object* found = schema == nullptr ? nullptr : find_in(*schema, name.back());
    if (found != nullptr) return found;
  }
  return static_cast<const Object*>(nullptr);
}

Result<const Object*> Catalog::relation(const NameParts& name, const SearchPath& path) const {
  auto found = lookup(name, path);
  // PostgreSQL tells of a missing schema in a query as of a missing relation.
  if (!found.ok() && found.error().sqlstate != "3F000") return std::move(found).error();
  const std::string shown = fmt::format("{}", fmt::join(name, "."));
  if (!found.ok() || *found == nullptr)
    return error(ErrorCode::kNotFound, "relation \"{}\" does not exist", shown)
        .with_sqlstate("42P01");
  if (!(*found)->is_relation())
    return invalid("\"{}\" is {}, not a relation", shown, with_article((*found)->kind))
        .with_sqlstate("42809");
  return *found;
}

Result<const Object*> Catalog::require(ObjectKind kind, const NameParts& name,
                                       const SearchPath& path) const {
  if (kind == ObjectKind::kSchema) {
    if (name.size() == 2 && name[0] != kDatabaseName)
      return error(ErrorCode::kNotFound, "unknown database '{}'", name[0]).with_sqlstate("3D000");
    const Object* schema = name.empty() ? nullptr : find_schema(name.back());
    if (schema == nullptr) return missing(kind, name);
    return schema;
  }
  TRY_ASSIGN(const Object* found, lookup(name, path));
  if (found == nullptr) return missing(kind, name);
  if (found->kind != kind) {
    auto wrong = invalid("\"{}\" is not {}", found->name, with_article(kind))
                     .with_sqlstate("42809")
                     .with_detail(fmt::format("It is {}.", with_article(found->kind)));
    const auto is_view = [](ObjectKind each) {
      return each == ObjectKind::kView || each == ObjectKind::kMaterializedView;
    };
    if (!is_view(kind) || !is_view(found->kind)) return wrong;
    return std::move(wrong).with_hint(
        fmt::format("Say {}.", kind == ObjectKind::kView ? "MATERIALIZED VIEW" : "VIEW"));
  }
  return found;
}

Result<Catalog::Place> Catalog::place_for(const NameParts& name, const SearchPath& path) const {
  TRY_ASSIGN(std::string schema_name, schema_part(name));
  const Object* schema = nullptr;
  if (!schema_name.empty()) {
    schema = find_schema(schema_name);
    if (schema == nullptr) return no_such_schema(schema_name);
  }
  for (size_t i = 0; schema == nullptr && i < path.size(); ++i) schema = find_schema(path[i]);
  if (schema == nullptr)
    return error(ErrorCode::kNotFound, "no schema has been selected to create in")
        .with_sqlstate("3F000");
  if (schema->id.system)
    return error(ErrorCode::kDenied, "system schema '{}' cannot be modified", schema->name)
        .with_sqlstate("42501");
  return Place{.schema = schema, .name = name.back()};
}

std::vector<const Object*> Catalog::dependents(ObjectId id) const {
  std::vector<const Object*> found;
  if (const auto in_schema = by_schema_.find(id); in_schema != by_schema_.end()) {
    for (const auto& [name, item] : in_schema->second) found.push_back(find(item));
    std::sort(found.begin(), found.end(), [](auto* a, auto* b) { return a->id < b->id; });
  }
  if (const auto users = dependents_.find(id); users != dependents_.end())
    for (const ObjectId user : users->second) found.push_back(find(user));
  return found;
}

std::vector<const Object*> Catalog::indexes_of(ObjectId relation) const {
  std::vector<const Object*> found;
  if (const auto users = dependents_.find(relation); users != dependents_.end()) {
    for (const ObjectId user : users->second) {
      const Object* const object = find(user);
      if (object->index() != nullptr) found.push_back(object);
    }
  }
  return found;
}

std::vector<std::string> Catalog::key_names(const Index& index) const {
  const Object* const relation = find(index.on);
  CHECK(relation != nullptr);
  std::vector<std::string> names;
  for (const size_t column : index.columns)
    names.push_back(quote_identifier(relation->columns()[column].name));
  return names;
}

const Object& Catalog::schema_of(const Object& object) const {
  const Object* schema = find(object.schema);
  CHECK(schema != nullptr);
  return *schema;
}

std::string Catalog::qualified_name(const Object& object, bool database) const {
  std::string text = database ? fmt::format("{}.", quote_identifier(kDatabaseName)) : "";
  if (object.kind != ObjectKind::kSchema) text += quote_identifier(schema_of(object).name) + ".";
  return text + quote_identifier(object.name);
}

bool Catalog::is_visible(const Object& object, const SearchPath& path) const {
  const auto found = lookup({object.name}, path);
  return found.ok() && *found != nullptr && (*found)->id == object.id;
}

void Catalog::add(std::shared_ptr<const Object> object) {
  const ObjectId id = object->id;
  if (object->kind == ObjectKind::kSchema) {
    schemas_[object->name] = id;
    by_schema_[id];
  } else {
    by_schema_[object->schema][object->name] = id;
  }
  for (const ObjectId used : object->dependencies()) dependents_[used].insert(id);
  if (!id.system) next_number_ = std::max(next_number_, id.number + 1);
  by_oid_[object->oid()] = id;
  if (const auto rows = object->collection()) by_collection_[*rows] = id;
  objects_[id] = std::move(object);
}

void Catalog::remove(ObjectId id) {
  const auto found = objects_.find(id);
  CHECK(found != objects_.end());
  const Object& object = *found->second;
  if (object.kind == ObjectKind::kSchema) {
    schemas_.erase(object.name);
    by_schema_.erase(id);
  } else if (const auto in_schema = by_schema_.find(object.schema); in_schema != by_schema_.end()) {
    in_schema->second.erase(object.name);
  }
  for (const ObjectId used : object.dependencies()) {
    const auto users = dependents_.find(used);
    if (users != dependents_.end()) users->second.erase(id);
  }
  by_oid_.erase(object.oid());
  if (const auto rows = object.collection()) by_collection_.erase(*rows);
  objects_.erase(found);
}

void Catalog::add_system_objects() {
  uint64_t number = 0;
  for (const auto name : kSystemSchemas) {
    const ObjectId id{.system = true, .number = ++number};
    add(std::make_shared<Object>(Object{.id = id,
                                        .schema = id,
                                        .name = std::string(name),
                                        .kind = ObjectKind::kSchema,
                                        .body = Schema{},
                                        .comment = {}}));
  }
  number = 100;
  for (const auto& definition : system_relations()) {
    const Object* schema = find_schema(definition.schema);
    CHECK(schema != nullptr);
    add(std::make_shared<Object>(Object{.id = {.system = true, .number = ++number},
                                        .schema = schema->id,
                                        .name = definition.name,
                                        .kind = ObjectKind::kView,
                                        .body = SystemRelation{.columns = definition.columns,
                                                               .oid = definition.oid,
                                                               .definition = &definition},
                                        .comment = {}}));
  }
  // `public` is there before anything is recorded, and cannot be dropped.
  const ObjectId id{.system = false, .number = 1};
  add(std::make_shared<Object>(Object{.id = id,
                                      .schema = id,
                                      .name = std::string(kDefaultSchema),
                                      .kind = ObjectKind::kSchema,
                                      .body = Schema{},
                                      .comment = {}}));
}

SearchPath effective_path(const SearchPath& path) {
  SearchPath all;
  for (const std::string_view implied : {"mz_catalog", "pg_catalog"})
    if (std::find(path.begin(), path.end(), implied) == path.end()) all.emplace_back(implied);
  all.insert(all.end(), path.begin(), path.end());
  return all;
}

std::string quote_identifier(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
  };
  const bool plain =
      !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
      std::all_of(name.begin(), name.end(), is_plain) &&
      std::find(std::begin(kReserved), std::end(kReserved), name) == std::end(kReserved);
  if (plain) return std::string(name);
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string quote_literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + '\'';
}

}  // namespace sluice::sql
