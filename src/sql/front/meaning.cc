#include "sql/front/meaning.h"

#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/query_node/list.hpp>
#include <duckdb/parser/tableref/list.hpp>
#include <optional>
#include <set>
#include <utility>

#include "sql/front/distinct.h"
#include "sql/front/refused.h"
#include "sql/front/rows.h"
#include "types/sql_type.h"

namespace sluice::sql {
namespace {

using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using ExpressionPtr = duckdb::unique_ptr<duckdb::ParsedExpression>;

template <typename... Children>
duckdb::unique_ptr<duckdb::FunctionExpression> call(const std::string& name, Children... children) {
  duckdb::vector<ExpressionPtr> list;
  (list.push_back(std::move(children)), ...);
  return duckdb::make_uniq<duckdb::FunctionExpression>(name, std::move(list));
}

ExpressionPtr integer(int value) {
  return duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value::INTEGER(value));
}

bool is_string(const duckdb::ParsedExpression& expression) {
  return expression.GetExpressionClass() == ExpressionClass::CONSTANT &&
         expression.Cast<duckdb::ConstantExpression>().value.type().id() ==
             duckdb::LogicalTypeId::VARCHAR;
}

// Whether the text alone tells that it is jsonb. Columns do not tell before they are resolved.
bool is_visibly_json(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() == ExpressionClass::CAST) {
    return expression.Cast<duckdb::CastExpression>().cast_type.IsJSONType();
  }
  if (expression.GetExpressionClass() != ExpressionClass::FUNCTION) return false;
  const auto& name = expression.Cast<duckdb::FunctionExpression>().function_name;
  return name == "sluice_json_get" || name == "sluice_json_path" || name == "sluice_json_concat" ||
         name == "sluice_json_delete" || name == "to_jsonb" || name == "jsonb_agg" ||
         name == "jsonb_object_agg" || name == "jsonb_build_object" || name == "jsonb_build_array";
}

const char* call_of_operator(std::string_view operation) {
  constexpr std::pair<std::string_view, const char*> kCalls[] = {
      {"->", "sluice_json_get"},
      {"->>", "sluice_json_get_text"},
      {"#>", "sluice_json_path"},
      {"#>>", "sluice_json_path_text"},
      {"@>", "sluice_json_contains"},
      {"<@", "sluice_json_contains"},
      {"?", "sluice_json_has_key"},
      {"?|", "sluice_json_has_any"},
      {"?&", "sluice_json_has_all"},
      {"~", "regexp_matches"},
      {"#-", "sluice_json_delete_path"},
      {"~*", "regexp_matches"},
      {"!~", "regexp_matches"},
      {"!~*", "regexp_matches"},
      {"#", "xor"},
  };
  for (const auto& [name, function] : kCalls) {
    if (name == operation) return function;
  }
  return nullptr;
}

const char* call_of_prefix(std::string_view operation) {
  if (operation == "|/") return "sqrt";
  if (operation == "||/") return "cbrt";
  if (operation == "@") return "abs";
  return nullptr;
}

// LIKE and its like, by operator; their forms with ESCAPE.
const char* like_with_escape(std::string_view operation) {
  if (operation == "~~") return "like_escape";
  if (operation == "!~~") return "not_like_escape";
  if (operation == "~~*") return "ilike_escape";
  if (operation == "!~~*") return "not_ilike_escape";
  return nullptr;
}

// The walk. The first error stays and stops further rewriting.
class Meaning {
 public:
  explicit Meaning(const Source& source) : source_(source) {}

  void visit(duckdb::SelectStatement& query) { visit(*query.node); }

  void visit(duckdb::QueryNode& node) {
    if (failure_) return;
    for (auto& [name, table] : node.cte_map.map) {
      for (auto& target : table->key_targets) visit(target);
      visit(*table->query);
    }
    switch (node.type) {
      case duckdb::QueryNodeType::SELECT_NODE:
        visit_select(node.Cast<duckdb::SelectNode>());
        break;
      case duckdb::QueryNodeType::SET_OPERATION_NODE:
        visit(*node.Cast<duckdb::SetOperationNode>().left);
        visit(*node.Cast<duckdb::SetOperationNode>().right);
        break;
      case duckdb::QueryNodeType::RECURSIVE_CTE_NODE:
        visit(*node.Cast<duckdb::RecursiveCTENode>().left);
        visit(*node.Cast<duckdb::RecursiveCTENode>().right);
        for (auto& target : node.Cast<duckdb::RecursiveCTENode>().key_targets) visit(target);
        break;
      case duckdb::QueryNodeType::CTE_NODE:
        visit(*node.Cast<duckdb::CTENode>().query);
        visit(*node.Cast<duckdb::CTENode>().child);
        break;
      default:
        fail(internal("unknown query node"));
    }
    for (auto& modifier : node.modifiers) visit_modifier(*modifier);
  }

  void visit(duckdb::TableRef& table) {
    if (failure_) return;
    const size_t token = source_.token_of(table.query_location);
    relocate(table.query_location, token);
    if (table.sample) fail(no_samples());
    switch (table.type) {
      case duckdb::TableReferenceType::BASE_TABLE:
        // FROM 'file.csv'
        if (source_.tokens.is_kind(token, Token::Kind::kString) ||
            table.Cast<duckdb::BaseTableRef>().at_clause) {
          fail(source_.tokens.syntax_error(token));
        }
        break;
      case duckdb::TableReferenceType::JOIN: {
        auto& join = table.Cast<duckdb::JoinRef>();
        visit(*join.left);
        visit(*join.right);
        if (join.condition) visit_condition(join.condition);
        break;
      }
      case duckdb::TableReferenceType::SUBQUERY:
        visit(*table.Cast<duckdb::SubqueryRef>().subquery);
        break;
      case duckdb::TableReferenceType::TABLE_FUNCTION:
        visit(table.Cast<duckdb::TableFunctionRef>().function);
        break;
      case duckdb::TableReferenceType::EXPRESSION_LIST:
        visit_values(table.Cast<duckdb::ExpressionListRef>());
        break;
      case duckdb::TableReferenceType::EMPTY_FROM:
        break;
      default:  // PIVOT, SHOW
        fail(source_.tokens.syntax_error(token));
    }
  }

  void visit(ExpressionPtr& expression) {
    if (failure_) return;
    const size_t token = source_.token_of(expression->GetQueryLocation());
    duckdb::optional_idx location = expression->GetQueryLocation();
    relocate(location, token);
    expression->SetQueryLocation(location);
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        *expression, [this](ExpressionPtr& child) { visit(child); });
    if (failure_) return;
    switch (expression->GetExpressionClass()) {
      case ExpressionClass::FUNCTION:
        if (auto& aggregate = expression->Cast<duckdb::FunctionExpression>(); aggregate.order_bys) {
          order(aggregate.order_bys->orders);
        }
        replace(expression, of_function(expression->Cast<duckdb::FunctionExpression>(), token));
        break;
      case ExpressionClass::WINDOW:
        order(expression->Cast<duckdb::WindowExpression>().orders);
        order(expression->Cast<duckdb::WindowExpression>().arg_orders);
        check_frame(expression->Cast<duckdb::WindowExpression>(), token);
        break;
      case ExpressionClass::CAST:
        replace(expression, of_cast(expression->Cast<duckdb::CastExpression>(), token));
        break;
      case ExpressionClass::CONSTANT:
        widen(expression->Cast<duckdb::ConstantExpression>().value);
        break;
      case ExpressionClass::COMPARISON:
      case ExpressionClass::BETWEEN:
        compare_rows(expression, token);
        break;
      case ExpressionClass::OPERATOR:
        check_operator(*expression, token);
        compare_rows(expression, token);
        break;
      case ExpressionClass::SUBQUERY:
        visit(*expression->Cast<duckdb::SubqueryExpression>().subquery);
        compare_rows(expression, token);
        break;
      default:  // positional references, too: they also stand in DuckDB's form of ARRAY(SELECT …)
        break;
    }
  }

  Status result() {
    if (failure_) return std::move(*failure_);
    return ok();
  }

 private:
  void visit_select(duckdb::SelectNode& select) {
    for (auto& column : select.select_list) {
      if (column->HasAlias() || column->GetExpressionClass() == ExpressionClass::COLUMN_REF ||
          holds_star(*column)) {
        continue;
      }
      column->SetAlias(result_name(*column, source_));
    }
    check_distinct(select);
    for (auto& column : select.select_list) visit(column);
    if (select.from_table) visit(*select.from_table);
    if (select.where_clause) visit_condition(select.where_clause);
    for (auto& group : select.groups.group_expressions) visit(group);
    if (select.having) visit_condition(select.having);
    if (select.qualify) visit_condition(select.qualify);
    if (select.sample) fail(no_samples());
  }

  void check_distinct(const duckdb::SelectNode& select) {
    const duckdb::ParsedExpression* const key = distinct_key_out_of_order(select);
    if (key == nullptr) return;
    fail(invalid("SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
             .with_sqlstate("42P10")
             .with_hint("Begin ORDER BY with them; order the result of a subquery otherwise.")
             .at(source_.tokens.position(source_.token_of(key->GetQueryLocation()))));
  }

  // A condition: of what stands in it, and not below NOT, only whether it is true matters.
  void visit_condition(ExpressionPtr& condition) {
    note_conditions(*condition);
    visit(condition);
  }

  void note_conditions(duckdb::ParsedExpression& condition) {
    conditions_.insert(&condition);
    if (condition.GetExpressionClass() != ExpressionClass::CONJUNCTION) return;
    for (auto& part : condition.Cast<duckdb::ConjunctionExpression>().children) {
      note_conditions(*part);
    }
  }

  void compare_rows(ExpressionPtr& expression, size_t token) {
    if (failure_) return;
    auto rows = compared_rows(*expression, conditions_.contains(expression.get()));
    if (rows.ok()) return replace(expression, std::move(*rows));
    fail(std::move(rows).error().at(source_.tokens.position(token)));
  }

  void visit_modifier(duckdb::ResultModifier& modifier) {
    switch (modifier.type) {
      case duckdb::ResultModifierType::LIMIT_MODIFIER: {
        auto& limit = modifier.Cast<duckdb::LimitModifier>();
        if (limit.limit) visit(limit.limit);
        if (limit.offset) visit(limit.offset);
        break;
      }
      case duckdb::ResultModifierType::ORDER_MODIFIER: {
        auto& orders = modifier.Cast<duckdb::OrderModifier>().orders;
        for (auto& key : orders) visit(key.expression);
        order(orders);
        break;
      }
      case duckdb::ResultModifierType::DISTINCT_MODIFIER:
        for (auto& target : modifier.Cast<duckdb::DistinctModifier>().distinct_on_targets) {
          visit(target);
        }
        break;
      case duckdb::ResultModifierType::LIMIT_PERCENT_MODIFIER:
        fail(invalid("LIMIT in percent is not supported").with_sqlstate("42601"));
        break;
    }
  }

  void visit_values(duckdb::ExpressionListRef& values) {
    for (auto& row : values.values) {
      for (auto& value : row) visit(value);
    }
    if (values.values.empty()) return;
    for (size_t i = values.expected_names.size(); i < values.values.front().size(); ++i) {
      values.expected_names.push_back(fmt::format("column{}", i + 1));
    }
  }

  static void order(duckdb::vector<duckdb::OrderByNode>& keys) {
    for (auto& key : keys) {
      if (key.type == duckdb::OrderType::ORDER_DEFAULT) key.type = duckdb::OrderType::ASCENDING;
      if (key.null_order != duckdb::OrderByNullType::ORDER_DEFAULT) continue;
      key.null_order = key.type == duckdb::OrderType::DESCENDING
                           ? duckdb::OrderByNullType::NULLS_FIRST
                           : duckdb::OrderByNullType::NULLS_LAST;
    }
  }

  // Null: stays as it is.
  ExpressionPtr of_function(duckdb::FunctionExpression& function, size_t token) {
    auto& children = function.children;
    const std::string& name = function.function_name;
    // DuckDB's grammar qualifies what has a syntax of its own: extract, position, row, …
    const bool by_grammar = function.schema == "main" && !source_.tokens.is(token, "main");
    if (by_grammar) function.schema.clear();
    if (by_grammar && name == "date_part") {
      function.function_name = "sluice_extract";
      return nullptr;
    }
    // The engine's is the operator ~, PostgreSQL's gives rows.
    if (name == "regexp_matches") function.function_name = "sluice_regexp_matches";
    if (name == "regexp_full_match" && !source_.tokens.is(token, "regexp_full_match")) {
      function.function_name = "sluice_similar";
      return nullptr;
    }
    if (name.ends_with("__postfix")) return fail(source_.tokens.syntax_error(token)), nullptr;
    if (name == "mod" && function.schema.empty() && children.size() == 2) {
      function.function_name = "sluice_mod";
      return nullptr;
    }
    if (!function.is_operator) return nullptr;
    if (name == "/" || name == "%" || name == "*") {
      if (children.size() != 2) return fail(source_.tokens.syntax_error(token)), nullptr;
      return call(name == "/"   ? "sluice_div"
                  : name == "%" ? "sluice_mod"
                                : "sluice_mul",
                  std::move(children[0]), std::move(children[1]));
    }
    if ((name == "||" || name == "-") && children.size() == 2) {
      const bool json =
          is_visibly_json(*children[0]) || (name == "||" && is_visibly_json(*children[1]));
      if (!json && name == "||") {
        return call("sluice_concat", std::move(children[0]), std::move(children[1]));
      }
      if (!json) return call("sluice_minus", std::move(children[0]), std::move(children[1]));
      return call(name == "||" ? "sluice_json_concat" : "sluice_json_delete",
                  std::move(children[0]), std::move(children[1]));
    }
    if (name == "+" && children.size() == 2 && is_string(*children[0]) != is_string(*children[1])) {
      return call("sluice_plus", std::move(children[0]), std::move(children[1]));
    }
    if (const char* like = like_with_escape(name); like != nullptr && children.size() == 2) {
      return of_like(like, function);
    }
    if (name[0] == '`') return of_encoded(function, decoded_operator(name), token);
    return nullptr;
  }

  // Without ESCAPE the backslash escapes. A constant pattern that has none stays what the engine
  // knows how to make fast.
  static ExpressionPtr of_like(const char* with_escape, duckdb::FunctionExpression& function) {
    auto& children = function.children;
    if (is_string(*children[1])) {
      const auto& pattern = children[1]->Cast<duckdb::ConstantExpression>().value;
      if (pattern.IsNull() || pattern.ToString().find('\\') == std::string::npos) return nullptr;
    }
    ExpressionPtr escape =
        duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(std::string("\\")));
    return call(with_escape, std::move(children[0]), std::move(children[1]), std::move(escape));
  }

  ExpressionPtr of_encoded(duckdb::FunctionExpression& function, std::string_view operation,
                           size_t token) {
    auto& children = function.children;
    if (children.size() == 1) {
      if (operation == "~") return call("~", std::move(children[0]));  // not of bits
      const char* prefix = call_of_prefix(operation);
      if (prefix != nullptr) return call(prefix, std::move(children[0]));
    }
    const char* name = children.size() == 2 ? call_of_operator(operation) : nullptr;
    if (name == nullptr) {
      fail(invalid("operator does not exist: {}", operation)
               .with_sqlstate("42883")
               .at(source_.tokens.position(token)));
      return nullptr;
    }
    if (operation == "<@") std::swap(children[0], children[1]);
    auto result = call(name, std::move(children[0]), std::move(children[1]));
    if (operation.ends_with("~*")) {
      result->children.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value("i")));
    }
    if (!operation.starts_with("!")) return result;
    return duckdb::make_uniq<duckdb::OperatorExpression>(ExpressionType::OPERATOR_NOT,
                                                         std::move(result));
  }

  ExpressionPtr of_cast(duckdb::CastExpression& cast, size_t token) {
    if (cast.cast_type.id() != duckdb::LogicalTypeId::USER) return nullptr;
    const std::string name = duckdb::UserType::GetTypeName(cast.cast_type);
    if (!name.starts_with(kTypePrefix)) return fail(source_.tokens.syntax_error(token)), nullptr;
    const std::string_view written = std::string_view(name).substr(kTypePrefix.size());
    if (const std::string function = call_of_registry(written); !function.empty()) {
      return call(function, std::move(cast.child));
    }
    auto type = types::parse_type_name(written);
    if (!type.ok()) {
      Error failure = std::move(type).error();
      if (failure.position == 0) failure.position = source_.tokens.position(token);
      return fail(std::move(failure)), nullptr;
    }
    if (const char* function = call_of_name_type(type->id); function != nullptr) {
      return call(function, std::move(cast.child));
    }
    if (!check_digits(*type, token)) return nullptr;
    const bool literal = is_string(*cast.child);
    cast.cast_type = types::to_engine(*type);
    if (literal && type->id == types::TypeId::kArray) {
      const std::string text = cast.child->Cast<duckdb::ConstantExpression>().value.ToString();
      if (is_ragged(text)) {
        fail(invalid("malformed array literal: \"{}\"", text)
                 .with_sqlstate("22P02")
                 .with_detail(
                     "Multidimensional arrays must have sub-arrays with matching dimensions.")
                 .at(source_.tokens.position(token)));
        return nullptr;
      }
      deepen(cast.cast_type, text);
    }
    if (literal && !cast.child->Cast<duckdb::ConstantExpression>().value.IsNull()) {
      if (ExpressionPtr day = of_day(cast)) return day;
    }
    if (type->precision < 0) return nullptr;
    switch (type->id) {
      case types::TypeId::kVarchar:
      case types::TypeId::kChar: {
        auto text = duckdb::make_uniq<duckdb::CastExpression>(duckdb::LogicalType::VARCHAR,
                                                              std::move(cast.child));
        return call(type->id == types::TypeId::kVarchar ? "sluice_varchar" : "sluice_char",
                    ExpressionPtr(std::move(text)), integer(type->precision),
                    ExpressionPtr(duckdb::make_uniq<duckdb::ConstantExpression>(
                        duckdb::Value::BOOLEAN(true))));
      }
      case types::TypeId::kNumeric:
        // A string's digits would be lost on the way to a number, so it is cast at once.
        if (literal || type->precision > types::kMaxStoredPrecision) return nullptr;
        return call("sluice_numeric", std::move(cast.child), integer(type->precision),
                    integer(type->scale < 0 ? 0 : type->scale));
      default:
        return nullptr;
    }
  }

  // Whether arrays inside the literal differ in length: T[] is a box, unlike a list.
  static bool is_ragged(std::string_view literal) {
    std::vector<size_t> lengths, counts;  // by depth: of those that have ended; of the open ones
    bool quoted = false, ragged = false;
    for (size_t i = std::min(literal.find('{'), literal.size()); i < literal.size(); ++i) {
      const char c = literal[i];
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (quoted) {
        continue;
      } else if (c == '{') {
        const size_t next = literal.find_first_not_of(' ', i + 1);
        counts.push_back(next != std::string_view::npos && literal[next] == '}' ? 0 : 1);
      } else if (c == ',' && !counts.empty()) {
        ++counts.back();
      } else if (c == '}' && !counts.empty()) {
        const size_t depth = counts.size() - 1;
        lengths.resize(std::max(lengths.size(), depth + 1), std::string_view::npos);
        ragged =
            ragged || (lengths[depth] != std::string_view::npos && lengths[depth] != counts[depth]);
        lengths[depth] = counts[depth];
        counts.pop_back();
      }
    }
    return ragged;
  }

  // 'today'::date and its like, which are read when the statement runs; null for all else.
  static ExpressionPtr of_day(const duckdb::CastExpression& cast) {
    const auto type = cast.cast_type.id();
    if (type != duckdb::LogicalTypeId::DATE && type != duckdb::LogicalTypeId::TIMESTAMP &&
        type != duckdb::LogicalTypeId::TIMESTAMP_TZ)
      return nullptr;
    const std::string word =
        duckdb::StringUtil::Lower(cast.child->Cast<duckdb::ConstantExpression>().value.ToString());
    const auto as = [&](ExpressionPtr value) {
      return duckdb::make_uniq<duckdb::CastExpression>(cast.cast_type, std::move(value));
    };
    if (word == "now") return as(call("now"));
    if (word == "today") return as(call("current_date"));
    if (word == "tomorrow") return as(call("+", ExpressionPtr(call("current_date")), integer(1)));
    if (word == "yesterday") return as(call("-", ExpressionPtr(call("current_date")), integer(1)));
    return nullptr;
  }

  // '{{1,2}}'::int[] has two dimensions, which one type of the engine's does not hold: the literal
  // tells how many lists there are.
  static void deepen(duckdb::LogicalType& type, std::string_view literal) {
    int braces = 0;
    for (const char c : literal.substr(std::min(literal.find('{'), literal.size()))) {
      if (c == '{') {
        ++braces;
      } else if (c != ' ') {
        break;
      }
    }
    for (const duckdb::LogicalType* at = &type; at->id() == duckdb::LogicalTypeId::LIST;
         at = &duckdb::ListType::GetChildType(*at)) {
      --braces;
    }
    for (constexpr int kMaxDimensions = 6; braces > 0 && braces < kMaxDimensions; --braces) {
      type = duckdb::LogicalType::LIST(type);
    }
  }

  // A cast to more digits than are kept would silently be one to fewer.
  bool check_digits(const types::SqlType& type, size_t token) {
    for (const auto& argument : type.arguments) {
      if (!check_digits(argument, token)) return false;
    }
    if (type.id != types::TypeId::kNumeric || type.precision <= types::kMaxStoredPrecision) {
      return true;
    }
    fail(invalid("type {} is not supported", types::name(type))
             .with_sqlstate("0A000")
             .with_detail(
                 fmt::format("A numeric holds at most {} digits.", types::kMaxStoredPrecision))
             .with_hint(
                 fmt::format("Cast to numeric({}, ...) or to text.", types::kMaxStoredPrecision))
             .at(source_.tokens.position(token)));
    return false;
  }

  // The names of what has numbers but is never listed here have no types of their own: casts to
  // them are all that clients do.
  static std::string call_of_registry(std::string_view type) {
    constexpr std::string_view kSchema = "pg_catalog.";
    constexpr std::string_view kTypes[] = {"regcollation", "regconfig",   "regdictionary",
                                           "regoper",      "regoperator", "regprocedure",
                                           "regrole"};
    if (type.starts_with(kSchema)) type.remove_prefix(kSchema.size());
    const bool known = std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
    return known ? fmt::format("sluice_{}", type) : "";
  }

  static const char* call_of_name_type(types::TypeId type) {
    switch (type) {
      case types::TypeId::kRegclass:
        return "sluice_regclass";
      case types::TypeId::kRegtype:
        return "sluice_regtype";
      case types::TypeId::kRegproc:
        return "sluice_regproc";
      case types::TypeId::kRegnamespace:
        return "sluice_regnamespace";
      default:
        return nullptr;
    }
  }

  // A whole number past 64 bits is numeric; its digits were counted before (front/rewrite.h).
  static void widen(duckdb::Value& value) {
    if (value.type().id() != duckdb::LogicalTypeId::HUGEINT) return;
    const std::string digits = value.ToString();
    const auto width = static_cast<uint8_t>(digits.size() - (digits.front() == '-' ? 1 : 0));
    value = duckdb::Value::DECIMAL(value.GetValue<duckdb::hugeint_t>(), width, 0);
  }

  // Frames that DuckDB takes for empty ones, or ends elsewhere.
  void check_frame(const duckdb::WindowExpression& window, size_t token) {
    if (window.orders.empty() && (counts_groups(window.start) || counts_groups(window.end))) {
      fail(invalid("GROUPS mode requires an ORDER BY clause")
               .with_sqlstate("42P20")
               .at(source_.tokens.position(token)));
    }
    check_offset(window.start_expr.get(), "starting");
    check_offset(window.end_expr.get(), "ending");
    if (window.function_name == "nth_value" && window.children.size() == 2) {
      const std::optional<double> place = written_number(*window.children[1]);
      if (place && *place < 1) {
        fail(invalid("argument of nth_value must be greater than zero").with_sqlstate("22016"));
      }
    }
  }

  static bool counts_groups(duckdb::WindowBoundary boundary) {
    return boundary == duckdb::WindowBoundary::CURRENT_ROW_GROUPS ||
           boundary == duckdb::WindowBoundary::EXPR_PRECEDING_GROUPS ||
           boundary == duckdb::WindowBoundary::EXPR_FOLLOWING_GROUPS;
  }

  // Only of numbers as written: what others are is not known before the query runs.
  void check_offset(const duckdb::ParsedExpression* offset, std::string_view which) {
    if (offset == nullptr) return;
    const bool is_null = offset->GetExpressionClass() == ExpressionClass::CONSTANT &&
                         offset->Cast<duckdb::ConstantExpression>().value.IsNull();
    if (is_null) {
      return fail(invalid("frame {} offset must not be null", which).with_sqlstate("22004"));
    }
    if (written_number(*offset).value_or(0) < 0) {
      fail(invalid("frame {} offset must not be negative", which).with_sqlstate("22013"));
    }
  }

  static std::optional<double> written_number(const duckdb::ParsedExpression& expression) {
    if (expression.GetExpressionClass() == ExpressionClass::FUNCTION) {
      const auto& call = expression.Cast<duckdb::FunctionExpression>();
      const bool negative =
          call.is_operator && call.function_name == "-" && call.children.size() == 1;
      if (!negative) return std::nullopt;
      const std::optional<double> number = written_number(*call.children[0]);
      return number ? std::optional(-*number) : std::nullopt;
    }
    if (expression.GetExpressionClass() != ExpressionClass::CONSTANT) return std::nullopt;
    const auto& value = expression.Cast<duckdb::ConstantExpression>().value;
    if (value.IsNull() || !value.type().IsNumeric()) return std::nullopt;
    return value.GetValue<double>();
  }

  void check_operator(const duckdb::ParsedExpression& operation, size_t token) {
    const auto type = operation.GetExpressionType();
    if (type != ExpressionType::OPERATOR_TRY && type != ExpressionType::OPERATOR_UNPACK) return;
    fail(invalid("function {} does not exist",
                 type == ExpressionType::OPERATOR_TRY ? "try" : "unpack")
             .with_sqlstate("42883")
             .at(source_.tokens.position(token)));
  }

  static void replace(ExpressionPtr& expression, ExpressionPtr by) {
    if (by == nullptr) return;
    by->SetAlias(expression->GetAlias());
    by->SetQueryLocation(expression->GetQueryLocation());
    expression = std::move(by);
  }

  void relocate(duckdb::optional_idx& location, size_t token) const {
    if (!location.IsValid()) return;
    location = source_.stored
                   ? duckdb::optional_idx()
                   : duckdb::optional_idx(static_cast<size_t>(source_.tokens.position(token) - 1));
  }

  void fail(Error failure) {
    if (!failure_) failure_ = std::move(failure);
  }

  const Source& source_;
  std::optional<Error> failure_;
  std::set<const duckdb::ParsedExpression*> conditions_;
};

template <typename Root>
Status give_meaning(Root& root, const Source& source) {
  Meaning meaning(source);
  meaning.visit(root);
  return meaning.result();
}

}  // namespace

size_t Source::token_of(duckdb::optional_idx location) const {
  if (!location.IsValid()) return end;
  return rewritten.token_at(location.GetIndex(), end);
}

bool holds_star(const duckdb::ParsedExpression& expression) {
  bool found = expression.GetExpressionClass() == ExpressionClass::STAR;
  duckdb::ParsedExpressionIterator::EnumerateChildren(
      expression,
      [&found](const duckdb::ParsedExpression& child) { found = found || holds_star(child); });
  return found;
}

Status postgres_meaning(duckdb::SelectStatement& query, const Source& source) {
  return give_meaning(query, source);
}
Status postgres_meaning(duckdb::unique_ptr<duckdb::ParsedExpression>& expression,
                        const Source& source) {
  return give_meaning(expression, source);
}
Status postgres_meaning(duckdb::TableRef& table, const Source& source) {
  return give_meaning(table, source);
}

}  // namespace sluice::sql
