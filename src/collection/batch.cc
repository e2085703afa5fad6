#include "collection/batch.h"

#include <array>

#include "engine/row_codec.h"

namespace sluice::collection {
namespace {

constexpr size_t kFullBatch = STANDARD_VECTOR_SIZE;
// So many batches of about one size become one of the next size.
constexpr size_t kMergeWidth = 8;

// 0 for 1 to 7 rows, 1 for 8 to 63 …
int level(size_t rows) {
  int result = 0;
  for (; rows >= kMergeWidth; rows /= kMergeWidth) ++result;
  return result;
}

std::shared_ptr<Batch> empty_batch(const std::vector<engine::LogicalType>& types, size_t rows) {
  auto batch = std::make_shared<Batch>();
  engine::initialize(batch->rows, types, rows);
  batch->row_ids.reserve(rows);
  batch->times.reserve(rows);
  return batch;
}

}  // namespace

void Batch::set_time(int64_t time) {
  times.assign(row_ids.size(), time);
  last_time = time;
}

std::vector<std::shared_ptr<Batch>> packed(const std::vector<BatchPtr>& from,
                                           const std::vector<engine::LogicalType>& types,
                                           const std::function<bool(const Batch&, size_t)>& keep) {
  size_t left = 0;
  for (const BatchPtr& batch : from) left += batch->size();
  std::vector<std::shared_ptr<Batch>> result;
  duckdb::SelectionVector selection(kFullBatch);
  size_t room = 0;
  for (const BatchPtr& batch : from) {
    size_t row = 0;
    while (row < batch->size()) {
      if (room == 0) {
        room = std::min(left, kFullBatch);
        result.push_back(empty_batch(types, room));
      }
      Batch& to = *result.back();
      size_t count = 0;
      for (; row < batch->size() && count < room; ++row) {
        --left;
        if (keep && !keep(*batch, row)) continue;
        selection.set_index(count++, row);
        to.row_ids.push_back(batch->row_ids[row]);
        to.times.push_back(batch->times[row]);
        to.last_time = std::max(to.last_time, batch->times[row]);
      }
      engine::append_rows(batch->rows, to.rows, &selection, count);
      room -= count;
    }
  }
  std::erase_if(result, [](const auto& batch) { return batch->size() == 0; });
  for (const auto& batch : result) {
    batch->rows.SetCardinality(batch->size());
    batch->bytes = engine::memory_bytes(batch->rows) + batch->size() * 16;
  }
  return result;
}

void coalesce(std::vector<BatchPtr>& batches, size_t frozen,
              const std::vector<engine::LogicalType>& types) {
  while (batches.size() >= frozen + kMergeWidth) {
    const size_t first = batches.size() - kMergeWidth;
    const int last_level = level(batches.back()->size());
    size_t rows = 0;
    for (size_t i = first; i < batches.size(); ++i) {
      rows += batches[i]->size();
      if (level(batches[i]->size()) != last_level) return;
    }
    if (rows > kFullBatch) return;
    const auto at = batches.begin() + static_cast<ptrdiff_t>(first);
    auto merged = packed({at, batches.end()}, types, nullptr);
    batches.erase(at, batches.end());
    batches.insert(batches.end(), merged.begin(), merged.end());
  }
}

BatchRows::BatchRows(const engine::Shape& shape, std::vector<BatchPtr> batches, int64_t time,
                     DeletionSet deleted)
    : batches_(std::move(batches)), time_(time), deleted_(std::move(deleted)) {
  for (size_t i = 0; i < shape.types.size(); ++i) {
    shape_.names.push_back(fmt::format("c{}", i));
    shape_.types.push_back(shape.types[i]);
  }
  for (const char* name : {"row_id", "added_at"}) {
    shape_.names.emplace_back(name);
    shape_.types.push_back(engine::LogicalType::BIGINT);
  }
  for (const BatchPtr& batch : batches_) row_count_ += batch->size();
}

size_t BatchRows::read(size_t number, size_t first, std::span<const size_t> columns,
                       engine::Chunk& out) const {
  const Batch& batch = *batches_[number];
  if (first >= batch.size()) return 0;
  std::array<bool, kFullBatch> live;
  deleted_.test(batch.row_ids, live.data());
  duckdb::SelectionVector selection(kFullBatch);
  size_t count = 0;
  for (size_t row = 0; row < batch.size(); ++row) {
    if (live[row] && batch.times[row] <= time_) selection.set_index(count++, row);
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] + 2 >= shape_.types.size()) {
      const auto& from = columns[i] + 2 == shape_.types.size() ? batch.row_ids : batch.times;
      auto* numbers = duckdb::FlatVector::GetData<int64_t>(out.data[i]);
      for (size_t row = 0; row < count; ++row) numbers[row] = from[selection.get_index(row)];
    } else if (count == batch.size()) {
      out.data[i].Reference(batch.rows.data[columns[i]]);
    } else {
      out.data[i].Slice(batch.rows.data[columns[i]], selection, count);
    }
  }
  out.SetCardinality(count);
  return batch.size();
}

}  // namespace sluice::collection
