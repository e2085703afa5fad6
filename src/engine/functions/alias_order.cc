// ORDER BY a column, also in windows and aggregates, of a type that DuckDB has only as another name
// for one of its own: oid, mz_timestamp. Its sort writes the type's name and reads it back, and
// finds a type of its own by it, or none. So before the optimizer runs, such columns are sorted as
// what they are.
#include <duckdb.hpp>
#include <duckdb/main/config.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/planner/expression/bound_aggregate_expression.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_window_expression.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/logical_order.hpp>

#include "engine/functions/parts.h"

namespace sluice::engine::functions {
namespace {

class SortAsTheyAre final : public duckdb::LogicalOperatorVisitor {
 public:
  explicit SortAsTheyAre(duckdb::ClientContext& context) : context_(context) {}

  void VisitOperator(duckdb::LogicalOperator& plan) override {
    LogicalOperatorVisitor::VisitOperator(plan);
    if (plan.type != duckdb::LogicalOperatorType::LOGICAL_ORDER_BY) return;
    change(plan.Cast<duckdb::LogicalOrder>().orders);
  }

 protected:
  duckdb::unique_ptr<duckdb::Expression> VisitReplace(
      duckdb::BoundWindowExpression& expression,
      duckdb::unique_ptr<duckdb::Expression>* /*at*/) override {
    for (auto& partition : expression.partitions) change(partition);
    change(expression.orders);
    change(expression.arg_orders);
    return nullptr;
  }
  duckdb::unique_ptr<duckdb::Expression> VisitReplace(
      duckdb::BoundAggregateExpression& expression,
      duckdb::unique_ptr<duckdb::Expression>* /*at*/) override {
    if (expression.order_bys) change(expression.order_bys->orders);
    return nullptr;
  }

 private:
  void change(duckdb::vector<duckdb::BoundOrderByNode>& orders) {
    for (auto& order : orders) change(order.expression);
  }
  void change(duckdb::unique_ptr<duckdb::Expression>& expression) {
    const LogicalType type = expression->return_type;
    if (!type.HasAlias() || !type.IsNumeric()) return;
    expression = duckdb::BoundCastExpression::AddCastToType(context_, std::move(expression),
                                                            LogicalType(type.id()));
  }

  duckdb::ClientContext& context_;
};

}  // namespace

void register_alias_order(duckdb::DatabaseInstance& database) {
  duckdb::OptimizerExtension extension;
  extension.pre_optimize_function = [](duckdb::OptimizerExtensionInput& input,
                                       duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
    SortAsTheyAre(input.context).VisitOperator(*plan);
  };
  duckdb::DBConfig::GetConfig(database).optimizer_extensions.push_back(std::move(extension));
}

}  // namespace sluice::engine::functions
