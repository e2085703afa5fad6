// Casts from and to text, and from jsonb, with PostgreSQL's meaning.
//
// They stand in front of DuckDB's own: a set of casts is a stack of functions that are asked from
// the top, and the casts that its extensions registered (JSON, TIMESTAMPTZ) are found in one of
// them, which keeps the first that was registered. So ours is pushed on top of the stack.
#include <duckdb/function/cast/cast_function_set.hpp>
#include <duckdb/main/config.hpp>
#include <utility>

#include "engine/functions/exact_floats.h"
#include "engine/functions/json.h"
#include "engine/functions/parts.h"
#include "engine/functions/raise.h"
#include "engine/functions/text_in.h"
#include "engine/functions/text_out.h"

namespace sluice::engine::functions {
namespace {

using duckdb::BindCastInput;
using duckdb::BoundCastData;
using duckdb::BoundCastInfo;
using duckdb::CastParameters;
using duckdb::FlatVector;
using duckdb::LogicalTypeId;

// CastFunctionSet has no way in for what shall come before registered casts, but explicit
// instantiation may name private members.
using BindFunctions = duckdb::vector<duckdb::BindCastFunction>;
BindFunctions& bind_functions_of(duckdb::CastFunctionSet& set);
template <BindFunctions duckdb::CastFunctionSet::*kMember>
struct BindFunctionsAccess {
  friend BindFunctions& bind_functions_of(duckdb::CastFunctionSet& set) { return set.*kMember; }
};
template struct BindFunctionsAccess<&duckdb::CastFunctionSet::bind_functions>;

struct ZoneData final : BoundCastData {
  explicit ZoneData(const TimeZone& its_zone) : zone(its_zone) {}
  duckdb::unique_ptr<BoundCastData> Copy() const override {
    return duckdb::make_uniq<ZoneData>(zone);
  }
  const TimeZone& zone;
};

const TimeZone& zone_of(CastParameters& parameters) {
  return static_cast<ZoneData&>(*parameters.cast_data).zone;
}

// A failure ends the statement, or makes the row NULL in TRY_CAST.
bool fail(const Error& failure, Vector& result, size_t row, CastParameters& parameters) {
  if (parameters.error_message == nullptr) raise(failure);
  if (parameters.error_message->empty()) *parameters.error_message = failure.message;
  FlatVector::SetNull(result, row, true);
  return false;
}

// Calls convert(text, row), which returns a Status, for every row that is not NULL.
template <typename Convert>
bool convert_rows(Vector& source, Vector& result, size_t count, CastParameters& parameters,
                  const Convert& convert) {
  duckdb::UnifiedVectorFormat format;
  source.ToUnifiedFormat(count, format);
  const auto* data = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
  const bool constant = source.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
  const size_t rows = constant ? 1 : count;
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  bool all_well = true;
  for (size_t row = 0; row < rows; ++row) {
    const size_t index = format.sel->get_index(row);
    if (!format.validity.RowIsValid(index)) {
      FlatVector::SetNull(result, row, true);
      continue;
    }
    const Status status =
        convert(std::string_view(data[index].GetData(), data[index].GetSize()), row);
    if (!status.ok()) all_well = fail(Status(status).error(), result, row, parameters) && all_well;
  }
  if (constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  return all_well;
}

bool text_to_any(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  const ColumnReader reader(result.GetType(), zone_of(parameters));
  return convert_rows(source, result, count, parameters, [&](std::string_view text, size_t row) {
    return reader.read(text, result, row);
  });
}

std::string_view kind_name(JsonKind kind) {
  constexpr std::string_view kNames[] = {"null", "boolean", "numeric", "string", "array", "object"};
  return kNames[static_cast<size_t>(kind)];
}

// jsonb -> boolean and numbers: only from what is one, and as its text; numbers round.
bool json_to_scalar(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  const LogicalType& type = result.GetType();
  const bool boolean = type.id() == LogicalTypeId::BOOLEAN;
  const ColumnReader reader(type, TimeZone::utc());
  return convert_rows(
      source, result, count, parameters, [&](std::string_view json, size_t row) -> Status {
        const JsonKind kind = json_kind(json);
        if (kind != (boolean ? JsonKind::kBoolean : JsonKind::kNumber)) {
          return invalid("cannot cast jsonb {} to type {}", kind_name(kind), input_type_name(type))
              .with_sqlstate("22023");
        }
        if (!type.IsIntegral()) return reader.read(json, result, row);
        Int128 rounded = 0;
        if (!read_decimal(json, 38, 0, rounded)) return input_error(type, json);
        char digits[kMaxDecimalText];
        const char* end = put_decimal(digits, rounded, 0, false);
        return reader.read({digits, static_cast<size_t>(end - digits)}, result, row);
      });
}

bool any_to_text(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  TextStyle style;
  style.long_booleans = true;
  style.zone = &zone_of(parameters);
  const bool constant = source.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
  const size_t rows = constant ? 1 : count;
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  std::string text;
  for (size_t row = 0; row < rows; ++row) {
    const Value value = source.GetValue(row);
    if (value.IsNull()) {
      FlatVector::SetNull(result, row, true);
      continue;
    }
    text.clear();
    // Inside arrays booleans are t and f.
    style.long_booleans = value.type().id() == LogicalTypeId::BOOLEAN;
    append_value(value, style, text);
    FlatVector::GetData<duckdb::string_t>(result)[row] =
        duckdb::StringVector::AddString(result, text);
  }
  if (constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  return true;
}

bool reads_text(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE:
    case LogicalTypeId::DECIMAL:
    case LogicalTypeId::DATE:
    case LogicalTypeId::TIME:
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::INTERVAL:
    case LogicalTypeId::BLOB:
    case LogicalTypeId::UUID:
      return true;
    case LogicalTypeId::VARCHAR:
      return type.IsJSONType();
    case LogicalTypeId::LIST:
      return duckdb::ListType::GetChildType(type).id() == LogicalTypeId::VARCHAR ||
             reads_text(duckdb::ListType::GetChildType(type));
    case LogicalTypeId::MAP:
      return duckdb::MapType::KeyType(type) == LogicalType::VARCHAR;
    default:
      return false;
  }
}

bool writes_text(const LogicalType& type) {
  if (type.id() == LogicalTypeId::VARCHAR) return type.IsJSONType();
  return reads_text(type) || type.id() == LogicalTypeId::STRUCT ||
         type.id() == LogicalTypeId::LIST || type.id() == LogicalTypeId::MAP ||
         type.id() == LogicalTypeId::HUGEINT;
}

bool is_plain_text(const LogicalType& type) {
  return type.id() == LogicalTypeId::STRING_LITERAL ||
         (type.id() == LogicalTypeId::VARCHAR && !type.IsJSONType());
}

BoundCastInfo bind_cast(BindCastInput& input, const LogicalType& source,
                        const LogicalType& target) {
  const bool from_text = is_plain_text(source);
  const bool to_text = is_plain_text(target);
  const auto with_zone = [&](duckdb::cast_function_t function) {
    return BoundCastInfo(function, duckdb::make_uniq<ZoneData>(session_zone(input.context)));
  };
  if (from_text && !to_text && reads_text(target)) return with_zone(text_to_any);
  if (to_text && !from_text && writes_text(source)) return with_zone(any_to_text);
  if (is_decimal_to_float(source, target)) return cast_to_nearest(target);
  if (source.IsJSONType() && (target.IsNumeric() || target.id() == LogicalTypeId::BOOLEAN)) {
    return BoundCastInfo(json_to_scalar);
  }
  return BoundCastInfo(nullptr);
}

// An integer becomes an oid bit by bit, as in PostgreSQL: -1 is the largest.
template <typename Integer>
bool integer_to_oid(duckdb::Vector& source, duckdb::Vector& result, idx_t count,
                    duckdb::CastParameters&) {
  duckdb::UnaryExecutor::Execute<Integer, uint32_t>(
      source, result, count, [](Integer value) { return static_cast<uint32_t>(value); });
  return true;
}

bool bigint_to_oid(duckdb::Vector& source, duckdb::Vector& result, idx_t count,
                   duckdb::CastParameters& parameters) {
  bool fits = true;
  duckdb::UnaryExecutor::ExecuteWithNulls<int64_t, uint32_t>(
      source, result, count, [&](int64_t value, duckdb::ValidityMask& valid, idx_t row) {
        if (std::in_range<uint32_t>(value)) return static_cast<uint32_t>(value);
        fits = false;
        valid.SetInvalid(row);
        return uint32_t{0};
      });
  // The engine may ask only whether it fits, and takes no exception for an answer then.
  if (!fits && parameters.error_message == nullptr) {
    raise(invalid("OID out of range").with_sqlstate("22003"));
  }
  return fits;
}

// Functions of integers take oids and mz_timestamps, and the other way round.
void register_alias(duckdb::CastFunctionSet& casts, const LogicalType& base, const char* alias) {
  LogicalType aliased = base;
  aliased.SetAlias(alias);
  casts.RegisterCastFunction(aliased, base, duckdb::DefaultCasts::ReinterpretCast, 1);
  casts.RegisterCastFunction(base, aliased, duckdb::DefaultCasts::ReinterpretCast, 1);
  duckdb::CastFunctionSet defaults;
  duckdb::GetCastFunctionInput no_context;
  if (base.id() == LogicalTypeId::UINTEGER) {
    casts.RegisterCastFunction(LogicalType::SMALLINT, aliased, integer_to_oid<int16_t>);
    casts.RegisterCastFunction(LogicalType::INTEGER, aliased, integer_to_oid<int32_t>, 50);
    casts.RegisterCastFunction(LogicalType::BIGINT, aliased, bigint_to_oid, 50);
  } else {
    for (const LogicalTypeId other : {LogicalTypeId::INTEGER, LogicalTypeId::BIGINT}) {
      casts.RegisterCastFunction(other, aliased, defaults.GetCastFunction(other, base, no_context),
                                 50);
    }
  }
  for (const LogicalTypeId other : {LogicalTypeId::BIGINT, LogicalTypeId::HUGEINT}) {
    casts.RegisterCastFunction(aliased, other, defaults.GetCastFunction(base, other, no_context),
                               1000);
  }
}

}  // namespace

void register_casts(duckdb::DatabaseInstance& database) {
  auto& casts = duckdb::CastFunctionSet::Get(database);
  register_alias(casts, LogicalType::UINTEGER, "oid");
  register_alias(casts, LogicalType::UBIGINT, "mz_timestamp");
  bind_functions_of(casts).emplace_back(bind_cast);
}

}  // namespace sluice::engine::functions
