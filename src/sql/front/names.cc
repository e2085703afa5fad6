// The names of result columns, by the rules of PostgreSQL's FigureColname.
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/query_node/cte_node.hpp>
#include <duckdb/parser/query_node/list.hpp>

#include "sql/front/meaning.h"
#include "types/sql_type.h"

namespace sluice::sql {
namespace {

using duckdb::ExpressionClass;
using duckdb::ExpressionType;

// A strong name comes from a column or a function, a weak one from a type or a keyword: a cast
// prefers its operand's strong name to its own.
struct Suggestion {
  std::string name;
  bool strong = false;
};

class Namer {
 public:
  explicit Namer(const Source& source) : source_(source) {}

  Suggestion suggest(const duckdb::ParsedExpression& expression) const {
    switch (expression.GetExpressionClass()) {
      case ExpressionClass::COLUMN_REF:
        return {expression.Cast<duckdb::ColumnRefExpression>().GetColumnName(), true};
      case ExpressionClass::FUNCTION:
        return of_function(expression.Cast<duckdb::FunctionExpression>());
      case ExpressionClass::WINDOW:
        return {expression.Cast<duckdb::WindowExpression>().function_name, true};
      case ExpressionClass::CAST:
        return of_cast(expression.Cast<duckdb::CastExpression>());
      case ExpressionClass::CASE: {
        const auto name = suggest(*expression.Cast<duckdb::CaseExpression>().else_expr);
        return name.strong ? name : Suggestion{"case", false};
      }
      case ExpressionClass::OPERATOR:
        return of_operator(expression.Cast<duckdb::OperatorExpression>());
      case ExpressionClass::SUBQUERY:
        return of_subquery(expression.Cast<duckdb::SubqueryExpression>());
      default:
        return {};
    }
  }

 private:
  // The user's word where the node began: DuckDB renames extract() and its like.
  std::string word_at(const duckdb::ParsedExpression& expression) const {
    const size_t token = source_.token_of(expression.GetQueryLocation());
    return source_.tokens.is_kind(token, Token::Kind::kWord) ? source_.tokens.word(token) : "";
  }

  Suggestion of_function(const duckdb::FunctionExpression& call) const {
    if (call.is_operator || call.function_name.ends_with("like_escape")) return {};
    const std::string& name = call.function_name;
    if (name == "count_star") return {"count", true};
    if (name == "list_value") return {"array", true};
    const std::string word = word_at(call);
    if (word == "extract" || word == "overlay" || word == "position" ||
        word.starts_with("percentile_")) {
      return {word, true};
    }
    if (name == "trim") return {"btrim", true};
    if (name == "regexp_full_match") return {};
    return {name, true};
  }

  Suggestion of_cast(const duckdb::CastExpression& cast) const {
    auto name = suggest(*cast.child);
    if (name.strong) return name;
    if (cast.cast_type.id() != duckdb::LogicalTypeId::USER) return {};
    const std::string text = duckdb::UserType::GetTypeName(cast.cast_type);
    if (!text.starts_with(kTypePrefix)) return {};
    auto type = types::parse_type_name(std::string_view(text).substr(kTypePrefix.size()));
    if (!type.ok()) return {};
    types::SqlType element = *type;
    while (element.id == types::TypeId::kArray) {
      types::SqlType inner = element.arguments.front();
      element = std::move(inner);
    }
    return {types::catalog_name(element), false};
  }

  Suggestion of_operator(const duckdb::OperatorExpression& operation) const {
    switch (operation.GetExpressionType()) {
      case ExpressionType::GROUPING_FUNCTION:
        return {"grouping", true};
      case ExpressionType::OPERATOR_COALESCE:
        return {"coalesce", true};
      case ExpressionType::ARRAY_CONSTRUCTOR:
        return {"array", true};
      case ExpressionType::ARRAY_EXTRACT:
      case ExpressionType::ARRAY_SLICE:
        return suggest(*operation.children.front());
      case ExpressionType::STRUCT_EXTRACT: {
        const auto& field = *operation.children.at(1);
        if (field.GetExpressionClass() != ExpressionClass::CONSTANT) return {};
        return {field.Cast<duckdb::ConstantExpression>().value.ToString(), true};
      }
      default:
        return {};
    }
  }

  Suggestion of_subquery(const duckdb::SubqueryExpression& subquery) const {
    if (subquery.subquery_type == duckdb::SubqueryType::EXISTS) return {"exists", true};
    if (subquery.subquery_type != duckdb::SubqueryType::SCALAR) return {};
    // ARRAY(SELECT …): its place is that of the parenthesis.
    const size_t token = source_.token_of(subquery.GetQueryLocation());
    if (token > 0 && source_.tokens.is(token - 1, "array")) return {"array", true};
    const auto& columns = subquery.subquery->node->GetSelectList();
    if (columns.empty()) return {};
    const auto& first = *columns.front();
    if (first.HasAlias()) return {first.GetAlias(), true};
    if (first.GetExpressionClass() == ExpressionClass::STAR) return {};
    return suggest(first);
  }

  const Source& source_;
};

}  // namespace

std::string result_name(const duckdb::ParsedExpression& expression, const Source& source) {
  auto name = Namer(source).suggest(expression).name;
  return name.empty() ? "?column?" : name;
}

}  // namespace sluice::sql
