#include "parquet/schema.h"

namespace sluice::parquet {
namespace {

enum Repetition { kRequired = 0, kOptional = 1, kRepeated = 2 };
constexpr int kNoConvertedType = -1;
constexpr int kConvertedMap = 1;
constexpr int kConvertedList = 3;
// Levels are kept in bytes, and a list takes two of them.
constexpr int kMaxLevel = 250;

size_t elements(const Field& field) {
  size_t count = 1;
  if (field.kind == FieldKind::kList || field.kind == FieldKind::kMap) ++count;
  for (const Field& child : field.children) count += elements(child);
  return count;
}

// What readers that do not know logical types look at.
int converted_type(const Field& field) {
  switch (field.meaning) {
    case Meaning::kNone:
    case Meaning::kUuid:
      return kNoConvertedType;
    case Meaning::kString:
      return 0;
    case Meaning::kDecimal:
      return 5;
    case Meaning::kDate:
      return 6;
    case Meaning::kTimeMicros:
      return 8;
    case Meaning::kTimestampMicros:
      return 10;
    case Meaning::kInteger: {
      const int size = field.bits == 8 ? 0 : field.bits == 16 ? 1 : field.bits == 32 ? 2 : 3;
      return (field.is_signed ? 15 : 11) + size;
    }
    case Meaning::kJson:
      return 19;
    case Meaning::kInterval:
      return 21;
  }
  return kNoConvertedType;
}

void write_unit_of_time(const Field& field, int id, Thrift& out) {
  constexpr int kMicros = 2;
  out.begin_struct(id);
  out.boolean(1, field.is_utc);
  out.begin_struct(2);
  out.empty_struct(kMicros);
  out.end();
  out.end();
}

// The member of the union LogicalType. An interval has none.
void write_logical_type(const Field& field, Thrift& out) {
  constexpr int kLogicalType = 10;
  if (field.meaning == Meaning::kNone || field.meaning == Meaning::kInterval) return;
  out.begin_struct(kLogicalType);
  switch (field.meaning) {
    case Meaning::kNone:
    case Meaning::kInterval:
      break;
    case Meaning::kString:
      out.empty_struct(1);
      break;
    case Meaning::kDecimal:
      out.begin_struct(5);
      out.i32(1, field.scale);
      out.i32(2, field.precision);
      out.end();
      break;
    case Meaning::kDate:
      out.empty_struct(6);
      break;
    case Meaning::kTimeMicros:
      write_unit_of_time(field, 7, out);
      break;
    case Meaning::kTimestampMicros:
      write_unit_of_time(field, 8, out);
      break;
    case Meaning::kInteger:
      out.begin_struct(10);
      out.byte(1, static_cast<int8_t>(field.bits));
      out.boolean(2, field.is_signed);
      out.end();
      break;
    case Meaning::kJson:
      out.empty_struct(12);
      break;
    case Meaning::kUuid:
      out.empty_struct(14);
      break;
  }
  out.end();
}

void write_group(const std::string& name, Repetition repetition, size_t children, Thrift& out) {
  out.i32(3, repetition);
  out.binary(4, name);
  out.i32(5, static_cast<int64_t>(children));
}

void write_leaf(const Field& field, Thrift& out) {
  out.i32(1, static_cast<int64_t>(field.physical));
  if (field.physical == Physical::kFixed) out.i32(2, field.fixed_bytes);
  out.i32(3, field.nullable ? kOptional : kRequired);
  out.binary(4, field.name);
  if (const int type = converted_type(field); type != kNoConvertedType) out.i32(6, type);
  if (field.meaning == Meaning::kDecimal) {
    out.i32(7, field.scale);
    out.i32(8, field.precision);
  }
  if (field.id) out.i32(9, *field.id);
  write_logical_type(field, out);
}

void write_field(const Field& field, Thrift& out) {
  out.begin();
  if (field.kind == FieldKind::kLeaf) {
    write_leaf(field, out);
    return out.end();
  }
  const bool is_list = field.kind == FieldKind::kList;
  const bool repeats = is_list || field.kind == FieldKind::kMap;
  write_group(field.name, field.nullable ? kOptional : kRequired,
              repeats ? 1 : field.children.size(), out);
  if (repeats) out.i32(6, is_list ? kConvertedList : kConvertedMap);
  if (field.id) out.i32(9, *field.id);
  if (repeats) {
    constexpr int kLogicalMap = 2, kLogicalList = 3;
    out.begin_struct(10);
    out.empty_struct(is_list ? kLogicalList : kLogicalMap);
    out.end();
  }
  out.end();
  if (repeats) {
    out.begin();
    write_group(field.repeated_name, kRepeated, field.children.size(), out);
    out.end();
  }
  for (const Field& child : field.children) write_field(child, out);
}

Status collect(const Field& field, Leaf above, std::vector<Leaf>& leaves) {
  above.path.push_back(field.name);
  if (field.nullable) ++above.max_definition;
  if (field.kind == FieldKind::kLeaf) {
    above.field = &field;
    leaves.push_back(std::move(above));
    return ok();
  }
  if (field.kind == FieldKind::kList || field.kind == FieldKind::kMap) {
    above.path.push_back(field.repeated_name);
    ++above.max_definition;
    ++above.max_repetition;
  }
  if (above.max_definition > kMaxLevel) {
    return invalid("column \"{}\" is nested too deeply for Parquet", above.path.front())
        .with_sqlstate("0A000");
  }
  for (const Field& child : field.children) TRY(collect(child, above, leaves));
  return ok();
}

}  // namespace

Result<std::vector<Leaf>> leaves_of(const std::vector<Field>& fields) {
  std::vector<Leaf> leaves;
  for (const Field& field : fields) TRY(collect(field, {}, leaves));
  return leaves;
}

void write_schema(const std::vector<Field>& fields, int id, Thrift& out) {
  size_t count = 1;
  for (const Field& field : fields) count += elements(field);
  out.list_of_structs(id, count);
  out.begin();
  out.binary(4, "schema");
  out.i32(5, static_cast<int64_t>(fields.size()));
  out.end();
  for (const Field& field : fields) write_field(field, out);
}

}  // namespace sluice::parquet
