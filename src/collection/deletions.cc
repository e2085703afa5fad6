#include "collection/deletions.h"

#include <algorithm>
#include <bit>
#include <cstring>

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
  std::vector<Entry> added;
  size_t at = 0;
  for (const Entry& theirs : other.entries_) {
    while (at < entries_.size() && entries_[at].number < theirs.number) ++at;
    if (at == entries_.size() || entries_[at].number != theirs.number) {
      added.push_back(theirs);
      count_ += theirs.block->count;
      continue;
    }
    Block& block = writable(at);
    count_ -= block.count;
    block.count = 0;
    for (size_t word = 0; word < kWords; ++word) {
      block.words[word] |= theirs.block->words[word];
      block.count += static_cast<uint32_t>(std::popcount(block.words[word]));
    }
    count_ += block.count;
  }
  if (added.empty()) return;
  const auto by_number = [](const Entry& a, const Entry& b) { return a.number < b.number; };
  const auto middle = entries_.insert(entries_.end(), added.begin(), added.end());
  std::inplace_merge(entries_.begin(), middle, entries_.end(), by_number);
}

void DeletionSet::erase_all(const DeletionSet& other) {
  for (const Entry& theirs : other.entries_) {
    const size_t at = lower_bound(theirs.number);
    if (at == entries_.size() || entries_[at].number != theirs.number) continue;
    Block& block = writable(at);
    count_ -= block.count;
    block.count = 0;
    for (size_t word = 0; word < kWords; ++word) {
      block.words[word] &= ~theirs.block->words[word];
      block.count += static_cast<uint32_t>(std::popcount(block.words[word]));
    }
    count_ += block.count;
  }
  std::erase_if(entries_, [](const Entry& entry) { return entry.block->count == 0; });
}

void DeletionSet::erase_negative() {
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(lower_bound(0));
  for (auto at = entries_.begin(); at != end; ++at) count_ -= at->block->count;
  entries_.erase(entries_.begin(), end);
}

bool DeletionSet::intersects(const DeletionSet& other) const {
  const DeletionSet& fewer = entries_.size() < other.entries_.size() ? *this : other;
  const DeletionSet& more = &fewer == this ? other : *this;
  for (const Entry& entry : fewer.entries_) {
    const Entry* found = more.find(entry.number);
    if (found == nullptr) continue;
    for (size_t word = 0; word < kWords; ++word) {
      if ((entry.block->words[word] & found->block->words[word]) != 0) return true;
    }
  }
  return false;
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

size_t DeletionSet::read_block(size_t number, size_t skip, std::span<int64_t> out) const {
  const Entry& entry = entries_[number];
  size_t written = 0;
  for (size_t word = 0; word < kWords && written < out.size(); ++word) {
    uint64_t bits = entry.block->words[word];
    const auto here = static_cast<size_t>(std::popcount(bits));
    if (skip >= here) {
      skip -= here;
      continue;
    }
    for (; bits != 0 && written < out.size(); bits &= bits - 1) {
      if (skip > 0) {
        --skip;
        continue;
      }
      out[written++] =
          (entry.number << kBlockBits) + static_cast<int64_t>(word * 64) + std::countr_zero(bits);
    }
  }
  return written;
}

// A block is written as its ids' low halves, or as its bitmap where that is shorter.
void DeletionSet::write(ByteWriter& out) const {
  out.u64(entries_.size());
  std::vector<int64_t> ids;
  for (size_t at = 0; at < entries_.size(); ++at) {
    const Block& block = *entries_[at].block;
    out.i64(entries_[at].number);
    if (block.count * sizeof(uint16_t) >= sizeof block.words) {
      out.text({reinterpret_cast<const char*>(block.words.data()), sizeof block.words});
      continue;
    }
    ids.resize(block.count);
    read_block(at, 0, ids);
    ByteWriter halves;
    for (const int64_t id : ids) {
      const auto half = static_cast<uint16_t>(id & kIdMask);
      halves.raw(&half, sizeof half);
    }
    out.text(halves.bytes());
  }
}

DeletionSet DeletionSet::read(ByteReader& in) {
  DeletionSet set;
  const uint64_t blocks = in.count(2 * sizeof(uint64_t));
  for (uint64_t i = 0; i < blocks && in.ok(); ++i) {
    const int64_t number = in.i64();
    const std::string_view bytes = in.text();
    auto block = std::make_shared<Block>();
    if (bytes.size() == sizeof block->words) {
      std::memcpy(block->words.data(), bytes.data(), bytes.size());
    } else {
      for (size_t at = 0; at + sizeof(uint16_t) <= bytes.size(); at += sizeof(uint16_t)) {
        uint16_t half = 0;
        std::memcpy(&half, bytes.data() + at, sizeof half);
        block->words[word_of(half)] |= bit_of(half);
      }
    }
    for (const uint64_t word : block->words) {
      block->count += static_cast<uint32_t>(std::popcount(word));
    }
    DeletionSet one;
    if (block->count > 0) one.entries_.push_back({number, block});
    one.count_ = block->count;
    set.insert_all(one);
  }
  return set;
}

}  // namespace sluice::collection
