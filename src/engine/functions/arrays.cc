// PostgreSQL's functions of arrays that DuckDB has not, over lists (counted from 1, no bounds
// kept):
//
//   array_remove, array_replace, array_positions, trim_array, array_fill(value, sizes)
//   array_ndims, array_dims, sluice_array_length(array, dimension) for array_length and array_upper
//   array_lower, cardinality: of all dimensions, NULL or 0 for an empty array as in PostgreSQL
#include "engine/functions/raise.h"
#include "engine/functions/row_function.h"

namespace sluice::engine::functions {
namespace {

using duckdb::ListValue;

bool same(const Value& a, const Value& b) { return duckdb::Value::NotDistinctFrom(a, b); }

Value list_of(const LogicalType& result, duckdb::vector<Value> values) {
  return Value::LIST(duckdb::ListType::GetChildType(result), std::move(values));
}

Value array_remove(const Values& arguments, const LogicalType& result) {
  if (arguments[0].IsNull()) return Value(result);
  duckdb::vector<Value> kept;
  for (const Value& element : ListValue::GetChildren(arguments[0])) {
    if (!same(element, arguments[1])) kept.push_back(element);
  }
  return list_of(result, std::move(kept));
}

Value array_replace(const Values& arguments, const LogicalType& result) {
  if (arguments[0].IsNull()) return Value(result);
  duckdb::vector<Value> replaced;
  for (const Value& element : ListValue::GetChildren(arguments[0])) {
    replaced.push_back(same(element, arguments[1]) ? arguments[2] : element);
  }
  return list_of(result, std::move(replaced));
}

Value array_positions(const Values& arguments, const LogicalType& result) {
  if (arguments[0].IsNull()) return Value(result);
  duckdb::vector<Value> places;
  int32_t place = 0;
  for (const Value& element : ListValue::GetChildren(arguments[0])) {
    ++place;
    if (same(element, arguments[1])) places.push_back(Value::INTEGER(place));
  }
  return list_of(result, std::move(places));
}

Value trim_array(const Values& arguments, const LogicalType& result) {
  const auto& elements = ListValue::GetChildren(arguments[0]);
  const auto count = arguments[1].GetValue<int64_t>();
  if (count < 0 || count > static_cast<int64_t>(elements.size())) {
    raise(invalid("number of elements to trim must be between 0 and {}", elements.size())
              .with_sqlstate("2202E"));
  }
  return list_of(result, {elements.begin(), elements.end() - count});
}

// Sizes of an array, outermost first; those of the first elements inside. Empty for an empty one.
std::vector<size_t> sizes_of(const Value& array) {
  std::vector<size_t> sizes;
  const Value* at = &array;
  while (!at->IsNull() && at->type().id() == duckdb::LogicalTypeId::LIST) {
    const auto& elements = ListValue::GetChildren(*at);
    if (elements.empty()) return {};
    sizes.push_back(elements.size());
    at = &elements[0];
  }
  return sizes;
}

Value array_ndims(const Values& arguments, const LogicalType& result) {
  const auto sizes = sizes_of(arguments[0]);
  return sizes.empty() ? Value(result) : Value::INTEGER(static_cast<int32_t>(sizes.size()));
}

Value array_dims(const Values& arguments, const LogicalType& result) {
  const auto sizes = sizes_of(arguments[0]);
  if (sizes.empty()) return Value(result);
  std::string text;
  for (const size_t size : sizes) text += fmt::format("[1:{}]", size);
  return Value(std::move(text));
}

Value array_length(const Values& arguments, const LogicalType& result) {
  const auto sizes = sizes_of(arguments[0]);
  const auto dimension = arguments[1].GetValue<int64_t>();
  if (dimension < 1 || dimension > static_cast<int64_t>(sizes.size())) return Value(result);
  return Value::INTEGER(static_cast<int32_t>(sizes[static_cast<size_t>(dimension - 1)]));
}

Value array_lower(const Values& arguments, const LogicalType& result) {
  const Value length = array_length(arguments, result);
  return length.IsNull() ? length : Value::INTEGER(1);
}

int32_t elements_in(const Value& array) {
  int32_t count = 0;
  for (const Value& element : ListValue::GetChildren(array)) {
    const bool nested = !element.IsNull() && element.type().id() == duckdb::LogicalTypeId::LIST;
    count += nested ? elements_in(element) : 1;
  }
  return count;
}

Value cardinality(const Values& arguments, const LogicalType&) {
  return Value::INTEGER(elements_in(arguments[0]));
}

// Maps count their entries; the engine's own function does that.
BoundExpression bind_cardinality(duckdb::FunctionBindExpressionInput& input) {
  const LogicalType& type = input.children[0]->return_type;
  if (type.id() == duckdb::LogicalTypeId::LIST) {
    return bound_call(input.context, "sluice_elements", std::move(input.children));
  }
  return bound_cast(input.context,
                    bound_call(input.context, "cardinality", std::move(input.children)),
                    LogicalType::INTEGER);
}

constexpr int64_t kMaxFilled = 10'000'000;

Value array_fill(const Values& arguments, const LogicalType& result) {
  if (arguments[1].IsNull()) {
    raise(invalid("dimension array or low bound array cannot be null").with_sqlstate("22004"));
  }
  const auto& sizes = ListValue::GetChildren(arguments[1]);
  if (sizes.empty()) return list_of(result, {});
  if (sizes.size() > 1) {
    raise(invalid("array_fill() makes arrays of one dimension only").with_sqlstate("0A000"));
  }
  if (sizes[0].IsNull()) raise(invalid("dimension values cannot be null").with_sqlstate("22004"));
  const auto size = sizes[0].GetValue<int64_t>();
  if (size < 0 || size > kMaxFilled) {
    raise(
        invalid("array size exceeds the maximum allowed ({})", kMaxFilled).with_sqlstate("54000"));
  }
  return list_of(result, duckdb::vector<Value>(static_cast<size_t>(size), arguments[0]));
}

}  // namespace

void register_arrays(duckdb::DatabaseInstance& database) {
  const LogicalType element = LogicalType::TEMPLATE("T"), list = LogicalType::LIST(element);
  const LogicalType integer = LogicalType::INTEGER, integers = LogicalType::LIST(integer);
  const LogicalType any = LogicalType::LIST(LogicalType::ANY);
  add_rowwise<array_remove, true>(database, "array_remove", {list, element}, list);
  add_rowwise<array_replace, true>(database, "array_replace", {list, element, element}, list);
  add_rowwise<array_positions, true>(database, "array_positions", {list, element}, integers);
  add_rowwise<trim_array>(database, "trim_array", {list, integer}, list);
  add_rowwise<array_fill, true>(database, "array_fill", {element, integers}, list);
  add_rowwise<array_ndims>(database, "array_ndims", {any}, integer);
  add_rowwise<array_dims>(database, "array_dims", {any}, LogicalType::VARCHAR);
  add_rowwise<array_length>(database, "sluice_array_length", {any, integer}, integer);
  add_rowwise<array_lower>(database, "array_lower", {any, integer}, integer);
  add_rowwise<cardinality>(database, "sluice_elements", {any}, integer);
  add_bound(database, "sluice_cardinality", {LogicalType::ANY}, integer, bind_cardinality);
}

}  // namespace sluice::engine::functions
