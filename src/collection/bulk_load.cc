#include "collection/bulk_load.h"

#include <numeric>

#include "collection/snapshot.h"

namespace sluice::collection {
namespace {

// Less than this, in fewer rows than load_from_rows, stays in memory and goes through the log, as
// any commit's: a file costs more.
constexpr uint64_t kSmallBytes = uint64_t{16} << 20;
// A file is closed past this, so that rewriting one for its deletions stays cheap. Not earlier,
// since each file costs a query about 0.1 ms of planning: as much as a selective one takes
// altogether.
constexpr uint64_t kSegmentRows = 16'000'000;

class Load final : public BulkLoad {
 public:
  Load(State& state, CollectionId id, const engine::Shape& shape)
      : state_(state),
        row_ids_(state.row_ids(id)),
        loaded_(std::make_shared<LoadedRows>(id, shape)) {}

  Status append(engine::Chunk& rows, std::stop_token stop) override {
    if (stop.stop_requested()) return cancelled();
    if (rows.size() == 0) return ok();
    TRY(check_columns(rows, loaded_->shape));
    rows_ += rows.size();
    if (!large_) {
      auto batch = copied_batch(rows, loaded_->shape);
      batch->row_ids.resize(rows.size());
      batch->set_time(0);
      bytes_ += batch->bytes;
      loaded_->batches.push_back(std::move(batch));
      if (rows_ < state_.options.load_from_rows && bytes_ < kSmallBytes) return ok();
      large_ = true;
      for (const BatchPtr& kept : std::exchange(loaded_->batches, {})) TRY(write(kept->rows));
      return ok();
    }
    return write(rows);
  }

  uint64_t rows() const override { return rows_; }

  Result<std::shared_ptr<LoadedRows>> finish(std::stop_token stop) override {
    if (stop.stop_requested()) return cancelled();
    TRY(close_segment());
    return std::move(loaded_);
  }

 private:
  Status write(const engine::Chunk& rows) {
    if (!writer_) {
      SegmentWriter::Options options;
      options.memory_limit_bytes = state_.options.load_memory_bytes;
      TRY_ASSIGN(writer_,
                 SegmentWriter::create(state_.files, state_.paths, state_.next_segment.fetch_add(1),
                                       loaded_->shape, options));
    }
    std::vector<int64_t> ids(rows.size());
    std::iota(ids.begin(), ids.end(), row_ids_->fetch_add(static_cast<int64_t>(rows.size())));
    TRY(writer_->append(rows, ids, {}));
    return writer_->rows() < kSegmentRows ? ok() : close_segment();
  }

  Status close_segment() {
    if (!writer_) return ok();
    TRY_ASSIGN(const SegmentInfo info, writer_->finish());
    writer_.reset();
    TRY_ASSIGN(auto file,
               SegmentFile::attach(state_.engine, state_.paths, info.number, state_.graveyard));
    file->make_obsolete();  // until its commit is published
    loaded_->segments.push_back({info, std::move(file)});
    return ok();
  }

  State& state_;
  const std::shared_ptr<RowIds> row_ids_;  // shared with the collection
  std::shared_ptr<LoadedRows> loaded_;     // handed over by finish()
  std::unique_ptr<SegmentWriter> writer_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  bool large_ = false;
};

}  // namespace

Result<std::unique_ptr<BulkLoad>> make_bulk_load(State& state, CollectionId id,
                                                 const engine::Shape& shape) {
  return std::unique_ptr<BulkLoad>(std::make_unique<Load>(state, id, shape));
}

}  // namespace sluice::collection
