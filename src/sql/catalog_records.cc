#include "sql/catalog_records.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace sluice::sql {
namespace {

using Json = nlohmann::json;

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string from_hex(const std::string& text) {
  if (text.size() % 2 != 0) throw std::runtime_error("odd length of hexadecimal bytes");
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto [stop, failure] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (failure != std::errc() || stop != text.data() + i + 2)
      throw std::runtime_error("bad hexadecimal byte");
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

ObjectId read_id(const std::string& text) {
  const auto id = ObjectId::parse(text);
  if (!id) throw std::runtime_error(fmt::format("bad object id '{}'", text));
  return *id;
}

Json write(const std::vector<Column>& columns) {
  Json all = Json::array();
  for (const auto& column : columns) {
    Json one{{"name", column.name}, {"type", types::name(column.type)}};
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

void write_body(const Schema&, Json&) {}
void write_body(const SystemRelation&, Json&) { CHECK(false); }

void write_body(const Table& table, Json& json) {
  json["columns"] = write(table.columns);
  json["collection"] = table.collection.value;
  json["keys"] = Json::array();
  for (const auto& key : table.keys)
    json["keys"].push_back(
        {{"name", key.name}, {"columns", key.columns}, {"primary", key.primary}});
}

void write_body(const View& view, Json& json) {
  json["query"] = view.query_sql;
  json["search_path"] = view.search_path;
  json["columns"] = write(view.columns);
  json["dependencies"] = Json::array();
  for (const ObjectId id : view.dependencies) json["dependencies"].push_back(id.text());
}

void write_body(const Secret& secret, Json& json) { json["value"] = to_hex(secret.value); }

void write_body(const Connection& connection, Json& json) {
  json["type"] = connection.type;
  json["options"] = Json::array();
  for (const auto& option : connection.options) {
    Json one{{"name", option.name}};
    if (option.secret() != nullptr)
      one["secret"] = option.secret()->text();
    else
      one["text"] = *option.text();
    json["options"].push_back(std::move(one));
  }
}

Table read_table(const Json& json) {
  Table table{.columns = read_columns(json.at("columns")), .keys = {}, .collection = {}};
  table.collection.value = json.at("collection");
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

Connection read_connection(const Json& json) {
  Connection connection{.type = json.at("type"), .options = {}};
  for (const auto& one : json.at("options")) {
    ConnectionOption option{.name = one.at("name"), .value = std::string()};
    if (one.contains("secret"))
      option.value = read_id(one["secret"].get<std::string>());
    else
      option.value = one.at("text").get<std::string>();
    connection.options.push_back(std::move(option));
  }
  return connection;
}

void read_body(const std::string& kind, const Json& json, Object& object) {
  if (kind == "schema") {
    object.kind = ObjectKind::kSchema;
    object.body = Schema{};
  } else if (kind == "table") {
    object.kind = ObjectKind::kTable;
    object.body = read_table(json);
  } else if (kind == "view") {
    object.kind = ObjectKind::kView;
    object.body = read_view(json);
  } else if (kind == "secret") {
    object.kind = ObjectKind::kSecret;
    object.body = Secret{.value = from_hex(json.at("value"))};
  } else if (kind == "connection") {
    object.kind = ObjectKind::kConnection;
    object.body = read_connection(json);
  } else {
    throw std::runtime_error(fmt::format("unknown kind '{}'", kind));
  }
}

}  // namespace

std::string record_key(ObjectId id) { return fmt::format("{}{}", kObjectKeyPrefix, id.text()); }

std::string write_record(const Object& object) {
  Json json{
      {"kind", kind_name(object.kind)}, {"schema", object.schema.text()}, {"name", object.name}};
  if (!object.comment.empty()) json["comment"] = object.comment;
  std::visit([&](const auto& body) { write_body(body, json); }, object.body);
  return json.dump();
}

Result<Object> read_record(ObjectId id, std::string_view text) {
  try {
    const Json json = Json::parse(text);
    Object object;
    object.id = id;
    object.schema = read_id(json.at("schema"));
    object.name = json.at("name");
    object.comment = json.value("comment", "");
    read_body(json.at("kind"), json, object);
    return object;
  } catch (const std::exception& exception) {
    // Not the text itself: it may hold a secret.
    return internal("the catalog's record of {} cannot be read: {}", id.text(), exception.what());
  }
}

Result<std::shared_ptr<const Catalog>> Catalog::from_records(
    const std::map<std::string, std::string>& records, uint64_t revision) {
  const std::shared_ptr<Catalog> catalog(new Catalog());
  catalog->revision_ = revision;
  catalog->add_system_objects();
  std::vector<std::shared_ptr<const Object>> items;
  for (const auto& [key, value] : records) {
    if (!key.starts_with(kObjectKeyPrefix)) continue;
    const auto id = ObjectId::parse(std::string_view(key).substr(kObjectKeyPrefix.size()));
    if (!id || id->system) return internal("the catalog has a record with a bad key: {}", key);
    TRY_ASSIGN(Object object, read_record(*id, value));
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
