#include "dataflow/compile_join.h"

#include <duckdb/common/enum_util.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_conjunction_expression.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/operator/logical_any_join.hpp>
#include <duckdb/planner/operator/logical_comparison_join.hpp>
#include <duckdb/planner/operator/logical_cross_product.hpp>
#include <duckdb/planner/operator/logical_filter.hpp>

#include "dataflow/compile.h"
#include "dataflow/time_conditions.h"

namespace sluice::dataflow {
namespace {

using duckdb::ExpressionType;
using duckdb::JoinType;
using duckdb::LogicalOperatorType;

Result<JoinKind> kind_of(JoinType type) {
  switch (type) {
    case JoinType::INNER:
      return JoinKind::kInner;
    case JoinType::LEFT:
      return JoinKind::kLeft;
    case JoinType::RIGHT:
      return JoinKind::kRight;
    case JoinType::OUTER:
      return JoinKind::kFull;
    case JoinType::SEMI:
      return JoinKind::kSemi;
    case JoinType::ANTI:
      return JoinKind::kAnti;
    case JoinType::MARK:
      return JoinKind::kMark;
    case JoinType::SINGLE:
      return JoinKind::kSingle;
    default:
      return unsupported(fmt::format("joins of kind {}", duckdb::EnumUtil::ToString(type)));
  }
}

ExpressionPtr conjunction(ExpressionPtr left, ExpressionPtr right) {
  if (!left) return right;
  return duckdb::make_uniq<duckdb::BoundConjunctionExpression>(ExpressionType::CONJUNCTION_AND,
                                                               std::move(left), std::move(right));
}

void shift_references(ExpressionPtr& expression, int64_t by) {
  duckdb::ExpressionIterator::VisitExpressionMutable<duckdb::BoundReferenceExpression>(
      expression, [by](duckdb::BoundReferenceExpression& found, ExpressionPtr&) {
        found.index = static_cast<size_t>(static_cast<int64_t>(found.index) + by);
      });
}

// Which input's columns an expression over left ++ right reads.
enum class Side : uint8_t { kNone, kLeft, kRight, kBoth };

Side side_of(const duckdb::Expression& expression, size_t left_width) {
  bool left = false;
  bool right = false;
  duckdb::ExpressionIterator::VisitExpression<duckdb::BoundReferenceExpression>(
      expression, [&](const duckdb::BoundReferenceExpression& found) {
        (found.index < left_width ? left : right) = true;
      });
  if (left) return right ? Side::kBoth : Side::kLeft;
  return right ? Side::kRight : Side::kNone;
}

bool is_key(ExpressionType comparison) {
  return comparison == ExpressionType::COMPARE_EQUAL ||
         comparison == ExpressionType::COMPARE_NOT_DISTINCT_FROM;
}

// A join being made of its inputs with their keys behind them.
//
//   left, keys of left ++ right, keys of right   what the node joins and its residual sees
//   left ++ right                                what comes out, the keys having been dropped
class JoinBuilder {
 public:
  JoinBuilder(JoinKind kind, Compiled left, Compiled right)
      : kind_(kind),
        left_(std::move(left)),
        right_(std::move(right)),
        left_columns_(left_.node),
        right_columns_(right_.node) {}

  Status add(const duckdb::JoinCondition& condition) {
    TRY_ASSIGN(ExpressionPtr left, resolved(*condition.left, left_));
    TRY_ASSIGN(ExpressionPtr right, resolved(*condition.right, right_));
    if (is_key(condition.comparison) && left->return_type == right->return_type) {
      keys_.push_back({left_columns_.add(std::move(left)), right_columns_.add(std::move(right)),
                       condition.comparison == ExpressionType::COMPARE_NOT_DISTINCT_FROM});
      return ok();
    }
    shift_references(right, static_cast<int64_t>(left_.node->types.size()));
    residual_ = conjunction(std::move(residual_),
                            duckdb::make_uniq<duckdb::BoundComparisonExpression>(
                                condition.comparison, std::move(left), std::move(right)));
    return ok();
  }

  // Over left ++ right.
  Status add(const duckdb::Expression& condition) {
    TRY_ASSIGN(ExpressionPtr made, resolved(condition, side_by_side(left_, right_)));
    duckdb::vector<ExpressionPtr> parts;
    parts.push_back(std::move(made));
    duckdb::LogicalFilter::SplitPredicates(parts);
    for (ExpressionPtr& part : parts) {
      if (time_condition(*part)) {
        // What the rows of another join are without a match would come and go, too.
        if (kind_ != JoinKind::kInner) return unsupported("mz_now() in a join's condition");
        on_time_.push_back(std::move(part));
        continue;
      }
      if (!add_key(part)) residual_ = conjunction(std::move(residual_), std::move(part));
    }
    return ok();
  }

  Compiled take(const Bindings& bindings) && {
    left_columns_.widen();
    right_columns_.widen();
    auto node = std::make_shared<Join>();
    node->join = kind_;
    node->inputs = {left_columns_.node(), right_columns_.node()};
    for (const Join::Key& key : keys_) {
      node->keys.push_back(
          {left_columns_.at(key.left), right_columns_.at(key.right), key.null_safe});
    }
    node->residual = widened_residual();
    set_types(*node);
    const std::vector<size_t> columns = kept();
    NodePtr joined = pick(std::move(node), columns);
    if (on_time_.empty()) return {std::move(joined), bindings};
    return {filtered(std::move(joined), std::move(on_time_)), bindings};
  }

 private:
  // Takes an equality of something on the left with something on the right.
  bool add_key(ExpressionPtr& part) {
    if (!is_key(part->GetExpressionType())) return false;
    auto& comparison = part->Cast<duckdb::BoundComparisonExpression>();
    const size_t width = left_.node->types.size();
    const Side first = side_of(*comparison.left, width);
    const Side second = side_of(*comparison.right, width);
    if (first == Side::kRight && second == Side::kLeft) {
      std::swap(comparison.left, comparison.right);
    } else if (first != Side::kLeft || second != Side::kRight) {
      return false;
    }
    shift_references(comparison.right, -static_cast<int64_t>(width));
    keys_.push_back({left_columns_.add(std::move(comparison.left)),
                     right_columns_.add(std::move(comparison.right)),
                     part->GetExpressionType() == ExpressionType::COMPARE_NOT_DISTINCT_FROM});
    return true;
  }

  bool has_right() const {
    return kind_ != JoinKind::kSemi && kind_ != JoinKind::kAnti && kind_ != JoinKind::kMark;
  }

  void set_types(Join& node) const {
    node.types = node.inputs[0]->types;
    if (kind_ == JoinKind::kMark) node.types.push_back(engine::LogicalType::BOOLEAN);
    if (!has_right()) return;
    node.types.insert(node.types.end(), node.inputs[1]->types.begin(), node.inputs[1]->types.end());
  }

  // The residual was resolved when the sides had no keys behind them yet.
  ExpressionPtr widened_residual() {
    if (!residual_) return nullptr;
    const size_t width = left_.node->types.size();
    const size_t added = left_columns_.node()->types.size() - width;
    duckdb::ExpressionIterator::VisitExpressionMutable<duckdb::BoundReferenceExpression>(
        residual_, [&](duckdb::BoundReferenceExpression& found, ExpressionPtr&) {
          if (found.index >= width) found.index += added;
        });
    return std::move(residual_);
  }

  std::vector<size_t> kept() const {
    const size_t left = left_.node->types.size();
    const size_t left_widened = left_columns_.node()->types.size();
    std::vector<size_t> columns(left);
    for (size_t i = 0; i < left; ++i) columns[i] = i;
    if (kind_ == JoinKind::kMark) columns.push_back(left_widened);
    if (!has_right()) return columns;
    for (size_t i = 0; i < right_.node->types.size(); ++i) columns.push_back(left_widened + i);
    return columns;
  }

  const JoinKind kind_;
  const Compiled left_;
  const Compiled right_;
  Columns left_columns_;
  Columns right_columns_;
  std::vector<Join::Key> keys_;         // numbers in the two above
  ExpressionPtr residual_;              // over left_ ++ right_
  std::vector<ExpressionPtr> on_time_;  // the same, of an inner join
};

Bindings bindings_of(JoinKind kind, const duckdb::LogicalOperator& join, const Compiled& left,
                     const Compiled& right) {
  Bindings bindings = left.bindings;
  if (kind == JoinKind::kMark) {
    const auto& mark = static_cast<const duckdb::LogicalJoin&>(join);
    bindings.emplace_back(mark.mark_index, 0);
  } else if (kind != JoinKind::kSemi && kind != JoinKind::kAnti) {
    bindings.insert(bindings.end(), right.bindings.begin(), right.bindings.end());
  }
  return bindings;
}

}  // namespace

Result<Compiled> compile_join(duckdb::LogicalOperator& join, Compiled left, Compiled right) {
  if (join.type == LogicalOperatorType::LOGICAL_CROSS_PRODUCT) {
    const Bindings bindings = bindings_of(JoinKind::kInner, join, left, right);
    return JoinBuilder(JoinKind::kInner, std::move(left), std::move(right)).take(bindings);
  }
  TRY_ASSIGN(const JoinKind kind, kind_of(static_cast<duckdb::LogicalJoin&>(join).join_type));
  const Bindings bindings = bindings_of(kind, join, left, right);
  JoinBuilder builder(kind, std::move(left), std::move(right));
  if (join.type == LogicalOperatorType::LOGICAL_ANY_JOIN) {
    TRY(builder.add(*join.Cast<duckdb::LogicalAnyJoin>().condition));
    return std::move(builder).take(bindings);
  }
  const auto& comparison = static_cast<const duckdb::LogicalComparisonJoin&>(join);
  for (const auto& condition : comparison.conditions) TRY(builder.add(condition));
  if (comparison.predicate) TRY(builder.add(*comparison.predicate));
  return std::move(builder).take(bindings);
}

Result<NodePtr> duplicate_free(const duckdb::LogicalComparisonJoin& join, const Compiled& left) {
  std::vector<ExpressionPtr> columns;
  columns.reserve(join.duplicate_eliminated_columns.size());
  for (const auto& column : join.duplicate_eliminated_columns) {
    TRY_ASSIGN(ExpressionPtr made, resolved(*column, left));
    columns.push_back(std::move(made));
  }
  auto node = std::make_shared<Distinct>();
  node->inputs.push_back(project(left.node, std::move(columns)));
  node->types = node->inputs[0]->types;
  return NodePtr(std::move(node));
}

}  // namespace sluice::dataflow
