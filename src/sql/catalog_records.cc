#include "sql/catalog_records.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace sluice::sql {
namespace {

using Json = nlohmann::json;

// A failure of ours inside code that speaks in exceptions, as the JSON library does.
struct Failure : std::runtime_error {
  explicit Failure(Error failure)
      : std::runtime_error(failure.message), error(std::move(failure)) {}
  Error error;
};

// Seals what belongs to one object.
class Sealing {
 public:
  Sealing(const secrets::Keyring* keys, ObjectId id, Reseal options = {})
      : keys_(keys), id_(id), options_(options) {}

  std::string seal(const secrets::SecretString& value, std::string_view purpose) const {
    return checked(keyring().seal(value, place(purpose)));
  }
  secrets::SecretString open(const std::string& sealed, std::string_view purpose) const {
    auto opened = keyring().open(sealed, place(purpose));
    if (!opened.ok() && opened.error().code == ErrorCode::kDenied && options_.discard_lost)
      return {};
    return checked(std::move(opened));
  }

 private:
  const secrets::Keyring& keyring() const {
    if (keys_ == nullptr) throw Failure(internal("there is no key for secrets"));
    return *keys_;
  }
  std::string place(std::string_view purpose) const {
    return fmt::format("{}/{}", id_.text(), purpose);
  }
  template <typename T>
  static T checked(Result<T> result) {
    if (!result.ok()) throw Failure(std::move(result).error());
    return std::move(result).value();
  }

  const secrets::Keyring* const keys_;
  const ObjectId id_;
  const Reseal options_;
};

constexpr std::string_view kSecretPurpose = "value";

// Options that are credentials when they are given as text.
bool is_credential(std::string_view option) {
  return option == "ACCESS KEY ID" || option == "SESSION TOKEN";
}

ObjectId read_id(const std::string& text) {
  const auto id = ObjectId::parse(text);
  if (!id) throw std::runtime_error(fmt::format("bad object id '{}'", text));
  return *id;
}

Json write(const std::vector<Column>& columns) {
  Json all = Json::array();
  for (const auto& column : columns) {
    Json one{{"name", column.name}, {"type", types::exact_name(column.type)}};
    if (column.not_null) one["not_null"] = true;
    if (column.default_sql) one["default"] = *column.default_sql;
    if (!column.comment.empty()) one["comment"] = column.comment;
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<Column> read_columns(const Json& json) {
  std::vector<Column> columns;
  for (const auto& one : json) {
    auto type = types::parse_type_name(one.at("type").get<std::string>());
    if (!type.ok()) throw std::runtime_error(type.error().message);
    Column column{.name = one.at("name"), .type = *type};
    column.not_null = one.value("not_null", false);
    if (one.contains("default")) column.default_sql = one["default"].get<std::string>();
    column.comment = one.value("comment", "");
    columns.push_back(std::move(column));
  }
  return columns;
}

void write_history(const std::optional<RetainHistory>& history, Json& json) {
  if (history) json["retain_history"] = history->text;
}

std::optional<RetainHistory> read_history(const Json& json) {
  if (!json.contains("retain_history")) return std::nullopt;
  auto history = read_retain_history(json["retain_history"].get<std::string>());
  if (!history.ok()) throw std::runtime_error(history.error().message);
  return std::move(history).value();
}

void write_body(const Schema&, const Sealing&, Json&) {}
void write_body(const SystemRelation&, const Sealing&, Json&) { CHECK(false); }

void write_body(const Table& table, const Sealing&, Json& json) {
  json["columns"] = write(table.columns);
  json["collection"] = table.collection.value;
  write_history(table.retain_history, json);
  json["keys"] = Json::array();
  for (const auto& key : table.keys)
    json["keys"].push_back(
        {{"name", key.name}, {"columns", key.columns}, {"primary", key.primary}});
}

void write_body(const View& view, const Sealing&, Json& json) {
  json["query"] = view.query_sql;
  json["search_path"] = view.search_path;
  json["columns"] = write(view.columns);
  json["dependencies"] = Json::array();
  for (const ObjectId id : view.dependencies) json["dependencies"].push_back(id.text());
}

void write_body(const MaterializedView& view, const Sealing&, Json& json) {
  json["query"] = view.query_sql;
  json["search_path"] = view.search_path;
  json["columns"] = write(view.columns);
  json["dependencies"] = Json::array();
  for (const ObjectId id : view.dependencies) json["dependencies"].push_back(id.text());
  json["collection"] = view.collection.value;
  json["assert_not_null"] = view.assert_not_null;
  write_history(view.retain_history, json);
}

void write_body(const Secret& secret, const Sealing& sealing, Json& json) {
  json["sealed"] = sealing.seal(secret.value, kSecretPurpose);
}

void write_body(const Connection& connection, const Sealing& sealing, Json& json) {
  json["type"] = connection.type;
  json["options"] = Json::array();
  for (const auto& option : connection.options) {
    Json one{{"name", option.name}};
    if (option.secret() != nullptr)
      one["secret"] = option.secret()->text();
    else if (is_credential(option.name))
      one["sealed"] = sealing.seal(*option.text(), option.name);
    else
      one["text"] = *option.text();
    json["options"].push_back(std::move(one));
  }
  for (const auto& [property, value, found_at] : connection.probed)
    json["found"].push_back({{"property", property}, {"value", value}, {"at", found_at}});
}

void write_body(const Index& index, const Sealing&, Json& json) {
  json["on"] = index.on.text();
  json["columns"] = index.columns;
}

Table read_table(const Json& json) {
  Table table{.columns = read_columns(json.at("columns")), .keys = {}, .collection = {}};
  table.collection.value = json.at("collection");
  table.retain_history = read_history(json);
  for (const auto& one : json.at("keys")) {
    KeyConstraint key{
        .name = one.at("name"), .columns = one.at("columns"), .primary = one.at("primary")};
    for (const size_t column : key.columns)
      if (column >= table.columns.size()) throw std::runtime_error("key of an unknown column");
    table.keys.push_back(std::move(key));
  }
  return table;
}

View read_view(const Json& json) {
  View view{.query_sql = json.at("query"),
            .search_path = json.at("search_path"),
            .columns = read_columns(json.at("columns")),
            .dependencies = {}};
  for (const auto& id : json.at("dependencies"))
    view.dependencies.push_back(read_id(id.get<std::string>()));
  return view;
}

MaterializedView read_materialized_view(const Json& json) {
  View plain = read_view(json);
  MaterializedView view{.query_sql = std::move(plain.query_sql),
                        .search_path = std::move(plain.search_path),
                        .columns = std::move(plain.columns),
                        .dependencies = std::move(plain.dependencies)};
  view.collection.value = json.at("collection");
  view.retain_history = read_history(json);
  view.assert_not_null = json.at("assert_not_null").get<std::vector<size_t>>();
  for (const size_t column : view.assert_not_null)
    if (column >= view.columns.size()) throw std::runtime_error("assertion on an unknown column");
  return view;
}

Connection read_connection(const Json& json, const Sealing& sealing) {
  Connection connection{.type = json.at("type"), .options = {}};
  for (const auto& one : json.at("options")) {
    ConnectionOption option{.name = one.at("name"), .value = std::string()};
    if (one.contains("secret"))
      option.value = read_id(one["secret"].get<std::string>());
    else if (one.contains("sealed"))
      option.value = std::string(sealing.open(one["sealed"], option.name).view());
    else
      option.value = one.at("text").get<std::string>();
    connection.options.push_back(std::move(option));
  }
  if (json.contains("found")) {
    for (const auto& one : json["found"])
      connection.probed.push_back({one.at("property"), one.at("value"), one.at("at")});
  }
  return connection;
}

void read_body(const std::string& kind, const Json& json, const Sealing& sealing, Object& object) {
  if (kind == "schema") {
    object.kind = ObjectKind::kSchema;
    object.body = Schema{};
  } else if (kind == "table") {
    object.kind = ObjectKind::kTable;
    object.body = read_table(json);
  } else if (kind == "view") {
    object.kind = ObjectKind::kView;
    object.body = read_view(json);
  } else if (kind == "materialized view") {
    object.kind = ObjectKind::kMaterializedView;
    object.body = read_materialized_view(json);
  } else if (kind == "secret") {
    object.kind = ObjectKind::kSecret;
    object.body = Secret{.value = sealing.open(json.at("sealed"), kSecretPurpose)};
  } else if (kind == "connection") {
    object.kind = ObjectKind::kConnection;
    object.body = read_connection(json, sealing);
  } else if (kind == "index") {
    object.kind = ObjectKind::kIndex;
    object.body = Index{.on = read_id(json.at("on").get<std::string>()),
                        .columns = json.at("columns").get<std::vector<size_t>>()};
  } else {
    throw std::runtime_error(fmt::format("unknown kind '{}'", kind));
  }
}

Result<Object> read(ObjectId id, std::string_view text, const Sealing& sealing) {
  const std::string what = fmt::format("the catalog's record of {} cannot be read", id.text());
  try {
    const Json json = Json::parse(text);
    Object object;
    object.id = id;
    object.schema = read_id(json.at("schema"));
    object.name = json.at("name");
    object.comment = json.value("comment", "");
    read_body(json.at("kind"), json, sealing, object);
    return object;
  } catch (const Failure& failure) {
    return Error(failure.error).within(what);
  } catch (const std::exception& exception) {
    return internal("{}: {}", what, exception.what());
  }
}

}  // namespace

std::string record_key(ObjectId id) { return fmt::format("{}{}", kObjectKeyPrefix, id.text()); }

Result<std::string> write_record(const Object& object, const secrets::Keyring* keys) {
  Json json{
      {"kind", kind_name(object.kind)}, {"schema", object.schema.text()}, {"name", object.name}};
  if (!object.comment.empty()) json["comment"] = object.comment;
  try {
    const Sealing sealing(keys, object.id);
    std::visit([&](const auto& body) { write_body(body, sealing, json); }, object.body);
  } catch (const Failure& failure) {
    return Error(failure.error).within(fmt::format("seal {}", object.id.text()));
  }
  return json.dump();
}

Result<Object> read_record(ObjectId id, std::string_view text, const secrets::Keyring* keys) {
  return read(id, text, Sealing(keys, id));
}

Result<std::optional<std::string>> resealed_record(ObjectId id, std::string_view text,
                                                   const secrets::Keyring& keys, Reseal options) {
  TRY_ASSIGN(const Object object, read(id, text, Sealing(&keys, id, options)));
  bool has_secrets = object.secret() != nullptr;
  if (const Connection* const connection = object.connection(); connection != nullptr) {
    for (const ConnectionOption& option : connection->options)
      has_secrets = has_secrets || (option.text() != nullptr && is_credential(option.name));
  }
  if (!has_secrets) return std::optional<std::string>();
  TRY_ASSIGN(std::string record, write_record(object, &keys));
  return std::optional<std::string>(std::move(record));
}

Result<std::shared_ptr<const Catalog>> Catalog::from_records(
    const std::map<std::string, std::string>& records, uint64_t revision,
    std::shared_ptr<const secrets::Keyring> keyring) {
  const std::shared_ptr<Catalog> catalog(new Catalog());
  catalog->keyring_ = std::move(keyring);
  catalog->revision_ = revision;
  catalog->add_system_objects();
  std::vector<std::shared_ptr<const Object>> items;
  for (const auto& [key, value] : records) {
    if (!key.starts_with(kObjectKeyPrefix)) continue;
    const auto id = ObjectId::parse(std::string_view(key).substr(kObjectKeyPrefix.size()));
    if (!id || id->system) return internal("the catalog has a record with a bad key: {}", key);
    TRY_ASSIGN(Object object, read_record(*id, value, catalog->keyring_.get()));
    items.push_back(std::make_shared<const Object>(std::move(object)));
  }
  for (const auto& item : items)
    if (item->kind == ObjectKind::kSchema) catalog->add(item);
  for (const auto& item : items) {
    if (item->kind == ObjectKind::kSchema) continue;
    if (catalog->find(item->schema) == nullptr)
      return internal("the catalog's record of {} names a schema that is not there",
                      item->id.text());
    catalog->add(item);
  }
  for (const auto& item : items) {
    const Index* const index = item->index();
    if (index == nullptr) continue;
    const Object* const on = catalog->find(index->on);
    const bool fits = on != nullptr && on->collection() && !index->columns.empty() &&
                      std::all_of(index->columns.begin(), index->columns.end(),
                                  [&](size_t column) { return column < on->columns().size(); });
    if (!fits)
      return internal("the catalog's record of {} names columns that are not there",
                      item->id.text());
  }
  if (const auto next = records.find(std::string(kNextNumberKey)); next != records.end()) {
    uint64_t number = 0;
    const auto& text = next->second;
    const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || stop != text.data() + text.size())
      return internal("the catalog's next object number cannot be read");
    catalog->next_number_ = std::max(catalog->next_number_, number);
  }
  return std::shared_ptr<const Catalog>(catalog);
}

}  // namespace sluice::sql
