#include "collection/collection.h"

#include <algorithm>

namespace sluice::collection {
namespace {

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
  for (auto at = removals_.rbegin(); at != removals_.rend() && at->first > time.milliseconds;
       ++at) {
    view.deleted.erase(at->second);
  }
  for (auto at = row_counts_.rbegin(); at != row_counts_.rend(); ++at) {
    if (at->first > time.milliseconds) continue;
    view.rows = at->second;
    break;
  }
  return view;
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
  for (const int64_t row : change.erased) {
    if (!deletions_.insert(row)) continue;
    removals_.emplace_back(time.milliseconds, row);
    --rows;
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
  while (!removals_.empty() && removals_.front().first <= since.milliseconds) {
    removals_.pop_front();
  }
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
  capture.removals.assign(removals_.begin(), removals_.end());
  capture.row_counts.assign(row_counts_.begin(), row_counts_.end());
  capture.dropped = dropped_;
  return capture;
}

int64_t Collection::end_capture(const std::vector<uint64_t>& removed,
                                const std::vector<Segment>& added,
                                const std::vector<BatchPtr>& kept,
                                const std::vector<int64_t>& forgotten) {
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
  for (const int64_t row : forgotten) deletions_.erase(row);
  return static_cast<int64_t>(tail_bytes_) - static_cast<int64_t>(before);
}

void Collection::restore(Capture capture) {
  const std::lock_guard lock(mutex_);
  segments_ = std::move(capture.segments);
  tail_ = std::move(capture.tail);
  tail_bytes_ = bytes_of(tail_, 0);
  deletions_ = std::move(capture.deletions);
  removals_.assign(capture.removals.begin(), capture.removals.end());
  row_counts_.assign(capture.row_counts.begin(), capture.row_counts.end());
  dropped_ = capture.dropped;
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
