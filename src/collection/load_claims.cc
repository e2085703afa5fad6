#include "collection/load_claims.h"

namespace sluice::collection {
namespace {

// About a millisecond of the sequencer's time.
constexpr size_t kSliceRows = 8192;

}  // namespace

Result<std::optional<Duplicate>> LoadClaims::claim(std::stop_token stop) {
  const auto has_keys = [](const PreparedWrite& write) {
    return !write.loads.empty() && !write.key_columns.empty();
  };
  if (std::none_of(commit_.writes.begin(), commit_.writes.end(), has_keys)) {
    return std::optional<Duplicate>();
  }
  sequencer_.run([&] {
    for (const CollectionPtr& collection : state_.all()) {
      for (const UniqueIndex& index : collection->indexes()) key_bytes_ += index.bytes();
    }
  });
  for (size_t number = 0; number < commit_.writes.size(); ++number) {
    PreparedWrite& write = commit_.writes[number];
    if (!has_keys(write)) continue;
    if (write.is_new) {
      write.indexes.resize(write.key_columns.size());
    } else {
      const CollectionPtr collection = state_.find(write.id);
      if (!collection) return std::optional<Duplicate>();  // dropped: the sequencer will say so
      collections_[write.id.value] = collection;
    }
    for (size_t key = 0; key < write.key_columns.size(); ++key) {
      TRY_ASSIGN(const auto duplicate, claim(number, key, stop));
      if (duplicate) return duplicate;
    }
  }
  return std::optional<Duplicate>();
}

Result<std::optional<Duplicate>> LoadClaims::claim(size_t number, size_t key,
                                                   std::stop_token stop) {
  PreparedWrite& write = commit_.writes[number];
  std::optional<Duplicate> duplicate;
  std::vector<KeyedRow> slice;
  const auto enter_slice = [&]() -> Status {
    Slice done;
    if (write.is_new) {
      done = enter_new(write, key, slice);
    } else {
      sequencer_.run([&] { done = enter(write, key, slice); });
    }
    TRY(check_memory());
    if (done.conflict) {
      return error(ErrorCode::kConflict, "could not serialize access due to concurrent update")
          .with_sqlstate("40001");
    }
    if (done.entered < slice.size()) {
      duplicate = Duplicate{number, key, slice[done.entered].row, true};
    }
    slice.clear();
    return ok();
  };
  for (const Segment& segment : write.loads) {
    TRY(keyed_rows(
        state_.engine, segment.table(), write.key_columns[key], "",
        [&](std::span<const KeyedRow> rows) -> Status {
          slice.insert(slice.end(), rows.begin(), rows.end());
          if (duplicate || slice.size() < kSliceRows) return ok();
          return enter_slice();
        },
        stop));
    if (!duplicate && !slice.empty()) TRY(enter_slice());
    if (duplicate) return duplicate;
  }
  return duplicate;
}

LoadClaims::Slice LoadClaims::enter(PreparedWrite& write, size_t key,
                                    std::span<const KeyedRow> rows) {
  Collection& collection = *collections_.at(write.id.value);
  UniqueIndex& index = collection.indexes()[key];
  Slice slice;
  const uint64_t before_bytes = index.bytes();
  // Before any key: what another has done to the same rows would look like keys that are taken.
  slice.conflict = collection.deletes_any_of(write.erased);
  if (slice.conflict) return slice;
  for (const KeyedRow& keyed : rows) {
    if (const auto before = index.find(keyed.key)) {
      if (collection.claimed().contains(*before)) {
        slice.conflict = !write.claimed.contains(*before);
        break;
      }
      if (!collection.is_deleted(*before)) {
        if (!write.erased.contains(*before)) break;
        replaced_.push_back({&index, keyed.key, *before});
      }
    }
    index.put(keyed.key, keyed.row);
    collection.claimed().insert(keyed.row);
    write.claimed.insert(keyed.row);
    ++slice.entered;
  }
  key_bytes_ += index.bytes() - before_bytes;
  return slice;
}

// Nobody else sees the index of a collection that is not there yet.
LoadClaims::Slice LoadClaims::enter_new(PreparedWrite& write, size_t key,
                                        std::span<const KeyedRow> rows) {
  UniqueIndex& index = write.indexes[key];
  Slice slice;
  const uint64_t before_bytes = index.bytes();
  for (const KeyedRow& keyed : rows) {
    if (index.find(keyed.key)) break;
    index.put(keyed.key, keyed.row);
    ++slice.entered;
  }
  key_bytes_ += index.bytes() - before_bytes;
  return slice;
}

Status LoadClaims::check_memory() const {
  const uint64_t most = state_.options.key_memory_bytes;
  if (key_bytes_ + replaced_.size() * sizeof(Replaced) <= most) return ok();
  return error(ErrorCode::kExhausted, "the unique keys of these rows do not fit into memory")
      .with_sqlstate("53200")
      .with_detail(fmt::format("The unique keys of all tables may take {} MB.", most >> 20))
      .with_hint("Give the server more memory (--memory-limit), or use a table without keys.");
}

void LoadClaims::undo() {
  // First the old rows, so that no key of a live row is free at any moment.
  for (size_t at = 0; at < replaced_.size(); at += kSliceRows) {
    if (commit_.published) break;
    sequencer_.run([&] {
      for (size_t i = at; i < std::min(at + kSliceRows, replaced_.size()); ++i) {
        replaced_[i].index->put(replaced_[i].key, replaced_[i].row);
      }
    });
  }
  for (PreparedWrite& write : commit_.writes) {
    if (write.claimed.empty() || commit_.published) continue;
    Collection& collection = *collections_.at(write.id.value);
    for (UniqueIndex& index : collection.indexes()) {
      for (size_t table = 0; table < index.table_count(); ++table) {
        sequencer_.run([&] {
          index.remove_rows(table, [&](int64_t row) { return write.claimed.contains(row); });
        });
      }
    }
    sequencer_.run([&] {
      collection.claimed().erase_all(std::exchange(write.claimed, {}));
      sequencer_.wake_waiting();
    });
  }
}

}  // namespace sluice::collection
