// Rows in memory: immutable batches of at most 2048 rows, each row with its id and the time at
// which it was added.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "collection/deletions.h"
#include "engine/engine.h"

namespace sluice::collection {

// Immutable once it is shared; safe from any thread then.
struct Batch {
  engine::Chunk rows;
  std::vector<int64_t> row_ids;
  std::vector<int64_t> times;
  uint64_t bytes = 0;
  int64_t last_time = 0;

  size_t size() const { return row_ids.size(); }
  void set_time(int64_t time);  // before it is shared
};
// Shared by the collection and by every snapshot that reads it.
using BatchPtr = std::shared_ptr<const Batch>;

// Batches with all rows of `from` that are in `keep` (all, when it is not given), in order.
std::vector<std::shared_ptr<Batch>> packed(const std::vector<BatchPtr>& from,
                                           const std::vector<engine::LogicalType>& types,
                                           const std::function<bool(const Batch&, size_t)>& keep);

// Merges small batches at the end of `batches` so that a thousand one-row commits are not a
// thousand batches; those before `frozen` stay as they are. Each row is copied a few times at most.
void coalesce(std::vector<BatchPtr>& batches, size_t frozen,
              const std::vector<engine::LogicalType>& types);

// The rows of some batches that were added at or before a time and are not deleted. Two more
// columns, BIGINT, are row_id and added_at.
class BatchRows final : public engine::RowSource {
 public:
  BatchRows(const engine::Shape& shape, std::vector<BatchPtr> batches, int64_t time,
            DeletionSet deleted);
  const engine::Shape& shape() const override { return shape_; }
  uint64_t row_count() const override { return row_count_; }
  size_t batch_count() const override { return batches_.size(); }
  size_t read(size_t batch, size_t first, std::span<const size_t> columns,
              engine::Chunk& out) const override;

 private:
  engine::Shape shape_;
  const std::vector<BatchPtr> batches_;
  const int64_t time_;
  const DeletionSet deleted_;
  uint64_t row_count_ = 0;
};

}  // namespace sluice::collection
