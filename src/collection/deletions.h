// Which rows of a collection are deleted: a set of row ids as bitmaps of 65,536 ids each.
//
// Copying is cheap and shares the bitmaps; a change copies only those that are shared. One thread
// at a time changes a set; any number may read it or its copies meanwhile.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "collection/bytes.h"

namespace sluice::collection {

class DeletionSet {
 public:
  // False if it was there already.
  bool insert(int64_t id);
  // False if it was not there.
  bool erase(int64_t id);
  bool contains(int64_t id) const;
  // A block at a time: cheap for millions of ids.
  void insert_all(const DeletionSet& other);
  void erase_all(const DeletionSet& other);
  bool intersects(const DeletionSet& other) const;
  void erase_negative();

  // live[i] = ids[i] is not in the set. Fast where neighbours are close to each other.
  void test(std::span<const int64_t> ids, bool* live) const;
  // How many ids from `first` to `last` are in the set.
  uint64_t count_between(int64_t first, int64_t last) const;
  // An upper bound of how many ids from `first` to `last` are in the set; 0 is exact.
  uint64_t count_near(int64_t first, int64_t last) const;
  uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::vector<int64_t> ids() const;  // ascending
  // The same in parts: ids of a block from its number `skip` (ascending) on, as many as `out`
  // takes; gives how many.
  static constexpr size_t kBlockBytes = (size_t{1} << 16) / 8;  // of memory for each
  size_t block_count() const { return entries_.size(); }
  size_t read_block(size_t block, size_t skip, std::span<int64_t> out) const;

  void write(ByteWriter& out) const;
  static DeletionSet read(ByteReader& in);

 private:
  static constexpr int kBlockBits = 16;
  static constexpr size_t kWords = (size_t{1} << kBlockBits) / 64;
  struct Block {
    std::array<uint64_t, kWords> words{};
    uint32_t count = 0;
  };
  struct Entry {
    int64_t number = 0;            // id >> kBlockBits
    std::shared_ptr<Block> block;  // shared by copies of the set; copied before a change
  };
  const Entry* find(int64_t number) const;
  Block& writable(size_t index);
  size_t lower_bound(int64_t number) const;

  std::vector<Entry> entries_;  // by number
  uint64_t count_ = 0;
};

}  // namespace sluice::collection
