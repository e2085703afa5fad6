#include "engine/row_codec.h"

#include <duckdb/common/allocator.hpp>
#include <duckdb/common/serializer/binary_deserializer.hpp>
#include <duckdb/common/serializer/binary_serializer.hpp>
#include <duckdb/common/serializer/memory_stream.hpp>

#include "engine/engine.h"

namespace sluice::engine {
namespace {

duckdb::MemoryStream reading(std::string_view bytes) {
  // The stream only reads, though its type can't say so.
  auto* data = const_cast<char*>(bytes.data());
  return duckdb::MemoryStream(reinterpret_cast<duckdb::data_ptr_t>(data), bytes.size());
}

// A nested or string vector's bytes beyond its fixed part.
uint64_t variable_bytes(const Vector& vector, size_t count) {
  const auto physical = vector.GetType().InternalType();
  if (physical == duckdb::PhysicalType::VARCHAR) {
    if (vector.GetVectorType() != duckdb::VectorType::FLAT_VECTOR) return count * 16;
    const auto* strings = duckdb::FlatVector::GetData<duckdb::string_t>(vector);
    const auto& validity = duckdb::FlatVector::Validity(vector);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      if (validity.RowIsValid(i) && !strings[i].IsInlined()) bytes += strings[i].GetSize();
    }
    return bytes;
  }
  if (vector.GetVectorType() != duckdb::VectorType::FLAT_VECTOR) return count * 16;
  if (physical == duckdb::PhysicalType::STRUCT) {
    uint64_t bytes = 0;
    for (const auto& child : duckdb::StructVector::GetEntries(vector)) {
      bytes += variable_bytes(*child.get(), count) + count * 8;
    }
    return bytes;
  }
  if (physical == duckdb::PhysicalType::LIST) {
    const size_t size = duckdb::ListVector::GetListSize(vector);
    return variable_bytes(duckdb::ListVector::GetEntry(vector), size) + size * 8;
  }
  return 0;
}

}  // namespace

std::string encode_shape(const Shape& shape) {
  duckdb::MemoryStream stream;
  duckdb::BinarySerializer serializer(stream);
  serializer.Begin();
  const duckdb::vector<std::string> names(shape.names.begin(), shape.names.end());
  const duckdb::vector<LogicalType> types(shape.types.begin(), shape.types.end());
  serializer.WriteProperty(100, "names", names);
  serializer.WriteProperty(101, "types", types);
  serializer.End();
  return {reinterpret_cast<const char*>(stream.GetData()), stream.GetPosition()};
}

Result<Shape> decode_shape(std::string_view bytes) {
  try {
    auto stream = reading(bytes);
    duckdb::BinaryDeserializer deserializer(stream);
    deserializer.Begin();
    const auto names = deserializer.ReadProperty<duckdb::vector<std::string>>(100, "names");
    const auto types = deserializer.ReadProperty<duckdb::vector<LogicalType>>(101, "types");
    deserializer.End();
    return Shape{{names.begin(), names.end()}, {types.begin(), types.end()}};
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

Status encode_rows(const Chunk& rows, std::string& out) {
  try {
    duckdb::MemoryStream stream;
    duckdb::BinarySerializer serializer(stream);
    serializer.Begin();
    serializer.WriteList(100, "columns", rows.ColumnCount(), [&](auto& list, duckdb::idx_t column) {
      list.WriteObject([&](duckdb::Serializer& object) {
        // A reference, since serializing may change a vector's form.
        Vector vector(rows.data[column].GetType());
        vector.Reference(rows.data[column]);
        vector.Serialize(object, rows.size());
      });
    });
    serializer.End();
    out.append(reinterpret_cast<const char*>(stream.GetData()), stream.GetPosition());
    return ok();
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

Status decode_rows(std::string_view bytes, const std::vector<LogicalType>& types, size_t count,
                   Chunk& rows) {
  try {
    initialize(rows, types, count);
    auto stream = reading(bytes);
    duckdb::BinaryDeserializer deserializer(stream);
    deserializer.Begin();
    deserializer.ReadList(100, "columns", [&](auto& list, duckdb::idx_t column) {
      list.ReadObject([&](duckdb::Deserializer& object) {
        if (column >= rows.ColumnCount()) throw duckdb::SerializationException("too many columns");
        rows.data[column].Deserialize(object, count);
      });
    });
    deserializer.End();
    rows.SetCardinality(count);
    return ok();
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

void initialize(Chunk& chunk, const std::vector<LogicalType>& types, size_t rows) {
  const duckdb::vector<LogicalType> copied(types.begin(), types.end());
  if (copied.empty()) return;
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), copied, std::max<size_t>(rows, 1));
}

void append_rows(const Chunk& rows, Chunk& to, const duckdb::SelectionVector* selection,
                 size_t count) {
  const size_t added = selection == nullptr ? rows.size() : count;
  for (size_t column = 0; column < to.ColumnCount(); ++column) {
    if (selection == nullptr) {
      duckdb::VectorOperations::Copy(rows.data[column], to.data[column], added, 0, to.size());
    } else {
      duckdb::VectorOperations::Copy(rows.data[column], to.data[column], *selection, added, 0,
                                     to.size());
    }
  }
  to.SetCardinality(to.size() + added);
}

uint64_t memory_bytes(const Chunk& rows) {
  uint64_t bytes = 64;
  for (const Vector& vector : rows.data) {
    const auto physical = vector.GetType().InternalType();
    bytes +=
        64 + rows.size() * duckdb::GetTypeIdSize(physical) + variable_bytes(vector, rows.size());
  }
  return bytes;
}

}  // namespace sluice::engine
