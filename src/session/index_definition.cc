#include "session/index_definition.h"

#include <algorithm>
#include <numeric>

#include "sql/lookups.h"

namespace sluice::session {
namespace {

// What the index is to be on: 42P01, 42809, and 0A000 for what has no rows of its own.
Result<const sql::Object*> indexed_object(const Execution& execution, const sql::Catalog& catalog,
                                          const sql::ObjectName& name) {
  auto found = catalog.relation(name.parts, execution.settings.search_path());
  if (!found.ok()) return std::move(found).error().at(name.position);
  const sql::Object& object = **found;
  if (object.collection()) return &object;
  const std::string shown = catalog.qualified_name(object, true);
  if (object.view() != nullptr) {
    return invalid("an index on the view '{}' is not supported", shown)
        .with_sqlstate("0A000")
        .with_detail("A view has no rows of its own: its query is run whenever it is read.")
        .with_hint(
            "Make it a view whose rows are kept, CREATE MATERIALIZED VIEW, and an index on "
            "that; or an index on what the view reads.")
        .at(name.position);
  }
  return invalid("'{}' is not a table or materialized view", shown)
      .with_sqlstate("42809")
      .at(name.position);
}

// Of CREATE DEFAULT INDEX: the primary key, else the first other, else all columns.
std::vector<size_t> default_key(const sql::Object& object) {
  const sql::Table* const table = object.table();
  if (table != nullptr && !table->keys.empty()) {
    const auto primary = std::find_if(table->keys.begin(), table->keys.end(),
                                      [](const auto& key) { return key.primary; });
    return (primary == table->keys.end() ? table->keys.front() : *primary).columns;
  }
  std::vector<size_t> all(object.columns().size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

Result<std::vector<size_t>> key_of(const sql::CreateIndex& create, const sql::Object& object) {
  const auto columns = object.columns();
  std::vector<size_t> key;
  for (const sql::Name& name : create.columns) {
    size_t index = 0;
    while (index < columns.size() && columns[index].name != name.text) ++index;
    if (index == columns.size()) {
      return error(ErrorCode::kNotFound, "column \"{}\" does not exist", name.text)
          .with_sqlstate("42703")
          .at(name.position);
    }
    key.push_back(index);
  }
  if (create.columns.empty()) key = default_key(object);
  for (size_t i = 0; i < key.size(); ++i) {
    const sql::Column& column = columns[key[i]];
    if (sql::is_indexable(column.type)) continue;
    return invalid("an index on column \"{}\" of type {} is not supported", column.name,
                   types::name(column.type))
        .with_sqlstate("0A000")
        .with_hint("Create a materialized view that has the column as text, and an index on that.")
        .at(create.columns.empty() ? create.on.position : create.columns[i].position);
  }
  return key;
}

std::string default_name(const sql::CreateIndex& create, const sql::Object& object,
                         const std::vector<size_t>& key) {
  std::string name = object.name;
  if (create.columns.empty()) return name + "_primary_idx";
  for (const size_t column : key) name += "_" + object.columns()[column].name;
  return name + "_idx";
}

// Numbered where it is taken.
std::string free_name(const sql::Catalog& catalog, const sql::Object& schema,
                      const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; catalog.find_in(schema, name) != nullptr; ++i) {
    name = fmt::format("{}{}", wanted, i);
  }
  return name;
}

}  // namespace

Result<std::string> run_create_index(const Execution& execution, const sql::CreateIndex& create) {
  TRY_ASSIGN(sql::CatalogEdit* const edit, execution.transaction->edit());
  const auto catalog = edit->catalog();
  TRY_ASSIGN(const sql::Object* const object, indexed_object(execution, *catalog, create.on));
  TRY_ASSIGN(const std::vector<size_t> key, key_of(create, *object));
  const sql::Object& schema = catalog->schema_of(*object);
  std::string name = create.name ? create.name->text : default_name(create, *object, key);
  if (!create.name && !create.if_not_exists) name = free_name(*catalog, schema, name);
  // Of a view that isn't right yet, too: how many rows it has is enough here.
  if (const auto rows = execution.transaction->view().snapshot(*object->collection()); rows.ok()) {
    TRY(execution.database.store().check_index_memory((*rows)->row_count()));
  }
  TRY(edit->create({schema.name, name}, {}, sql::Index{.on = object->id, .columns = key},
                   {.if_not_exists = create.if_not_exists}));
  execution.tell(edit->take_notices());
  return std::string("CREATE INDEX");
}

}  // namespace sluice::session
