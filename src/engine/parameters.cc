#include "engine/parameters.h"

#include <cstdlib>
#include <duckdb/parser/expression/parameter_expression.hpp>
#include <duckdb/parser/expression/subquery_expression.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <functional>

namespace sluice::engine {

void number_parameters(duckdb::SQLStatement& statement) {
  if (statement.type != duckdb::StatementType::SELECT_STATEMENT) return;
  using duckdb::ExpressionClass;
  using duckdb::ParsedExpressionIterator;
  duckdb::case_insensitive_map_t<duckdb::idx_t> numbers;
  const std::function<void(duckdb::unique_ptr<duckdb::ParsedExpression>&)> visit =
      [&](duckdb::unique_ptr<duckdb::ParsedExpression>& expression) {
        if (expression->GetExpressionClass() == ExpressionClass::PARAMETER) {
          const std::string& name = expression->Cast<duckdb::ParameterExpression>().identifier;
          numbers[name] = std::strtoull(name.c_str(), nullptr, 10);
        }
        ParsedExpressionIterator::EnumerateChildren(*expression, visit);
        // The iterator does not go into a subquery's own query by itself.
        if (expression->GetExpressionClass() == ExpressionClass::SUBQUERY) {
          auto& subquery = expression->Cast<duckdb::SubqueryExpression>();
          ParsedExpressionIterator::EnumerateQueryNodeChildren(*subquery.subquery->node, visit);
        }
      };
  ParsedExpressionIterator::EnumerateQueryNodeChildren(
      *statement.Cast<duckdb::SelectStatement>().node, visit);
  statement.named_param_map = std::move(numbers);
}

}  // namespace sluice::engine
