#include "collection/deletions.h"

#include <algorithm>
#include <bit>

namespace sluice::collection {
namespace {

constexpr int64_t kIdMask = (int64_t{1} << 16) - 1;
size_t word_of(int64_t id) { return static_cast<size_t>(id & kIdMask) / 64; }
uint64_t bit_of(int64_t id) { return uint64_t{1} << (id & 63); }

}  // namespace

size_t DeletionSet::lower_bound(int64_t number) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), number,
                                   [](const Entry& entry, int64_t n) { return entry.number < n; });
  return static_cast<size_t>(at - entries_.begin());
}

const DeletionSet::Entry* DeletionSet::find(int64_t number) const {
  const size_t at = lower_bound(number);
  return at < entries_.size() && entries_[at].number == number ? &entries_[at] : nullptr;
}

DeletionSet::Block& DeletionSet::writable(size_t index) {
  auto& block = entries_[index].block;
  if (block.use_count() > 1) block = std::make_shared<Block>(*block);
  return *block;
}

bool DeletionSet::insert(int64_t id) {
  const int64_t number = id >> kBlockBits;
  const size_t at = lower_bound(number);
  if (at == entries_.size() || entries_[at].number != number) {
    entries_.insert(entries_.begin() + static_cast<ptrdiff_t>(at),
                    {number, std::make_shared<Block>()});
  } else if ((entries_[at].block->words[word_of(id)] & bit_of(id)) != 0) {
    return false;
  }
  Block& block = writable(at);
  block.words[word_of(id)] |= bit_of(id);
  ++block.count;
  ++count_;
  return true;
}

bool DeletionSet::erase(int64_t id) {
  const int64_t number = id >> kBlockBits;
  const size_t at = lower_bound(number);
  if (at == entries_.size() || entries_[at].number != number) return false;
  if ((entries_[at].block->words[word_of(id)] & bit_of(id)) == 0) return false;
  --count_;
  if (entries_[at].block->count == 1) {
    entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(at));
    return true;
  }
  Block& block = writable(at);
  block.words[word_of(id)] &= ~bit_of(id);
  --block.count;
  return true;
}

bool DeletionSet::contains(int64_t id) const {
  const Entry* entry = find(id >> kBlockBits);
  return entry != nullptr && (entry->block->words[word_of(id)] & bit_of(id)) != 0;
}

void DeletionSet::insert_all(const DeletionSet& other) {
  if (empty()) {
    *this = other;
    return;
  }
  for (const int64_t id : other.ids()) insert(id);
}

void DeletionSet::test(std::span<const int64_t> ids, bool* live) const {
  int64_t number = 0;
  const Block* block = nullptr;
  bool known = false;
  for (size_t i = 0; i < ids.size(); ++i) {
    const int64_t id = ids[i];
    if (!known || (id >> kBlockBits) != number) {
      number = id >> kBlockBits;
      const Entry* entry = find(number);
      block = entry == nullptr ? nullptr : entry->block.get();
      known = true;
    }
    live[i] = block == nullptr || (block->words[word_of(id)] & bit_of(id)) == 0;
  }
}

uint64_t DeletionSet::count_near(int64_t first, int64_t last) const {
  uint64_t count = 0;
  for (size_t at = lower_bound(first >> kBlockBits);
       at < entries_.size() && entries_[at].number <= last >> kBlockBits; ++at) {
    count += entries_[at].block->count;
  }
  return count;
}

uint64_t DeletionSet::count_between(int64_t first, int64_t last) const {
  uint64_t count = 0;
  for (size_t at = lower_bound(first >> kBlockBits);
       at < entries_.size() && entries_[at].number <= last >> kBlockBits; ++at) {
    const int64_t start = entries_[at].number << kBlockBits;
    for (size_t word = 0; word < kWords; ++word) {
      const int64_t lowest = start + static_cast<int64_t>(word * 64);
      if (lowest + 63 < first || lowest > last) continue;
      uint64_t bits = entries_[at].block->words[word];
      if (lowest < first) bits &= ~uint64_t{0} << (first - lowest);
      if (lowest + 63 > last) bits &= ~uint64_t{0} >> (lowest + 63 - last);
      count += static_cast<uint64_t>(std::popcount(bits));
    }
  }
  return count;
}

std::vector<int64_t> DeletionSet::ids() const {
  std::vector<int64_t> ids;
  ids.reserve(count_);
  for (const Entry& entry : entries_) {
    for (size_t word = 0; word < kWords; ++word) {
      for (uint64_t bits = entry.block->words[word]; bits != 0; bits &= bits - 1) {
        ids.push_back((entry.number << kBlockBits) + static_cast<int64_t>(word * 64) +
                      std::countr_zero(bits));
      }
    }
  }
  return ids;
}

void DeletionSet::write(ByteWriter& out) const {
  const auto all = ids();
  out.u64(all.size());
  for (const int64_t id : all) out.i64(id);
}

DeletionSet DeletionSet::read(ByteReader& in) {
  DeletionSet set;
  const uint64_t count = in.count(sizeof(int64_t));
  for (uint64_t i = 0; i < count; ++i) set.insert(in.i64());
  return set;
}

}  // namespace sluice::collection
