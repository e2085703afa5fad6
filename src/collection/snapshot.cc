#include "collection/snapshot.h"

#include "engine/row_codec.h"

namespace sluice::collection {
namespace {

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

class LiveRows final : public engine::RowFilter {
 public:
  explicit LiveRows(DeletionSet deleted) : deleted_(std::move(deleted)) {}
  void test(std::span<const int64_t> ids, bool* live) const override { deleted_.test(ids, live); }

 private:
  const DeletionSet deleted_;
};

class SegmentSnapshot final : public Snapshot {
 public:
  SegmentSnapshot(engine::Engine& engine, const engine::Shape& shape, Time time,
                  const RowOverlay* overlay, Collection::View view)
      : time_(time), columns_(shape.types.size()), rows_(view.rows) {
    DeletionSet deleted = std::move(view.deleted);
    std::vector<BatchPtr> batches = std::move(view.batches);
    if (overlay != nullptr) {
      rows_ = static_cast<uint64_t>(static_cast<int64_t>(rows_) + overlay->row_change());
      deleted.insert_all(overlay->erased());
      batches.insert(batches.end(), overlay->batches().begin(), overlay->batches().end());
    }
    segments_ = std::move(view.segments);
    for (const Segment& segment : segments_) {
      filtered_.push_back(deleted.count_near(segment.info.first_row_id, segment.info.last_row_id) >
                          0);
      if (filtered_.back() && filter_.token == nullptr) {
        filter_ = engine.add_filter(std::make_shared<LiveRows>(deleted));
      }
    }
    // Without segments an empty source still gives the columns their types.
    if (!batches.empty() || segments_.empty()) {
      memory_ = engine.add_rows(std::make_shared<BatchRows>(shape, std::move(batches),
                                                            time.milliseconds, std::move(deleted)));
    }
  }

  std::string table_sql(std::span<const std::string> names,
                        const std::optional<std::string>& row_ids) const override {
    std::string columns;
    for (size_t i = 0; i < std::min(columns_, names.size()); ++i) {
      columns += fmt::format("{}c{} AS {}", i == 0 ? "" : ", ", i, quoted(names[i]));
    }
    if (row_ids) {
      columns += fmt::format("{}row_id AS {}", columns.empty() ? "" : ", ", quoted(*row_ids));
    }
    std::string sql;
    const auto add = [&](const std::string& from) {
      sql += fmt::format("{}SELECT {} FROM {}", sql.empty() ? "" : " UNION ALL ", columns, from);
    };
    for (size_t i = 0; i < segments_.size(); ++i) add(from_segment(i));
    if (memory_.token) add(fmt::format("sluice_rows({})", memory_.handle));
    return "(" + sql + ")";
  }

  uint64_t row_count() const override { return rows_; }

 private:
  std::string from_segment(size_t index) const {
    const Segment& segment = segments_[index];
    std::string sql = segment.table();
    const char* word = " WHERE ";
    if (segment.info.has_times && segment.info.last_time > time_.milliseconds) {
      sql += fmt::format("{}added_at <= {}", word, time_.milliseconds);
      word = " AND ";
    }
    if (filtered_[index]) sql += fmt::format("{}sluice_live({}, row_id)", word, filter_.handle);
    return sql;
  }

  const Time time_;
  const size_t columns_;
  uint64_t rows_;
  std::vector<Segment> segments_;
  std::vector<bool> filtered_;  // for each segment: whether deleted rows lie in it
  engine::Engine::Registered filter_;
  engine::Engine::Registered memory_;
};

}  // namespace

Status check_columns(const engine::Chunk& rows, const engine::Shape& shape) {
  if (rows.ColumnCount() != shape.types.size()) {
    return internal("{} columns were given for {}", rows.ColumnCount(), shape.types.size());
  }
  for (size_t i = 0; i < shape.types.size(); ++i) {
    if (rows.data[i].GetType().InternalType() != shape.types[i].InternalType()) {
      return internal("column {} is {}, not {}", i + 1, rows.data[i].GetType().ToString(),
                      shape.types[i].ToString());
    }
  }
  return ok();
}

std::shared_ptr<Batch> copied_batch(const engine::Chunk& rows, const engine::Shape& shape) {
  auto batch = std::make_shared<Batch>();
  engine::initialize(batch->rows, shape.types, rows.size());
  engine::append_rows(rows, batch->rows);
  batch->rows.SetCardinality(rows.size());
  batch->bytes = engine::memory_bytes(batch->rows) + rows.size() * 16;
  return batch;
}

Status RowOverlay::append(engine::Chunk& rows) {
  if (rows.size() == 0) return ok();
  TRY(check_columns(rows, shape_));
  auto batch = copied_batch(rows, shape_);
  for (size_t row = 0; row < rows.size(); ++row) batch->row_ids.push_back(-++last_id_);
  batch->set_time(0);
  bytes_ += batch->bytes;
  batches_.push_back(std::move(batch));
  coalesce(batches_, 0, shape_.types);
  return ok();
}

Status RowOverlay::erase(std::span<const RowId> rows, bool* fresh) {
  const size_t before = erased_.block_count();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].value < -last_id_) return internal("row {} is not of this overlay", rows[i].value);
    const bool was_there = erased_.insert(rows[i].value);
    if (fresh != nullptr) fresh[i] = was_there;
  }
  bytes_ += (erased_.block_count() - before) * DeletionSet::kBlockBytes;
  return ok();
}

std::vector<std::shared_ptr<Batch>> RowOverlay::live_batches() const {
  return packed(batches_, shape_.types, [&](const Batch& batch, size_t row) {
    return erased_.empty() || !erased_.contains(batch.row_ids[row]);
  });
}

DeletionSet RowOverlay::erased_rows() const {
  DeletionSet rows = erased_;
  rows.erase_negative();
  return rows;
}

int64_t RowOverlay::row_change() const { return last_id_ - static_cast<int64_t>(erased_.count()); }

std::shared_ptr<const Snapshot> make_snapshot(engine::Engine& engine, const engine::Shape& shape,
                                              Time time, const RowOverlay* overlay,
                                              Collection::View view) {
  return std::make_shared<SegmentSnapshot>(engine, shape, time, overlay, std::move(view));
}

}  // namespace sluice::collection
