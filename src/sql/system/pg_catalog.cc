// pg_catalog: users' objects as PostgreSQL shows them, with what psql's \d family and drivers ask.
#include "sql/show_create.h"
#include "sql/system/groups.h"
#include "sql/system/keys.h"

namespace sluice::sql::system {
namespace {

using engine::Value;

template <typename Visit>
void for_each_relation(const ResolveContext& context, Visit visit) {
  for (const auto& [id, object] : context.catalog->objects())
    if (object->is_relation()) visit(*object);
}

template <typename Visit>
void for_each_key(const ResolveContext& context, Visit visit) {
  for (const auto& [id, object] : context.catalog->objects()) {
    if (object->table() == nullptr) continue;
    const auto& keys = object->table()->keys;
    for (size_t i = 0; i < keys.size(); ++i) visit(*object, keys[i], i);
  }
}

// Those of CREATE INDEX, with what they are on.
template <typename Visit>
void for_each_index(const ResolveContext& context, Visit visit) {
  for (const auto& [id, object] : context.catalog->objects())
    if (object->index() != nullptr) visit(*object, *context.catalog->find(object->index()->on));
}

bool has_indexes(const ResolveContext& context, const Object& relation) {
  const bool has_keys = relation.table() != nullptr && !relation.table()->keys.empty();
  return has_keys || !context.catalog->indexes_of(relation.id).empty();
}

const std::vector<Column>& class_columns() {
  static const auto* columns = new std::vector<Column>{oid("oid"),
                                                       name_column("relname"),
                                                       oid("relnamespace"),
                                                       oid("reltype"),
                                                       oid("reloftype"),
                                                       oid("relowner"),
                                                       oid("relam"),
                                                       oid("relfilenode"),
                                                       oid("reltablespace"),
                                                       int4("relpages"),
                                                       real("reltuples"),
                                                       int4("relallvisible"),
                                                       oid("reltoastrelid"),
                                                       boolean("relhasindex"),
                                                       boolean("relisshared"),
                                                       internal_char("relpersistence"),
                                                       internal_char("relkind"),
                                                       int2("relnatts"),
                                                       int2("relchecks"),
                                                       boolean("relhasoids"),
                                                       boolean("relhaspkey"),
                                                       boolean("relhasrules"),
                                                       boolean("relhastriggers"),
                                                       boolean("relhassubclass"),
                                                       boolean("relrowsecurity"),
                                                       boolean("relforcerowsecurity"),
                                                       boolean("relispopulated"),
                                                       internal_char("relreplident"),
                                                       boolean("relispartition"),
                                                       texts("relacl"),
                                                       texts("reloptions"),
                                                       text("relpartbound")};
  return *columns;
}

struct ClassRow {
  uint32_t oid = 0;
  std::string name;
  uint32_t schema = 0;
  const char* kind = "r";
  size_t columns = 0;
  uint32_t method = 0;  // of an index
  bool has_index = false;
  bool has_primary_key = false;
};

void write(const ClassRow& row, RowWriter& out) {
  const bool has_rules = row.kind[0] == 'v';
  out.row({number(row.oid),
           Value(row.name),
           number(row.schema),
           number(0),
           number(0),
           owner(),
           number(row.method),
           number(row.oid),
           number(0),
           number(0),
           Value::FLOAT(-1),
           number(0),
           number(0),
           yes(row.has_index),
           yes(false),
           Value("p"),
           Value(row.kind),
           number(static_cast<int64_t>(row.columns)),
           number(0),
           yes(false),
           yes(row.has_primary_key),
           yes(has_rules),
           yes(false),
           yes(false),
           yes(false),
           yes(false),
           yes(true),
           Value("d"),
           yes(false),
           null(),
           null(),
           null()});
}

// psql's \dv leaves out views of pg_catalog and information_schema only, so the other relations of
// the system are of the kind that it calls special.
const char* kind_of(const Object& object, const Object& schema) {
  if (object.kind == ObjectKind::kTable) return "r";
  if (object.kind == ObjectKind::kMaterializedView) return "m";
  const bool listed = schema.name == "pg_catalog" || schema.name == "information_schema";
  return object.id.system && !listed ? "s" : "v";
}

void classes(const ResolveContext& context, RowWriter& out) {
  const Catalog& catalog = *context.catalog;
  for_each_relation(context, [&](const Object& object) {
    ClassRow row{.oid = object.oid(),
                 .name = object.name,
                 .schema = catalog.schema_of(object).oid(),
                 .kind = kind_of(object, catalog.schema_of(object)),
                 .columns = object.columns().size()};
    row.has_index = has_indexes(context, object);
    if (const Table* table = object.table()) {
      for (const auto& key : table->keys) row.has_primary_key |= key.primary;
    }
    write(row, out);
  });
  for_each_key(context, [&](const Object& table, const KeyConstraint& key, size_t i) {
    write({.oid = index_oid(table, i),
           .name = key.name,
           .schema = catalog.schema_of(table).oid(),
           .kind = "i",
           .columns = key.columns.size(),
           .method = kBtreeOid},
          out);
  });
  for_each_index(context, [&](const Object& index, const Object&) {
    write({.oid = index.oid(),
           .name = index.name,
           .schema = catalog.schema_of(index).oid(),
           .kind = "i",
           .columns = index.index()->columns.size(),
           .method = kArrangementOid},
          out);
  });
}

void namespaces(const ResolveContext& context, RowWriter& out) {
  for (const auto& [id, object] : context.catalog->objects())
    if (object->kind == ObjectKind::kSchema)
      out.row({number(object->oid()), Value(object->name), owner(), null()});
}

bool has_collation(const types::SqlType& type) {
  using types::TypeId;
  return type.id == TypeId::kText || type.id == TypeId::kVarchar || type.id == TypeId::kChar;
}

void write_attribute(uint32_t of, int64_t position, const Column& column, RowWriter& out) {
  const bool plain = types::type_length(column.type) > 0;
  out.row({number(of),
           Value(column.name),
           number(types::oid(column.type)),
           number(-1),
           number(types::type_length(column.type)),
           number(position),
           number(column.type.id == types::TypeId::kArray ? 1 : 0),
           number(-1),
           number(types::typmod(column.type)),
           yes(plain),
           Value(plain ? "p" : "x"),
           Value("i"),
           yes(column.not_null),
           yes(column.default_sql.has_value()),
           Value(""),
           Value(""),
           yes(false),
           yes(true),
           number(0),
           number(has_collation(column.type) ? 100 : 0),
           null(),
           null(),
           null()});
}

// The columns of an index, as those of a relation.
void write_key(uint32_t of, const Object& relation, const std::vector<size_t>& columns,
               RowWriter& out) {
  int64_t position = 0;
  for (const size_t number_of_column : columns) {
    Column column = relation.columns()[number_of_column];
    column.not_null = false;
    column.default_sql.reset();
    write_attribute(of, ++position, column, out);
  }
}

void attributes(const ResolveContext& context, RowWriter& out) {
  for_each_relation(context, [&](const Object& object) {
    int64_t position = 0;
    for (const auto& column : object.columns())
      write_attribute(object.oid(), ++position, column, out);
  });
  for_each_key(context, [&](const Object& table, const KeyConstraint& key, size_t i) {
    write_key(index_oid(table, i), table, key.columns, out);
  });
  for_each_index(context, [&](const Object& index, const Object& on) {
    write_key(index.oid(), on, index.index()->columns, out);
  });
}

void attribute_defaults(const ResolveContext& context, RowWriter& out) {
  for_each_relation(context, [&](const Object& object) {
    const auto columns = object.columns();
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].default_sql)
        out.row({number(default_oid(object, i)), number(object.oid()),
                 number(static_cast<int64_t>(i) + 1), Value(*columns[i].default_sql),
                 Value(*columns[i].default_sql)});
  });
}

Value key_positions(const std::vector<size_t>& columns) {
  duckdb::vector<Value> positions;
  for (const size_t column : columns)
    positions.push_back(Value::SMALLINT(static_cast<int16_t>(column + 1)));
  return Value::LIST(engine::LogicalType::SMALLINT, std::move(positions));
}

void own_indexes(const ResolveContext& context, RowWriter& out) {
  for_each_index(context, [&](const Object& object, const Object& on) {
    const Index& index = *object.index();
    out.row({number(object.oid()), number(on.oid()),
             number(static_cast<int64_t>(index.columns.size())), yes(false), yes(false), yes(false),
             yes(true), yes(false), yes(true), yes(false), yes(true), yes(true), yes(false),
             key_positions(index.columns), null(), null(), null(), null(), null()});
  });
}

void indexes(const ResolveContext& context, RowWriter& out) {
  for_each_key(context, [&](const Object& table, const KeyConstraint& key, size_t i) {
    out.row({number(index_oid(table, i)), number(table.oid()),
             number(static_cast<int64_t>(key.columns.size())), yes(true), yes(key.primary),
             yes(false), yes(true), yes(false), yes(true), yes(false), yes(true), yes(true),
             yes(false), key_positions(key.columns), null(), null(), null(), null(), null()});
  });
  own_indexes(context, out);
}

void constraints(const ResolveContext& context, RowWriter& out) {
  for_each_key(context, [&](const Object& table, const KeyConstraint& key, size_t i) {
    out.row({number(constraint_oid(table, i)),
             Value(key.name),
             number(context.catalog->schema_of(table).oid()),
             Value(key.primary ? "p" : "u"),
             yes(false),
             yes(false),
             yes(true),
             number(table.oid()),
             number(0),
             number(index_oid(table, i)),
             number(0),
             number(0),
             Value(" "),
             Value(" "),
             Value(" "),
             yes(true),
             number(0),
             yes(true),
             key_positions(key.columns),
             null(),
             null(),
             null()});
  });
}

uint32_t class_oid_of(const Catalog& catalog, std::string_view name) {
  const Object* schema = catalog.find_schema("pg_catalog");
  const Object* relation = catalog.find_in(*schema, name);
  return relation == nullptr ? 0 : relation->oid();
}

void descriptions(const ResolveContext& context, RowWriter& out) {
  const uint32_t class_oid = class_oid_of(*context.catalog, "pg_class");
  for_each_index(context, [&](const Object& index, const Object&) {
    if (!index.comment.empty())
      out.row({number(index.oid()), number(class_oid), number(0), Value(index.comment)});
  });
  for_each_relation(context, [&](const Object& object) {
    if (!object.comment.empty())
      out.row({number(object.oid()), number(class_oid), number(0), Value(object.comment)});
    int64_t position = 0;
    for (const auto& column : object.columns()) {
      ++position;
      if (!column.comment.empty())
        out.row({number(object.oid()), number(class_oid), number(position), Value(column.comment)});
    }
  });
}

void tables(const ResolveContext& context, RowWriter& out) {
  for_each_relation(context, [&](const Object& object) {
    if (object.table() == nullptr) return;
    out.row({Value(context.catalog->schema_of(object).name), Value(object.name),
             Value(std::string(kDefaultUser)), null(), yes(has_indexes(context, object)),
             yes(false), yes(false), yes(false)});
  });
}

void views(const ResolveContext& context, RowWriter& out) {
  for_each_relation(context, [&](const Object& object) {
    if (object.kind != ObjectKind::kView) return;
    out.row({Value(context.catalog->schema_of(object).name), Value(object.name),
             Value(std::string(kDefaultUser)),
             object.view() == nullptr ? null() : Value(object.view()->query_sql)});
  });
}

void materialized_views(const ResolveContext& context, RowWriter& out) {
  for_each_relation(context, [&](const Object& object) {
    if (object.materialized_view() == nullptr) return;
    out.row({Value(context.catalog->schema_of(object).name), Value(object.name),
             Value(std::string(kDefaultUser)), null(), yes(has_indexes(context, object)), yes(true),
             Value(*object.query_sql())});
  });
}

void index_list(const ResolveContext& context, RowWriter& out) {
  for_each_key(context, [&](const Object& table, const KeyConstraint& key, size_t) {
    out.row({Value(context.catalog->schema_of(table).name), Value(table.name), Value(key.name),
             null(), Value(index_definition(*context.catalog, table, key))});
  });
  for_each_index(context, [&](const Object& index, const Object& on) {
    out.row({Value(context.catalog->schema_of(index).name), Value(on.name), Value(index.name),
             null(), Value(index_definition(*context.catalog, index))});
  });
}

}  // namespace

void add_pg_catalog(Definitions& all) {
  const auto add = [&](const std::string& name, uint32_t known_oid,
                       const std::vector<Column>& columns, auto rows) {
    all.push_back({.schema = "pg_catalog",
                   .name = name,
                   .oid = known_oid,
                   .columns = columns,
                   .write_rows = rows});
  };
  add("pg_class", 1259, class_columns(), classes);
  add("pg_namespace", 2615, {oid("oid"), name_column("nspname"), oid("nspowner"), texts("nspacl")},
      namespaces);
  add("pg_attribute", 1249,
      {oid("attrelid"),
       name_column("attname"),
       oid("atttypid"),
       int4("attstattarget"),
       int2("attlen"),
       int2("attnum"),
       int4("attndims"),
       int4("attcacheoff"),
       int4("atttypmod"),
       boolean("attbyval"),
       internal_char("attstorage"),
       internal_char("attalign"),
       boolean("attnotnull"),
       boolean("atthasdef"),
       internal_char("attidentity"),
       internal_char("attgenerated"),
       boolean("attisdropped"),
       boolean("attislocal"),
       int4("attinhcount"),
       oid("attcollation"),
       texts("attacl"),
       texts("attoptions"),
       texts("attfdwoptions")},
      attributes);
  add("pg_attrdef", 2604, {oid("oid"), oid("adrelid"), int2("adnum"), text("adbin"), text("adsrc")},
      attribute_defaults);
  add("pg_index", 2610,
      {oid("indexrelid"), oid("indrelid"), int2("indnatts"), boolean("indisunique"),
       boolean("indisprimary"), boolean("indisexclusion"), boolean("indimmediate"),
       boolean("indisclustered"), boolean("indisvalid"), boolean("indcheckxmin"),
       boolean("indisready"), boolean("indislive"), boolean("indisreplident"), int2s("indkey"),
       oids("indcollation"), oids("indclass"), int2s("indoption"), text("indexprs"),
       text("indpred")},
      indexes);
  add("pg_constraint", 2606,
      {oid("oid"),
       name_column("conname"),
       oid("connamespace"),
       internal_char("contype"),
       boolean("condeferrable"),
       boolean("condeferred"),
       boolean("convalidated"),
       oid("conrelid"),
       oid("contypid"),
       oid("conindid"),
       oid("conparentid"),
       oid("confrelid"),
       internal_char("confupdtype"),
       internal_char("confdeltype"),
       internal_char("confmatchtype"),
       boolean("conislocal"),
       int4("coninhcount"),
       boolean("connoinherit"),
       int2s("conkey"),
       int2s("confkey"),
       text("conbin"),
       text("consrc")},
      constraints);
  add("pg_description", 2609,
      {oid("objoid"), oid("classoid"), int4("objsubid"), text("description")}, descriptions);
  add("pg_tables", 0,
      {name_column("schemaname"), name_column("tablename"), name_column("tableowner"),
       name_column("tablespace"), boolean("hasindexes"), boolean("hasrules"),
       boolean("hastriggers"), boolean("rowsecurity")},
      tables);
  add("pg_views", 0,
      {name_column("schemaname"), name_column("viewname"), name_column("viewowner"),
       text("definition")},
      views);
  add("pg_matviews", 0,
      {name_column("schemaname"), name_column("matviewname"), name_column("matviewowner"),
       name_column("tablespace"), boolean("hasindexes"), boolean("ispopulated"),
       text("definition")},
      materialized_views);
  add("pg_indexes", 0,
      {name_column("schemaname"), name_column("tablename"), name_column("indexname"),
       name_column("tablespace"), text("indexdef")},
      index_list);
}

}  // namespace sluice::sql::system
