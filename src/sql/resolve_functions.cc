// Functions and types: what is allowed stays, what Sluice knows better is answered here, and the
// rest does not exist.
#include <algorithm>
#include <duckdb/common/types/timestamp.hpp>
#include <duckdb/parser/expression/list.hpp>
#include <unordered_map>

#include "base/text.h"
#include "sql/allowed_functions.h"
#include "sql/front/statement.h"
#include "sql/resolver.h"

namespace sluice::sql {
namespace {

using duckdb::make_uniq;

ExpressionPointer text(const std::string& value) { return constant(engine::Value(value)); }

ExpressionPointer cast(ExpressionPointer child, const engine::LogicalType& type) {
  return make_uniq<duckdb::CastExpression>(type, std::move(child));
}

// f(x), in the place of x.
void wrap(const char* function, ExpressionPointer& argument) {
  argument->alias.clear();  // or it would be taken for the name of an argument
  std::vector<ExpressionPointer> arguments;
  arguments.push_back(std::move(argument));
  argument = call_of(function, std::move(arguments));
}

// A text constant, or nothing.
const std::string* constant_text(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::CAST)
    return constant_text(*expression.Cast<duckdb::CastExpression>().child);
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::CONSTANT) return nullptr;
  const auto& value = expression.Cast<duckdb::ConstantExpression>().value;
  if (value.IsNull() || value.type().id() != engine::LogicalTypeId::VARCHAR) return nullptr;
  return &duckdb::StringValue::Get(value);
}

bool is_null_constant(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::CAST)
    return is_null_constant(*expression.Cast<duckdb::CastExpression>().child);
  return expression.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT &&
         expression.Cast<duckdb::ConstantExpression>().value.IsNull();
}

// true, false, 't'::boolean; nothing for all else.
std::optional<bool> constant_boolean(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::CAST)
    return constant_boolean(*expression.Cast<duckdb::CastExpression>().child);
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::CONSTANT) return {};
  engine::Value value = expression.Cast<duckdb::ConstantExpression>().value;
  if (value.IsNull() || !value.DefaultTryCastAs(engine::LogicalType::BOOLEAN)) return {};
  return value.GetValue<bool>();
}

Error no_function(std::string_view name) {
  return error(ErrorCode::kNotFound, "function {}() does not exist", name)
      .with_sqlstate("42883")
      .with_hint(
          "No function matches the given name and argument types. You might need to add explicit "
          "type casts.");
}

// PostgreSQL's names for what the engine has under another, or with another meaning.
const std::string* renamed(const std::string& name) {
  static const auto* names = new std::unordered_map<std::string, std::string>{
      {"array_length", "sluice_array_length"},
      {"array_to_json", "sluice_to_json"},
      {"array_to_string", "sluice_array_to_string"},
      {"array_upper", "sluice_array_length"},
      {"avg", "sluice_avg"},
      {"btrim", "trim"},
      {"cardinality", "sluice_cardinality"},
      {"date_bin", "sluice_date_bin"},
      {"date_part", "sluice_date_part"},
      {"date_trunc", "sluice_date_trunc"},
      {"datepart", "sluice_date_part"},
      {"datetrunc", "sluice_date_trunc"},
      {"every", "bool_and"},
      {"format", "sluice_format"},
      {"generate_series", "sluice_generate_series"},
      {"json_array_elements", "sluice_json_elements"},
      {"json_array_elements_text", "sluice_json_elements_text"},
      {"json_build_array", "sluice_json_build_array"},
      {"json_build_object", "sluice_json_build_object"},
      {"json_each", "sluice_json_each"},
      {"json_each_text", "sluice_json_each_text"},
      {"json_extract_path", "jsonb_extract_path"},
      {"json_extract_path_text", "jsonb_extract_path_text"},
      {"json_object_keys", "sluice_json_keys"},
      {"json_strip_nulls", "jsonb_strip_nulls"},
      {"json_typeof", "jsonb_typeof"},
      {"jsonb_array_elements", "sluice_json_elements"},
      {"jsonb_array_elements_text", "sluice_json_elements_text"},
      {"jsonb_build_array", "sluice_json_build_array"},
      {"jsonb_build_object", "sluice_json_build_object"},
      {"jsonb_each", "sluice_json_each"},
      {"jsonb_each_text", "sluice_json_each_text"},
      {"jsonb_object_keys", "sluice_json_keys"},
      {"make_date", "sluice_make_date"},
      {"make_interval", "sluice_make_interval"},
      {"make_time", "sluice_make_time"},
      {"make_timestamp", "sluice_make_timestamp"},
      {"mean", "sluice_avg"},
      {"regexp_split_to_array", "sluice_regexp_split"},
      {"regexp_split_to_table", "sluice_regexp_split"},
      {"row_to_json", "sluice_to_json"},
      {"string_to_array", "sluice_string_to_array"},
      {"string_to_table", "sluice_string_to_array"},
      {"substr", "sluice_substring"},
      {"substring", "sluice_substring"},
      {"sum", "sluice_sum"},
      {"to_hex", "sluice_to_hex"},
      {"to_json", "sluice_to_json"},
      {"to_jsonb", "sluice_to_json"},
  };
  const auto found = names->find(name);
  return found == names->end() ? nullptr : &found->second;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// PostgreSQL's functions that give rows, by the names users write: here they make lists, which are
// unnested.
bool gives_rows(std::string_view name) {
  return is_one_of(
      name, {"generate_series", "json_array_elements", "json_array_elements_text", "json_each",
             "json_each_text", "json_object_keys", "jsonb_array_elements",
             "jsonb_array_elements_text", "jsonb_each", "jsonb_each_text", "jsonb_object_keys",
             "regexp_split_to_table", "sluice_regexp_matches", "string_to_table"});
}

// make_interval(days => 10): the arguments in their order, 0 for those left out. False for a name
// that it does not have.
bool order_interval_parts(duckdb::vector<ExpressionPointer>& arguments) {
  static constexpr std::string_view kParts[] = {"years", "months", "weeks", "days",
                                                "hours", "mins",   "secs"};
  duckdb::vector<ExpressionPointer> ordered(std::size(kParts));
  size_t next = 0;
  for (auto& argument : arguments) {
    const auto* named = std::find(std::begin(kParts), std::end(kParts), argument->alias);
    const size_t place =
        argument->alias.empty() ? next++ : static_cast<size_t>(named - std::begin(kParts));
    if (place >= ordered.size() || ordered[place]) return false;
    argument->alias.clear();
    ordered[place] = std::move(argument);
  }
  for (auto& part : ordered)
    if (!part) part = constant(engine::Value::INTEGER(0));
  arguments = std::move(ordered);
  return true;
}

// PostgreSQL sorts to find what is distinct, and its users see the order.
void order_distinct(duckdb::FunctionExpression& call) {
  if (!call.distinct || call.children.empty() || !call.order_bys || !call.order_bys->orders.empty())
    return;
  if (!is_one_of(call.function_name, {"array_agg", "json_agg", "jsonb_agg", "string_agg"})) return;
  call.order_bys->orders.emplace_back(
      duckdb::OrderType::ASCENDING, duckdb::OrderByNullType::NULLS_LAST, call.children[0]->Copy());
}

// jsonb_agg(x) is made of the list of x, so that its ORDER BY, DISTINCT and FILTER are the list's;
// jsonb_object_agg(k, v) of the list of pairs. What makes the document, or nullptr.
const char* json_aggregate(std::string_view name, duckdb::vector<ExpressionPointer>& arguments) {
  if (is_one_of(name, {"jsonb_agg", "json_agg"}) && arguments.size() == 1)
    return "sluice_json_of_list";
  if (!is_one_of(name, {"jsonb_object_agg", "json_object_agg"}) || arguments.size() != 2)
    return nullptr;
  arguments[0]->alias = "key";
  arguments[1]->alias = "value";
  auto pair = duckdb::make_uniq<duckdb::FunctionExpression>("struct_pack", std::move(arguments));
  arguments = {};
  arguments.push_back(std::move(pair));
  return "sluice_json_of_pairs";
}

// What the engine counts in bigints and PostgreSQL in integers.
bool counts_in_integers(std::string_view name) {
  return is_one_of(name,
                   {"array_position", "bit_length", "char_length", "character_length", "instr",
                    "json_array_length", "length", "octet_length", "position", "strpos"});
}

// What the engine leaves in the order and the spelling it was given in.
bool makes_raw_json(std::string_view name) {
  return is_one_of(name, {"json_array", "json_group_array", "json_group_object", "json_merge_patch",
                          "json_object"});
}

// A call as PostgreSQL types it; `name` is the engine's.
ExpressionPointer with_own_type(ExpressionPointer call, std::string_view name) {
  if (makes_raw_json(name)) {
    // There and back again brings it into the one form that jsonb is kept in.
    return cast(cast(std::move(call), engine::LogicalType::VARCHAR), engine::LogicalType::JSON());
  }
  if (!counts_in_integers(name)) return call;
  call->alias.clear();  // or it would be taken for the name of an argument
  return cast(std::move(call), engine::LogicalType::INTEGER);
}

constexpr std::string_view kRegistryPrefix = "sluice_reg";
constexpr std::string_view kRegistries[] = {
    "regclass",      "regtype", "regproc",     "regnamespace", "regcollation", "regconfig",
    "regdictionary", "regoper", "regoperator", "regprocedure", "regrole"};

// `regclass` for sluice_regclass; empty for all else.
std::string registry_of(std::string_view function) {
  if (!function.starts_with(kRegistryPrefix)) return "";
  function.remove_prefix(kRegistryPrefix.size() - 3);
  const bool known =
      std::find(std::begin(kRegistries), std::end(kRegistries), function) != std::end(kRegistries);
  return known ? std::string(function) : "";
}
std::string registry_of(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::FUNCTION) return "";
  return registry_of(expression.Cast<duckdb::FunctionExpression>().function_name);
}

// now(), but current_date: the engine's parser calls some of them otherwise.
std::string as_written(std::string_view name) {
  if (name.starts_with("get_current_")) return std::string(name.substr(std::size("get_") - 1));
  if (name.starts_with("current_local")) return std::string(name.substr(std::size("current_") - 1));
  if (std::find(std::begin(kRegistries), std::end(kRegistries), name) != std::end(kRegistries))
    return fmt::format("a cast to {}", name);
  const bool bare =
      is_one_of(name, {"current_catalog", "current_date", "current_role", "current_schema",
                       "current_time", "current_timestamp", "current_user", "localtime",
                       "localtimestamp", "session_user", "user"});
  return bare ? std::string(name) : fmt::format("{}()", name);
}

engine::LogicalType oid_type() { return types::to_engine(types::make(types::TypeId::kOid)); }

}  // namespace

ExpressionPointer constant(engine::Value value) {
  return make_uniq<duckdb::ConstantExpression>(std::move(value));
}

ExpressionPointer call_of(const std::string& name, std::vector<ExpressionPointer> arguments) {
  duckdb::vector<ExpressionPointer> children;
  for (auto& argument : arguments) children.push_back(std::move(argument));
  return make_uniq<duckdb::FunctionExpression>(name, std::move(children));
}

bool is_registry_call(const duckdb::ParsedExpression& expression) {
  return !registry_of(expression).empty();
}

bool Resolver::check_function_schema(std::string& catalog, std::string& schema,
                                     duckdb::optional_idx location) {
  // The engine would take x.f() for f(x) as well; here x is a schema, and functions are in two.
  const bool known = (schema.empty() || schema == "pg_catalog" || schema == "mz_catalog") &&
                     (catalog.empty() || catalog == kDatabaseName);
  if (!known)
    fail(error(ErrorCode::kNotFound, "schema \"{}\" does not exist", schema).with_sqlstate("3F000"),
         location);
  catalog.clear();
  schema.clear();
  return known;
}

bool Resolver::is_allowed(std::string& name) {
  if (const std::string* other = renamed(name)) name = *other;
  return scalar_function_class(name) == FunctionClass::kAllowed;
}

// The engine says it, once it knows the arguments' types, as PostgreSQL does.
ExpressionPointer Resolver::no_such_call(const std::string& name,
                                         duckdb::vector<ExpressionPointer>& arguments,
                                         duckdb::optional_idx location) {
  std::vector<ExpressionPointer> told;
  told.push_back(text(name));
  told.push_back(constant(engine::Value::INTEGER(view_depth_ == 0 ? position_of(location) : 0)));
  for (auto& argument : arguments) {
    if (argument->GetExpressionClass() == duckdb::ExpressionClass::STAR) {
      fail(no_function(name), location);
      return nullptr;
    }
    argument->alias.clear();  // or it would be taken for the name of an argument
    told.push_back(std::move(argument));
  }
  return call_of("sluice_missing", std::move(told));
}

void Resolver::walk_function(ExpressionPointer& tree, Scope& scope) {
  auto& call = tree->Cast<duckdb::FunctionExpression>();
  const auto location = call.GetQueryLocation();
  call.function_name = ascii_lower(call.function_name);
  if (!check_function_schema(call.catalog, call.schema, location)) return;
  walk_children(call, scope);
  if (failed()) return;
  if (call.filter) need_boolean(call.filter, "FILTER");
  const std::string alias = call.alias;
  if (answer(tree, call, scope)) {
    if (tree) tree->alias = alias;
    return;
  }
  if (failed()) return;
  if ((call.function_name == "lpad" || call.function_name == "rpad") && call.children.size() == 2)
    call.children.push_back(text(" "));
  if (call.function_name == "trunc" && call.children.size() == 2)
    call.function_name = "sluice_trunc";
  const std::string written = call.function_name;
  order_distinct(call);
  if (const char* maker = json_aggregate(written, call.children)) {
    call.function_name = "list";
    std::vector<ExpressionPointer> list;
    list.push_back(std::move(tree));
    list[0]->alias.clear();
    tree = call_of(maker, std::move(list));
    tree->alias = alias;
    return;
  }
  if (written == "make_interval" && !order_interval_parts(call.children))
    return fail(no_function(written), location);
  // Of several lists it is in FROM only, where it becomes one call for each.
  const bool several_lists = written == "unnest" && call.children.size() != 1;
  if (several_lists || !is_allowed(call.function_name)) {
    auto missing = no_such_call(written, call.children, location);
    if (missing) tree = std::move(missing);
    return;
  }
  if (is_one_of(call.function_name, {"concat", "concat_ws", "sluice_format"})) {
    for (auto& argument : call.children) wrap("sluice_shown", argument);
  } else if (is_one_of(call.function_name, {"percentile_cont", "quantile_cont"}) &&
             !call.children.empty()) {
    // WITHIN GROUP (ORDER BY x), or the engine's own form quantile_cont(x, fraction).
    const bool ordered = call.order_bys && !call.order_bys->orders.empty();
    wrap("sluice_continuous", ordered ? call.order_bys->orders[0].expression : call.children[0]);
  }
  // Both work on texts, whatever they are given.
  if (call.function_name == "sluice_array_to_string" && !call.children.empty()) {
    call.children[0] =
        cast(std::move(call.children[0]), engine::LogicalType::LIST(engine::LogicalType::VARCHAR));
  } else if (call.function_name == "sluice_format") {
    for (auto& argument : call.children) {
      argument = cast(std::move(argument), engine::LogicalType::VARCHAR);
    }
  }
  const std::string name = call.function_name;
  // PostgreSQL's gives bytes, the engine's their hexadecimal text.
  if (name == "sha256") {
    std::vector<ExpressionPointer> digits;
    digits.push_back(std::move(tree));
    digits[0]->alias.clear();
    tree = call_of("unhex", std::move(digits));
  }
  tree = with_own_type(std::move(tree), name);
  if (gives_rows(written)) {
    std::vector<ExpressionPointer> list;
    list.push_back(std::move(tree));
    list[0]->alias.clear();
    tree = call_of("unnest", std::move(list));
  }
  tree->alias = alias;
  tree->SetQueryLocation(location);
}

void Resolver::walk_window(ExpressionPointer& tree, Scope& scope) {
  auto& window = tree->Cast<duckdb::WindowExpression>();
  window.function_name = ascii_lower(window.function_name);
  if (!check_function_schema(window.catalog, window.schema, window.GetQueryLocation())) return;
  walk_children(window, scope);
  if (failed()) return;
  const std::string written = window.function_name;
  if (const char* maker = json_aggregate(written, window.children)) {
    window.function_name = "list";
    const std::string alias = tree->alias;
    std::vector<ExpressionPointer> list;
    list.push_back(std::move(tree));
    list[0]->alias.clear();
    tree = call_of(maker, std::move(list));
    tree->alias = alias;
    return;
  }
  if (is_allowed(window.function_name)) return;
  auto missing = no_such_call(written, window.children, window.GetQueryLocation());
  if (missing) tree = std::move(missing);
}

bool Resolver::refuse_standing(const std::string& name, duckdb::optional_idx location) {
  if (!context_.standing) return false;
  auto refused = invalid("materialized views do not support {}", as_written(name))
                     .with_sqlstate("0A000")
                     .with_detail("Its value depends on the session, the time or the catalog.");
  fail(std::move(refused), location);
  return true;
}

bool Resolver::answer(ExpressionPointer& tree, duckdb::FunctionExpression& call, Scope& scope) {
  const std::string name = call.function_name;
  ExpressionPointer answered;
  const std::string registry = registry_of(name);
  const bool setting = name == "current_setting";
  // The plan of what is kept up to date makes rows come and go by it.
  if (name == "mz_now" && context_.standing) {
    tree = call_of("sluice_logical_time", {});
    return true;
  }
  if (!registry.empty() || setting || name == "set_config") {
    if (refuse_standing(registry.empty() ? name : registry, call.GetQueryLocation())) return true;
  }
  if (!registry.empty())
    answered = registry_answer(registry, call, scope);
  else if (setting)
    answered = setting_answer(call);
  else if (name == "set_config" && call.children.size() == 3)
    answered = set_config_answer(call);
  else
    answered = session_answer(name, call, scope);
  if (answered && refuse_standing(name, call.GetQueryLocation())) return true;
  if (!answered && !failed()) answered = catalog_answer(name, call);
  if (!answered) return failed();
  answered->SetQueryLocation(call.GetQueryLocation());
  tree = std::move(answered);
  return true;
}

ExpressionPointer Resolver::transaction_time() const {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(
                          context_.transaction_time.time_since_epoch())
                          .count();
  return constant(engine::Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(micros)));
}

ExpressionPointer Resolver::session_answer(const std::string& name,
                                           duckdb::FunctionExpression& call, const Scope& scope) {
  using engine::LogicalType;
  const auto time_of = [](std::chrono::system_clock::time_point time) {
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
    return constant(engine::Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(micros)));
  };
  if (name == "now" || name == "transaction_timestamp" || name == "current_timestamp" ||
      name == "get_current_timestamp")
    return transaction_time();
  if (name == "statement_timestamp" || name == "clock_timestamp")
    return time_of(context_.statement_time);
  // The engine turns an instant into the session's local time.
  if (name == "current_date" || name == "today") return cast(transaction_time(), LogicalType::DATE);
  if (name == "current_time" || name == "localtime" || name == "current_localtime" ||
      name == "get_current_time")
    return cast(cast(transaction_time(), LogicalType::TIMESTAMP), LogicalType::TIME);
  if (name == "localtimestamp" || name == "current_localtimestamp")
    return cast(transaction_time(), LogicalType::TIMESTAMP);
  if (name == "mz_now") {
    if (!context_.logical_time) {
      fail(invalid("mz_now() is not supported here").with_sqlstate("0A000"),
           call.GetQueryLocation());
      return nullptr;
    }
    return cast(constant(engine::Value::UBIGINT(
                    static_cast<uint64_t>(context_.logical_time->milliseconds))),
                types::to_engine(types::make(types::TypeId::kMzTimestamp)));
  }
  if (name == "current_user" || name == "session_user" || name == "user" || name == "current_role")
    return text(context_.user);
  if (name == "current_database" || name == "current_catalog") return text(context_.database);
  if (name == "current_schema") {
    for (const auto& schema : *scope.search_path)
      if (context_.catalog->find_schema(schema) != nullptr) return text(schema);
    return constant(engine::Value(LogicalType::VARCHAR));
  }
  if (name == "current_schemas") {
    const bool implied =
        !call.children.empty() && call.children[0]->ToString().find('t') != std::string::npos;
    duckdb::vector<engine::Value> schemas;
    for (const auto& schema : implied ? effective_path(*scope.search_path) : *scope.search_path)
      if (context_.catalog->find_schema(schema) != nullptr)
        schemas.push_back(engine::Value(schema));
    return constant(engine::Value::LIST(LogicalType::VARCHAR, std::move(schemas)));
  }
  if (name == "version")
    return text(fmt::format("PostgreSQL {} compatible, Sluice", context_.server_version));
  if (name == "mz_version") return text("v0.1.0 (Sluice)");
  if (name == "pg_backend_pid") return constant(engine::Value::INTEGER(context_.backend_pid));
  if (name == "pg_is_in_recovery") return constant(engine::Value::BOOLEAN(false));
  if (name == "pg_is_other_temp_schema") return constant(engine::Value::BOOLEAN(false));
  if (name == "pg_my_temp_schema") return cast(constant(engine::Value::INTEGER(0)), oid_type());
  if (name == "txid_current") return constant(engine::Value::BIGINT(context_.backend_pid));
  if (name.starts_with("inet_")) return constant(engine::Value(LogicalType::VARCHAR));
  if (name == "pg_postmaster_start_time" || name == "pg_conf_load_time") return transaction_time();
  return nullptr;
}

ExpressionPointer Resolver::setting_answer(duckdb::FunctionExpression& call) {
  const std::string* wanted = call.children.empty() ? nullptr : constant_text(*call.children[0]);
  if (wanted == nullptr) {
    fail(invalid("current_setting() takes the name of a setting as a constant")
             .with_sqlstate("0A000"),
         call.GetQueryLocation());
    return nullptr;
  }
  const auto value = context_.setting ? context_.setting(ascii_lower(*wanted)) : std::nullopt;
  if (value) return text(*value);
  if (call.children.size() > 1) return constant(engine::Value(engine::LogicalType::VARCHAR));
  fail(invalid("unrecognized configuration parameter \"{}\"", *wanted).with_sqlstate("42704"),
       call.GetQueryLocation());
  return nullptr;
}

// Changes the setting while the statement is opened, so it must be plain that it is meant once.
ExpressionPointer Resolver::set_config_answer(duckdb::FunctionExpression& call) {
  const auto location = call.GetQueryLocation();
  const std::string* name = constant_text(*call.children[0]);
  const std::string* value = constant_text(*call.children[1]);
  const std::optional<bool> local = constant_boolean(*call.children[2]);
  const bool known = name != nullptr && (value != nullptr || is_null_constant(*call.children[1]));
  if (!known || !local || !settings_change_ || view_depth_ > 0 || !context_.set_setting) {
    fail(invalid("set_config() is supported with constants in a SELECT without FROM and WHERE only")
             .with_sqlstate("0A000")
             .with_hint("Use SET."),
         location);
    return nullptr;
  }
  const auto given = value == nullptr ? std::nullopt : std::optional<std::string>(*value);
  auto set = context_.set_setting(*name, given, *local);
  if (set.ok()) return text(*set);
  fail(std::move(set).error(), location);
  return nullptr;
}

ExpressionPointer Resolver::lookup(const char* function, const char* what,
                                   std::vector<ExpressionPointer> arguments) {
  if (!published_)
    published_ = system::publish(
        {.catalog = context_.catalog, .search_path = context_.search_path, .user = context_.user});
  std::vector<ExpressionPointer> all;
  all.push_back(constant(engine::Value::BIGINT(published_->handle)));
  all.push_back(text(what));
  for (auto& argument : arguments) all.push_back(std::move(argument));
  return call_of(function, std::move(all));
}

namespace {

// pg_get_viewdef('v') and pg_get_viewdef(oid) are the same once the argument is an oid.
struct TextAnswer {
  const char* what;
  size_t arguments;  // how many numbers it takes; more given ones are ignored
};
const std::unordered_map<std::string, TextAnswer>& text_answers() {
  static const auto* answers = new std::unordered_map<std::string, TextAnswer>{
      {"pg_get_userbyid", {"userbyid", 1}},        {"pg_get_viewdef", {"viewdef", 1}},
      {"pg_get_indexdef", {"indexdef", 2}},        {"pg_get_constraintdef", {"constraintdef", 1}},
      {"format_type", {"format_type", 2}},         {"obj_description", {"obj_description", 1}},
      {"col_description", {"col_description", 2}},
  };
  return *answers;
}

// What never has anything to tell here.
bool is_always_null(const std::string& name) {
  static constexpr std::string_view kNames[] = {"shobj_description",
                                                "pg_get_ruledef",
                                                "pg_get_triggerdef",
                                                "pg_get_functiondef",
                                                "pg_get_function_result",
                                                "pg_get_function_arguments",
                                                "pg_get_function_identity_arguments",
                                                "pg_get_partkeydef",
                                                "pg_get_statisticsobjdef_columns",
                                                "pg_get_serial_sequence",
                                                "pg_get_function_sqlbody",
                                                "pg_tablespace_location",
                                                "pg_relation_filenode",
                                                "pg_get_partition_constraintdef"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

bool is_privilege_question(const std::string& name) {
  return name == "pg_has_role" || (name.starts_with("has_") && name.ends_with("_privilege"));
}

bool is_size_question(const std::string& name) {
  return name == "pg_table_size" || name == "pg_relation_size" ||
         name == "pg_total_relation_size" || name == "pg_indexes_size" ||
         name == "pg_database_size" || name == "pg_tablespace_size";
}

}  // namespace

ExpressionPointer Resolver::catalog_answer(const std::string& name,
                                           duckdb::FunctionExpression& call) {
  using engine::LogicalType;
  auto& given = call.children;
  const bool looks_up = text_answers().contains(name) || name.starts_with("to_reg") ||
                        (name.starts_with("pg_") && name.ends_with("_is_visible"));
  if (looks_up && refuse_standing(name, call.GetQueryLocation())) return nullptr;
  if (const auto found = text_answers().find(name); found != text_answers().end()) {
    if (given.empty()) return nullptr;
    std::vector<ExpressionPointer> arguments;
    const bool by_name = name == "pg_get_viewdef" && constant_text(*given[0]) != nullptr;
    if (by_name) {
      std::vector<ExpressionPointer> wanted;
      wanted.push_back(std::move(given[0]));
      given[0] = lookup("sluice_catalog_oid", "regclass", std::move(wanted));
    }
    arguments.push_back(cast(std::move(given[0]), LogicalType::BIGINT));
    if (found->second.arguments > 1 && given.size() > 1)
      arguments.push_back(cast(std::move(given[1]), LogicalType::BIGINT));
    else
      arguments.push_back(constant(engine::Value(LogicalType::BIGINT)));
    return lookup("sluice_catalog_text", found->second.what, std::move(arguments));
  }
  if (name.starts_with("pg_") && name.ends_with("_is_visible")) {
    if (given.empty()) return nullptr;
    std::vector<ExpressionPointer> arguments;
    arguments.push_back(cast(std::move(given[0]), LogicalType::BIGINT));
    const char* what = name == "pg_table_is_visible" ? "table_visible" : "other_visible";
    return lookup("sluice_catalog_is", what, std::move(arguments));
  }
  if (name == "to_regclass" || name == "to_regtype" || name == "to_regnamespace") {
    if (given.size() != 1) return nullptr;
    std::vector<ExpressionPointer> arguments;
    arguments.push_back(cast(std::move(given[0]), LogicalType::VARCHAR));
    return lookup("sluice_catalog_oid", name.c_str(), std::move(arguments));
  }
  // Expressions are kept as their text, so there is nothing to decompile.
  if (name == "pg_get_expr" && !given.empty())
    return cast(std::move(given[0]), LogicalType::VARCHAR);
  if (name == "pg_typeof" && given.size() == 1) {
    std::vector<ExpressionPointer> arguments;
    arguments.push_back(std::move(given[0]));
    return call_of("sluice_typeof", std::move(arguments));
  }
  if (name == "pg_encoding_to_char") return text("UTF8");
  if (name == "getdatabaseencoding") return text("UTF8");
  if (name == "pg_char_to_encoding") return constant(engine::Value::INTEGER(6));
  if (is_privilege_question(name)) return constant(engine::Value::BOOLEAN(true));
  if (is_size_question(name)) return constant(engine::Value(LogicalType::BIGINT));
  if (is_always_null(name)) return constant(engine::Value(LogicalType::VARCHAR));
  return nullptr;
}

ExpressionPointer Resolver::registry_answer(const std::string& registry,
                                            duckdb::FunctionExpression& call, const Scope& scope) {
  if (call.children.size() != 1) return nullptr;
  if (const std::string* name = constant_text(*call.children[0])) {
    // Known now, so that the name is looked up once and its error has a place.
    auto oid = system::answer_oid(
        {.catalog = context_.catalog, .search_path = *scope.search_path, .user = context_.user},
        registry, *name);
    if (!oid.ok()) return fail(std::move(oid).error(), call.GetQueryLocation()), nullptr;
    return cast(constant(engine::Value::UINTEGER(oid->value_or(0))), oid_type());
  }
  std::vector<ExpressionPointer> arguments;
  arguments.push_back(std::move(call.children[0]));
  return lookup("sluice_catalog_oid", registry.c_str(), std::move(arguments));
}

void Resolver::walk_cast(ExpressionPointer& tree, Scope& scope) {
  auto& expression = tree->Cast<duckdb::CastExpression>();
  const std::string registry = registry_of(*expression.child);
  walk(expression.child, scope);
  if (failed()) return;
  // regclass::text is the name, where everything else takes the number.
  if (expression.cast_type.id() != engine::LogicalTypeId::VARCHAR || registry.empty())
    return check_type(expression.cast_type, tree->GetQueryLocation());
  const std::string alias = tree->alias;
  std::vector<ExpressionPointer> arguments;
  arguments.push_back(cast(std::move(expression.child), engine::LogicalType::BIGINT));
  arguments.push_back(constant(engine::Value(engine::LogicalType::BIGINT)));
  tree = lookup("sluice_catalog_text", registry.c_str(), std::move(arguments));
  tree->alias = alias;
}

void Resolver::check_type(engine::LogicalType& type, duckdb::optional_idx location) {
  using engine::LogicalTypeId;
  switch (type.id()) {
    case LogicalTypeId::USER: {
      auto known = types::parse_type_name(duckdb::UserType::GetTypeName(type));
      if (!known.ok()) return fail(std::move(known).error(), location);
      type = types::to_engine(*known);
      return;
    }
    case LogicalTypeId::LIST: {
      auto child = duckdb::ListType::GetChildType(type);
      if (!child.HasAlias()) {
        check_type(child, location);
        type = engine::LogicalType::LIST(child);
      }
      return;
    }
    case LogicalTypeId::MAP: {
      auto key = duckdb::MapType::KeyType(type);
      auto value = duckdb::MapType::ValueType(type);
      check_type(key, location);
      check_type(value, location);
      type = engine::LogicalType::MAP(key, value);
      return;
    }
    case LogicalTypeId::STRUCT: {
      duckdb::child_list_t<engine::LogicalType> fields = duckdb::StructType::GetChildTypes(type);
      for (auto& [name, field] : fields) check_type(field, location);
      type = engine::LogicalType::STRUCT(std::move(fields));
      return;
    }
    case LogicalTypeId::ENUM:
    case LogicalTypeId::UNION:
    case LogicalTypeId::POINTER:
    case LogicalTypeId::TABLE:
    case LogicalTypeId::LAMBDA:
    case LogicalTypeId::AGGREGATE_STATE:
    case LogicalTypeId::VARIANT:
    case LogicalTypeId::BIGNUM:
    case LogicalTypeId::ARRAY:
      return fail(
          error(ErrorCode::kNotFound, "type \"{}\" does not exist", ascii_lower(type.ToString()))
              .with_sqlstate("42704"),
          location);
    default:
      return;
  }
}

}  // namespace sluice::sql
