#include "engine/testing/breaking.h"

#include <duckdb.hpp>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/function/scalar_function.hpp>
#include <duckdb/parser/parsed_data/create_scalar_function_info.hpp>

namespace sluice::engine::testing {

void register_breaking(duckdb::DatabaseInstance& instance) {
  const auto evaluate = [](duckdb::DataChunk& input, duckdb::ExpressionState&,
                           duckdb::Vector& result) {
    for (size_t row = 0; row < input.size(); ++row) {
      const std::string kind = input.GetValue(0, row).ToString();
      if (kind == "fatal") throw duckdb::FatalException("broken for a test");
      if (kind == "internal") throw duckdb::InternalException("broken for a test");
    }
    result.Reference(input.data[0]);
  };
  duckdb::ScalarFunction function("break_engine", {duckdb::LogicalType::VARCHAR},
                                  duckdb::LogicalType::VARCHAR, evaluate);
  function.stability = duckdb::FunctionStability::VOLATILE;
  duckdb::CreateScalarFunctionInfo info(std::move(function));
  duckdb::Catalog::GetSystemCatalog(instance).CreateFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(instance), info);
}

}  // namespace sluice::engine::testing
