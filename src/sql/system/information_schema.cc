// information_schema: the standard's view of the catalog, as far as tools use it.
#include "sql/system/groups.h"

namespace sluice::sql::system {
namespace {

using engine::Value;

// Materialized views are none of the standard's, so PostgreSQL leaves them out.
template <typename Visit>
void for_each_relation(const ResolveContext& context, Visit visit) {
  for (const auto& [id, object] : context.catalog->objects())
    if (object->is_relation() && object->materialized_view() == nullptr)
      visit(*object, context.catalog->schema_of(*object));
}

Value database() { return Value(std::string(kDatabaseName)); }
Value yes_or_no(bool yes) { return Value(yes ? "YES" : "NO"); }

void tables(const ResolveContext& context, RowWriter& out) {
  for_each_relation(context, [&](const Object& object, const Object& schema) {
    const bool is_table = object.kind == ObjectKind::kTable;
    out.row({database(), Value(schema.name), Value(object.name),
             Value(is_table ? "BASE TABLE" : "VIEW"), null(), null(), null(), null(), null(),
             yes_or_no(is_table), Value("NO"), null()});
  });
}

// A number where the type has that property.
Value number(bool has, int value) { return has ? Value::INTEGER(value) : null(); }

void columns(const ResolveContext& context, RowWriter& out) {
  for_each_relation(context, [&](const Object& object, const Object& schema) {
    int32_t position = 0;
    for (const auto& column : object.columns()) {
      const auto& type = column.type;
      const bool numeric = type.id == types::TypeId::kNumeric && type.precision >= 0;
      const bool sized = !numeric && type.precision >= 0;
      const bool array = type.id == types::TypeId::kArray;
      auto plain = type;
      plain.precision = plain.scale = -1;
      out.row({database(), Value(schema.name), Value(object.name), Value(column.name),
               Value::INTEGER(++position), column.default_sql ? Value(*column.default_sql) : null(),
               yes_or_no(!column.not_null), Value(array ? "ARRAY" : types::name(plain)),
               number(sized, type.precision), number(numeric, type.precision),
               number(numeric, type.scale), Value(types::catalog_name(type)), Value("pg_catalog"),
               database(), Value("NO"), yes_or_no(object.kind == ObjectKind::kTable)});
    }
  });
}

void schemata(const ResolveContext& context, RowWriter& out) {
  for (const auto& [id, object] : context.catalog->objects())
    if (object->kind == ObjectKind::kSchema)
      out.row({database(), Value(object->name), Value(std::string(kDefaultUser)), null(), null(),
               null(), null()});
}

void views(const ResolveContext& context, RowWriter& out) {
  for_each_relation(context, [&](const Object& object, const Object& schema) {
    if (object.kind != ObjectKind::kView) return;
    out.row({database(), Value(schema.name), Value(object.name),
             object.view() == nullptr ? null() : Value(object.view()->query_sql), Value("NONE"),
             Value("NO"), Value("NO")});
  });
}

template <typename Visit>
void for_each_key(const ResolveContext& context, Visit visit) {
  for_each_relation(context, [&](const Object& object, const Object& schema) {
    if (object.table() == nullptr) return;
    for (const auto& key : object.table()->keys) visit(object, schema, key);
  });
}

void table_constraints(const ResolveContext& context, RowWriter& out) {
  for_each_key(context, [&](const Object& object, const Object& schema, const auto& key) {
    out.row({database(), Value(schema.name), Value(key.name), database(), Value(schema.name),
             Value(object.name), Value(key.primary ? "PRIMARY KEY" : "UNIQUE"), Value("NO"),
             Value("NO")});
  });
}

void key_column_usage(const ResolveContext& context, RowWriter& out) {
  for_each_key(context, [&](const Object& object, const Object& schema, const auto& key) {
    int32_t position = 0;
    for (const size_t column : key.columns)
      out.row({database(), Value(schema.name), Value(key.name), database(), Value(schema.name),
               Value(object.name), Value(object.columns()[column].name),
               Value::INTEGER(++position)});
  });
}

}  // namespace

void add_information_schema(Definitions& all) {
  const auto add = [&](const std::string& name, const std::vector<Column>& own_columns, auto rows) {
    all.push_back({.schema = "information_schema",
                   .name = name,
                   .oid = 0,
                   .columns = own_columns,
                   .write_rows = rows});
  };
  add("tables",
      {text("table_catalog"), text("table_schema"), text("table_name"), text("table_type"),
       text("self_referencing_column_name"), text("reference_generation"),
       text("user_defined_type_catalog"), text("user_defined_type_schema"),
       text("user_defined_type_name"), text("is_insertable_into"), text("is_typed"),
       text("commit_action")},
      tables);
  add("columns",
      {text("table_catalog"), text("table_schema"), text("table_name"), text("column_name"),
       int4("ordinal_position"), text("column_default"), text("is_nullable"), text("data_type"),
       int4("character_maximum_length"), int4("numeric_precision"), int4("numeric_scale"),
       text("udt_name"), text("udt_schema"), text("udt_catalog"), text("is_identity"),
       text("is_updatable")},
      columns);
  add("schemata",
      {text("catalog_name"), text("schema_name"), text("schema_owner"),
       text("default_character_set_catalog"), text("default_character_set_schema"),
       text("default_character_set_name"), text("sql_path")},
      schemata);
  add("views",
      {text("table_catalog"), text("table_schema"), text("table_name"), text("view_definition"),
       text("check_option"), text("is_updatable"), text("is_insertable_into")},
      views);
  add("table_constraints",
      {text("constraint_catalog"), text("constraint_schema"), text("constraint_name"),
       text("table_catalog"), text("table_schema"), text("table_name"), text("constraint_type"),
       text("is_deferrable"), text("initially_deferred")},
      table_constraints);
  add("key_column_usage",
      {text("constraint_catalog"), text("constraint_schema"), text("constraint_name"),
       text("table_catalog"), text("table_schema"), text("table_name"), text("column_name"),
       int4("ordinal_position")},
      key_column_usage);
}

}  // namespace sluice::sql::system
