#include "engine/row_filter.h"

#include <array>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/function/scalar_function.hpp>
#include <duckdb/main/database.hpp>
#include <duckdb/parser/parsed_data/create_scalar_function_info.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>

namespace sluice::engine {
namespace {

struct FilterInfo final : duckdb::ScalarFunctionInfo {
  explicit FilterInfo(std::shared_ptr<const Registry<RowFilter>> filters)
      : registry(std::move(filters)) {}
  const std::shared_ptr<const Registry<RowFilter>> registry;
};

struct FilterBinding final : duckdb::FunctionData {
  explicit FilterBinding(const RowFilter& bound) : filter(bound) {}
  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override {
    return duckdb::make_uniq<FilterBinding>(filter);
  }
  bool Equals(const duckdb::FunctionData& other) const override {
    return &filter == &other.Cast<FilterBinding>().filter;
  }
  const RowFilter& filter;  // its token outlives the query
};

duckdb::unique_ptr<duckdb::FunctionData> bind(
    duckdb::ClientContext& context, duckdb::ScalarFunction& function,
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& arguments) {
  const auto& info = static_cast<const FilterInfo&>(*function.function_info);
  const RowFilter* filter = nullptr;
  if (arguments[0]->IsFoldable()) {
    const Value handle = duckdb::ExpressionExecutor::EvaluateScalar(context, *arguments[0]);
    if (!handle.IsNull()) filter = info.registry->find(handle.GetValue<int64_t>());
  }
  if (filter == nullptr) throw duckdb::InvalidInputException("a row filter is gone");
  duckdb::Function::EraseArgument(function, arguments, 0);
  return duckdb::make_uniq<FilterBinding>(*filter);
}

void evaluate(duckdb::DataChunk& input, duckdb::ExpressionState& state, Vector& result) {
  const auto& expression = state.expr.Cast<duckdb::BoundFunctionExpression>();
  const RowFilter& filter = expression.bind_info->Cast<FilterBinding>().filter;
  const size_t count = input.size();
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  bool* live = duckdb::FlatVector::GetData<bool>(result);
  Vector& ids = input.data[0];
  if (ids.GetVectorType() == duckdb::VectorType::FLAT_VECTOR) {
    return filter.test({duckdb::FlatVector::GetData<int64_t>(ids), count}, live);
  }
  duckdb::UnifiedVectorFormat format;
  ids.ToUnifiedFormat(count, format);
  const auto* data = duckdb::UnifiedVectorFormat::GetData<int64_t>(format);
  std::array<int64_t, STANDARD_VECTOR_SIZE> gathered;
  for (size_t i = 0; i < count; ++i) gathered[i] = data[format.sel->get_index(i)];
  filter.test({gathered.data(), count}, live);
}

}  // namespace

void register_row_filter(duckdb::DatabaseInstance& instance,
                         std::shared_ptr<const Registry<RowFilter>> registry) {
  duckdb::ScalarFunction function("sluice_live", {LogicalType::BIGINT, LogicalType::BIGINT},
                                  LogicalType::BOOLEAN, evaluate, bind);
  function.function_info = duckdb::make_shared_ptr<FilterInfo>(std::move(registry));
  duckdb::CreateScalarFunctionInfo info(std::move(function));
  duckdb::Catalog::GetSystemCatalog(instance).CreateFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(instance), info);
}

}  // namespace sluice::engine
