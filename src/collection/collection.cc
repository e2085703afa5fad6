#include "collection/collection.h"

#include <algorithm>

namespace sluice::collection {
namespace {

// A commit that erases more rows than this notes them as bitmaps.
constexpr uint64_t kFewRemovals = 4096;

uint64_t bytes_of(const std::vector<BatchPtr>& batches, size_t from) {
  uint64_t bytes = 0;
  for (size_t i = from; i < batches.size(); ++i) bytes += batches[i]->bytes;
  return bytes;
}

}  // namespace

Collection::Collection(CollectionId collection_id, CollectionSpec its_spec, Time created_at,
                       std::shared_ptr<RowIds> ids)
    : id(collection_id),
      spec(std::move(its_spec)),
      created(created_at),
      row_ids(std::move(ids)),
      indexes_(spec.unique_keys.size()) {}

std::optional<Collection::View> Collection::view(Time time) const {
  const std::lock_guard lock(mutex_);
  if (created > time || (dropped_ && *dropped_ <= time)) return std::nullopt;
  View view;
  for (const Segment& segment : segments_) {
    if (segment.info.first_time <= time.milliseconds) view.segments.push_back(segment);
  }
  view.batches = tail_;
  view.deleted = deletions_;
  for (auto at = few_removals_.rbegin();
       at != few_removals_.rend() && at->first > time.milliseconds; ++at) {
    view.deleted.erase(at->second);
  }
  for (auto at = many_removals_.rbegin();
       at != many_removals_.rend() && at->first > time.milliseconds; ++at) {
    view.deleted.erase_all(at->second);
  }
  for (auto at = row_counts_.rbegin(); at != row_counts_.rend(); ++at) {
    if (at->first > time.milliseconds) continue;
    view.rows = at->second;
    break;
  }
  return view;
}

std::optional<Collection::Changed> Collection::changed(Time lower, Time upper) const {
  const std::lock_guard lock(mutex_);
  if (created > upper || (dropped_ && *dropped_ <= upper)) return std::nullopt;
  Changed changed;
  const auto within = [&](int64_t time) {
    return time > lower.milliseconds && time <= upper.milliseconds;
  };
  for (const auto& [time, row] : few_removals_) {
    if (!within(time)) continue;
    changed.removals.few.emplace_back(time, row);
    changed.removed.insert(row);
  }
  for (const auto& [time, rows] : many_removals_) {
    if (!within(time)) continue;
    changed.removals.many.emplace_back(time, rows);
    changed.removed.insert_all(rows);
  }
  for (const Segment& segment : segments_) {
    const SegmentInfo& info = segment.info;
    const bool may_add =
        info.last_time > lower.milliseconds && info.first_time <= upper.milliseconds;
    if (may_add || changed.removed.count_near(info.first_row_id, info.last_row_id) > 0) {
      changed.segments.push_back(segment);
    }
  }
  for (const BatchPtr& batch : tail_) {
    if (batch->last_time > lower.milliseconds || !changed.removed.empty()) {
      changed.batches.push_back(batch);
    }
  }
  return changed;
}

int64_t Collection::apply(Time time, Change change) {
  const std::lock_guard lock(mutex_);
  const uint64_t before = tail_bytes_;
  uint64_t rows = row_counts_.empty() ? 0 : row_counts_.back().second;
  const size_t first = tail_.size();
  for (auto& batch : change.batches) {
    batch->set_time(time.milliseconds);
    rows += batch->size();
    tail_.push_back(std::move(batch));
  }
  // Merging replaces whole levels, so only from there on have bytes changed.
  const size_t merged_from = std::max(frozen_, first >= 64 ? first - 64 : 0);
  const uint64_t unmerged = bytes_of(tail_, merged_from) - bytes_of(tail_, first);
  coalesce(tail_, frozen_, spec.shape.types);
  const size_t from = std::min(merged_from, tail_.size());
  tail_bytes_ = before - unmerged + bytes_of(tail_, from);
  for (Segment& segment : change.loads) {
    segment.info.first_time = segment.info.last_time = time.milliseconds;
    rows += segment.info.rows;
    segments_.push_back(std::move(segment));
  }
  if (deletions_.intersects(change.erased)) change.erased.erase_all(deletions_);
  rows -= change.erased.count();
  deletions_.insert_all(change.erased);
  if (change.erased.count() > kFewRemovals) {
    many_removals_.emplace_back(time.milliseconds, std::move(change.erased));
  } else {
    for (const int64_t row : change.erased.ids()) {
      few_removals_.emplace_back(time.milliseconds, row);
    }
  }
  row_counts_.emplace_back(time.milliseconds, rows);
  return static_cast<int64_t>(tail_bytes_) - static_cast<int64_t>(before);
}

void Collection::drop(Time time) {
  const std::lock_guard lock(mutex_);
  dropped_ = time;
}

std::optional<Time> Collection::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void Collection::forget_before(Time since) {
  const std::lock_guard lock(mutex_);
  const auto forget = [&](auto& removals) {
    while (!removals.empty() && removals.front().first <= since.milliseconds) removals.pop_front();
  };
  forget(few_removals_);
  forget(many_removals_);
  // The last count at or before since is the one in force there.
  while (row_counts_.size() > 1 && row_counts_[1].first <= since.milliseconds) {
    row_counts_.pop_front();
  }
}

Collection::Capture Collection::begin_capture() {
  Capture captured = capture();
  const std::lock_guard lock(mutex_);
  frozen_ = captured.tail.size();
  return captured;
}

Collection::Capture Collection::capture() const {
  const std::lock_guard lock(mutex_);
  Capture capture;
  capture.segments = segments_;
  capture.tail = tail_;
  capture.deletions = deletions_;
  capture.removals.few.assign(few_removals_.begin(), few_removals_.end());
  capture.removals.many.assign(many_removals_.begin(), many_removals_.end());
  capture.row_counts.assign(row_counts_.begin(), row_counts_.end());
  capture.dropped = dropped_;
  return capture;
}

int64_t Collection::end_capture(const std::vector<uint64_t>& removed,
                                const std::vector<Segment>& added,
                                const std::vector<BatchPtr>& kept, const DeletionSet& forgotten) {
  const std::lock_guard lock(mutex_);
  std::erase_if(segments_, [&](const Segment& segment) {
    return std::find(removed.begin(), removed.end(), segment.info.number) != removed.end();
  });
  segments_.insert(segments_.begin(), added.begin(), added.end());
  const uint64_t before = tail_bytes_;
  tail_.erase(tail_.begin(), tail_.begin() + static_cast<ptrdiff_t>(frozen_));
  tail_.insert(tail_.begin(), kept.begin(), kept.end());
  frozen_ = 0;
  tail_bytes_ = bytes_of(tail_, 0);
  deletions_.erase_all(forgotten);
  for (const auto& index : key_indexes_) index->forget(forgotten);
  return static_cast<int64_t>(tail_bytes_) - static_cast<int64_t>(before);
}

void Collection::restore(Capture capture) {
  const std::lock_guard lock(mutex_);
  segments_ = std::move(capture.segments);
  tail_ = std::move(capture.tail);
  tail_bytes_ = bytes_of(tail_, 0);
  deletions_ = std::move(capture.deletions);
  few_removals_.assign(capture.removals.few.begin(), capture.removals.few.end());
  many_removals_.assign(capture.removals.many.begin(), capture.removals.many.end());
  row_counts_.assign(capture.row_counts.begin(), capture.row_counts.end());
  dropped_ = capture.dropped;
}

KeyIndexes Collection::key_indexes() const {
  const std::lock_guard lock(mutex_);
  return key_indexes_;
}

void Collection::set_key_indexes(KeyIndexes indexes) {
  const std::lock_guard lock(mutex_);
  key_indexes_ = std::move(indexes);
}

uint64_t Collection::tail_rows() const {
  const std::lock_guard lock(mutex_);
  uint64_t rows = 0;
  for (const BatchPtr& batch : tail_) rows += batch->size();
  return rows;
}

uint64_t Collection::deleted_rows() const {
  const std::lock_guard lock(mutex_);
  return deletions_.count();
}

size_t Collection::segment_count() const {
  const std::lock_guard lock(mutex_);
  return segments_.size();
}

uint64_t Collection::segment_bytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.info.bytes;
  return bytes;
}

}  // namespace sluice::collection
