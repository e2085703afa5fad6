#include "collection/snapshot.h"

#include <algorithm>

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

// So few ids in all are read one by one: a segment knows where each may lie, but not where several
// may. More would be too many parts of a query.
constexpr size_t kOneByOne = 4;

// Those of `ids`, ascending, that are from `first` to `last`.
std::span<const int64_t> between(std::span<const int64_t> ids, int64_t first, int64_t last) {
  const auto begin = std::lower_bound(ids.begin(), ids.end(), first);
  return {begin, std::upper_bound(begin, ids.end(), last)};
}

// Rows by their ids, ascending. A list of literals would not be applied before other columns are
// read.
class WantedRows final : public engine::RowFilter {
 public:
  explicit WantedRows(std::span<const int64_t> ids) : ids_(ids.begin(), ids.end()) {}
  void test(std::span<const int64_t> ids, bool* wanted) const override {
    std::fill_n(wanted, ids.size(), false);
    if (ids.empty()) return;
    const auto [first, last] = std::minmax_element(ids.begin(), ids.end());
    const auto near = between(ids_, *first, *last);
    if (near.empty()) return;
    for (size_t i = 0; i < ids.size(); ++i) {
      wanted[i] = std::binary_search(near.begin(), near.end(), ids[i]);
    }
  }

 private:
  const std::vector<int64_t> ids_;
};

class SegmentSnapshot final : public Snapshot {
 public:
  SegmentSnapshot(engine::Engine& engine, const engine::Shape& shape, Time time,
                  const RowOverlay* overlay, Collection::View view)
      : engine_(engine),
        shape_(shape),
        time_(time),
        rows_(view.rows),
        batches_(std::move(view.batches)),
        deleted_(std::move(view.deleted)) {
    if (overlay != nullptr) {
      rows_ = static_cast<uint64_t>(static_cast<int64_t>(rows_) + overlay->row_change());
      deleted_.insert_all(overlay->erased());
      batches_.insert(batches_.end(), overlay->batches().begin(), overlay->batches().end());
    }
    segments_ = std::move(view.segments);
    for (const Segment& segment : segments_) {
      filtered_.push_back(deleted_.count_near(segment.info.first_row_id, segment.info.last_row_id) >
                          0);
      if (filtered_.back() && filter_.token == nullptr) {
        filter_ = engine.add_filter(std::make_shared<LiveRows>(deleted_));
      }
    }
    // Without segments an empty source still gives the columns their types.
    if (!batches_.empty() || segments_.empty()) memory_ = in_memory(batches_);
  }

  std::string table_sql(std::span<const std::string> names,
                        const std::optional<std::string>& row_ids) const override {
    const std::string columns = columns_sql(names, row_ids);
    std::vector<std::string> parts;
    for (size_t i = 0; i < segments_.size(); ++i) {
      parts.push_back(fmt::format("SELECT {} FROM {}", columns, from_segment(i, {})));
    }
    if (memory_.token) parts.push_back(from_memory(columns, memory_));
    return united(parts);
  }

  uint64_t row_count() const override { return rows_; }

  void keep_visible(std::vector<int64_t>& ids) const override {
    std::erase_if(ids, [this](int64_t id) { return deleted_.contains(id); });
  }

  Part rows_sql(std::span<const int64_t> ids, std::span<const std::string> names,
                const std::optional<std::string>& row_ids) const override {
    const std::string columns = columns_sql(names, row_ids);
    std::vector<std::string> parts;
    const auto add = [&](size_t segment, const std::string& condition) {
      parts.push_back(fmt::format("SELECT {} FROM {}", columns, from_segment(segment, condition)));
    };
    auto kept = std::make_shared<std::vector<std::shared_ptr<const void>>>();
    engine::Engine::Registered wanted;
    for (size_t i = 0; i < segments_.size(); ++i) {
      const SegmentInfo& info = segments_[i].info;
      const auto here = between(ids, info.first_row_id, info.last_row_id);
      if (here.size() <= 1 || ids.size() <= kOneByOne) {
        for (const int64_t id : here) add(i, fmt::format("row_id = {}", id));
        continue;
      }
      if (!wanted.token) {
        wanted = engine_.add_filter(std::make_shared<WantedRows>(ids));
        kept->push_back(wanted.token);
      }
      add(i, fmt::format("row_id BETWEEN {} AND {} AND sluice_live({}, row_id)", here.front(),
                         here.back(), wanted.handle));
    }
    std::vector<BatchPtr> near;
    for (const BatchPtr& batch : batches_) {
      // The ids of a batch follow each other, upwards; those of an overlay are negative.
      const auto [first, last] = std::minmax(batch->row_ids.front(), batch->row_ids.back());
      if (first < 0 || !between(ids, first, last).empty()) near.push_back(batch);
    }
    if (!near.empty() || parts.empty()) {
      const engine::Engine::Registered rows = in_memory(std::move(near));
      parts.push_back(from_memory(columns, rows));
      kept->push_back(rows.token);
    }
    return {united(parts), std::move(kept)};
  }

 private:
  engine::Engine::Registered in_memory(std::vector<BatchPtr> batches) const {
    return engine_.add_rows(
        std::make_shared<BatchRows>(shape_, std::move(batches), time_.milliseconds, deleted_));
  }

  std::string columns_sql(std::span<const std::string> names,
                          const std::optional<std::string>& row_ids) const {
    std::string columns;
    for (size_t i = 0; i < std::min(shape_.types.size(), names.size()); ++i) {
      columns += fmt::format("{}c{} AS {}", i == 0 ? "" : ", ", i, quoted(names[i]));
    }
    if (row_ids) {
      columns += fmt::format("{}row_id AS {}", columns.empty() ? "" : ", ", quoted(*row_ids));
    }
    return columns;
  }

  static std::string from_memory(const std::string& columns,
                                 const engine::Engine::Registered& rows) {
    return fmt::format("SELECT {} FROM sluice_rows({})", columns, rows.handle);
  }

  static std::string united(const std::vector<std::string>& parts) {
    return fmt::format("({})", fmt::join(parts, " UNION ALL "));
  }

  // Of all that is to be seen, or of what fulfils a condition besides.
  std::string from_segment(size_t index, const std::string& condition) const {
    const Segment& segment = segments_[index];
    std::vector<std::string> conditions;
    if (!condition.empty()) conditions.push_back(condition);
    if (segment.info.has_times && segment.info.last_time > time_.milliseconds) {
      conditions.push_back(fmt::format("added_at <= {}", time_.milliseconds));
    }
    if (filtered_[index]) {
      conditions.push_back(fmt::format("sluice_live({}, row_id)", filter_.handle));
    }
    if (conditions.empty()) return segment.table();
    return fmt::format("{} WHERE {}", segment.table(), fmt::join(conditions, " AND "));
  }

  engine::Engine& engine_;
  const engine::Shape shape_;
  const Time time_;
  uint64_t rows_;
  std::vector<BatchPtr> batches_;  // of the collection, then of the overlay
  DeletionSet deleted_;
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
