// Decimals as floating-point numbers: always the nearest one, as in PostgreSQL.
//
// DuckDB's own cast divides, and of a number that a double cannot hold as an integer (2^53 and
// more, so of most literals with 17 digits) it may take the neighbour of the nearest. So there is a
// cast of ours. The optimizer's statistics know only DuckDB's, and would find a row's value outside
// of its column's extremes: before it runs, casts of columns become calls of a function, which it
// knows nothing of.
#include "engine/functions/exact_floats.h"

#include <charconv>
#include <duckdb.hpp>
#include <duckdb/main/config.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>

#include "base/check.h"
#include "engine/functions/int128.h"
#include "engine/functions/parts.h"

namespace sluice::engine::functions {
namespace {

// What a type holds exactly: integers up to 2^bits and powers of ten; a quotient of two such
// numbers is rounded once.
template <typename Float>
constexpr int kExactBits = sizeof(Float) == 8 ? 53 : 24;
template <typename Float>
constexpr uint8_t kExactPower = sizeof(Float) == 8 ? 22 : 10;

template <typename Float>
Float nearest(Int128 unscaled, uint8_t scale) {
  const UInt128 digits = magnitude(unscaled);
  if (digits <= UInt128{1} << kExactBits<Float> && scale <= kExactPower<Float>) {
    return static_cast<Float>(unscaled) / static_cast<Float>(kPowersOfTen[scale]);
  }
  if (digits == 0) return 0;
  char text[64];
  char* begin = std::end(text) - 8;
  char* const end_of_digits = begin;
  for (UInt128 left = digits; left != 0; left /= 10) {
    *--begin = static_cast<char>('0' + static_cast<int>(left % 10));
  }
  if (unscaled < 0) *--begin = '-';
  end_of_digits[0] = 'e';
  end_of_digits[1] = '-';
  const char* const end = std::to_chars(end_of_digits + 2, std::end(text), scale).ptr;
  Float value = 0;
  CHECK(std::from_chars(begin, end, value).ec == std::errc());
  return value;
}

template <typename Float>
void convert(duckdb::Vector& source, duckdb::Vector& result, idx_t count) {
  const uint8_t scale = duckdb::DecimalType::GetScale(source.GetType());
  const auto one = [&](auto value) { return nearest<Float>(Int128{value}, scale); };
  switch (source.GetType().InternalType()) {
    case duckdb::PhysicalType::INT16:
      return duckdb::UnaryExecutor::Execute<int16_t, Float>(source, result, count, one);
    case duckdb::PhysicalType::INT32:
      return duckdb::UnaryExecutor::Execute<int32_t, Float>(source, result, count, one);
    case duckdb::PhysicalType::INT64:
      return duckdb::UnaryExecutor::Execute<int64_t, Float>(source, result, count, one);
    default:
      return duckdb::UnaryExecutor::Execute<duckdb::hugeint_t, Float>(
          source, result, count,
          [&](duckdb::hugeint_t value) { return nearest<Float>(to_int128(value), scale); });
  }
}

template <typename Float>
bool cast(duckdb::Vector& source, duckdb::Vector& result, idx_t count, duckdb::CastParameters&) {
  convert<Float>(source, result, count);
  return true;
}

template <typename Float>
void call(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  convert<Float>(arguments.data[0], result, arguments.size());
}

class CallsInsteadOfCasts final : public duckdb::LogicalOperatorVisitor {
 protected:
  duckdb::unique_ptr<duckdb::Expression> VisitReplace(
      duckdb::BoundCastExpression& expression,
      duckdb::unique_ptr<duckdb::Expression>* /*at*/) override {
    VisitExpressionChildren(expression);
    const LogicalType source = expression.child->return_type;
    const LogicalType target = expression.return_type;
    if (!is_decimal_to_float(source, target) || expression.child->IsFoldable()) return nullptr;
    const duckdb::ScalarFunction function(
        "sluice_nearest", {source}, target,
        target.id() == LogicalTypeId::DOUBLE ? call<double> : call<float>);
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> children;
    children.push_back(std::move(expression.child));
    auto made = duckdb::make_uniq<duckdb::BoundFunctionExpression>(target, function,
                                                                   std::move(children), nullptr);
    made->SetAlias(expression.GetAlias());
    return made;
  }
};

}  // namespace

bool is_decimal_to_float(const LogicalType& source, const LogicalType& target) {
  return source.id() == LogicalTypeId::DECIMAL &&
         (target.id() == LogicalTypeId::DOUBLE || target.id() == LogicalTypeId::FLOAT);
}

duckdb::BoundCastInfo cast_to_nearest(const LogicalType& target) {
  return {target.id() == LogicalTypeId::DOUBLE ? cast<double> : cast<float>};
}

void register_exact_floats(duckdb::DatabaseInstance& database) {
  duckdb::OptimizerExtension extension;
  extension.pre_optimize_function = [](duckdb::OptimizerExtensionInput&,
                                       duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
    CallsInsteadOfCasts().VisitOperator(*plan);
  };
  duckdb::DBConfig::GetConfig(database).optimizer_extensions.push_back(std::move(extension));
}

}  // namespace sluice::engine::functions
