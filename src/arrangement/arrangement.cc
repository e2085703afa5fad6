#include "arrangement/arrangement.h"

#include <array>
#include <cstring>
#include <new>

#include "base/check.h"

namespace sluice::arrangement {

size_t Arrangement::KeyRows::rows() const {
  if (first_ == 0) return 0;
  const Row& first = owner_->row(first_);
  return first.key == 0 ? 1 : owner_->key(first.key).rows;
}

int64_t Arrangement::KeyRows::weight() const {
  if (first_ == 0) return 0;
  const Row& first = owner_->row(first_);
  return first.key == 0 ? first.weight : owner_->key(first.key).weight;
}

Arrangement::KeyRows Arrangement::find(std::string_view key, uint64_t key_hash) const {
  const uint32_t first = keys_.find(static_cast<uint32_t>(key_hash),
                                    [&](uint32_t id) { return row(id).key_view() == key; });
  return {this, first};
}

void Arrangement::prefetch_rows(std::span<const uint64_t> key_hashes) const {
  constexpr size_t kSideBySide = 64;
  std::array<uint32_t, kSideBySide> ids;
  for (size_t begin = 0; begin < key_hashes.size(); begin += kSideBySide) {
    const auto hashes = key_hashes.subspan(begin, std::min(kSideBySide, key_hashes.size() - begin));
    for (const uint64_t hash : hashes) prefetch_slot(hash);
    for (size_t i = 0; i < hashes.size(); ++i) {
      ids[i] = keys_.first(static_cast<uint32_t>(hashes[i]));
      if (ids[i] != 0) prefetch_block(ids[i]);
    }
    bool more = true;
    for (size_t round = 0; more && round < kWalked; ++round) {
      more = false;
      for (size_t i = 0; i < hashes.size(); ++i) {
        if (ids[i] == 0) continue;
        ids[i] = row(ids[i]).next;
        if (ids[i] != 0) prefetch_block(ids[i]), more = true;
      }
    }
  }
}

uint32_t Arrangement::find_row(uint32_t first, std::string_view key, std::string_view payload,
                               uint32_t hash) const {
  if (first == 0 || options_.keys_only) return first;
  // A key's only row is this one or none.
  if (row(first).key == 0) return row(first).payload_view() == payload ? first : 0;
  const Key& owner = this->key(row(first).key);
  if (owner.indexed == 0) {
    if ((owner.seen & bit_of(hash)) == 0) return 0;
    for (uint32_t id = first; id != 0; id = row(id).next) {
      if (row(id).hash == hash && row(id).payload_view() == payload) return id;
    }
    return 0;
  }
  return index_.find(hash, [&](uint32_t id) {
    const Row& candidate = row(id);
    return candidate.hash == hash && candidate.payload_view() == payload &&
           candidate.key_view() == key;
  });
}

int64_t Arrangement::weight(std::string_view key, std::string_view payload) const {
  const uint64_t key_hash = hash_bytes(key);
  const KeyRows rows = find(key, key_hash);
  const auto hash = static_cast<uint32_t>(combine_hashes(key_hash, hash_bytes(payload)));
  const uint32_t id = find_row(rows.first_, key, payload, hash);
  return id == 0 ? 0 : row(id).weight;
}

void Arrangement::index_rows(uint32_t first) {
  for (uint32_t id = first; id != 0; id = row(id).next) index_.prefetch(row(id).hash);
  uint32_t previous = 0;
  for (uint32_t id = first; id != 0; id = row(id).next) {
    index_.insert(row(id).hash, id);
    row(id).previous = previous;
    previous = id;
  }
  key(row(first).key).indexed = 1;
}

void Arrangement::forget_rows(uint32_t first) {
  Key& owner = key(row(first).key);
  owner.indexed = 0;
  owner.seen = 0;
  for (uint32_t id = first; id != 0; id = row(id).next) {
    index_.erase(row(id).hash, id);
    owner.seen |= bit_of(row(id).hash);
  }
}

void Arrangement::add(uint32_t first, std::string_view key_part, std::string_view payload,
                      int64_t weight, uint32_t key_hash, uint32_t hash) {
  if (key_part.size() > UINT32_MAX || payload.size() > UINT32_MAX) throw std::bad_alloc();
  // First all that may fail, then what may not.
  const uint32_t id = pool_.allocate(sizeof(Row) + key_part.size() + payload.size());
  uint32_t group = first == 0 ? 0 : row(first).key;
  const bool new_group = first != 0 && group == 0;
  try {
    if (new_group) {
      group = pool_.allocate(sizeof(Key));
      key(group) = {row(first).weight, 1, 0, bit_of(row(first).hash)};
    }
    if (group != 0 && key(group).rows >= kWalked) {
      index_.reserve(key(group).indexed != 0 ? 1 : key(group).rows + 1);
    }
    Row& added = row(id);
    added = {weight,
             0,
             0,
             hash,
             group,
             static_cast<uint32_t>(key_part.size()),
             static_cast<uint32_t>(payload.size())};
    char* data = reinterpret_cast<char*>(&added + 1);
    if (!key_part.empty()) std::memcpy(data, key_part.data(), key_part.size());
    if (!payload.empty()) std::memcpy(data + key_part.size(), payload.data(), payload.size());
    if (first == 0) keys_.insert(key_hash, id);
  } catch (const std::bad_alloc&) {
    if (new_group && group != 0) pool_.free(group);
    pool_.free(id);
    throw;
  }
  ++rows_;
  if (first == 0) return;
  // Behind the first, which stays what the index knows.
  Row& leader = row(first);
  Row& added = row(id);
  leader.key = group;
  added.next = leader.next;
  leader.next = id;
  Key& owner = key(group);
  owner.weight += weight;
  owner.seen |= bit_of(hash);
  ++owner.rows;
  if (owner.indexed != 0) {
    added.previous = first;
    if (added.next != 0) row(added.next).previous = id;
    index_.insert(hash, id);
  } else if (owner.rows > kWalked) {
    index_rows(first);
  }
}

void Arrangement::remove(uint32_t first, uint32_t id, uint32_t key_hash) {
  const Row gone = row(id);
  const bool indexed = gone.key != 0 && key(gone.key).indexed != 0;
  uint32_t left = first;  // the key's first row from now on
  uint32_t previous = 0;
  if (id == first && gone.next == 0) {
    keys_.erase(key_hash, id);
  } else if (id == first) {
    keys_.replace(key_hash, id, gone.next);
    left = gone.next;
  } else {
    previous = indexed ? gone.previous : first;
    while (row(previous).next != id) previous = row(previous).next;
    row(previous).next = gone.next;
  }
  if (indexed && gone.next != 0) row(gone.next).previous = previous;
  if (gone.key != 0) {
    Key& owner = key(gone.key);
    --owner.rows;
    owner.weight -= gone.weight;
    if (indexed) {
      index_.erase(gone.hash, id);
      // Not at once, or a key at the border would go to and fro.
      if (owner.rows <= kWalked / 2) forget_rows(left);
    }
    if (owner.rows == 1) {
      row(left).key = 0;
      pool_.free(gone.key);
    }
  }
  pool_.free(id);
  --rows_;
}

Arrangement::Change Arrangement::apply(std::string_view key_part, std::string_view payload,
                                       int64_t weight, uint64_t full_key_hash) {
  CHECK(!options_.keys_only || payload.empty());
  const auto key_hash = static_cast<uint32_t>(full_key_hash);
  const KeyRows rows = find(key_part, full_key_hash);
  const uint32_t first = rows.first_;
  Change change;
  change.key_rows_before = change.key_rows_after = rows.rows();
  change.key_weight_before = rows.weight();
  change.key_weight_after = change.key_weight_before + weight;
  const auto hash = options_.keys_only
                        ? key_hash
                        : static_cast<uint32_t>(combine_hashes(full_key_hash, hash_bytes(payload)));
  const uint32_t id = find_row(first, key_part, payload, hash);
  if (id != 0) change.before = row(id).weight;
  change.after = change.before + weight;
  if (weight == 0) return change;
  if (id == 0) {
    add(first, key_part, payload, weight, key_hash, hash);
    ++change.key_rows_after;
  } else if (change.after == 0) {
    remove(first, id, key_hash);
    --change.key_rows_after;
  } else {
    Row& changed = row(id);
    changed.weight = change.after;
    if (changed.key != 0) key(changed.key).weight += weight;
  }
  negative_rows_ += change.after < 0 ? 1 : 0;
  negative_rows_ -= change.before < 0 ? 1 : 0;
  return change;
}

}  // namespace sluice::arrangement
