#include "dataflow/evaluate.h"

#include <duckdb/planner/expression/bound_conjunction_expression.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>

#include "engine/engine.h"
#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

// The rows of `rows` that are asked for, as references.
void slice_rows(engine::Chunk& rows, std::span<const uint32_t> asked, engine::Chunk& out) {
  duckdb::SelectionVector selection(asked.size());
  for (size_t i = 0; i < asked.size(); ++i) selection.set_index(i, asked[i]);
  out.InitializeEmpty(rows.GetTypes());
  out.Slice(rows, selection, asked.size());
  out.SetCardinality(asked.size());
}

}  // namespace

Projector::Projector(duckdb::ClientContext& context,
                     const std::vector<const duckdb::Expression*>& all)
    : executor_(context) {
  for (const duckdb::Expression* expression : all) {
    types_.push_back(expression->return_type);
    if (expression->GetExpressionClass() == duckdb::ExpressionClass::BOUND_REF) {
      passed_.push_back(expression->Cast<duckdb::BoundReferenceExpression>().index);
      continue;
    }
    passed_.push_back(kComputed);
    executor_.AddExpression(*expression);
    computed_types_.push_back(expression->return_type);
  }
}

void Projector::evaluate(engine::Chunk& rows, engine::Chunk& out, std::vector<Failure>& failures) {
  engine::Chunk computed;
  if (!computed_types_.empty()) {
    try {
      engine::Chunk result;
      engine::initialize(result, computed_types_, rows.size());
      executor_.Execute(rows, result);
      // A result may lie in the executor's own memory, which the next call overwrites.
      engine::initialize(computed, computed_types_, rows.size());
      engine::append_rows(result, computed);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {
      return one_by_one(rows, out, failures);
    }
  }
  out.InitializeEmpty({types_.begin(), types_.end()});
  for (size_t column = 0, next = 0; column < passed_.size(); ++column) {
    out.data[column].Reference(passed_[column] == kComputed ? computed.data[next++]
                                                            : rows.data[passed_[column]]);
  }
  out.SetCardinality(rows.size());
}

void Projector::one_by_one(engine::Chunk& rows, engine::Chunk& out,
                           std::vector<Failure>& failures) {
  engine::initialize(out, types_, rows.size());
  for (uint32_t row = 0; row < rows.size(); ++row) {
    engine::Chunk one;
    slice_rows(rows, {&row, 1}, one);
    engine::Chunk computed;
    engine::initialize(computed, computed_types_, 1);
    try {
      executor_.Execute(one, computed);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& exception) {
      failures.push_back({row, engine::engine_error(exception)});
      continue;
    }
    engine::Chunk whole;
    whole.InitializeEmpty({types_.begin(), types_.end()});
    for (size_t column = 0, next = 0; column < passed_.size(); ++column) {
      whole.data[column].Reference(passed_[column] == kComputed ? computed.data[next++]
                                                                : one.data[passed_[column]]);
    }
    whole.SetCardinality(1);
    engine::append_rows(whole, out);
  }
}

struct Condition::Part {
  // A leaf has an executor; the others have parts, of which all or any must hold.
  std::unique_ptr<duckdb::ExpressionExecutor> executor;
  std::vector<std::unique_ptr<Part>> parts;
  bool any = false;
  bool ends_at_null = false;  // as it does at what it is not
};

Condition::Condition(duckdb::ClientContext& context,
                     const std::vector<const duckdb::Expression*>& all, Values values)
    : root_(std::make_unique<Part>()) {
  root_->ends_at_null = values == Values::kTrueOrNot;
  for (const duckdb::Expression* expression : all) {
    root_->parts.push_back(make(context, *expression, values));
  }
}

Condition::~Condition() = default;

std::unique_ptr<Condition::Part> Condition::make(duckdb::ClientContext& context,
                                                 const duckdb::Expression& expression,
                                                 Values values) {
  auto part = std::make_unique<Part>();
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::BOUND_CONJUNCTION) {
    part->any = expression.GetExpressionType() == duckdb::ExpressionType::CONJUNCTION_OR;
    part->ends_at_null = !part->any && values == Values::kTrueOrNot;
    for (const auto& child : expression.Cast<duckdb::BoundConjunctionExpression>().children) {
      part->parts.push_back(make(context, *child, values));
    }
  } else {
    part->executor = std::make_unique<duckdb::ExpressionExecutor>(context, expression);
  }
  return part;
}

void Condition::evaluate(engine::Chunk& rows, std::vector<Truth>& result,
                         std::vector<Failure>& failures) {
  result.assign(rows.size(), Truth::kFalse);
  std::vector<uint32_t> asked(rows.size());
  for (uint32_t row = 0; row < rows.size(); ++row) asked[row] = row;
  run(*root_, rows, asked, result, failures);
}

void Condition::run(Part& part, engine::Chunk& rows, const std::vector<uint32_t>& asked,
                    std::vector<Truth>& result, std::vector<Failure>& failures) {
  if (asked.empty()) return;
  if (part.executor) return run_leaf(part, rows, asked, result, failures);
  run_all(part, rows, asked, result, failures);
}

void Condition::run_all(Part& part, engine::Chunk& rows, std::vector<uint32_t> asked,
                        std::vector<Truth>& result, std::vector<Failure>& failures) {
  const Truth neutral = part.any ? Truth::kFalse : Truth::kTrue;
  for (const uint32_t row : asked) result[row] = neutral;
  std::vector<Truth> of_child(rows.size());
  for (const auto& child : part.parts) {
    run(*child, rows, asked, of_child, failures);
    // A row goes on to the next part while that can change anything.
    std::vector<uint32_t> open;
    for (const uint32_t row : asked) {
      if (of_child[row] == neutral) {
        open.push_back(row);
      } else if (of_child[row] == Truth::kNull) {
        result[row] = Truth::kNull;
        if (!part.ends_at_null) open.push_back(row);
      } else {
        result[row] = of_child[row];
      }
    }
    asked.swap(open);
  }
}

void Condition::run_leaf(Part& part, engine::Chunk& rows, const std::vector<uint32_t>& asked,
                         std::vector<Truth>& result, std::vector<Failure>& failures) {
  engine::Chunk sliced;
  engine::Chunk* input = &rows;
  if (asked.size() != rows.size()) {
    slice_rows(rows, asked, sliced);
    input = &sliced;
  }
  try {
    engine::Vector values(engine::LogicalType::BOOLEAN, asked.size());
    part.executor->ExecuteExpression(*input, values);
    duckdb::UnifiedVectorFormat format;
    values.ToUnifiedFormat(asked.size(), format);
    const auto* data = reinterpret_cast<const uint8_t*>(format.data);
    for (size_t i = 0; i < asked.size(); ++i) {
      const size_t at = format.sel->get_index(i);
      if (!format.validity.RowIsValid(at)) {
        result[asked[i]] = Truth::kNull;
      } else {
        result[asked[i]] = data[at] != 0 ? Truth::kTrue : Truth::kFalse;
      }
    }
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    if (asked.size() == 1) {
      result[asked[0]] = Truth::kFailed;
      failures.push_back({asked[0], engine::engine_error(exception)});
      return;
    }
    for (const uint32_t row : asked) run_leaf(part, rows, {row}, result, failures);
  }
}

}  // namespace sluice::dataflow
