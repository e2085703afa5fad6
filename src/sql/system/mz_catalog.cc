// mz_catalog: what exists, as Materialize shows it.
#include <algorithm>

#include "sql/show_create.h"
#include "sql/system/groups.h"

namespace sluice::sql::system {
namespace {

using engine::Value;

Value id_of(ObjectId id) { return Value(id.text()); }
Value oid_of(const Object& object) { return Value::UINTEGER(object.oid()); }
Value schema_of(const Object& object) { return Value(object.schema.text()); }

// What mz_objects.type says.
std::string type_of(const Object& object) {
  std::string type(kind_name(object.kind));
  std::replace(type.begin(), type.end(), ' ', '-');
  return type;
}

// There is one cluster, and it is this server.
Value cluster_of(const Object& object) {
  const bool runs = object.materialized_view() != nullptr || object.index() != nullptr;
  return runs ? Value("u1") : null();
}

template <typename Visit>
void for_each_item(const ResolveContext& context, Visit visit) {
  for (const auto& [id, object] : context.catalog->objects())
    if (object->kind != ObjectKind::kSchema) visit(*object);
}

void objects(const ResolveContext& context, RowWriter& out, bool relations_only) {
  for_each_item(context, [&](const Object& object) {
    if (relations_only && !object.is_relation()) return;
    out.row({id_of(object.id), oid_of(object), schema_of(object), Value(object.name),
             Value(type_of(object)), Value(kOwnerId), cluster_of(object), null()});
  });
}

void tables(const ResolveContext& context, RowWriter& out) {
  for_each_item(context, [&](const Object& object) {
    if (object.kind != ObjectKind::kTable) return;
    out.row({id_of(object.id), oid_of(object), schema_of(object), Value(object.name),
             Value(kOwnerId), null(), Value(show_create(*context.catalog, object)),
             Value(show_create(*context.catalog, object, {.redacted = true})), null()});
  });
}

void views(const ResolveContext& context, RowWriter& out) {
  for_each_item(context, [&](const Object& object) {
    if (object.kind != ObjectKind::kView) return;
    const View* view = object.view();
    const std::string sql = show_create(*context.catalog, object);
    out.row({id_of(object.id), oid_of(object), schema_of(object), Value(object.name),
             text_or_null(view == nullptr ? "" : view->query_sql), Value(kOwnerId), null(),
             text_or_null(sql), text_or_null(sql)});
  });
}

void materialized_views(const ResolveContext& context, RowWriter& out) {
  for_each_item(context, [&](const Object& object) {
    if (object.materialized_view() == nullptr) return;
    const std::string sql = show_create(*context.catalog, object);
    out.row({id_of(object.id), oid_of(object), schema_of(object), Value(object.name),
             cluster_of(object), Value(*object.query_sql()), Value(kOwnerId), null(), Value(sql),
             Value(sql)});
  });
}

void columns(const ResolveContext& context, RowWriter& out) {
  for_each_item(context, [&](const Object& object) {
    uint64_t position = 0;
    for (const auto& column : object.columns()) {
      out.row({id_of(object.id), Value(column.name), Value::UBIGINT(++position),
               Value::BOOLEAN(!column.not_null), Value(types::name(column.type)),
               column.default_sql ? Value(*column.default_sql) : null(),
               Value::UINTEGER(types::oid(column.type)),
               Value::INTEGER(types::typmod(column.type))});
    }
  });
}

void schemas(const ResolveContext& context, RowWriter& out) {
  for (const auto& [id, object] : context.catalog->objects()) {
    if (object->kind != ObjectKind::kSchema) continue;
    out.row({id_of(id), oid_of(*object), id.system ? null() : Value(kOwnerId), Value(object->name),
             Value(kOwnerId), null()});
  }
}

void databases(const ResolveContext&, RowWriter& out) {
  out.row({Value(kOwnerId), Value::UINTEGER(kDatabaseOid), Value(std::string(kDatabaseName)),
           Value(kOwnerId), null()});
}

void connections(const ResolveContext& context, RowWriter& out) {
  for_each_item(context, [&](const Object& object) {
    if (object.connection() == nullptr) return;
    out.row({id_of(object.id), oid_of(object), schema_of(object), Value(object.name),
             Value(object.connection()->type), Value(kOwnerId), null(),
             Value(show_create(*context.catalog, object)),
             Value(show_create(*context.catalog, object, {.redacted = true}))});
  });
}

void secrets(const ResolveContext& context, RowWriter& out) {
  for_each_item(context, [&](const Object& object) {
    if (object.secret() == nullptr) return;
    out.row({id_of(object.id), oid_of(object), schema_of(object), Value(object.name),
             Value(kOwnerId), null()});
  });
}

void indexes(const ResolveContext& context, RowWriter& out) {
  for_each_item(context, [&](const Object& object) {
    if (object.index() == nullptr) return;
    const std::string sql = show_create(*context.catalog, object);
    out.row({id_of(object.id), oid_of(object), Value(object.name), id_of(object.index()->on),
             cluster_of(object), Value(kOwnerId), Value(sql), Value(sql)});
  });
}

void index_columns(const ResolveContext& context, RowWriter& out) {
  for_each_item(context, [&](const Object& object) {
    if (object.index() == nullptr) return;
    const auto columns = context.catalog->find(object.index()->on)->columns();
    uint64_t position = 0;
    for (const size_t column : object.index()->columns) {
      out.row({id_of(object.id), Value::UBIGINT(++position), Value::UBIGINT(column + 1), null(),
               Value::BOOLEAN(!columns[column].not_null)});
    }
  });
}

void roles(const ResolveContext&, RowWriter& out) {
  out.row({Value(kOwnerId), Value::UINTEGER(kOwnerOid), Value(std::string(kDefaultUser)),
           Value::BOOLEAN(true)});
}

void types_of(const ResolveContext& context, RowWriter& out) {
  const Object* schema = context.catalog->find_schema("pg_catalog");
  for (const auto& type : types::all_types()) {
    const uint32_t type_oid = types::oid(type);
    const bool is_array = type.id == types::TypeId::kArray;
    out.row({Value(fmt::format("s{}", 1'000'000 + type_oid)), Value::UINTEGER(type_oid),
             Value(schema->id.text()), Value(types::catalog_name(type)),
             Value(is_array ? "array" : "base"), Value(kOwnerId), null(), null(), null()});
  }
}

}  // namespace

void add_mz_catalog(Definitions& all) {
  const std::string schema = "mz_catalog";
  const auto add = [&](const std::string& name, const std::vector<Column>& own_columns, auto rows) {
    all.push_back(
        {.schema = schema, .name = name, .oid = 0, .columns = own_columns, .write_rows = rows});
  };
  const std::vector<Column> object_columns = {
      text("id"),   oid("oid"),       text("schema_id"),  text("name"),
      text("type"), text("owner_id"), text("cluster_id"), texts("privileges")};
  add("mz_objects", object_columns,
      [](const auto& context, RowWriter& out) { objects(context, out, false); });
  add("mz_relations", object_columns,
      [](const auto& context, RowWriter& out) { objects(context, out, true); });
  add("mz_tables",
      {text("id"), oid("oid"), text("schema_id"), text("name"), text("owner_id"),
       texts("privileges"), text("create_sql"), text("redacted_create_sql"), text("source_id")},
      tables);
  add("mz_views",
      {text("id"), oid("oid"), text("schema_id"), text("name"), text("definition"),
       text("owner_id"), texts("privileges"), text("create_sql"), text("redacted_create_sql")},
      views);
  add("mz_columns",
      {text("id"), text("name"), uint8("position"), boolean("nullable"), text("type"),
       text("default"), oid("type_oid"), int4("type_mod")},
      columns);
  add("mz_schemas",
      {text("id"), oid("oid"), text("database_id"), text("name"), text("owner_id"),
       texts("privileges")},
      schemas);
  add("mz_databases", {text("id"), oid("oid"), text("name"), text("owner_id"), texts("privileges")},
      databases);
  add("mz_connections",
      {text("id"), oid("oid"), text("schema_id"), text("name"), text("type"), text("owner_id"),
       texts("privileges"), text("create_sql"), text("redacted_create_sql")},
      connections);
  add("mz_secrets",
      {text("id"), oid("oid"), text("schema_id"), text("name"), text("owner_id"),
       texts("privileges")},
      secrets);
  add("mz_roles", {text("id"), oid("oid"), text("name"), boolean("inherit")}, roles);
  add("mz_types",
      {text("id"), oid("oid"), text("schema_id"), text("name"), text("category"), text("owner_id"),
       texts("privileges"), text("create_sql"), text("redacted_create_sql")},
      types_of);
  add("mz_materialized_views",
      {text("id"), oid("oid"), text("schema_id"), text("name"), text("cluster_id"),
       text("definition"), text("owner_id"), texts("privileges"), text("create_sql"),
       text("redacted_create_sql")},
      materialized_views);
  // Kinds of objects that do not exist yet, for tools that list them all.
  add("mz_sources",
      {text("id"), oid("oid"), text("schema_id"), text("name"), text("type"), text("connection_id"),
       text("size"), text("envelope_type"), text("key_format"), text("value_format"),
       text("cluster_id"), text("owner_id"), texts("privileges"), text("create_sql"),
       text("redacted_create_sql")},
      nullptr);
  add("mz_indexes",
      {text("id"), oid("oid"), text("name"), text("on_id"), text("cluster_id"), text("owner_id"),
       text("create_sql"), text("redacted_create_sql")},
      indexes);
  add("mz_index_columns",
      {text("index_id"), uint8("index_position"), uint8("on_position"), text("on_expression"),
       boolean("nullable")},
      index_columns);
  add("mz_sinks",
      {text("id"), oid("oid"), text("schema_id"), text("name"), text("type"), text("connection_id"),
       text("size"), text("envelope_type"), text("format"), text("cluster_id"), text("owner_id"),
       text("create_sql"), text("redacted_create_sql")},
      nullptr);
  add("mz_role_members", {text("role_id"), text("member"), text("grantor")}, nullptr);
}

}  // namespace sluice::sql::system
