#include "dataflow/operators/window.h"

#include <algorithm>
#include <duckdb.hpp>
#include <duckdb/common/types/column/column_data_collection.hpp>
#include <duckdb/main/client_config.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/statement/logical_plan_statement.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>
#include <duckdb/planner/operator/logical_column_data_get.hpp>
#include <duckdb/planner/operator/logical_window.hpp>

#include "engine/engine.h"
#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

using duckdb::BoundWindowExpression;
using duckdb::WindowBoundary;

bool by_rows(WindowBoundary boundary) {
  return boundary == WindowBoundary::CURRENT_ROW_ROWS ||
         boundary == WindowBoundary::EXPR_PRECEDING_ROWS ||
         boundary == WindowBoundary::EXPR_FOLLOWING_ROWS;
}

bool unbounded(WindowBoundary boundary) {
  return boundary == WindowBoundary::UNBOUNDED_PRECEDING ||
         boundary == WindowBoundary::UNBOUNDED_FOLLOWING;
}

// Whether rows that tie are different rows to the call, so that their order matters to it.
bool tells_ties_apart(const BoundWindowExpression& call) {
  switch (call.GetExpressionType()) {
    case duckdb::ExpressionType::WINDOW_ROW_NUMBER:
    case duckdb::ExpressionType::WINDOW_NTILE:
    case duckdb::ExpressionType::WINDOW_LEAD:
    case duckdb::ExpressionType::WINDOW_LAG:
      return call.arg_orders.empty();
    case duckdb::ExpressionType::WINDOW_AGGREGATE:
    case duckdb::ExpressionType::WINDOW_FIRST_VALUE:
    case duckdb::ExpressionType::WINDOW_LAST_VALUE:
    case duckdb::ExpressionType::WINDOW_NTH_VALUE:
      return call.arg_orders.empty() && (by_rows(call.start) || by_rows(call.end)) &&
             (by_rows(call.start) || unbounded(call.start)) &&
             (by_rows(call.end) || unbounded(call.end)) &&
             call.exclude_clause != duckdb::WindowExcludeMode::GROUP &&
             call.exclude_clause != duckdb::WindowExcludeMode::TIES;
    default:
      return false;
  }
}

std::vector<engine::LogicalType> key_types(const Window& node) {
  std::vector<engine::LogicalType> types;
  types.reserve(node.partition.size());
  for (const size_t column : node.partition) types.push_back(node.types[column]);
  return types;
}

}  // namespace

WindowOperator::WindowOperator(duckdb::ClientContext& context, const Window& node)
    : node_(node),
      keys_(key_types(node), arrangement::Form::kKey),
      input_(node.inputs[0]->types, node.partition),
      output_(node.types, arrangement::Form::kExact),
      connection_(std::make_unique<duckdb::Connection>(*context.db)) {
  // The optimizer would number the columns of the plan anew, under references that are resolved.
  duckdb::ClientConfig::GetConfig(*connection_->context).enable_optimizer = false;
  const auto& types = node.inputs[0]->types;
  for (const auto& call : node.calls) {
    auto copy = call->Copy();
    auto& bound = copy->Cast<BoundWindowExpression>();
    if (tells_ties_apart(bound)) {
      for (size_t column = 0; column < types.size(); ++column) {
        bound.orders.emplace_back(
            duckdb::OrderType::ASCENDING, duckdb::OrderByNullType::NULLS_LAST,
            duckdb::make_uniq<duckdb::BoundReferenceExpression>(types[column], column));
      }
    }
    calls_.push_back(std::move(copy));
  }
}

WindowOperator::~WindowOperator() = default;

OperatorState WindowOperator::state() const {
  return {rows_.rows() + given_.rows(), rows_.bytes() + given_.bytes()};
}

Delta WindowOperator::step(std::span<const Delta* const> inputs) {
  std::vector<std::string> touched;
  Sums seen;
  arrangement::ByteRows keys;
  arrangement::ByteRows payloads;
  for (const BatchPtr& batch : *inputs[0]) {
    keys.clear();
    payloads.clear();
    input_.encode_keys(batch->rows, keys);
    input_.encode_payloads(batch->rows, payloads);
    for (size_t row = 0; row < batch->size(); ++row) {
      rows_.apply(keys[row], payloads[row], batch->weights[row]);
      const size_t before = seen.size();
      seen.add(keys[row], 1);
      if (seen.size() > before) touched.emplace_back(keys[row]);
    }
  }
  Sums changes;
  for (const std::string& key : touched) take_back(key, changes);
  compute_or_fail(touched, changes);
  return rows_from(changes, output_);
}

void WindowOperator::fill(size_t /*input*/, const BatchPtr& rows, const Emit& /*emit*/) {
  arrangement::ByteRows keys;
  arrangement::ByteRows payloads;
  input_.encode_keys(rows->rows, keys);
  input_.encode_payloads(rows->rows, payloads);
  for (size_t row = 0; row < rows->size(); ++row) {
    rows_.apply(keys[row], payloads[row], rows->weights[row]);
  }
}

// As many partitions at a time as make a query worth while.
void WindowOperator::finish_fill(const Emit& emit) {
  constexpr size_t kRowsAtATime = 65536;
  std::vector<std::string> keys;
  size_t rows = 0;
  const auto give = [&] {
    Sums changes;
    compute_or_fail(keys, changes);
    for (BatchPtr& batch : rows_from(changes, output_)) emit(std::move(batch));
    keys.clear();
    rows = 0;
  };
  rows_.for_each_key([&](std::string_view key, const arrangement::Arrangement::KeyRows& of_key) {
    keys.emplace_back(key);
    rows += of_key.rows();
    if (rows >= kRowsAtATime) give();
  });
  give();
}

void WindowOperator::compute_or_fail(std::span<const std::string> keys, Sums& changes) {
  try {
    compute(keys, changes);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    // One of them is at fault; nothing was put into the state yet.
    for (const std::string& key : keys) {
      try {
        compute({&key, 1}, changes);
      } catch (const std::bad_alloc&) {
        throw;
      } catch (const std::exception& exception) {
        const Error error = engine::engine_error(exception);
        errors_.add(error, 1);
        failed_.emplace(key, error);
      }
    }
  }
}

void WindowOperator::take_back(const std::string& key, Sums& changes) {
  if (const auto found = failed_.find(key); found != failed_.end()) {
    errors_.add(found->second, -1);
    failed_.erase(found);
  }
  std::vector<std::pair<std::string, int64_t>> rows;
  for (const auto row : given_.find(key)) rows.emplace_back(row.payload, row.weight);
  for (const auto& [row, weight] : rows) {
    changes.add(row, -weight);
    given_.apply(key, row, -weight);
  }
}

void WindowOperator::compute(std::span<const std::string> keys, Sums& changes) {
  const auto& types = node_.inputs[0]->types;
  std::vector<std::string_view> row_keys;
  std::vector<std::string_view> payloads;
  for (const std::string& key : keys) {
    const size_t begin = payloads.size();
    for (const auto row : rows_.find(key)) {
      for (int64_t i = 0; i < row.weight; ++i) payloads.push_back(row.payload);
    }
    // The same rows in the same order, whichever way they came.
    std::sort(payloads.begin() + static_cast<std::ptrdiff_t>(begin), payloads.end());
    row_keys.resize(payloads.size(), key);
  }
  if (payloads.empty()) return;
  auto collection = duckdb::make_uniq<duckdb::ColumnDataCollection>(
      duckdb::Allocator::DefaultAllocator(),
      duckdb::vector<engine::LogicalType>(types.begin(), types.end()));
  for (size_t begin = 0; begin < payloads.size(); begin += kBatchRows) {
    const size_t count = std::min(kBatchRows, payloads.size() - begin);
    engine::Chunk rows;
    engine::initialize(rows, types, count);
    input_.decode(std::span(row_keys).subspan(begin, count),
                  std::span(payloads).subspan(begin, count), 0, rows);
    rows.SetCardinality(count);
    collection->Append(rows);
  }
  auto window = duckdb::make_uniq<duckdb::LogicalWindow>(1);
  for (const ExpressionPtr& call : calls_) window->expressions.push_back(call->Copy());
  window->children.push_back(duckdb::make_uniq<duckdb::LogicalColumnDataGet>(
      0, duckdb::vector<engine::LogicalType>(types.begin(), types.end()), std::move(collection)));
  window->ResolveOperatorTypes();
  auto result =
      connection_->Query(duckdb::make_uniq<duckdb::LogicalPlanStatement>(std::move(window)));
  if (result->HasError()) result->ThrowError();
  arrangement::ByteRows out_keys;
  arrangement::ByteRows out_rows;
  while (const auto chunk = result->Fetch()) {
    keys_.encode(*chunk, node_.partition, out_keys);
    output_.encode(*chunk, all_columns(node_.types.size()), out_rows);
  }
  for (size_t row = 0; row < out_rows.size(); ++row) {
    changes.add(out_rows[row], 1);
    given_.apply(out_keys[row], out_rows[row], 1);
  }
}

}  // namespace sluice::dataflow
