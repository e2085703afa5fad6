#include "views/live_rows.h"

#include <new>
#include <random>

#include "arrangement/hash.h"

namespace sluice::views {
namespace {

// Makes the second half of a digest another function of the row.
std::string random_salt() {
  std::random_device random;
  std::string salt;
  for (int i = 0; i < 4; ++i) {
    const auto word = static_cast<uint32_t>(random());
    salt.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return salt;
}

}  // namespace

LiveRows::LiveRows() : salt_(random_salt()), entries_(1), slots_(8, 0) {}

LiveRows::Digest LiveRows::digest_of(std::string_view row) {
  scratch_.assign(salt_);
  scratch_.append(row);
  return {arrangement::hash_bytes(scratch_), arrangement::hash_bytes(row)};
}

void LiveRows::grow() {
  std::vector<uint32_t> old(slots_.size() * 2, 0);
  old.swap(slots_);
  for (uint32_t entry : old) {
    while (entry != 0) {
      const uint32_t next = entries_[entry].next;
      uint32_t& first = slots_[slot_of(entries_[entry].digest)];
      entries_[entry].next = first;
      first = entry;
      entry = next;
    }
  }
}

void LiveRows::put(std::string_view row, collection::RowId id) {
  const Digest digest = digest_of(row);
  if (free_ == 0) {
    if (entries_.size() > UINT32_MAX) throw std::bad_alloc();
    entries_.push_back({{}, 0, 0});
    free_ = static_cast<uint32_t>(entries_.size() - 1);
  }
  // Equal rows share a slot however many slots there are: they don't count as crowded.
  if (size_ >= slots_.size()) grow();
  const uint32_t entry = free_;
  free_ = entries_[entry].next;
  uint32_t& first = slots_[slot_of(digest)];
  entries_[entry] = {digest, id.value, first};
  first = entry;
  ++size_;
}

std::optional<collection::RowId> LiveRows::take(std::string_view row) {
  const Digest digest = digest_of(row);
  uint32_t* link = &slots_[slot_of(digest)];
  while (*link != 0 && entries_[*link].digest != digest) link = &entries_[*link].next;
  if (*link == 0) return std::nullopt;
  const uint32_t entry = *link;
  *link = entries_[entry].next;
  entries_[entry].next = free_;
  free_ = entry;
  --size_;
  return collection::RowId{entries_[entry].id};
}

size_t LiveRows::bytes() const {
  return sizeof *this + entries_.capacity() * sizeof(Entry) + slots_.capacity() * sizeof(uint32_t);
}

}  // namespace sluice::views
