#include "arrangement/row_bytes.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "base/check.h"
#include "engine/row_codec.h"

namespace sluice::arrangement {
namespace {

using duckdb::PhysicalType;
using engine::LogicalType;
using engine::Vector;

bool is_nested(PhysicalType type) {
  return type == PhysicalType::LIST || type == PhysicalType::STRUCT || type == PhysicalType::ARRAY;
}

// Whether the key form of a value of fixed width may be other bytes than the value.
bool is_normalized(PhysicalType type) {
  return type == PhysicalType::FLOAT || type == PhysicalType::DOUBLE ||
         type == PhysicalType::INTERVAL || type == PhysicalType::BOOL;
}

template <typename T>
void store_float(const char* from, char* to) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if (std::isnan(value)) value = std::numeric_limits<T>::quiet_NaN();
  if (value == 0) value = 0;
  std::memcpy(to, &value, sizeof value);
}

// Writes the key form of the value at `from`.
void store_normalized(PhysicalType type, const char* from, char* to) {
  switch (type) {
    case PhysicalType::FLOAT:
      return store_float<float>(from, to);
    case PhysicalType::DOUBLE:
      return store_float<double>(from, to);
    case PhysicalType::INTERVAL: {
      duckdb::interval_t value;
      std::memcpy(&value, from, sizeof value);
      value = value.Normalize();
      std::memcpy(to, &value, sizeof value);
      return;
    }
    default:
      *to = *from == 0 ? '\0' : '\1';
  }
}

size_t length_bytes(size_t length) {
  size_t bytes = 1;
  for (; length >= 0x80; length >>= 7) ++bytes;
  return bytes;
}

char* put_length(char* to, size_t length) {
  for (; length >= 0x80; length >>= 7) *to++ = static_cast<char>(length | 0x80);
  *to++ = static_cast<char>(length);
  return to;
}

size_t take_length(const char*& from) {
  size_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*from++);
    length |= static_cast<size_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return length;
  }
}

void append_length(std::string& out, size_t length) {
  char buffer[10];
  out.append(buffer, static_cast<size_t>(put_length(buffer, length) - buffer));
}

// ---- nested values, one by one, over vectors that are flat all the way down

void append_value(Vector& vector, size_t index, Form form, std::string& out);

void append_element(Vector& vector, size_t index, Form form, std::string& out) {
  const bool valid = duckdb::FlatVector::Validity(vector).RowIsValid(index);
  out.push_back(valid ? '\0' : '\1');
  if (valid) append_value(vector, index, form, out);
}

void append_value(Vector& vector, size_t index, Form form, std::string& out) {
  const PhysicalType type = vector.GetType().InternalType();
  const auto* data = reinterpret_cast<const char*>(duckdb::FlatVector::GetData(vector));
  if (const size_t width = fixed_width(type); width > 0) {
    const char* value = data + index * width;
    char normalized[16];
    if (form == Form::kKey && is_normalized(type)) {
      store_normalized(type, value, normalized);
      value = normalized;
    }
    out.append(value, width);
  } else if (type == PhysicalType::VARCHAR) {
    const auto& string = reinterpret_cast<const duckdb::string_t*>(data)[index];
    append_length(out, string.GetSize());
    out.append(string.GetData(), string.GetSize());
  } else if (type == PhysicalType::LIST) {
    const auto& entry = reinterpret_cast<const duckdb::list_entry_t*>(data)[index];
    append_length(out, entry.length);
    Vector& child = duckdb::ListVector::GetEntry(vector);
    for (size_t i = 0; i < entry.length; ++i) append_element(child, entry.offset + i, form, out);
  } else if (type == PhysicalType::STRUCT) {
    for (const auto& child : duckdb::StructVector::GetEntries(vector)) {
      append_element(*child, index, form, out);
    }
  } else {
    CHECK(type == PhysicalType::ARRAY);
    const size_t size = duckdb::ArrayType::GetSize(vector.GetType());
    Vector& child = duckdb::ArrayVector::GetEntry(vector);
    for (size_t i = 0; i < size; ++i) append_element(child, index * size + i, form, out);
  }
}

void take_value(const char*& from, Vector& vector, size_t index);

void take_element(const char*& from, Vector& vector, size_t index) {
  if (*from++ != '\0') {
    duckdb::FlatVector::SetNull(vector, index, true);
  } else {
    take_value(from, vector, index);
  }
}

void take_value(const char*& from, Vector& vector, size_t index) {
  const PhysicalType type = vector.GetType().InternalType();
  auto* data = reinterpret_cast<char*>(duckdb::FlatVector::GetData(vector));
  if (const size_t width = fixed_width(type); width > 0) {
    std::memcpy(data + index * width, from, width);
    from += width;
  } else if (type == PhysicalType::VARCHAR) {
    const size_t length = take_length(from);
    reinterpret_cast<duckdb::string_t*>(data)[index] =
        duckdb::StringVector::AddStringOrBlob(vector, from, length);
    from += length;
  } else if (type == PhysicalType::LIST) {
    const size_t length = take_length(from);
    const size_t offset = duckdb::ListVector::GetListSize(vector);
    duckdb::ListVector::Reserve(vector, offset + length);
    duckdb::ListVector::SetListSize(vector, offset + length);
    reinterpret_cast<duckdb::list_entry_t*>(data)[index] = {offset, length};
    Vector& child = duckdb::ListVector::GetEntry(vector);
    for (size_t i = 0; i < length; ++i) take_element(from, child, offset + i);
  } else if (type == PhysicalType::STRUCT) {
    for (auto& child : duckdb::StructVector::GetEntries(vector)) take_element(from, *child, index);
  } else {
    CHECK(type == PhysicalType::ARRAY);
    const size_t size = duckdb::ArrayType::GetSize(vector.GetType());
    Vector& child = duckdb::ArrayVector::GetEntry(vector);
    for (size_t i = 0; i < size; ++i) take_element(from, child, index * size + i);
  }
}

// ---- a column of a chunk, to be encoded

class Column {
 public:
  Column(const Vector& vector, size_t count, Form form)
      : type_(vector.GetType().InternalType()),
        width_(fixed_width(type_)),
        normalize_(form == Form::kKey && is_normalized(type_)) {
    if (is_nested(type_)) {
      // A copy is flat all the way down, whatever the vector is made of.
      engine::Chunk one;
      one.InitializeEmpty({vector.GetType()});
      one.data[0].Reference(vector);
      one.SetCardinality(count);
      engine::Chunk copy;
      engine::initialize(copy, {vector.GetType()}, count);
      engine::append_rows(one, copy);
      Vector& flat = copy.data[0];
      flat.ToUnifiedFormat(count, format_);
      for (size_t row = 0; row < count; ++row) {
        if (is_null(row) == 0) append_value(flat, row, form, nested_);
        nested_ends_.push_back(nested_.size());
      }
    } else {
      // A reference, since looking at a vector may change its form.
      Vector reference(vector.GetType(), nullptr);
      reference.Reference(vector);
      reference.ToUnifiedFormat(count, format_);
      kept_.emplace(std::move(reference));
    }
    all_valid_ = format_.validity.AllValid();
  }

  // 1 or 0, and no boolean: GCC 12 at -O2 was seen to compile comparisons of such wrongly.
  uint32_t is_null(size_t row) const {
    if (all_valid_) return 0;
    return format_.validity.RowIsValid(format_.sel->get_index(row)) ? 0U : 1U;
  }

  void add_sizes(std::span<size_t> sizes) const {
    for (size_t row = 0; row < sizes.size(); ++row) {
      if (is_null(row) != 0) continue;
      if (width_ > 0) {
        sizes[row] += width_;
      } else if (type_ == PhysicalType::VARCHAR) {
        const size_t length = string(row).GetSize();
        sizes[row] += length_bytes(length) + length;
      } else {
        sizes[row] += nested(row).size();
      }
    }
  }

  // Writes at the cursors and moves them on.
  void write(std::span<char*> cursors) const {
    switch (normalize_ ? 0 : width_) {
      case 1:
        return write_fixed<1>(cursors);
      case 2:
        return write_fixed<2>(cursors);
      case 4:
        return write_fixed<4>(cursors);
      case 8:
        return write_fixed<8>(cursors);
      case 16:
        return write_fixed<16>(cursors);
      default:
        break;
    }
    for (size_t row = 0; row < cursors.size(); ++row) {
      if (is_null(row) == 0) cursors[row] = write_one(row, cursors[row]);
    }
  }

 private:
  const char* data(size_t row) const {
    return reinterpret_cast<const char*>(format_.data) + format_.sel->get_index(row) * width_;
  }
  const duckdb::string_t& string(size_t row) const {
    return reinterpret_cast<const duckdb::string_t*>(format_.data)[format_.sel->get_index(row)];
  }
  std::string_view nested(size_t row) const {
    const size_t begin = row == 0 ? 0 : nested_ends_[row - 1];
    return std::string_view(nested_).substr(begin, nested_ends_[row] - begin);
  }

  template <size_t width>
  void write_fixed(std::span<char*> cursors) const {
    for (size_t row = 0; row < cursors.size(); ++row) {
      if (is_null(row) != 0) continue;
      std::memcpy(cursors[row], data(row), width);
      cursors[row] += width;
    }
  }

  char* write_one(size_t row, char* to) const {
    if (width_ > 0) {
      store_normalized(type_, data(row), to);
      return to + width_;
    }
    std::string_view bytes;
    if (type_ == PhysicalType::VARCHAR) {
      bytes = {string(row).GetData(), string(row).GetSize()};
      to = put_length(to, bytes.size());
    } else {
      bytes = nested(row);
    }
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
  }

  const PhysicalType type_;
  const size_t width_;
  const bool normalize_;
  bool all_valid_ = false;
  duckdb::UnifiedVectorFormat format_;
  std::optional<Vector> kept_;
  std::string nested_;
  std::vector<size_t> nested_ends_;
};

// ---- decoding

uint32_t null_bit(const char* row, size_t column) {
  return (static_cast<uint32_t>(static_cast<unsigned char>(row[column >> 3])) >> (column & 7)) & 1U;
}

void skip_value(const char*& from, const LogicalType& type);

void skip_element(const char*& from, const LogicalType& type) {
  if (*from++ == '\0') skip_value(from, type);
}

void skip_value(const char*& from, const LogicalType& type) {
  const PhysicalType physical = type.InternalType();
  if (const size_t width = fixed_width(physical); width > 0) {
    from += width;
  } else if (physical == PhysicalType::VARCHAR) {
    const size_t length = take_length(from);
    from += length;
  } else if (physical == PhysicalType::LIST) {
    const LogicalType& child = duckdb::ListType::GetChildType(type);
    for (size_t left = take_length(from); left > 0; --left) skip_element(from, child);
  } else if (physical == PhysicalType::STRUCT) {
    for (const auto& child : duckdb::StructType::GetChildTypes(type)) {
      skip_element(from, child.second);
    }
  } else {
    const LogicalType& child = duckdb::ArrayType::GetChildType(type);
    for (size_t left = duckdb::ArrayType::GetSize(type); left > 0; --left) {
      skip_element(from, child);
    }
  }
}

template <size_t width>
void take_fixed(std::span<const std::string_view> rows, size_t column,
                std::span<const char*> cursors, char* data, duckdb::ValidityMask& validity) {
  for (size_t row = 0; row < rows.size(); ++row) {
    if (null_bit(rows[row].data(), column) != 0) {
      validity.SetInvalid(row);
      std::memset(data + row * width, 0, width);
      continue;
    }
    std::memcpy(data + row * width, cursors[row], width);
    cursors[row] += width;
  }
}

void take_column(std::span<const std::string_view> rows, size_t column,
                 std::span<const char*> cursors, Vector& vector) {
  auto* data = reinterpret_cast<char*>(duckdb::FlatVector::GetData(vector));
  auto& validity = duckdb::FlatVector::Validity(vector);
  switch (fixed_width(vector.GetType().InternalType())) {
    case 1:
      return take_fixed<1>(rows, column, cursors, data, validity);
    case 2:
      return take_fixed<2>(rows, column, cursors, data, validity);
    case 4:
      return take_fixed<4>(rows, column, cursors, data, validity);
    case 8:
      return take_fixed<8>(rows, column, cursors, data, validity);
    case 16:
      return take_fixed<16>(rows, column, cursors, data, validity);
    default:
      break;
  }
  for (size_t row = 0; row < rows.size(); ++row) {
    if (null_bit(rows[row].data(), column) != 0) {
      duckdb::FlatVector::SetNull(vector, row, true);
    } else {
      take_value(cursors[row], vector, row);
    }
  }
}

}  // namespace

size_t fixed_width(PhysicalType type) {
  switch (type) {
    case PhysicalType::BOOL:
    case PhysicalType::INT8:
    case PhysicalType::UINT8:
      return 1;
    case PhysicalType::INT16:
    case PhysicalType::UINT16:
      return 2;
    case PhysicalType::INT32:
    case PhysicalType::UINT32:
    case PhysicalType::FLOAT:
      return 4;
    case PhysicalType::INT64:
    case PhysicalType::UINT64:
    case PhysicalType::DOUBLE:
      return 8;
    case PhysicalType::INT128:
    case PhysicalType::UINT128:
    case PhysicalType::INTERVAL:
      return 16;
    default:
      return 0;
  }
}

RowCodec::RowCodec(std::vector<LogicalType> types, Form form)
    : types_(std::move(types)), form_(form) {}

void RowCodec::encode(const engine::Chunk& rows, std::span<const size_t> columns,
                      ByteRows& out) const {
  CHECK(columns.size() == types_.size());
  const size_t count = rows.size();
  const size_t null_bytes = (columns.size() + 7) / 8;
  std::vector<Column> encoded;
  encoded.reserve(columns.size());
  std::vector<size_t> sizes(count, null_bytes);
  for (const size_t column : columns) {
    encoded.emplace_back(rows.data[column], count, form_);
    encoded.back().add_sizes(sizes);
  }
  size_t end = out.bytes.size();
  std::vector<size_t> begins(count);
  out.ends.reserve(out.ends.size() + count);
  for (size_t row = 0; row < count; ++row) {
    begins[row] = end;
    end += sizes[row];
    out.ends.push_back(end);
  }
  out.bytes.resize(end);
  std::vector<char*> cursors(count);
  for (size_t row = 0; row < count; ++row) {
    cursors[row] = out.bytes.data() + begins[row] + null_bytes;
  }
  for (size_t i = 0; i < encoded.size(); ++i) {
    for (size_t row = 0; row < count; ++row) {
      char& byte = out.bytes[begins[row] + (i >> 3)];
      byte = static_cast<char>(static_cast<unsigned char>(byte) |
                               (encoded[i].is_null(row) << (i & 7)));
    }
    encoded[i].write(cursors);
  }
}

void RowCodec::decode(std::span<const std::string_view> rows, std::span<const size_t> columns,
                      engine::Chunk& out) const {
  CHECK(columns.size() == types_.size());
  const size_t null_bytes = (columns.size() + 7) / 8;
  std::vector<const char*> cursors(rows.size());
  for (size_t row = 0; row < rows.size(); ++row) cursors[row] = rows[row].data() + null_bytes;
  // What lies behind the last column that is wanted need not be walked over.
  size_t wanted = columns.size();
  while (wanted > 0 && columns[wanted - 1] == kNoColumn) --wanted;
  for (size_t i = 0; i < wanted; ++i) {
    if (columns[i] != kNoColumn) {
      take_column(rows, i, cursors, out.data[columns[i]]);
      continue;
    }
    for (size_t row = 0; row < rows.size(); ++row) {
      if (null_bit(rows[row].data(), i) == 0) skip_value(cursors[row], types_[i]);
    }
  }
}

bool has_equal_values_that_differ(const LogicalType& type) {
  switch (type.InternalType()) {
    case PhysicalType::FLOAT:
    case PhysicalType::DOUBLE:
    case PhysicalType::INTERVAL:
      return true;
    case PhysicalType::LIST:
      return has_equal_values_that_differ(duckdb::ListType::GetChildType(type));
    case PhysicalType::ARRAY:
      return has_equal_values_that_differ(duckdb::ArrayType::GetChildType(type));
    case PhysicalType::STRUCT:
      for (const auto& child : duckdb::StructType::GetChildTypes(type)) {
        if (has_equal_values_that_differ(child.second)) return true;
      }
      return false;
    default:
      return false;
  }
}

}  // namespace sluice::arrangement
