// Memory for many small blocks, named by 32 bits instead of a pointer.
//
// Blocks of one size class lie together in pages, which grow from 1 KiB to 64 KiB as the class
// does; a page without blocks is given back at once. A block has no header of its own; what it
// costs beyond its size is at most 7 bytes up to 1 KiB, an eighth above. Blocks over 16 KiB are
// pages of their own.
//
// Threads: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::arrangement {

class BlockPool {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = 0;

  BlockPool();
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // Uninitialized, aligned to 8. Throws std::bad_alloc when there is no memory, or no name left:
  // there are 2^32 of them, one for each 8 bytes.
  Id allocate(size_t bytes);
  void free(Id block);
  char* at(Id block) { return memory_[block >> kOffsetBits] + offset(block); }
  const char* at(Id block) const { return memory_[block >> kOffsetBits] + offset(block); }

  // All memory that it holds, this object included.
  size_t bytes() const;

 private:
  static constexpr uint32_t kOffsetBits = 13;
  static constexpr size_t kGranule = 8;
  static constexpr size_t kMaxPageBytes = kGranule << kOffsetBits;
  static constexpr size_t kMaxShared = 16384;
  static constexpr size_t kClasses = 128 + 4 * 8;

  struct Page {
    size_t bytes = 0;
    uint32_t block_bytes = 0;
    uint32_t live = 0;
    uint32_t unused = 0;    // offset in granules from which on no block was ever given out
    uint32_t free = kFull;  // the first block that was given back, by its offset
    uint32_t next = 0;      // pages of the class with room, a list; 0 ends it
    uint32_t previous = 0;
    bool listed = false;
  };
  struct Class {
    uint32_t first = 0;  // page with room
    uint32_t pages = 0;
  };
  static constexpr uint32_t kFull = UINT32_MAX;

  static size_t offset(Id block) { return (block & ((1U << kOffsetBits) - 1)) * kGranule; }
  static size_t class_of(size_t bytes);
  static size_t class_bytes(size_t index);
  uint32_t add_page(size_t bytes, size_t block_bytes);
  void remove_page(uint32_t number);
  void list(Class& group, uint32_t number);
  void unlist(Class& group, uint32_t number);

  std::vector<Page> pages_;  // page 0 is none, so that no block has the name 0
  // Of each page, apart from what is known of it: all look-ups go through these, so they should be
  // in a cache.
  std::vector<char*> memory_;
  std::vector<uint32_t> free_pages_;
  std::array<Class, kClasses> classes_;
  size_t page_bytes_ = 0;
};

}  // namespace sluice::arrangement
