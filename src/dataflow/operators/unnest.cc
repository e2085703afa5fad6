#include "dataflow/operators/unnest.h"

#include <algorithm>

#include "engine/row_codec.h"

namespace sluice::dataflow {
namespace {

// A column of lists: where each row's elements are.
struct Lists {
  explicit Lists(const Batch& batch, size_t column)
      : vector(batch.rows.data[column].GetType(), nullptr) {
    vector.Reference(batch.rows.data[column]);
    vector.ToUnifiedFormat(batch.size(), format);
  }
  // Without elements for NULL.
  duckdb::list_entry_t entry(size_t row) const {
    const size_t at = format.sel->get_index(row);
    if (!format.validity.RowIsValid(at)) return {0, 0};
    return reinterpret_cast<const duckdb::list_entry_t*>(format.data)[at];
  }
  engine::Vector vector;
  duckdb::UnifiedVectorFormat format;
};

// The elements at `chosen` of a list vector's child, NULL where it is npos.
void copy_elements(engine::Vector& child, const std::vector<size_t>& chosen, engine::Chunk& out) {
  duckdb::SelectionVector selection(chosen.size());
  bool any = false;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const bool there = chosen[i] != arrangement::kNoColumn;
    selection.set_index(i, there ? chosen[i] : 0);
    any = any || there;
  }
  engine::initialize(out, {child.GetType()}, chosen.size());
  if (any) {
    engine::Chunk sliced;
    sliced.InitializeEmpty({child.GetType()});
    sliced.data[0].Slice(child, selection, chosen.size());
    sliced.SetCardinality(chosen.size());
    engine::append_rows(sliced, out);
  }
  out.SetCardinality(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] == arrangement::kNoColumn) duckdb::FlatVector::SetNull(out.data[0], i, true);
  }
}

}  // namespace

Delta UnnestOperator::step(std::span<const Delta* const> inputs) {
  Delta out;
  std::vector<Place> places;
  for (const BatchPtr& batch : *inputs[0]) {
    std::vector<uint64_t> longest(batch->size(), 0);
    for (const size_t column : node_.lists) {
      const Lists lists(*batch, column);
      for (size_t row = 0; row < batch->size(); ++row) {
        longest[row] = std::max<uint64_t>(longest[row], lists.entry(row).length);
      }
    }
    for (uint32_t row = 0; row < batch->size(); ++row) {
      for (uint64_t element = 0; element < longest[row]; ++element) {
        places.push_back({row, element});
        if (places.size() < kBatchRows) continue;
        out.push_back(rows_at(*batch, places));
        places.clear();
      }
    }
    if (!places.empty()) out.push_back(rows_at(*batch, places));
    places.clear();
  }
  return out;
}

BatchPtr UnnestOperator::rows_at(Batch& batch, const std::vector<Place>& places) const {
  std::vector<uint32_t> rows;
  rows.reserve(places.size());
  for (const Place& place : places) rows.push_back(place.row);
  const BatchPtr repeated = select_rows(batch, rows);
  auto made = std::make_shared<Batch>();
  made->rows.InitializeEmpty({node_.types.begin(), node_.types.end()});
  const size_t width = batch.rows.ColumnCount();
  for (size_t column = 0; column < width; ++column) {
    made->rows.data[column].Reference(repeated->rows.data[column]);
  }
  std::vector<size_t> chosen(places.size());
  for (size_t i = 0; i < node_.lists.size(); ++i) {
    Lists lists(batch, node_.lists[i]);
    for (size_t place = 0; place < places.size(); ++place) {
      const auto entry = lists.entry(places[place].row);
      const bool there = places[place].element < entry.length;
      chosen[place] = there ? entry.offset + places[place].element : arrangement::kNoColumn;
    }
    engine::Chunk elements;
    copy_elements(duckdb::ListVector::GetEntry(lists.vector), chosen, elements);
    made->rows.data[width + i].Reference(elements.data[0]);
  }
  made->rows.SetCardinality(places.size());
  made->weights = repeated->weights;
  return made;
}

}  // namespace sluice::dataflow
