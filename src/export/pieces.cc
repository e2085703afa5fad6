#include "export/pieces.h"

#include <algorithm>

namespace sluice::exports {
namespace {

size_t text_bytes(engine::Vector& vector, size_t rows) {
  duckdb::UnifiedVectorFormat format;
  vector.ToUnifiedFormat(rows, format);
  const auto* const texts = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
  size_t bytes = 0;
  for (size_t row = 0; row < rows; ++row) {
    const size_t index = format.sel->get_index(row);
    if (format.validity.RowIsValid(index)) bytes += texts[index].GetSize();
  }
  return bytes;
}

size_t vector_bytes(engine::Vector& vector, size_t rows) {
  const engine::LogicalType& type = vector.GetType();
  size_t bytes = rows * duckdb::GetTypeIdSize(type.InternalType());
  switch (type.InternalType()) {
    case duckdb::PhysicalType::VARCHAR:
      return bytes + text_bytes(vector, rows);
    case duckdb::PhysicalType::LIST: {
      vector.Flatten(rows);
      const size_t items = duckdb::ListVector::GetListSize(vector);
      return bytes + vector_bytes(duckdb::ListVector::GetEntry(vector), items);
    }
    case duckdb::PhysicalType::STRUCT:
      vector.Flatten(rows);
      for (const auto& field : duckdb::StructVector::GetEntries(vector)) {
        bytes += vector_bytes(*field, rows);
      }
      return bytes;
    default:
      return bytes;
  }
}

}  // namespace

size_t approximate_bytes(engine::Chunk& chunk) {
  size_t bytes = 0;
  for (engine::Vector& column : chunk.data) bytes += vector_bytes(column, chunk.size());
  return bytes;
}

Status for_each_piece(engine::Chunk& chunk, size_t piece_bytes,
                      const std::function<Status(engine::Chunk&)>& work) {
  const size_t rows = chunk.size();
  if (rows == 0) return ok();
  const size_t bytes = approximate_bytes(chunk);
  if (bytes <= piece_bytes) return work(chunk);
  const size_t pieces = std::min(rows, bytes / piece_bytes + 1);
  for (size_t piece = 0; piece < pieces; ++piece) {
    const size_t begin = rows * piece / pieces;
    const size_t end = rows * (piece + 1) / pieces;
    engine::Chunk part;
    part.InitializeEmpty(chunk.GetTypes());
    part.Reference(chunk);
    part.Slice(duckdb::SelectionVector(begin, end - begin), end - begin);
    TRY(work(part));
  }
  return ok();
}

}  // namespace sluice::exports
