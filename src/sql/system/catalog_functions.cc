#include "sql/system/catalog_functions.h"

#include <charconv>
#include <duckdb/common/vector_operations/generic_executor.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <mutex>
#include <unordered_map>

#include "sql/front/parse.h"
#include "sql/show_create.h"
#include "sql/system/keys.h"

namespace sluice::sql::system {
namespace {

// Types that no value has, by which clients ask for kinds of functions: psql's \df.
std::optional<uint32_t> pseudo_type_oid(std::string_view name) {
  constexpr std::pair<std::string_view, uint32_t> kOids[] = {
      {"trigger", 2279}, {"event_trigger", 3838}, {"any", 2276},
      {"cstring", 2275}, {"anyelement", 2283},    {"anyarray", 2277},
      {"record", 2249},  {"internal", 2281},      {"language_handler", 2280}};
  for (const auto& [known, oid] : kOids) {
    if (known == name) return oid;
  }
  return {};
}

// Published catalogs by handle. A query holds the token for as long as it may run, so a handle that
// is not there comes from text that a user wrote, or from a bug.
class Registry {
 public:
  static Registry& instance() {
    static auto* registry = new Registry();
    return *registry;
  }

  int64_t add(std::shared_ptr<const CatalogQuestion> question) {
    const std::lock_guard lock(mutex_);
    questions_.emplace(++last_, std::move(question));
    return last_;
  }
  void remove(int64_t handle) {
    const std::lock_guard lock(mutex_);
    questions_.erase(handle);
  }
  std::shared_ptr<const CatalogQuestion> find(int64_t handle) {
    const std::lock_guard lock(mutex_);
    const auto found = questions_.find(handle);
    return found == questions_.end() ? nullptr : found->second;
  }

 private:
  std::mutex mutex_;
  int64_t last_ = 0;
  std::unordered_map<int64_t, std::shared_ptr<const CatalogQuestion>> questions_;
};

std::optional<uint32_t> to_number(std::string_view text) {
  uint32_t number = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || stop != text.data() + text.size() || text.empty())
    return std::nullopt;
  return number;
}

// a."B".c -> {"a", "B", "c"}.
NameParts split_name(std::string_view text) {
  NameParts parts(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      const bool doubled = quoted && i + 1 < text.size() && text[i + 1] == '"';
      if (doubled)
        parts.back() += text[++i];
      else
        quoted = !quoted;
    } else if (c == '.' && !quoted) {
      parts.emplace_back();
    } else if (quoted || c != ' ') {
      parts.back() += !quoted && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return parts;
}

std::string comment_of(const Catalog& catalog, uint32_t oid) {
  const Object* object = catalog.find_oid(oid);
  return object == nullptr ? "" : object->comment;
}

std::optional<std::string> non_empty(std::string text) {
  if (text.empty()) return std::nullopt;
  return text;
}

// Of an oid that is nobody's.
std::string bare_oid(uint32_t oid) { return oid == 0 ? "-" : std::to_string(oid); }

std::optional<std::string> class_name(const CatalogQuestion& question, uint32_t oid) {
  const Catalog& catalog = *question.catalog;
  if (const Object* object = catalog.find_oid(oid);
      object != nullptr && (object->is_relation() || object->index() != nullptr))
    return catalog.is_visible(*object, question.search_path) ? quote_identifier(object->name)
                                                             : catalog.qualified_name(*object);
  if (const auto key = find_key(catalog, oid)) return quote_identifier(key->key->name);
  return bare_oid(oid);
}

// The definition, or one of an index's columns when that is asked for.
std::optional<std::string> index_text(const Catalog& catalog, uint32_t oid, int64_t column) {
  if (const Object* object = catalog.find_oid(oid);
      object != nullptr && object->index() != nullptr) {
    if (column <= 0) return index_definition(catalog, *object);
    const auto names = catalog.key_names(*object->index());
    if (static_cast<size_t>(column) > names.size()) return std::nullopt;
    return names[static_cast<size_t>(column) - 1];
  }
  const auto key = find_key(catalog, oid);
  if (!key) return std::nullopt;
  if (column <= 0) return index_definition(catalog, *key->table, *key->key);
  const auto& columns = key->key->columns;
  if (static_cast<size_t>(column) > columns.size()) return std::nullopt;
  return quote_identifier(key->table->columns()[columns[static_cast<size_t>(column) - 1]].name);
}

std::optional<std::string> view_text(const Catalog& catalog, uint32_t oid) {
  const Object* object = catalog.find_oid(oid);
  if (object == nullptr || object->query_sql() == nullptr) return std::nullopt;
  return " " + *object->query_sql() + ";";
}

}  // namespace

PublishedCatalog publish(CatalogQuestion question) {
  auto shared = std::make_shared<const CatalogQuestion>(std::move(question));
  const int64_t handle = Registry::instance().add(shared);
  std::shared_ptr<const void> token(shared.get(),
                                    [handle](const void*) { Registry::instance().remove(handle); });
  return {.handle = handle, .token = std::move(token)};
}

std::optional<std::string> answer_text(const CatalogQuestion& question, std::string_view what,
                                       int64_t first, std::optional<int64_t> second) {
  const Catalog& catalog = *question.catalog;
  const auto oid = static_cast<uint32_t>(first);
  if (what == "regclass") return class_name(question, oid);
  if (what == "regtype")
    return types::from_oid(oid) ? types::format_type(oid, std::nullopt) : bare_oid(oid);
  if (what == "format_type")
    return types::format_type(
        oid, second ? std::optional<int32_t>(static_cast<int32_t>(*second)) : std::nullopt);
  if (what == "regnamespace") {
    const Object* schema = catalog.find_oid(oid);
    return schema == nullptr ? bare_oid(oid) : quote_identifier(schema->name);
  }
  if (what == "userbyid" || what == "regrole")
    return oid == kOwnerOid ? std::string(kDefaultUser) : fmt::format("unknown (OID={})", oid);
  if (what == "viewdef") return view_text(catalog, oid);
  if (what == "indexdef") return index_text(catalog, oid, second.value_or(0));
  if (what == "constraintdef") {
    const auto key = find_key(catalog, oid);
    if (!key) return std::nullopt;
    return constraint_definition(*key->table->table(), *key->key);
  }
  if (what == "obj_description") return non_empty(comment_of(catalog, oid));
  if (what == "col_description") {
    const Object* object = catalog.find_oid(oid);
    const int64_t number = second.value_or(0);
    if (object == nullptr || number < 1 || static_cast<size_t>(number) > object->columns().size())
      return std::nullopt;
    return non_empty(object->columns()[static_cast<size_t>(number) - 1].comment);
  }
  return bare_oid(oid);  // regproc and its like: nothing has a name here
}

// As PostgreSQL calls what a registry's names stand for.
static Error unknown_name(std::string_view registry, std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kObjects[] = {
      {"regrole", "role"},
      {"regcollation", "collation"},
      {"regconfig", "text search configuration"},
      {"regdictionary", "text search dictionary"}};
  for (const auto& [type, object] : kObjects) {
    if (type == registry) {
      return error(ErrorCode::kNotFound, "{} \"{}\" does not exist", object, name)
          .with_sqlstate("42704");
    }
  }
  if (registry.starts_with("regoper")) {
    return error(ErrorCode::kNotFound, "operator does not exist: {}", name).with_sqlstate("42883");
  }
  return error(ErrorCode::kNotFound, "function \"{}\" does not exist", name).with_sqlstate("42883");
}

Result<std::optional<uint32_t>> answer_oid(const CatalogQuestion& question, std::string_view what,
                                           std::string_view name) {
  const bool lenient = what.starts_with("to_");
  if (lenient) what.remove_prefix(3);
  using Answer = std::optional<uint32_t>;
  if (!lenient)
    if (const auto number = to_number(name)) return Answer(number);
  if (name == "-") return Answer(0);
  const Catalog& catalog = *question.catalog;
  const auto refuse = [&](Error failure) -> Result<Answer> {
    if (lenient) return Answer();
    return failure;
  };
  if (what == "regclass") {
    const auto index = catalog.lookup(split_name(name), question.search_path);
    if (index.ok() && *index != nullptr && (*index)->index() != nullptr)
      return Answer((*index)->oid());
    auto found = catalog.relation(split_name(name), question.search_path);
    if (!found.ok()) return refuse(std::move(found).error());
    return Answer((*found)->oid());
  }
  if (what == "regtype") {
    if (const auto pseudo = pseudo_type_oid(split_name(name).back())) return Answer(*pseudo);
    auto type = types::parse_type_name(name);
    if (!type.ok()) return refuse(std::move(type).error());
    return Answer(types::oid(*type));
  }
  if (what == "regnamespace") {
    const Object* schema = catalog.find_schema(split_name(name).back());
    if (schema == nullptr)
      return refuse(
          error(ErrorCode::kNotFound, "schema \"{}\" does not exist", name).with_sqlstate("3F000"));
    return Answer(schema->oid());
  }
  if (what == "regrole" && name == kDefaultUser) return Answer(kOwnerOid);
  return refuse(unknown_name(what, name));
}

namespace {

// One row at a time: these run over the few rows of a catalog query.
template <typename Answer>
void for_each_row(duckdb::DataChunk& arguments, duckdb::Vector& result, Answer answer) {
  const bool constant = arguments.AllConstant();
  const size_t rows = constant ? 1 : arguments.size();
  for (size_t row = 0; row < rows; ++row) {
    const auto handle = arguments.GetValue(0, row);
    const auto question =
        handle.IsNull() ? nullptr : Registry::instance().find(handle.GetValue<int64_t>());
    if (!question) throw duckdb::InvalidInputException("the catalog of this query is gone");
    result.SetValue(row, answer(*question, arguments.GetValue(1, row).ToString(), row));
  }
  result.SetVectorType(constant ? duckdb::VectorType::CONSTANT_VECTOR
                                : duckdb::VectorType::FLAT_VECTOR);
}

engine::LogicalType oid_type() { return types::to_engine(types::make(types::TypeId::kOid)); }

void text_function(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  for_each_row(arguments, result, [&](const auto& question, const std::string& what, size_t row) {
    const auto first = arguments.GetValue(2, row);
    const auto second = arguments.GetValue(3, row);
    if (first.IsNull()) return engine::Value(engine::LogicalType::VARCHAR);
    std::optional<int64_t> number;
    if (!second.IsNull()) number = second.GetValue<int64_t>();
    const auto text = answer_text(question, what, first.GetValue<int64_t>(), number);
    return text ? engine::Value(*text) : engine::Value(engine::LogicalType::VARCHAR);
  });
}

void oid_function(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  for_each_row(arguments, result, [&](const auto& question, const std::string& what, size_t row) {
    const auto name = arguments.GetValue(2, row);
    if (name.IsNull()) return engine::Value(oid_type());
    auto oid = answer_oid(question, what, name.ToString());
    if (!oid.ok()) throw duckdb::InvalidInputException(oid.error().message);
    auto value = *oid ? engine::Value::UINTEGER(**oid) : engine::Value(oid_type());
    value.Reinterpret(oid_type());
    return value;
  });
}

void is_function(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  for_each_row(arguments, result, [&](const auto& question, const std::string& what, size_t row) {
    const auto number = arguments.GetValue(2, row);
    if (number.IsNull()) return engine::Value(engine::LogicalType::BOOLEAN);
    const auto oid = static_cast<uint32_t>(number.template GetValue<int64_t>());
    const Object* object = question.catalog->find_oid(oid);
    // Keys are seen with their tables; types and functions all are.
    const bool visible = what != "table_visible" || object == nullptr ||
                         question.catalog->is_visible(*object, question.search_path);
    return engine::Value::BOOLEAN(visible);
  });
}

void typeof_function(duckdb::DataChunk& arguments, duckdb::ExpressionState&,
                     duckdb::Vector& result) {
  result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  types::SqlType type = types::from_engine(arguments.data[0].GetType());
  type.precision = type.scale = -1;  // pg_typeof() tells no lengths
  const auto name = types::name(type);
  result.SetValue(0, engine::Value(name));
}

duckdb::ScalarFunction make(duckdb::vector<engine::LogicalType> arguments,
                            engine::LogicalType result, duckdb::scalar_function_t function) {
  duckdb::ScalarFunction made(std::move(arguments), std::move(result), std::move(function));
  made.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  return made;
}

}  // namespace

void register_functions(duckdb::DatabaseInstance& database) {
  using engine::LogicalType;
  duckdb::ExtensionLoader loader(database, "sluice_sql");
  const auto add = [&](const std::string& name, duckdb::ScalarFunction function) {
    function.name = name;
    loader.RegisterFunction(std::move(function));
  };
  add("sluice_catalog_text",
      make({LogicalType::BIGINT, LogicalType::VARCHAR, LogicalType::BIGINT, LogicalType::BIGINT},
           LogicalType::VARCHAR, text_function));
  add("sluice_catalog_oid", make({LogicalType::BIGINT, LogicalType::VARCHAR, LogicalType::ANY},
                                 oid_type(), oid_function));
  add("sluice_catalog_is", make({LogicalType::BIGINT, LogicalType::VARCHAR, LogicalType::BIGINT},
                                LogicalType::BOOLEAN, is_function));
  add("sluice_typeof", make({LogicalType::ANY}, LogicalType::VARCHAR, typeof_function));
}

}  // namespace sluice::sql::system
