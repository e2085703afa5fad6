// The ids of a view's rows, found by their values: what a row that goes is erased by.
//
// Of a row only a digest of 128 bits is kept, keyed per process: values that nobody can predict the
// digest of don't meet (2^64 rows would be needed for even odds). Equal rows are one another's
// equals: any of their ids does.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collection/store.h"

namespace sluice::views {

class LiveRows {
 public:
  LiveRows();

  // `row` is its bytes (arrangement::RowCodec, key form). Throws std::bad_alloc.
  void put(std::string_view row, collection::RowId id);
  // Takes one row of that value out; nothing: there is none.
  std::optional<collection::RowId> take(std::string_view row);

  size_t size() const { return size_; }
  size_t bytes() const;

  // Every row's id, in no order: what(RowId).
  template <typename What>
  void for_each(const What& what) const {
    for (uint32_t first : slots_) {
      for (; first != 0; first = entries_[first].next) what(collection::RowId{entries_[first].id});
    }
  }

 private:
  struct Digest {
    uint64_t high, low;
    bool operator==(const Digest&) const = default;
  };
  struct Entry {
    Digest digest;
    int64_t id;
    uint32_t next;  // of the same slot; of a free entry, the next free one
  };

  Digest digest_of(std::string_view row);
  size_t slot_of(const Digest& digest) const { return digest.low & (slots_.size() - 1); }
  void grow();

  std::string salt_;
  std::string scratch_;
  std::vector<Entry> entries_;   // entry 0 is none
  std::vector<uint32_t> slots_;  // first entries; a power of two of them
  uint32_t free_ = 0;
  size_t size_ = 0;
};

}  // namespace sluice::views
