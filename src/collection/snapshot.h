// Overlays of open transactions, and the rows of one collection at one time.
#pragma once

#include "collection/collection.h"

namespace sluice::collection {

// Rows of the overlay itself have negative ids, -1, -2, …
class RowOverlay final : public Overlay {
 public:
  explicit RowOverlay(engine::Shape shape) : shape_(std::move(shape)) {}
  Status append(engine::Chunk& rows) override;
  Status erase(std::span<const RowId> rows, bool* fresh) override;
  uint64_t bytes() const override { return bytes_; }

  const engine::Shape& shape() const { return shape_; }
  const std::vector<BatchPtr>& batches() const { return batches_; }
  const DeletionSet& erased() const { return erased_; }
  // Added and not erased again, as new batches.
  std::vector<std::shared_ptr<Batch>> live_batches() const;
  DeletionSet erased_rows() const;  // of the collection, not of the overlay
  int64_t row_change() const;       // by how many rows the collection grows

 private:
  const engine::Shape shape_;
  std::vector<BatchPtr> batches_;
  DeletionSet erased_;
  int64_t last_id_ = 0;
  uint64_t bytes_ = 0;
};

// Checks that `rows` have the columns of `shape`, whatever their types' aliases.
Status check_columns(const engine::Chunk& rows, const engine::Shape& shape);
// A batch with the rows of `rows`, copied into columns of `shape`; ids and times are not set.
std::shared_ptr<Batch> copied_batch(const engine::Chunk& rows, const engine::Shape& shape);

// `overlay` may be null; it is not looked at any more afterwards.
std::shared_ptr<const Snapshot> make_snapshot(engine::Engine& engine, const engine::Shape& shape,
                                              Time time, const RowOverlay* overlay,
                                              Collection::View view);

}  // namespace sluice::collection
