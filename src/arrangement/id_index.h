// The index of state: 32-bit ids by hash.
//
// Threads: one at a time; reading only, any number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include "arrangement/prefetch.h"

namespace sluice::arrangement {

// Ids of blocks by hash: open addressing, a place is 8 bytes, at most 3/4 of them taken. A place
// has the hash, too, so that neither a look-up nor growing goes to memory for any other block.
class IdIndex {
 public:
  void insert(uint32_t hash, uint32_t id) {
    if ((count_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? 8 : slots_.size() * 2);
    place({hash, id});
    ++count_;
  }
  // The id of this hash for which `matches(id)`; 0: none.
  template <typename Matches>
  uint32_t find(uint32_t hash, const Matches& matches) const {
    if (slots_.empty()) return 0;
    for (size_t slot = hash & mask();; slot = (slot + 1) & mask()) {
      const Slot& at = slots_[slot];
      if (at.id == 0 || (at.hash == hash && matches(at.id))) return at.id;
    }
  }
  void replace(uint32_t hash, uint32_t id, uint32_t by) { slots_[slot_of(hash, id)].id = by; }
  void erase(uint32_t hash, uint32_t id) {
    size_t hole = slot_of(hash, id);
    // Those behind it move up, unless they would come to lie before their home.
    for (size_t slot = (hole + 1) & mask(); slots_[slot].id != 0; slot = (slot + 1) & mask()) {
      const size_t home = slots_[slot].hash & mask();
      if (((slot - home) & mask()) < ((slot - hole) & mask())) continue;
      slots_[hole] = slots_[slot];
      hole = slot;
    }
    slots_[hole] = Slot();
    --count_;
    if (count_ == 0) {
      slots_ = {};
    } else if (slots_.size() > 8 && count_ * 8 < slots_.size()) {
      try {
        resize(slots_.size() / 2);
      } catch (const std::bad_alloc&) {
        // It may stay as large as it is: erasing never fails.
        return;
      }
    }
  }
  // Makes room for so many more, so that they can be inserted without an error.
  void reserve(size_t more) {
    size_t size = std::max<size_t>(slots_.size(), 8);
    while ((count_ + more) * 4 > size * 3) size *= 2;
    if (size != slots_.size()) resize(size);
  }
  // The first id of this hash; 0: none.
  uint32_t first(uint32_t hash) const {
    return find(hash, [](uint32_t /*id*/) { return true; });
  }
  void prefetch(uint32_t hash) const {
    if (!slots_.empty()) arrangement::prefetch(&slots_[hash & mask()]);
  }
  template <typename What>
  void for_each(const What& what) const {
    for (const Slot& slot : slots_) {
      if (slot.id != 0) what(slot.id);
    }
  }
  size_t size() const { return count_; }
  size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t id = 0;  // 0: free
  };

  size_t mask() const { return slots_.size() - 1; }
  size_t slot_of(uint32_t hash, uint32_t id) const {
    size_t slot = hash & mask();
    while (slots_[slot].id != id) slot = (slot + 1) & mask();
    return slot;
  }
  void place(Slot taken) {
    size_t slot = taken.hash & mask();
    while (slots_[slot].id != 0) slot = (slot + 1) & mask();
    slots_[slot] = taken;
  }
  void resize(size_t size) {
    std::vector<Slot> old(size);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id != 0) place(slot);
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, or none
  size_t count_ = 0;
};

}  // namespace sluice::arrangement
