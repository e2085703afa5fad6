#include "collection/changes.h"

namespace sluice::collection {
namespace {

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

// Which rows went, and when: two columns, a batch for some thousand ids.
class RemovedRows final : public engine::RowSource {
 public:
  explicit RemovedRows(Collection::Removals removals) : removals_(std::move(removals)) {
    count_ = removals_.few.size();
    for (size_t i = 0; i < removals_.many.size(); ++i) {
      const DeletionSet& rows = removals_.many[i].second;
      for (size_t block = 0; block < rows.block_count(); ++block) blocks_.emplace_back(i, block);
      count_ += rows.count();
    }
  }
  const engine::Shape& shape() const override { return shape_; }
  uint64_t row_count() const override { return count_; }
  size_t batch_count() const override { return 1 + blocks_.size(); }
  size_t read(size_t batch, size_t first, std::span<const size_t> columns,
              engine::Chunk& out) const override {
    std::array<int64_t, STANDARD_VECTOR_SIZE> rows, times;
    size_t count = 0;
    if (batch == 0) {
      for (; count < rows.size() && first + count < removals_.few.size(); ++count) {
        std::tie(times[count], rows[count]) = removals_.few[first + count];
      }
    } else {
      const auto [index, block] = blocks_[batch - 1];
      const auto& [time, set] = removals_.many[index];
      count = set.read_block(block, first, rows);
      times.fill(time);
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto& from = columns[i] == 0 ? rows : times;
      std::copy_n(from.begin(), count, duckdb::FlatVector::GetData<int64_t>(out.data[i]));
    }
    out.SetCardinality(count);
    return count;
  }

 private:
  const engine::Shape shape_ = {{"removed_row", "removed_at"},
                                {engine::LogicalType::BIGINT, engine::LogicalType::BIGINT}};
  const Collection::Removals removals_;
  std::vector<std::pair<size_t, size_t>> blocks_;  // index into removals_.many, block there
  uint64_t count_ = 0;
};

class SegmentChanges final : public Changes {
 public:
  SegmentChanges(engine::Engine& engine, const engine::Shape& shape, TimeSpan span,
                 Collection::Changed changed)
      : span_(span),
        columns_(shape.types.size()),
        segments_(std::move(changed.segments)),
        removed_(std::move(changed.removed)) {
    known_empty_ = segments_.empty() && changed.batches.empty();
    if (!removed_.empty()) {
      removals_ = engine.add_rows(std::make_shared<RemovedRows>(std::move(changed.removals)));
    }
    // Without segments an empty source still gives the columns their types.
    if (!changed.batches.empty() || segments_.empty()) {
      memory_ = engine.add_rows(std::make_shared<BatchRows>(
          shape, std::move(changed.batches), span.upper.milliseconds, DeletionSet()));
    }
  }

  Time lower() const override { return span_.lower; }
  Time upper() const override { return span_.upper; }
  bool known_empty() const override { return known_empty_; }

  std::string table_sql(std::span<const std::string> names, const Names& more) const override {
    std::string columns;
    for (size_t i = 0; i < std::min(columns_, names.size()); ++i) {
      columns += fmt::format("c{} AS {}, ", i, quoted(names[i]));
    }
    const auto select = [&](std::string_view time, int diff) {
      std::string list = fmt::format("SELECT {}{} AS {}, {}::BIGINT AS {}", columns, time,
                                     quoted(more.time), diff, quoted(more.diff));
      if (more.row_id) list += ", row_id AS " + quoted(*more.row_id);
      return list;
    };
    std::string sql;
    const auto add = [&](const std::string& part) {
      sql += (sql.empty() ? "" : " UNION ALL ") + part;
    };
    for (const Segment& segment : segments_) {
      const std::string table = segment.table();
      if (came_in(segment.info)) {
        const std::string added_at = segment.info.has_times
                                         ? std::string("added_at")
                                         : fmt::format("{}::BIGINT", segment.info.last_time);
        add(select(added_at, 1) + " FROM " + table + within(segment.info));
      }
      if (removed_.count_near(segment.info.first_row_id, segment.info.last_row_id) > 0) {
        add(select("removed_at", -1) + " FROM " + table + joined());
      }
    }
    if (memory_.token) {
      const std::string rows = fmt::format("sluice_rows({})", memory_.handle);
      add(select("added_at", 1) +
          fmt::format(" FROM {} WHERE added_at > {}", rows, span_.lower.milliseconds));
      if (removals_.token) add(select("removed_at", -1) + " FROM " + rows + joined());
    }
    // All that was chosen for may have gone out of the span's reach: still columns with types.
    if (sql.empty()) {
      add(select("0::BIGINT", 1) + " FROM " + segments_.front().table() + " WHERE false");
    }
    return "(" + sql + ")";
  }

 private:
  bool came_in(const SegmentInfo& info) const {
    return info.last_time > span_.lower.milliseconds && info.first_time <= span_.upper.milliseconds;
  }
  // Nothing where all rows of the segment came in the span.
  std::string within(const SegmentInfo& info) const {
    const bool all =
        info.first_time > span_.lower.milliseconds && info.last_time <= span_.upper.milliseconds;
    if (all || !info.has_times) return "";
    return fmt::format(" WHERE added_at > {} AND added_at <= {}", span_.lower.milliseconds,
                       span_.upper.milliseconds);
  }
  std::string joined() const {
    return fmt::format(" JOIN sluice_rows({}) ON row_id = removed_row", removals_.handle);
  }

  const TimeSpan span_;
  const size_t columns_;
  const std::vector<Segment> segments_;
  const DeletionSet removed_;
  bool known_empty_ = false;
  engine::Engine::Registered removals_;
  engine::Engine::Registered memory_;
};

}  // namespace

std::shared_ptr<const Changes> make_changes(engine::Engine& engine, const engine::Shape& shape,
                                            TimeSpan span, Collection::Changed changed) {
  return std::make_shared<SegmentChanges>(engine, shape, span, std::move(changed));
}

}  // namespace sluice::collection
