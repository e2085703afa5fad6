#include "dataflow/planner.h"

#include <algorithm>
#include <duckdb.hpp>
#include <duckdb/main/client_config.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/main/config.hpp>
#include <duckdb/main/valid_checker.hpp>
#include <duckdb/optimizer/optimizer.hpp>
#include <duckdb/planner/operator/logical_comparison_join.hpp>
#include <duckdb/planner/planner.hpp>

#include "base/log.h"
#include "dataflow/compile.h"
#include "dataflow/time_conditions.h"

namespace sluice::dataflow {
namespace {

using duckdb::OptimizerType;

// Passes that read the data of today, that make what only DuckDB's executor knows, or that bring
// more shapes of plans and nothing else.
std::set<OptimizerType> passes_off() {
  return {OptimizerType::STATISTICS_PROPAGATION,
          OptimizerType::EMPTY_RESULT_PULLUP,
          OptimizerType::COMPRESSED_MATERIALIZATION,
          OptimizerType::LATE_MATERIALIZATION,
          OptimizerType::JOIN_FILTER_PUSHDOWN,
          OptimizerType::IN_CLAUSE,
          OptimizerType::COLUMN_LIFETIME,
          OptimizerType::BUILD_SIDE_PROBE_SIDE,
          OptimizerType::TOP_N,
          OptimizerType::LIMIT_PUSHDOWN,
          OptimizerType::SAMPLING_PUSHDOWN,
          OptimizerType::MATERIALIZED_CTE,
          OptimizerType::CTE_FILTER_PUSHER,
          OptimizerType::SUM_REWRITER,
          OptimizerType::REGEX_RANGE,
          OptimizerType::REORDER_FILTER,
          OptimizerType::COMMON_AGGREGATE,
          OptimizerType::DUPLICATE_GROUPS,
          OptimizerType::COMMON_SUBEXPRESSIONS,
          OptimizerType::EXTENSION};
}

std::shared_ptr<duckdb::DuckDB> make_instance(const engine::Engine::Registration& registration) {
  duckdb::DBConfig config;
  // It runs nothing but planning, in the caller's thread.
  config.options.maximum_threads = 1;
  for (const OptimizerType pass : passes_off()) config.options.disabled_optimizers.insert(pass);
  config.SetOptionByName("autoload_known_extensions", engine::Value::BOOLEAN(false));
  config.SetOptionByName("autoinstall_known_extensions", engine::Value::BOOLEAN(false));
  auto made = std::make_shared<duckdb::DuckDB>(nullptr, &config);
  if (registration) registration(*made->instance);
  duckdb::Connection connection(*made);
  for (const char* setting :
       {"SET GLOBAL TimeZone = 'UTC'", "SET enable_external_access = false"}) {
    const auto result = connection.Query(setting);
    if (result->HasError()) result->ThrowError();
  }
  return made;
}

// With its optimizer on, the binder gives each row of a correlated nested column a number, by a
// window over all rows: nothing that could be kept up to date.
class BindingAsWritten {
 public:
  explicit BindingAsWritten(duckdb::ClientContext& context)
      : config_(duckdb::ClientConfig::GetConfig(context)) {
    config_.enable_optimizer = false;
  }
  ~BindingAsWritten() { config_.enable_optimizer = true; }
  BindingAsWritten(const BindingAsWritten&) = delete;
  BindingAsWritten& operator=(const BindingAsWritten&) = delete;

 private:
  duckdb::ClientConfig& config_;
};

bool tells_nulls_apart(const duckdb::JoinCondition& condition) {
  return condition.comparison == duckdb::ExpressionType::COMPARE_NOT_DISTINCT_FROM;
}

bool is_of_subquery(duckdb::JoinType type) {
  return type == duckdb::JoinType::SEMI || type == duckdb::JoinType::ANTI ||
         type == duckdb::JoinType::MARK || type == duckdb::JoinType::SINGLE;
}

// The deliminator confuses NULLs when a correlated subquery compares by anything but `=`:
// `x <> outer.a` may become `x IS DISTINCT FROM outer.a` and the other way round, and a join whose
// sides it could not merge after all may be left with `=` where NULLs were to be equal. Its result
// does not tell that it has done so, only that it may have.
bool may_confuse_nulls(const duckdb::LogicalOperator& op) {
  const bool is_delim = op.type == duckdb::LogicalOperatorType::LOGICAL_DELIM_JOIN;
  if (is_delim || op.type == duckdb::LogicalOperatorType::LOGICAL_COMPARISON_JOIN) {
    const auto& join = op.Cast<duckdb::LogicalComparisonJoin>();
    for (const duckdb::JoinCondition& condition : join.conditions) {
      if (tells_nulls_apart(condition)) continue;
      if (is_delim && join.join_type != duckdb::JoinType::MARK) return true;
      if (is_of_subquery(join.join_type) &&
          condition.comparison != duckdb::ExpressionType::COMPARE_EQUAL) {
        return true;
      }
    }
  }
  return std::any_of(op.children.begin(), op.children.end(),
                     [](const auto& child) { return may_confuse_nulls(*child); });
}

class WithoutDeliminator {
 public:
  explicit WithoutDeliminator(duckdb::ClientContext& context)
      : off_(duckdb::DBConfig::GetConfig(context).options.disabled_optimizers) {
    off_.insert(OptimizerType::DELIMINATOR);
  }
  ~WithoutDeliminator() { off_.erase(OptimizerType::DELIMINATOR); }
  WithoutDeliminator(const WithoutDeliminator&) = delete;
  WithoutDeliminator& operator=(const WithoutDeliminator&) = delete;

 private:
  // The instance's; planning is one at a time.
  duckdb::set<OptimizerType>& off_;
};

// What a statement is once bound, checked and optimized.
struct Optimized {
  duckdb::unique_ptr<duckdb::LogicalOperator> plan;
  std::vector<std::string> names;
};

Result<Optimized> optimized(duckdb::ClientContext& context,
                            duckdb::unique_ptr<duckdb::SQLStatement> statement) {
  duckdb::Planner planner(context);
  {
    const BindingAsWritten as_written(context);
    planner.CreatePlan(std::move(statement));
  }
  if (planner.properties.parameter_count > 0) {
    return unsupported("parameters", "Write the value in place of the parameter.");
  }
  TRY(mark_time_conditions(*planner.plan));
  TRY(check_bound(*planner.plan));
  detach_scans(*planner.plan);
  duckdb::Optimizer optimizer(*planner.binder, context);
  auto plan = optimizer.Optimize(std::move(planner.plan));
  return Optimized{std::move(plan), {planner.names.begin(), planner.names.end()}};
}

Result<Plan> plan_statement(duckdb::ClientContext& context, const duckdb::SQLStatement& statement,
                            std::span<const SourceTable> sources) {
  create_shells(context, sources);
  TRY_ASSIGN(Optimized made, optimized(context, statement.Copy()));
  if (may_confuse_nulls(*made.plan)) {
    const WithoutDeliminator without(context);
    TRY_ASSIGN(made, optimized(context, statement.Copy()));
  }
  Plan plan;
  TRY_ASSIGN(plan.root, compile(context, *made.plan));
  plan.names = std::move(made.names);
  for (const SourceTable& source : sources) plan.rows.emplace(source.id, source.rows);
  if (plan.names.size() != plan.root->types.size()) {
    return internal("a view's plan has {} columns, its query {}", plan.root->types.size(),
                    plan.names.size());
  }
  return plan;
}

}  // namespace

Result<std::shared_ptr<duckdb::DuckDB>> Planner::current() {
  // An internal error of DuckDB's ends its instance, which plans that were made keep alive.
  if (instance_ && duckdb::ValidChecker::IsInvalidated(*instance_->instance)) {
    log::warning("the planner of views was started anew");
    instance_.reset();
  }
  if (!instance_) instance_ = make_instance(registration_);
  return instance_;
}

Result<Plan> Planner::compile(const engine::Query& query, std::span<const SourceTable> sources) {
  const std::lock_guard lock(mutex_);
  try {
    TRY_ASSIGN(auto instance, current());
    duckdb::Connection connection(*instance);
    Result<Plan> plan = internal("a view was not planned");
    // The shells go with the transaction.
    connection.BeginTransaction();
    connection.context->RunFunctionInTransaction(
        [&] { plan = plan_statement(*connection.context, query.statement(), sources); });
    connection.Rollback();
    TRY_ASSIGN(Plan made, std::move(plan));
    made.instance = std::move(instance);
    return made;
  } catch (const std::exception& exception) {
    return engine::engine_error(exception);
  }
}

}  // namespace sluice::dataflow
