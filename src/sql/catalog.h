// The catalog: what exists, under which name, at one revision.
//
// A Catalog never changes. It is built from the records that the collections' store keeps
// (collection::Store::records(), one JSON value for each object under `object/u12`), and an open
// transaction makes a newer one for itself through CatalogEdit (catalog_edit.h). There is one
// database, `materialize`. Relations of the system (mz_catalog and its like) are objects too, with
// ids `s…`; they are part of every catalog and never recorded.
//
// Threads: immutable, so safe from any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "collection/store.h"
#include "secrets/keyring.h"
#include "sql/object_kind.h"
#include "sql/retain_history.h"
#include "types/sql_type.h"

namespace sluice::sql {

inline constexpr std::string_view kDatabaseName = "materialize";
inline constexpr std::string_view kDefaultSchema = "public";
inline constexpr std::string_view kDefaultUser = "materialize";
inline constexpr uint32_t kDatabaseOid = 16384;
inline constexpr uint32_t kOwnerOid = 16385;
inline constexpr uint32_t kFirstUserOid = 20000;
inline constexpr uint32_t kFirstSystemOid = 10000;

// Printed `u12` for what users made and `s7` for the system's own. Never used again after a drop.
struct ObjectId {
  bool system = false;
  uint64_t number = 0;
  auto operator<=>(const ObjectId&) const = default;
  std::string text() const;
  static std::optional<ObjectId> parse(std::string_view text);
};

// As messages have it: `table`, `materialized view`.
std::string_view kind_name(ObjectKind kind);

struct Column {
  std::string name;
  types::SqlType type;
  bool not_null = false;
  // SQL text of the DEFAULT expression, to be parsed where it is used.
  std::optional<std::string> default_sql = {};
  std::string comment = {};
};

// PRIMARY KEY or UNIQUE. Names are unique within a schema's relations only by convention.
struct KeyConstraint {
  std::string name;             // t_pkey
  std::vector<size_t> columns;  // indexes into Table::columns, in the order of the constraint
  bool primary = false;
};

struct Schema {};

struct Table {
  std::vector<Column> columns;
  std::vector<KeyConstraint> keys;
  collection::CollectionId collection;
  std::optional<RetainHistory> retain_history = {};  // none: as long as --retain-history-ms says
};

struct View {
  // The query alone, as the user wrote it. Its names were resolved with `search_path`, and will be
  // again.
  std::string query_sql;
  std::vector<std::string> search_path;
  std::vector<Column> columns;
  std::vector<ObjectId> dependencies;
};

// A view whose rows are kept, and follow those of what it reads (docs/design/views.md).
struct MaterializedView {
  std::string query_sql;  // the next four as a View's
  std::vector<std::string> search_path;
  std::vector<Column> columns;
  std::vector<ObjectId> dependencies;
  collection::CollectionId collection = {};
  std::vector<size_t> assert_not_null = {};  // indexes into `columns`, ascending
  std::optional<RetainHistory> retain_history = {};
};

// The value is bytes, sealed in the record, and never shown: nothing but aws_connection.h reads it.
struct Secret {
  secrets::SecretString value;
};

// One `NAME = value` or `NAME = SECRET id` of CREATE CONNECTION. Upper case, one blank between
// words: `ACCESS KEY ID`.
struct ConnectionOption {
  std::string name;
  std::variant<std::string, ObjectId> value;
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const ObjectId* secret() const { return std::get_if<ObjectId>(&value); }
};

// What VALIDATE CONNECTION … WITH (S3 PATH = …) has found out of a store (store_dialect.h).
struct FoundProperty {
  std::string property;
  std::string value;
  int64_t found_at = 0;  // microseconds since 1970
  bool operator==(const FoundProperty&) const = default;
};

struct Connection {
  std::string type;  // aws
  std::vector<ConnectionOption> options;
  std::vector<FoundProperty> probed = {};  // one a property
  const ConnectionOption* option(std::string_view name) const;
};

// Rows of a table or materialized view by the values of some columns (docs/design/indexes.md).
struct Index {
  ObjectId on;
  std::vector<size_t> columns;  // indexes into the relation's, in the order of the key
};

// A relation that the system makes up: `definition` is what makes its rows (system/relations.h).
struct SystemRelationDefinition;
struct SystemRelation {
  std::vector<Column> columns;
  uint32_t oid = 0;  // PostgreSQL's own, where clients know it; 0: any
  const SystemRelationDefinition* definition = nullptr;
};

struct Object {
  ObjectId id;
  ObjectId schema;  // of itself for a schema
  std::string name;
  ObjectKind kind = ObjectKind::kTable;
  std::variant<Schema, Table, View, MaterializedView, Secret, Connection, SystemRelation, Index>
      body;
  std::string comment;

  // The number by which pg_catalog knows it: follows from the id.
  uint32_t oid() const;
  bool is_relation() const;
  const Table* table() const { return std::get_if<Table>(&body); }
  const View* view() const { return std::get_if<View>(&body); }
  const MaterializedView* materialized_view() const { return std::get_if<MaterializedView>(&body); }
  const Secret* secret() const { return std::get_if<Secret>(&body); }
  const Connection* connection() const { return std::get_if<Connection>(&body); }
  const Index* index() const { return std::get_if<Index>(&body); }
  const SystemRelation* system_relation() const { return std::get_if<SystemRelation>(&body); }
  // Where its rows are: of tables and materialized views.
  std::optional<collection::CollectionId> collection() const;
  // Of those; nothing: as long as all others'.
  const std::optional<RetainHistory>& retain_history() const;
  // The query of a view, materialized or not; nullptr for all else.
  const std::string* query_sql() const;
  // Empty for what has none.
  std::span<const Column> columns() const;
  // What it cannot be without: a view's relations, a connection's secrets, an index's relation. Not
  // its schema.
  std::vector<ObjectId> dependencies() const;
};

// Schemas in the order in which an unqualified name is looked up. mz_catalog and pg_catalog come
// first without being named, as in PostgreSQL.
using SearchPath = std::vector<std::string>;
// A name as written, unquoted: {"t"}, {"public", "t"} or {"materialize", "public", "t"}.
using NameParts = std::vector<std::string>;

class Catalog {
 public:
  // kInternal when a record cannot be read: the data directory is damaged or from another version.
  // Without a keyring, secrets can neither be read nor be made durable.
  static Result<std::shared_ptr<const Catalog>> from_records(
      const std::map<std::string, std::string>& records, uint64_t revision,
      std::shared_ptr<const secrets::Keyring> keyring = nullptr);

  // The store's revision that it was built from; for Commit::catalog_revision.
  uint64_t revision() const { return revision_; }

  const Object* find(ObjectId id) const;
  const Object* find_oid(uint32_t oid) const;
  const Object* find_schema(std::string_view name) const;
  const Object* find_in(const Object& schema, std::string_view name) const;

  // The object of that name, or nullptr. Refuses another database (3D000), too many parts (42601)
  // and, for a qualified name, an unknown schema (3F000).
  Result<const Object*> lookup(const NameParts& name, const SearchPath& path) const;
  // Like lookup(), but what isn't there is an error: 42P01 `relation "x" does not exist`.
  Result<const Object*> relation(const NameParts& name, const SearchPath& path) const;
  // The object if it has that kind. 42P01/42704/3F000 when missing, 42809 when of another kind.
  Result<const Object*> require(ObjectKind kind, const NameParts& name,
                                const SearchPath& path) const;
  // Where a new object of that name goes: its schema and its last part. 3F000 when the path has no
  // schema that exists; 42501 for a schema of the system.
  struct Place {
    const Object* schema = nullptr;
    std::string name;
  };
  Result<Place> place_for(const NameParts& name, const SearchPath& path) const;

  // Direct dependents, in order of id; for a schema, what lies in it.
  std::vector<const Object*> dependents(ObjectId id) const;
  // In order of id: those on a relation, and the names of an index's columns, as SQL text.
  std::vector<const Object*> indexes_of(ObjectId relation) const;
  std::vector<std::string> key_names(const Index& index) const;
  // The table or materialized view whose rows are there, or nullptr.
  const Object* find_collection(collection::CollectionId id) const;
  // Everything, in order of id: the system's first.
  const std::map<ObjectId, std::shared_ptr<const Object>>& objects() const { return objects_; }

  // public.t; with `database`, materialize.public.t. Parts are quoted where needed.
  std::string qualified_name(const Object& object, bool database = false) const;
  // Whether the unqualified name finds this very object.
  bool is_visible(const Object& object, const SearchPath& path) const;
  const Object& schema_of(const Object& object) const;

 private:
  friend class CatalogEdit;
  Catalog() = default;
  void add(std::shared_ptr<const Object> object);
  void remove(ObjectId id);
  void add_system_objects();

  std::shared_ptr<const secrets::Keyring> keyring_;  // shared with newer catalogs and the server
  uint64_t revision_ = 0;
  uint64_t next_number_ = 1;                                   // of users' ids
  std::map<ObjectId, std::shared_ptr<const Object>> objects_;  // shared with newer catalogs
  std::map<ObjectId, std::map<std::string, ObjectId, std::less<>>> by_schema_;
  std::map<std::string, ObjectId, std::less<>> schemas_;
  std::map<uint32_t, ObjectId> by_oid_;
  std::map<collection::CollectionId, ObjectId> by_collection_;
  std::map<ObjectId, std::set<ObjectId>> dependents_;
};

// Schemas an unqualified name is looked up in, the implied ones included.
SearchPath effective_path(const SearchPath& path);
// A name as SQL text, quoted where it would not be read back otherwise.
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

}  // namespace sluice::sql
