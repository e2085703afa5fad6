#include "dataflow/operators/linear.h"

#include <cstring>
#include <duckdb/storage/arena_allocator.hpp>

#include "dataflow/operators/keyed_aggregate.h"
#include "engine/engine.h"

namespace sluice::dataflow {
namespace {

using duckdb::PhysicalType;
__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

void add_product(WideSum& sum, Int128 value, int64_t weight) {
  // value = high * 2^64 + low, each times the weight.
  const auto low = static_cast<UInt128>(static_cast<uint64_t>(value));
  const Int128 low_product = static_cast<Int128>(low) * weight;
  const Int128 high_product = static_cast<Int128>(static_cast<int64_t>(value >> 64)) * weight;
  const UInt128 bottom = static_cast<UInt128>(sum.low) + static_cast<uint64_t>(low_product);
  sum.low = static_cast<uint64_t>(bottom);
  const Int128 top = ((static_cast<Int128>(sum.high) << 64) | static_cast<Int128>(sum.middle)) +
                     high_product + (low_product >> 64) + static_cast<Int128>(bottom >> 64);
  sum.middle = static_cast<uint64_t>(top);
  sum.high = static_cast<int64_t>(top >> 64);
}

// As 128 bits, if it fits.
std::optional<Int128> narrow(const WideSum& sum) {
  const auto value = static_cast<Int128>((static_cast<UInt128>(sum.middle) << 64) | sum.low);
  if (sum.high != (value < 0 ? -1 : 0)) return std::nullopt;
  return value;
}

duckdb::hugeint_t to_huge(Int128 value) {
  duckdb::hugeint_t result;
  result.lower = static_cast<uint64_t>(value);
  result.upper = static_cast<int64_t>(value >> 64);
  return result;
}

// The same for what is no wider than 64 bits: the product has no more than 128.
void add_narrow_product(WideSum& sum, Int128 value, int64_t weight) {
  const Int128 product = value * weight;
  const UInt128 before = (static_cast<UInt128>(sum.middle) << 64) | sum.low;
  const UInt128 after = before + static_cast<UInt128>(product);
  sum.low = static_cast<uint64_t>(after);
  sum.middle = static_cast<uint64_t>(after >> 64);
  sum.high += (product < 0 ? -1 : 0) + (after < before ? 1 : 0);
}

template <typename T>
void add_values(const duckdb::UnifiedVectorFormat& format, const std::vector<int64_t>& weights,
                const std::vector<WideSum*>& words) {
  const auto* data = reinterpret_cast<const T*>(format.data);
  for (size_t row = 0; row < weights.size(); ++row) {
    if (weights[row] == 0) continue;
    const size_t at = format.sel->get_index(row);
    if (!format.validity.RowIsValid(at)) continue;
    words[row]->values += weights[row];
    if constexpr (std::is_same_v<T, duckdb::hugeint_t>) {
      const Int128 value = (static_cast<Int128>(data[at].upper) << 64) |
                           static_cast<Int128>(static_cast<UInt128>(data[at].lower));
      add_product(*words[row], value, weights[row]);
    } else {
      add_narrow_product(*words[row], static_cast<Int128>(data[at]), weights[row]);
    }
  }
}

void add_numbers(PhysicalType type, const duckdb::UnifiedVectorFormat& format,
                 const std::vector<int64_t>& weights, const std::vector<WideSum*>& words) {
  switch (type) {
    case PhysicalType::INT8:
      return add_values<int8_t>(format, weights, words);
    case PhysicalType::INT16:
      return add_values<int16_t>(format, weights, words);
    case PhysicalType::INT32:
      return add_values<int32_t>(format, weights, words);
    case PhysicalType::INT64:
      return add_values<int64_t>(format, weights, words);
    case PhysicalType::UINT8:
      return add_values<uint8_t>(format, weights, words);
    case PhysicalType::UINT16:
      return add_values<uint16_t>(format, weights, words);
    case PhysicalType::UINT32:
      return add_values<uint32_t>(format, weights, words);
    case PhysicalType::UINT64:
      return add_values<uint64_t>(format, weights, words);
    default:
      return add_values<duckdb::hugeint_t>(format, weights, words);
  }
}

bool is_exact_number(const engine::LogicalType& type) {
  switch (type.id()) {
    case duckdb::LogicalTypeId::TINYINT:
    case duckdb::LogicalTypeId::SMALLINT:
    case duckdb::LogicalTypeId::INTEGER:
    case duckdb::LogicalTypeId::BIGINT:
    case duckdb::LogicalTypeId::HUGEINT:
    case duckdb::LogicalTypeId::UTINYINT:
    case duckdb::LogicalTypeId::USMALLINT:
    case duckdb::LogicalTypeId::UINTEGER:
    case duckdb::LogicalTypeId::UBIGINT:
    case duckdb::LogicalTypeId::DECIMAL:
      return true;
    default:
      return false;
  }
}

duckdb::UnifiedVectorFormat unified(const engine::Chunk& rows, size_t column) {
  engine::Vector reference(rows.data[column].GetType(), nullptr);
  reference.Reference(rows.data[column]);
  duckdb::UnifiedVectorFormat format;
  reference.ToUnifiedFormat(rows.size(), format);
  return format;
}

Error out_of_range() { return invalid("numeric field overflow").with_sqlstate("22003"); }

}  // namespace

void WideSum::add(const WideSum& other) {
  const UInt128 bottom = static_cast<UInt128>(low) + other.low;
  low = static_cast<uint64_t>(bottom);
  const UInt128 next = static_cast<UInt128>(middle) + other.middle + (bottom >> 64);
  middle = static_cast<uint64_t>(next);
  high = static_cast<int64_t>(static_cast<uint64_t>(high) + static_cast<uint64_t>(other.high) +
                              static_cast<uint64_t>(next >> 64));
  values += other.values;
}

std::optional<LinearAggregate> LinearAggregate::of(const AggregateCall& call) {
  const std::string& name = call.name();
  if (call.distinct) return std::nullopt;
  if (name == "count_star" || (name == "count" && call.arguments.empty())) {
    return LinearAggregate(call, Layout::kCountRows);
  }
  if (name == "count" && call.arguments.size() == 1) {
    return LinearAggregate(call, Layout::kCountValues);
  }
  if (call.arguments.size() != 1 || call.bound->children.size() != 1 ||
      !is_exact_number(call.bound->children[0]->return_type)) {
    return std::nullopt;
  }
  const auto& function = call.bound->function;
  const PhysicalType result = call.type().InternalType();
  if ((name == "sum" || name == "sum_no_overflow") && result == PhysicalType::INT128) {
    return LinearAggregate(call, Layout::kSum);
  }
  // The finalizers of these take the bytes of the state as they are laid out in memory.
  const size_t size = function.state_size ? function.state_size(function) : 0;
  if (name == "sluice_sum" || name == "sluice_avg") {
    if (size == 16) return LinearAggregate(call, Layout::kSumCount64);
    if (size == 24) return LinearAggregate(call, Layout::kSumCount128);
  }
  if (name == "avg" && result == PhysicalType::DOUBLE) {
    if (size == 16) return LinearAggregate(call, Layout::kCountSum64);
    if (size == 24) return LinearAggregate(call, Layout::kCountSum128);
  }
  return std::nullopt;
}

bool LinearAggregate::shares_word_with(const LinearAggregate& other) const {
  if (call_->filter != other.call_->filter) return false;
  const bool rows = layout_ == Layout::kCountRows;
  if (rows || other.layout_ == Layout::kCountRows) return layout_ == other.layout_;
  return call_->arguments == other.call_->arguments;
}

void LinearAggregate::add(const Batch& batch, const std::vector<WideSum*>& words) const {
  const std::vector<int64_t> weights = counted_weights(batch, *call_);
  if (layout_ == Layout::kCountRows) {
    for (size_t row = 0; row < weights.size(); ++row) words[row]->values += weights[row];
    return;
  }
  const auto format = unified(batch.rows, call_->arguments[0]);
  if (layout_ == Layout::kCountValues) {
    for (size_t row = 0; row < weights.size(); ++row) {
      const bool valid = format.validity.RowIsValid(format.sel->get_index(row));
      if (valid) words[row]->values += weights[row];
    }
    return;
  }
  add_numbers(batch.rows.data[call_->arguments[0]].GetType().InternalType(), format, weights,
              words);
}

void LinearAggregate::finish(const std::vector<const WideSum*>& words, engine::Vector& result,
                             std::vector<Failure>& failed) const {
  auto& validity = duckdb::FlatVector::Validity(result);
  if (layout_ == Layout::kCountRows || layout_ == Layout::kCountValues) {
    auto* data = reinterpret_cast<int64_t*>(duckdb::FlatVector::GetData(result));
    for (size_t i = 0; i < words.size(); ++i) data[i] = words[i]->values;
    return;
  }
  if (layout_ != Layout::kSum) return finalize(words, 0, words.size(), result, failed);
  auto* data = reinterpret_cast<duckdb::hugeint_t*>(duckdb::FlatVector::GetData(result));
  for (size_t i = 0; i < words.size(); ++i) {
    const auto sum = narrow(*words[i]);
    data[i] = to_huge(sum.value_or(0));
    if (words[i]->values == 0) {
      validity.SetInvalid(i);
    } else if (!sum) {
      failed.push_back({static_cast<uint32_t>(i), out_of_range()});
    }
  }
}

// Lays the states out and has the function itself make the results, so that they are its own to
// the last digit.
void LinearAggregate::finalize(const std::vector<const WideSum*>& words, size_t begin, size_t count,
                               engine::Vector& result, std::vector<Failure>& failed) const {
  const bool wide = layout_ == Layout::kSumCount128 || layout_ == Layout::kCountSum128;
  const bool count_first = layout_ == Layout::kCountSum64 || layout_ == Layout::kCountSum128;
  const size_t size = wide ? 24 : 16;
  std::vector<uint64_t> states(count * size / 8);
  engine::Vector pointers(engine::LogicalType::POINTER, std::max<size_t>(count, 1));
  auto* state_of = reinterpret_cast<uint64_t**>(duckdb::FlatVector::GetData(pointers));
  for (size_t i = 0; i < count; ++i) {
    const WideSum& sum = *words[begin + i];
    std::optional<Int128> value = narrow(sum);
    const bool is_unsigned = call_->type().InternalType() == PhysicalType::UINT64;
    const bool fits = value && (wide || (is_unsigned ? *value == static_cast<uint64_t>(*value)
                                                     : *value == static_cast<int64_t>(*value)));
    const bool none = sum.values == 0 || !fits;
    if (!fits) failed.push_back({static_cast<uint32_t>(begin + i), out_of_range()});
    uint64_t* state = &states[i * size / 8];
    uint64_t* number = state + (count_first ? 1 : 0);
    number[0] = none ? 0 : static_cast<uint64_t>(*value);
    if (wide) number[1] = none ? 0 : static_cast<uint64_t>(*value >> 64);
    state[count_first ? 0 : size / 8 - 1] = none ? 0 : static_cast<uint64_t>(sum.values);
    state_of[i] = state;
  }
  duckdb::ArenaAllocator arena(duckdb::Allocator::DefaultAllocator());
  duckdb::AggregateInputData input(call_->bound->bind_info.get(), arena);
  try {
    call_->bound->function.finalize(pointers, input, result, count, begin);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    if (count == 1) {
      failed.push_back({static_cast<uint32_t>(begin), engine::engine_error(exception)});
      return;
    }
    failed.clear();
    for (size_t i = 0; i < count; ++i) finalize(words, begin + i, 1, result, failed);
  }
}

}  // namespace sluice::dataflow
