#include "collection/key_index.h"

#include <algorithm>

namespace sluice::collection {
namespace {

// Of a key that more rows have, reading them by id is not worth it, nor is looking through them.
constexpr size_t kMostCandidates = 30'000;
// Rows that are gone are taken out when they are so many, and a part of all.
constexpr uint64_t kSweepFrom = 10'000;
constexpr uint64_t kSweepPart = 8;

Result<std::vector<KeyedRow>> keys_of_batches(const std::vector<std::shared_ptr<Batch>>& batches,
                                              const std::vector<size_t>& columns) {
  std::vector<KeyedRow> all;
  for (const auto& batch : batches) {
    TRY_ASSIGN(const std::vector<KeyedRow> keys, keys_of_batch(*batch, columns));
    all.insert(all.end(), keys.begin(), keys.end());
  }
  return all;
}

}  // namespace

KeyIndex::KeyIndex(std::vector<size_t> columns, std::shared_ptr<IndexMemory> memory)
    : columns_(std::move(columns)), memory_(std::move(memory)) {}

KeyIndex::~KeyIndex() { memory_->used_bytes -= accounted_bytes_; }

KeyIndex::Info KeyIndex::info() const {
  const std::lock_guard lock(mutex_);
  return {.phase = phase_, .reason = reason_, .rows = rows_.rows(), .bytes = accounted_bytes_};
}

Result<std::optional<std::vector<int64_t>>> KeyIndex::find(const engine::Chunk& keys) const {
  using Found = std::optional<std::vector<int64_t>>;
  std::vector<size_t> all(keys.ColumnCount());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  TRY_ASSIGN(const engine::RowKeys wanted, engine::row_keys(keys, all));
  std::vector<int64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::kReady) return Found();
    for (size_t i = 0; i < wanted.keys.size(); ++i) {
      if (wanted.has_null[i]) continue;
      const auto rows = rows_.find(wanted.keys[i]);
      if (!rows || ids.size() + rows->size() > kMostCandidates) return Found();
      ids.insert(ids.end(), rows->begin(), rows->end());
    }
    std::erase_if(ids, [this](int64_t row) { return forgotten_.contains(row); });
  }
  // The same key may have been asked for twice.
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return Found(std::move(ids));
}

void KeyIndex::add_parts(std::vector<Part> parts) {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kOutOfUse) return;
  for (Part& part : parts) parts_.push_back(std::move(part));
  phase_ = parts_.empty() ? Phase::kReady : Phase::kBuilding;
}

void KeyIndex::enter(std::span<const KeyedRow> rows, int64_t first) {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kOutOfUse) return;
  try {
    for (const KeyedRow& keyed : rows) rows_.put(keyed.key, keyed.row + first);
  } catch (const std::bad_alloc&) {
    return give_up_locked("there was no memory for its keys");
  }
  account_locked();
}

void KeyIndex::account_locked() {
  memory_->used_bytes += rows_.bytes() - accounted_bytes_;
  accounted_bytes_ = rows_.bytes();
  if (memory_->used_bytes <= memory_->most_bytes) return;
  give_up_locked(fmt::format("the keys of all indexes may take {} MB", memory_->most_bytes >> 20));
}

void KeyIndex::give_up(std::string reason) {
  const std::lock_guard lock(mutex_);
  give_up_locked(std::move(reason));
}

void KeyIndex::give_up_locked(std::string reason) {
  phase_ = Phase::kOutOfUse;
  reason_ = std::move(reason);
  rows_ = {};
  parts_.clear();
  forgotten_ = {};
  memory_->used_bytes -= accounted_bytes_;
  accounted_bytes_ = 0;
}

void KeyIndex::forget(const DeletionSet& rows) {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kOutOfUse) forgotten_.insert_all(rows);
}

std::optional<KeyIndex::Part> KeyIndex::next_part() const {
  const std::lock_guard lock(mutex_);
  if (parts_.empty()) return std::nullopt;
  return parts_.front();
}

void KeyIndex::part_done() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kOutOfUse) return;
  parts_.pop_front();
  if (parts_.empty()) phase_ = Phase::kReady;
}

void KeyIndex::sweep() {
  DeletionSet gone;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::kReady || forgotten_.count() < kSweepFrom ||
        forgotten_.count() < rows_.rows() / kSweepPart) {
      return;
    }
    gone = forgotten_;
  }
  for (size_t number = 0; !retired_; ++number) {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kOutOfUse) return;
    if (number >= rows_.table_count()) {
      forgotten_.erase_all(gone);
      return;
    }
    rows_.remove_rows(number, gone);
    account_locked();
  }
}

void KeyIndex::retire() {
  retired_ = true;
  give_up("it was dropped");
}

Result<std::vector<KeyedRow>> keys_of_batch(const Batch& batch,
                                            const std::vector<size_t>& columns) {
  TRY_ASSIGN(const engine::RowKeys keys, engine::row_keys(batch.rows, columns));
  std::vector<KeyedRow> rows;
  for (size_t row = 0; row < batch.size(); ++row) {
    if (!keys.has_null[row]) rows.push_back({keys.keys[row], batch.row_ids[row]});
  }
  return rows;
}

std::vector<PreparedKeys> prepare_keys(const KeyIndexes& indexes,
                                       const std::vector<std::shared_ptr<Batch>>& batches) {
  std::vector<PreparedKeys> prepared;
  for (const auto& index : indexes) {
    auto keys = keys_of_batches(batches, index->columns());
    if (keys.ok()) prepared.push_back({index, std::move(keys).value()});
  }
  return prepared;
}

bool enter_rows(const KeyIndexes& indexes, const std::vector<PreparedKeys>& prepared,
                const std::vector<std::shared_ptr<Batch>>& batches,
                const std::vector<Segment>& loads) {
  for (const auto& index : indexes) {
    const auto found = std::find_if(prepared.begin(), prepared.end(),
                                    [&](const PreparedKeys& each) { return each.index == index; });
    try {
      if (batches.empty()) {
        // Only loads.
      } else if (found != prepared.end()) {
        index->enter(found->rows, batches.front()->row_ids.front());
      } else {
        // It was made after the commit was prepared.
        const auto keys = keys_of_batches(batches, index->columns());
        keys.ok() ? index->enter(*keys) : index->give_up(keys.error().message);
      }
      if (!loads.empty()) index->add_parts({loads.begin(), loads.end()});
    } catch (const std::bad_alloc&) {
      index->give_up("there was no memory for its keys");
    }
  }
  return indexes.empty() || loads.empty();
}

}  // namespace sluice::collection
