#include "dataflow/batch.h"

#include "arrangement/hash.h"
#include "engine/row_codec.h"

namespace sluice::dataflow {

size_t row_count(const Delta& delta) {
  size_t rows = 0;
  for (const BatchPtr& batch : delta) rows += batch->size();
  return rows;
}

BatchPtr select_rows(Batch& batch, const std::vector<uint32_t>& chosen) {
  auto result = std::make_shared<Batch>();
  duckdb::SelectionVector selection(chosen.size());
  result->weights.reserve(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    selection.set_index(i, chosen[i]);
    result->weights.push_back(batch.weights[chosen[i]]);
  }
  result->rows.InitializeEmpty(batch.rows.GetTypes());
  result->rows.Slice(batch.rows, selection, chosen.size());
  result->rows.SetCardinality(chosen.size());
  return result;
}

void settle(Batch& batch) {
  for (engine::Vector& vector : batch.rows.data) {
    const bool is_dictionary = vector.GetVectorType() == duckdb::VectorType::DICTIONARY_VECTOR;
    const duckdb::VectorType type = is_dictionary
                                        ? duckdb::DictionaryVector::Child(vector).GetVectorType()
                                        : vector.GetVectorType();
    const bool is_settled = type == duckdb::VectorType::FLAT_VECTOR ||
                            (type == duckdb::VectorType::CONSTANT_VECTOR && !is_dictionary);
    if (!is_settled) vector.Flatten(batch.size());
  }
}

void Sums::grow() {
  std::vector<uint32_t> slots(std::max<size_t>(slots_.size() * 2, 16), 0);
  for (size_t i = 0; i < hashes_.size(); ++i) {
    size_t slot = hashes_[i] & (slots.size() - 1);
    while (slots[slot] != 0) slot = (slot + 1) & (slots.size() - 1);
    slots[slot] = static_cast<uint32_t>(i + 1);
  }
  slots_.swap(slots);
}

void Sums::add(std::string_view row, int64_t weight) {
  if ((weights_.size() + 1) * 2 > slots_.size()) grow();
  const uint64_t hash = arrangement::hash_bytes(row);
  size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const size_t index = slots_[slot] - 1;
    if (hashes_[index] != hash || rows_[index] != row) continue;
    weights_[index] += weight;
    return;
  }
  rows_.push_back(row);
  weights_.push_back(weight);
  hashes_.push_back(hash);
  slots_[slot] = static_cast<uint32_t>(weights_.size());
}

Delta rows_from(const Sums& sums, const arrangement::RowCodec& codec) {
  const std::vector<size_t> columns = all_columns(codec.types().size());
  Delta result;
  std::vector<std::string_view> rows;
  std::vector<int64_t> weights;
  for (size_t i = 0; i < sums.size(); ++i) {
    if (sums.weight(i) != 0) {
      rows.push_back(sums.row(i));
      weights.push_back(sums.weight(i));
    }
    if (rows.empty() || (rows.size() < kBatchRows && i + 1 < sums.size())) continue;
    auto batch = std::make_shared<Batch>();
    engine::initialize(batch->rows, codec.types(), rows.size());
    codec.decode(rows, columns, batch->rows);
    batch->rows.SetCardinality(rows.size());
    batch->weights.swap(weights);
    result.push_back(std::move(batch));
    rows.clear();
    weights.clear();
  }
  return result;
}

Delta consolidate(const Delta& delta, const std::vector<engine::LogicalType>& types) {
  if (row_count(delta) <= 1) return delta;
  const arrangement::RowCodec codec(types, arrangement::Form::kExact);
  const std::vector<size_t> columns = all_columns(types.size());
  Sums sums;
  arrangement::ByteRows bytes;
  for (const BatchPtr& batch : delta) {
    bytes.clear();
    codec.encode(batch->rows, columns, bytes);
    for (size_t row = 0; row < batch->size(); ++row) sums.add(bytes[row], batch->weights[row]);
  }
  return rows_from(sums, codec);
}

std::vector<size_t> all_columns(size_t count) {
  std::vector<size_t> columns(count);
  for (size_t i = 0; i < count; ++i) columns[i] = i;
  return columns;
}

}  // namespace sluice::dataflow
