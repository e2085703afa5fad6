#include "engine/push/pieces.h"

#include <algorithm>

namespace sluice::engine {
namespace {

size_t text_bytes(Vector& vector, size_t rows) {
  duckdb::UnifiedVectorFormat format;
  vector.ToUnifiedFormat(rows, format);
  const auto* const texts = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
  size_t bytes = 0;
  if (!format.sel->IsSet() && format.validity.AllValid()) {
    for (size_t row = 0; row < rows; ++row) bytes += texts[row].GetSize();
    return bytes;
  }
  for (size_t row = 0; row < rows; ++row) {
    const size_t index = format.sel->get_index(row);
    if (format.validity.RowIsValid(index)) bytes += texts[index].GetSize();
  }
  return bytes;
}

size_t vector_bytes(Vector& vector, size_t rows) {
  const LogicalType& type = vector.GetType();
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
        bytes += vector_bytes(*field.get(), rows);
      }
      return bytes;
    default:
      return bytes;
  }
}

}  // namespace

size_t approximate_bytes(Chunk& chunk) {
  size_t bytes = 0;
  for (Vector& column : chunk.data) bytes += vector_bytes(column, chunk.size());
  return bytes;
}

Pieces::Pieces(Chunk& chunk, size_t piece_bytes) : chunk_(&chunk) {
  const size_t rows = chunk.size();
  if (rows == 0) return;
  const size_t bytes = approximate_bytes(chunk);
  pieces_ = bytes <= piece_bytes ? 1 : std::min(rows, bytes / piece_bytes + 1);
}

Chunk* Pieces::next() {
  if (next_ == pieces_) return nullptr;
  const size_t rows = chunk_->size();
  const size_t begin = rows * next_ / pieces_;
  const size_t end = rows * ++next_ / pieces_;
  if (pieces_ == 1) return chunk_;
  piece_ = std::make_unique<Chunk>();
  piece_->InitializeEmpty(chunk_->GetTypes());
  piece_->Reference(*chunk_);
  piece_->Slice(duckdb::SelectionVector(begin, end - begin), end - begin);
  return piece_.get();
}

Status for_each_piece(Chunk& chunk, size_t piece_bytes, const std::function<Status(Chunk&)>& work) {
  Pieces pieces(chunk, piece_bytes);
  while (Chunk* const piece = pieces.next()) TRY(work(*piece));
  return ok();
}

}  // namespace sluice::engine
