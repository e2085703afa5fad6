// The values of one leaf: those of its open page, and the dictionary of its
// open column chunk.
//
//   append… -> open page --page()--> bytes, dictionary indices or PLAIN
//                                   -> end_page() -> append… -> end_chunk()
//
// A chunk begins with a dictionary and goes on with it while that makes it
// smaller; what it was for one chunk decides how the next ones begin, with
// another look from time to time.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "parquet/buffer.h"
#include "parquet/schema.h"

namespace sluice::parquet {

// Smallest and largest value as the file has them. Not known: there is none, or
// no reader could trust it, since readers differ about where NaN belongs.
struct Bounds {
  // Of a text that is longer, its bounds are as many first bytes.
  static constexpr size_t kMaxBytes = 64;

  bool known = false;
  std::string min, max;
};

// Values that are codes of a dictionary that the engine's scan has.
struct Codes {
  size_t dictionary_size = 0;
  const std::string* id = nullptr;  // equal ids: equal dictionaries; nullptr: of this call alone
};

class ValueEncoder {
 public:
  // So many bytes in front of a page's values are free for its levels.
  static constexpr size_t kHeadroom = 64;

  struct Page {
    bool is_dictionary = false;
    uint8_t* begin = nullptr;
    size_t size = 0;
    Bounds bounds;
  };

  virtual ~ValueEncoder() = default;

  // Takes `count` values out of `data`, an array of the source's physical type:
  // those at `positions`, or the first ones where that is nullptr. Reads during
  // the call only.
  virtual void append(const uint8_t* data, const uint32_t* positions, size_t count,
                      const Codes* codes) = 0;
  // Bytes of the open page's values before compression, about.
  virtual size_t page_bytes() const = 0;
  // Whether a page must end here, since the dictionary does.
  virtual bool must_end_page() const { return false; }
  // The open page; to be called once for a page, with values in it.
  virtual Page page() = 0;
  virtual void end_page() = 0;
  // Of each value as PLAIN has it; 0: they differ.
  virtual size_t plain_value_bytes() const { return 0; }
  // Of all pages of this chunk.
  virtual Bounds chunk_bounds() const = 0;

  // Entries of the dictionary that this chunk's pages refer to; 0: there is
  // none.
  virtual size_t dictionary_entries() const { return 0; }
  virtual size_t dictionary_bytes() const { return 0; }
  // As the dictionary's page has it.
  virtual void write_dictionary(Buffer& /*out*/) const {}
  // Whether to compare the two encodings this time, and what came of it: the
  // open page's values as PLAIN.
  virtual bool wants_comparison() const { return false; }
  virtual void write_plain(Buffer& /*out*/) {}
  virtual void prefer_plain() {}

  // Forgets the dictionary, but not what was learned about it.
  virtual void end_chunk() = 0;
};

// The encoder of a leaf whose values come as `source`. An error (internal)
// where no such conversion exists.
Result<std::unique_ptr<ValueEncoder>> make_value_encoder(const Field& field,
                                                         const engine::LogicalType& source);
// The same for texts and blobs.
std::unique_ptr<ValueEncoder> make_text_encoder();

}  // namespace sluice::parquet
