#include "sql/front/distinct.h"

#include <algorithm>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>

#include "sql/front/meaning.h"

namespace sluice::sql {
namespace {

using duckdb::ExpressionClass;
using duckdb::ParsedExpression;

std::string name_of(const ParsedExpression& item) {
  if (item.HasAlias() || item.GetExpressionClass() != ExpressionClass::COLUMN_REF) {
    return item.GetAlias();
  }
  return item.Cast<duckdb::ColumnRefExpression>().GetColumnName();
}

// `a` and `t.a` may be the same column, `t.a` and `u.a` are not.
bool may_be_one_column(const ParsedExpression& left, const ParsedExpression& right) {
  const auto& one = left.Cast<duckdb::ColumnRefExpression>().column_names;
  const auto& other = right.Cast<duckdb::ColumnRefExpression>().column_names;
  const size_t common = std::min(one.size(), other.size());
  return std::equal(one.end() - static_cast<ptrdiff_t>(common), one.end(),
                    other.end() - static_cast<ptrdiff_t>(common));
}

void collect_columns(ParsedExpression& expression,
                     std::vector<duckdb::ColumnRefExpression*>& columns) {
  if (expression.GetExpressionClass() == ExpressionClass::COLUMN_REF) {
    columns.push_back(&expression.Cast<duckdb::ColumnRefExpression>());
  }
  duckdb::ParsedExpressionIterator::EnumerateChildren(
      expression,
      [&](duckdb::unique_ptr<ParsedExpression>& child) { collect_columns(*child, columns); });
}

bool may_be_equal(const ParsedExpression& left, const ParsedExpression& right) {
  if (left.Equals(right)) return true;
  const auto one = left.Copy(), other = right.Copy();
  std::vector<duckdb::ColumnRefExpression*> columns, others;
  collect_columns(*one, columns);
  collect_columns(*other, others);
  if (columns.size() != others.size()) return false;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!may_be_one_column(*columns[i], *others[i])) return false;
    columns[i]->column_names = {columns[i]->GetColumnName()};
    others[i]->column_names = columns[i]->column_names;
  }
  return one->Equals(*other);
}

// What a key of DISTINCT ON or ORDER BY means: a number is a column of the result, and so is a name
// that one of them has. nullptr: one that only the columns behind a star tell.
const ParsedExpression* meant(const ParsedExpression& key, const duckdb::SelectNode& select) {
  const auto& items = select.select_list;
  if (key.GetExpressionClass() == ExpressionClass::CONSTANT) {
    const auto& value = key.Cast<duckdb::ConstantExpression>().value;
    if (!value.type().IsIntegral() || value.IsNull()) return &key;
    const int64_t number = value.GetValue<int64_t>();
    for (int64_t i = 0; i < number && std::cmp_less(i, items.size()); ++i) {
      if (holds_star(*items[static_cast<size_t>(i)])) return nullptr;
      if (i + 1 == number) return items[static_cast<size_t>(i)].get();
    }
    return &key;
  }
  if (key.GetExpressionClass() != ExpressionClass::COLUMN_REF) return &key;
  const auto& column = key.Cast<duckdb::ColumnRefExpression>();
  if (column.IsQualified()) return &key;
  for (const auto& item : items) {
    if (name_of(*item) == column.GetColumnName()) return item.get();
  }
  return &key;
}

}  // namespace

const ParsedExpression* distinct_key_out_of_order(const duckdb::SelectNode& select) {
  const duckdb::DistinctModifier* distinct = nullptr;
  const duckdb::OrderModifier* order = nullptr;
  for (const auto& modifier : select.modifiers) {
    if (modifier->type == duckdb::ResultModifierType::DISTINCT_MODIFIER) {
      distinct = &modifier->Cast<duckdb::DistinctModifier>();
    } else if (modifier->type == duckdb::ResultModifierType::ORDER_MODIFIER) {
      order = &modifier->Cast<duckdb::OrderModifier>();
    }
  }
  if (distinct == nullptr || order == nullptr) return nullptr;
  const auto& keys = distinct->distinct_on_targets;
  std::vector<bool> found(keys.size(), false);
  for (const auto& sorted : order->orders) {
    const ParsedExpression* const by = meant(*sorted.expression, select);
    bool one_of_them = false;
    for (size_t i = 0; i < keys.size(); ++i) {
      const ParsedExpression* const key = meant(*keys[i], select);
      if (by == nullptr || key == nullptr) return nullptr;
      if (!may_be_equal(*by, *key)) continue;
      found[i] = one_of_them = true;
    }
    if (one_of_them) continue;
    const auto missing = std::find(found.begin(), found.end(), false);
    if (missing != found.end()) return keys[static_cast<size_t>(missing - found.begin())].get();
    break;
  }
  return nullptr;
}

}  // namespace sluice::sql
