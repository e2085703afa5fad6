#include "session/definitions.h"

#include <set>

#include "format/binary.h"
#include "session/row_writer.h"
#include "sql/aws_connection.h"
#include "sql/declared_types.h"
#include "sql/dml.h"
#include "sql/query_trees.h"

namespace sluice::session {
namespace {

Error temporary_refused() {
  return invalid("temporary tables and views are not supported").with_sqlstate("0A000");
}

// The columns of a query under the names that the statement may give them.
Result<std::vector<sql::Column>> renamed(std::vector<sql::Column> columns,
                                         const std::vector<sql::Name>& names) {
  if (names.size() > columns.size()) {
    return invalid("too many column names were specified: the query gives {} columns",
                   columns.size())
        .with_sqlstate("42601")
        .at(names[columns.size()].position);
  }
  for (size_t i = 0; i < names.size(); ++i) columns[i].name = names[i].text;
  return columns;
}

struct DefinedQuery {
  std::shared_ptr<const sql::Catalog> catalog;  // in which its names were found
  sql::Resolved resolved;
  std::vector<sql::Column> columns;
};

// For views, whose rows are read later, and tables, whose rows are read now.
enum class Rows : uint8_t { kLater, kNow };

Result<DefinedQuery> define(const Execution& execution, const sql::Query& query,
                            const std::vector<sql::Name>& names, Rows rows) {
  DefinedQuery defined;
  TRY_ASSIGN(sql::ResolveContext context, execution.context());
  context.set_setting = nullptr;  // reading a view changes nothing
  if (rows == Rows::kLater) context.view_snapshot = nullptr;
  defined.catalog = context.catalog;
  const auto declared = sql::declared_types(*query, *context.catalog, context.search_path);
  TRY_ASSIGN(defined.resolved, sql::resolve(sql::Query(query).release(), context));
  TRY_ASSIGN(auto connection, execution.connect());
  TRY_ASSIGN(auto columns, sql::columns_of(defined.resolved, *connection, declared));
  TRY_ASSIGN(defined.columns, renamed(std::move(columns), names));
  return defined;
}

// A query's columns as those of rows that are kept.
Result<std::vector<sql::Column>> stored_columns(std::vector<sql::Column> columns) {
  for (sql::Column& column : columns) {
    if (column.type.id == types::TypeId::kUnknown) column.type = types::make(types::TypeId::kText);
    TRY(types::check_storable(column.type));
    column.default_sql.reset();
  }
  return columns;
}

Result<std::vector<size_t>> asserted_columns(const std::vector<sql::Name>& names,
                                             const std::vector<sql::Column>& columns) {
  std::set<size_t> asserted;
  for (const sql::Name& name : names) {
    size_t index = 0;
    while (index < columns.size() && columns[index].name != name.text) ++index;
    if (index == columns.size()) {
      return invalid("column \"{}\" in ASSERT NOT NULL option not found", name.text)
          .with_sqlstate("42703")
          .at(name.position);
    }
    asserted.insert(index);
  }
  return std::vector<size_t>(asserted.begin(), asserted.end());
}

Result<sql::Column> column_of(const Execution& execution, const sql::ColumnDefinition& definition) {
  sql::Column column;
  column.name = definition.name.text;
  auto type = types::parse_type_name(definition.type);
  if (!type.ok()) return std::move(type).error().at(definition.type_position);
  if (Status storable = types::check_storable(*type); !storable.ok()) {
    return std::move(storable).error().at(definition.type_position);
  }
  column.type = std::move(type).value();
  column.not_null = definition.not_null;
  if (definition.default_value) {
    // Evaluated once now, so that a default that can't work is refused here and not at an INSERT.
    auto value = execution.evaluate(sql::Expression(definition.default_value).release(), true);
    if (!value.ok()) return std::move(value).error();
    if (const auto text = sql::constant_text(*definition.default_value)) {
      TRY_ASSIGN([[maybe_unused]] const engine::Value typed,
                 format::decode_text(column.type, *text));
    }
    column.default_sql = definition.default_text;
  }
  return column;
}

Result<std::vector<sql::KeyConstraint>> keys_of(const sql::CreateTable& create,
                                                std::vector<sql::Column>& columns) {
  std::vector<sql::KeyConstraint> keys;
  bool primary_seen = false;
  for (const sql::KeyDefinition& definition : create.keys) {
    sql::KeyConstraint key;
    key.primary = definition.primary;
    if (key.primary && primary_seen) {
      return invalid("multiple primary keys for table \"{}\" are not allowed", create.name.last())
          .with_sqlstate("42P16");
    }
    primary_seen = primary_seen || key.primary;
    std::string name = create.name.last();
    for (const sql::Name& column : definition.columns) {
      size_t index = 0;
      while (index < columns.size() && columns[index].name != column.text) ++index;
      if (index == columns.size()) {
        return invalid("column \"{}\" named in key does not exist", column.text)
            .with_sqlstate("42703")
            .at(column.position);
      }
      if (key.primary) columns[index].not_null = true;
      key.columns.push_back(index);
      name += "_" + column.text;
    }
    key.name = !definition.constraint_name.empty() ? definition.constraint_name
               : key.primary                       ? create.name.last() + "_pkey"
                                                   : name + "_key";
    keys.push_back(std::move(key));
  }
  return keys;
}

collection::CollectionSpec spec_of(const sql::Table& table) {
  collection::CollectionSpec spec;
  spec.shape = stored_shape(table.columns);
  for (const sql::KeyConstraint& key : table.keys)
    spec.unique_keys.push_back({key.name, key.columns});
  return spec;
}

// Adds the table to the catalog and announces its collection. Nothing: IF NOT EXISTS found one.
Result<const sql::Object*> create_table(const Execution& execution, const sql::CreateTable& create,
                                        sql::Table table) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  table.collection = execution.database.store().new_collection_id();
  collection::CollectionSpec spec = spec_of(table);
  const collection::CollectionId collection = table.collection;
  TRY_ASSIGN(const auto id,
             edit->create(create.name.parts, execution.settings.search_path(), std::move(table),
                          {.if_not_exists = create.if_not_exists}));
  execution.tell(edit->take_notices());
  if (!id) return static_cast<const sql::Object*>(nullptr);
  execution.transaction->add_collection(collection, std::move(spec));
  return edit->catalog()->find(*id);
}

Result<std::string> create_table_as(const Execution& execution, const sql::CreateTable& create) {
  TRY_ASSIGN(DefinedQuery defined,
             define(execution, create.query, create.column_names, Rows::kNow));
  sql::Table table;
  TRY_ASSIGN(table.columns, stored_columns(std::move(defined.columns)));
  const engine::Shape shape = stored_shape(table.columns);
  TRY_ASSIGN(const sql::Object* const made, create_table(execution, create, std::move(table)));
  if (made == nullptr) return std::string("CREATE TABLE AS");
  if (!create.with_data) return std::string("SELECT 0");
  // The catalog may change under `made` when the transaction goes on; it does not during this.
  const sql::Object object = *made;
  sql::Resolved cast;
  cast.query =
      engine::Query(sql::with_column_types(sql::copied_select(defined.resolved.query), shape.names,
                                           {shape.types.begin(), shape.types.end()}));
  cast.query.keep = defined.resolved.query.keep;
  TRY_ASSIGN(RunningQuery running, run_query(execution, std::move(cast)));
  RowWriter writer(execution, object);
  while (true) {
    TRY_ASSIGN(engine::Chunk* const chunk, running.rows->next(execution.stop));
    if (chunk == nullptr) break;
    TRY(writer.append(*chunk));
  }
  TRY_ASSIGN(const uint64_t rows, writer.finish());
  return fmt::format("SELECT {}", rows);
}

Result<sql::Secret> secret_of(const Execution& execution, const sql::Expression& expression) {
  // The engine's buffers would keep copies of it.
  if (const auto* const text = sql::literal_text(expression)) return sql::make_secret(*text);
  auto value = execution.evaluate(sql::Expression(expression).release(), false);
  // The engine's own words could quote the value.
  if (!value.ok()) {
    return invalid("the value of the secret cannot be evaluated")
        .with_sqlstate(value.error().sqlstate)
        .with_hint("Give it as a string: CREATE SECRET name AS '…'.");
  }
  return sql::make_secret(*value);
}

// What an ALTER is about; nullptr, and a notice, where IF EXISTS finds nothing.
template <typename Alter>
Result<const sql::Object*> altered(const Execution& execution, const sql::CatalogEdit& edit,
                                   const Alter& alter) {
  auto object =
      edit.catalog()->require(alter.kind, alter.name.parts, execution.settings.search_path());
  if (object.ok()) return *object;
  if (!alter.if_exists) return std::move(object).error().at(alter.name.position);
  execution.tell({{.message = fmt::format("{} \"{}\" does not exist, skipping",
                                          sql::kind_name(alter.kind), alter.name.text())}});
  return nullptr;
}

std::string altered_tag(sql::ObjectKind kind) {
  std::string tag = "ALTER ";
  for (const char letter : sql::kind_name(kind)) tag += static_cast<char>(std::toupper(letter));
  return tag;
}

Result<std::optional<sql::RetainHistory>> history_of(const std::optional<sql::Interval>& written) {
  if (!written) return std::optional<sql::RetainHistory>();
  auto history = sql::read_retain_history(written->text);
  if (!history.ok()) return std::move(history).error().at(written->position);
  return std::optional<sql::RetainHistory>(std::move(history).value());
}

}  // namespace

Result<std::string> run_create_schema(const Execution& execution, const sql::CreateSchema& create) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  TRY(edit->create_schema(create.name.parts, {.if_not_exists = create.if_not_exists}));
  execution.tell(edit->take_notices());
  return std::string("CREATE SCHEMA");
}

Result<std::string> run_create_table(const Execution& execution, const sql::CreateTable& create) {
  if (create.temporary) return temporary_refused();
  if (create.query) return create_table_as(execution, create);
  sql::Table table;
  for (const sql::ColumnDefinition& definition : create.columns) {
    TRY_ASSIGN(sql::Column column, column_of(execution, definition));
    table.columns.push_back(std::move(column));
  }
  if (table.columns.empty()) {
    return invalid("a table needs at least one column").with_sqlstate("0A000");
  }
  TRY_ASSIGN(table.keys, keys_of(create, table.columns));
  TRY_ASSIGN(table.retain_history, history_of(create.retain_history));
  TRY(create_table(execution, create, std::move(table)));
  return std::string("CREATE TABLE");
}

Result<std::string> run_create_view(const Execution& execution, const sql::CreateView& create) {
  if (create.temporary) return temporary_refused();
  TRY_ASSIGN(DefinedQuery defined,
             define(execution, create.query, create.column_names, Rows::kLater));
  sql::View view;
  view.query_sql = create.query_text;
  view.search_path = execution.settings.search_path();
  view.columns = std::move(defined.columns);
  view.dependencies = std::move(defined.resolved.reads);
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  TRY(edit->create(create.name.parts, execution.settings.search_path(), std::move(view),
                   {.if_not_exists = create.if_not_exists, .or_replace = create.or_replace}));
  execution.tell(edit->take_notices());
  return std::string("CREATE VIEW");
}

Result<std::string> run_create_materialized_view(const Execution& execution,
                                                 const sql::CreateMaterializedView& create) {
  TRY_ASSIGN(DefinedQuery defined,
             define(execution, create.query, create.column_names, Rows::kLater));
  sql::MaterializedView view;
  view.query_sql = create.query_text;
  view.search_path = execution.settings.search_path();
  view.dependencies = std::move(defined.resolved.reads);
  TRY_ASSIGN(view.columns, stored_columns(std::move(defined.columns)));
  TRY_ASSIGN(view.assert_not_null, asserted_columns(create.assert_not_null, view.columns));
  for (const size_t column : view.assert_not_null) view.columns[column].not_null = true;
  TRY_ASSIGN(view.retain_history, history_of(create.retain_history));
  // What cannot be kept up to date is refused now, and not where it is read.
  TRY(execution.database.live_views().explain(defined.catalog, view));
  view.collection = execution.database.store().new_collection_id();
  const collection::CollectionId rows = view.collection;
  const collection::CollectionSpec spec{.shape = stored_shape(view.columns), .unique_keys = {}};
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  TRY_ASSIGN(
      const auto id,
      edit->create(create.name.parts, execution.settings.search_path(), std::move(view),
                   {.if_not_exists = create.if_not_exists, .or_replace = create.or_replace}));
  execution.tell(edit->take_notices());
  if (id) execution.transaction->add_collection(rows, spec);
  return std::string("CREATE MATERIALIZED VIEW");
}

Result<std::string> run_create_secret(const Execution& execution, const sql::CreateSecret& create) {
  TRY_ASSIGN(sql::Secret secret, secret_of(execution, create.value));
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  TRY(edit->create(create.name.parts, execution.settings.search_path(), std::move(secret),
                   {.if_not_exists = create.if_not_exists}));
  execution.tell(edit->take_notices());
  return std::string("CREATE SECRET");
}

Result<std::string> run_alter_secret(const Execution& execution, const sql::AlterSecret& alter) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  const auto catalog = edit->catalog();
  TRY_ASSIGN(const sql::Object* const found,
             catalog->lookup(alter.name.parts, execution.settings.search_path()));
  if (found == nullptr && alter.if_exists) {
    execution.tell(
        {{.message = fmt::format("secret \"{}\" does not exist, skipping", alter.name.text())}});
    return std::string("ALTER SECRET");
  }
  TRY_ASSIGN(const sql::Object* const secret,
             catalog->require(sql::ObjectKind::kSecret, alter.name.parts,
                              execution.settings.search_path()));
  if (!alter.new_name.empty()) {
    TRY(edit->rename(secret->id, alter.new_name));
  } else {
    TRY_ASSIGN(sql::Secret value, secret_of(execution, alter.value));
    TRY(edit->replace_body(secret->id, std::move(value)));
  }
  return std::string("ALTER SECRET");
}

Result<std::string> run_drop(const Execution& execution, const sql::Drop& drop) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  std::vector<sql::NameParts> names;
  for (const sql::ObjectName& name : drop.names) names.push_back(name.parts);
  TRY(edit->drop(drop.kind, names, execution.settings.search_path(),
                 {.if_exists = drop.if_exists, .cascade = drop.cascade}));
  execution.tell(edit->take_notices());
  std::set<std::string> connections;
  for (const auto& [id, object] : edit->catalog()->objects()) {
    if (object->connection() != nullptr) connections.insert(id.text());
  }
  // Should this be rolled back, they are fetched again.
  execution.database.stores().keep_only(connections);
  std::string kind(sql::kind_name(drop.kind));
  for (char& letter : kind) letter = static_cast<char>(std::toupper(letter));
  return "DROP " + kind;
}

Result<std::string> run_rename(const Execution& execution, const sql::Rename& rename) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  TRY_ASSIGN(const sql::Object* const object, altered(execution, *edit, rename));
  if (object != nullptr) TRY(edit->rename(object->id, rename.new_name));
  return altered_tag(rename.kind);
}

Result<std::string> run_alter_retain_history(const Execution& execution,
                                             const sql::AlterRetainHistory& alter) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  TRY_ASSIGN(const sql::Object* const object, altered(execution, *edit, alter));
  if (object == nullptr) return altered_tag(alter.kind);
  TRY_ASSIGN(const auto history, history_of(alter.history));
  auto body = object->body;
  if (auto* const table = std::get_if<sql::Table>(&body)) table->retain_history = history;
  if (auto* const view = std::get_if<sql::MaterializedView>(&body)) view->retain_history = history;
  TRY(edit->replace_body(object->id, std::move(body)));
  return altered_tag(alter.kind);
}

}  // namespace sluice::session
