#include "sql/show_create.h"

namespace sluice::sql {
namespace {

std::string always_quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string column_list(const Table& table, const KeyConstraint& key) {
  std::vector<std::string> names;
  for (const size_t column : key.columns)
    names.push_back(quote_identifier(table.columns[column].name));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string history_option(const RetainHistory& history) {
  return fmt::format("RETAIN HISTORY = FOR {}", quote_literal(history.text));
}

std::string show_table(const Catalog& catalog, const Object& object, ShowCreateOptions options) {
  const Table& table = *object.table();
  std::vector<std::string> parts;
  for (const auto& column : table.columns) {
    std::string part = fmt::format("{} {}", always_quoted(column.name), types::name(column.type));
    if (column.not_null) part += " NOT NULL";
    if (column.default_sql)
      part += fmt::format(" DEFAULT {}", options.redacted ? "'<REDACTED>'" : *column.default_sql);
    parts.push_back(std::move(part));
  }
  for (const auto& key : table.keys)
    parts.push_back(fmt::format("CONSTRAINT {} {}", always_quoted(key.name),
                                constraint_definition(table, key)));
  std::string with;
  if (table.retain_history) with = fmt::format(" WITH ({})", history_option(*table.retain_history));
  return fmt::format("CREATE TABLE {} ({}){}", full_name(catalog, object), fmt::join(parts, ", "),
                     with);
}

std::string show_view(const Catalog& catalog, const Object& object) {
  std::vector<std::string> names;
  for (const auto& column : object.columns()) names.push_back(always_quoted(column.name));
  std::string options;
  if (const MaterializedView* const kept = object.materialized_view()) {
    options = " IN CLUSTER \"quickstart\" WITH (";
    for (const size_t column : kept->assert_not_null)
      options += fmt::format("ASSERT NOT NULL = {}, ", names[column]);
    if (kept->retain_history) options += history_option(*kept->retain_history) + ", ";
    options += "REFRESH = ON COMMIT)";
  }
  return fmt::format(
      "CREATE {} {} ({}){} AS {}", object.view() != nullptr ? "VIEW" : "MATERIALIZED VIEW",
      full_name(catalog, object), fmt::join(names, ", "), options, *object.query_sql());
}

std::string show_index(const Catalog& catalog, const Object& object) {
  const Index& index = *object.index();
  const Object& on = *catalog.find(index.on);
  std::vector<std::string> names;
  for (const size_t column : index.columns)
    names.push_back(always_quoted(on.columns()[column].name));
  return fmt::format("CREATE INDEX {} IN CLUSTER \"quickstart\" ON {} ({})",
                     always_quoted(object.name), full_name(catalog, on), fmt::join(names, ", "));
}

std::string show_connection(const Catalog& catalog, const Object& object,
                            ShowCreateOptions options) {
  const Connection& connection = *object.connection();
  std::vector<std::string> parts;
  for (const auto& option : connection.options) {
    // A token given in plain is as good as a key: never shown.
    const bool hidden = options.redacted || option.name == "SESSION TOKEN";
    std::string value = hidden ? "'<REDACTED>'" : "";
    if (const ObjectId* id = option.secret()) {
      const Object* secret = catalog.find(*id);
      value = secret == nullptr ? "SECRET" : "SECRET " + full_name(catalog, *secret);
    } else if (!hidden) {
      value = quote_literal(*option.text());
    }
    parts.push_back(fmt::format("{} = {}", option.name, value));
  }
  return fmt::format("CREATE CONNECTION {} TO AWS ({})", full_name(catalog, object),
                     fmt::join(parts, ", "));
}

}  // namespace

std::string full_name(const Catalog& catalog, const Object& object) {
  return fmt::format("{}.{}.{}", always_quoted(kDatabaseName),
                     always_quoted(catalog.schema_of(object).name), always_quoted(object.name));
}

std::string show_create(const Catalog& catalog, const Object& object, ShowCreateOptions options) {
  if (object.table() != nullptr) return show_table(catalog, object, options);
  if (object.query_sql() != nullptr) return show_view(catalog, object);
  if (object.index() != nullptr) return show_index(catalog, object);
  if (object.connection() != nullptr) return show_connection(catalog, object, options);
  if (object.secret() != nullptr)
    return fmt::format("CREATE SECRET {} AS '<REDACTED>'", full_name(catalog, object));
  return "";
}

std::string constraint_definition(const Table& table, const KeyConstraint& key) {
  return fmt::format("{} ({})", key.primary ? "PRIMARY KEY" : "UNIQUE", column_list(table, key));
}

std::string index_definition(const Catalog& catalog, const Object& index) {
  return fmt::format("CREATE INDEX {} ON {} USING arrangement ({})", quote_identifier(index.name),
                     catalog.qualified_name(*catalog.find(index.index()->on)),
                     fmt::join(catalog.key_names(*index.index()), ", "));
}

std::string index_definition(const Catalog& catalog, const Object& table,
                             const KeyConstraint& key) {
  return fmt::format("CREATE UNIQUE INDEX {} ON {} USING btree ({})", quote_identifier(key.name),
                     catalog.qualified_name(table), column_list(*table.table(), key));
}

}  // namespace sluice::sql
