// One leaf of a file: levels and values become pages, each compressed when it
// is full, and pages a column chunk.
//
//   append -> open page -> compressed pages -> end_chunk() -> write_chunk() ->
//   the next row group
//
// Pages are compressed while they are still in the processor's caches, so that
// what waits for the end of its row group is small, and its size is known.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "parquet/blocks.h"
#include "parquet/bloom_filter.h"
#include "parquet/compression.h"
#include "parquet/levels.h"
#include "parquet/values.h"

namespace sluice::parquet {

// Reads the bytes during the call only. May wait.
using Write = std::function<Status(std::span<const std::byte>, std::stop_token)>;

struct PageOptions {
  size_t bytes = 0;   // of a page before compression, about
  size_t values = 0;  // of a page, about
  bool has_checksums = true;
  bool has_statistics = true;
  BloomFilters bloom_filters = BloomFilters::kNone;
};

// Values of a leaf, and the levels that say where they are.
struct LeafBatch {
  size_t rows = 0;
  // One for each value and each NULL; nullptr: all are the leaf's largest one,
  // or 0 if repeated.
  const uint8_t* definition = nullptr;
  const uint8_t* repetition = nullptr;
  size_t levels = 0;
  const uint8_t* data = nullptr;  // an array of the engine's values
  const uint32_t* positions = nullptr;
  size_t values = 0;
  const Codes* codes = nullptr;
};

class Column {
 public:
  // Shared by the columns of a file, and must outlive them.
  struct Tools {
    Compressor& compressor;
    Buffer& scratch;
    BlockPool& blocks;
  };
  Column(Leaf leaf, std::unique_ptr<ValueEncoder> values, Codec codec, PageOptions options,
         Tools tools);

  const Leaf& leaf() const { return leaf_; }
  Status append(const LeafBatch& batch);

  // What the open chunk takes before and after compression, about; and of
  // memory now.
  uint64_t raw_bytes() const;
  uint64_t file_bytes() const;
  uint64_t buffered_bytes() const;

  // Compresses what is open.
  Status end_chunk();
  // After it: what the chunk takes of the file, without its filter.
  uint64_t chunk_bytes() const { return dictionary_.size() + pages_.size(); }
  // What the footer says of a chunk: structs of Thrift's, as they are written.
  struct Written {
    uint64_t raw_bytes = 0;
    uint64_t file_bytes = 0;
    std::string metadata;      // ColumnMetaData
    std::string column_index;  // may be empty: there is none
    std::string offset_index;
    std::string bloom_filter;  // may be empty; for the place that was given
  };
  // After end_chunk(): writes the chunk, which begins at `offset` of the file,
  // and is ready for the next one. Its filter will be at `filter_offset`.
  Result<Written> write_chunk(uint64_t offset, uint64_t filter_offset, const Write& write,
                              const std::stop_token& stop);

 private:
  struct PageEntry {
    uint64_t offset = 0;  // in the chunk, without its dictionary
    uint64_t bytes = 0;
    uint64_t first_row = 0;
    uint64_t nulls = 0;
    bool is_null = false;  // all of it
    Bounds bounds;
  };

  struct Limits {
    std::string min, max;
    bool is_exact_min = true, is_exact_max = true;
  };

  Status end_page();
  Status compress(std::span<const std::byte> page, PageForm form);
  Status compare_with_plain(size_t page_values);
  std::span<const std::byte> with_levels(const ValueEncoder::Page& page);
  bool filters_dictionary(size_t entries) const;
  void write_metadata(uint64_t offset, uint64_t filter_offset, const Written& written,
                      Thrift& out) const;
  void write_statistics(Thrift& out) const;
  void write_page_counts(Thrift& out) const;
  std::optional<Limits> limits_of(Bounds bounds) const;
  bool write_column_index(Thrift& out) const;
  void write_offset_index(uint64_t offset, Thrift& out) const;
  void reset();

  const Leaf leaf_;
  const std::unique_ptr<ValueEncoder> values_;
  const Codec codec_;
  const PageOptions options_;
  Tools tools_;

  // The open page.
  Levels definition_, repetition_;
  size_t page_values_ = 0;  // without NULLs
  size_t page_rows_ = 0;
  Buffer levels_;
  Buffer joined_;
  Buffer header_;

  // The open chunk.
  Blocks pages_;       // headers and compressed data
  Buffer dictionary_;  // its page, once the chunk has ended
  uint64_t rows_ = 0, levels_count_ = 0, nulls_ = 0;
  uint64_t raw_data_bytes_ = 0;  // of the pages, with headers
  uint64_t raw_dictionary_bytes_ = 0;
  size_t dictionary_pages_ = 0, plain_pages_ = 0;
  std::vector<PageEntry> entries_;
  ValueHashes hashes_;  // for its bloom filter

  // What was learned: bytes after compression for one before.
  double data_ratio_ = 0.6, dictionary_ratio_ = 0.6;
  // While both encodings are compared: the same values as PLAIN.
  uint64_t compared_values_ = 0, compared_plain_bytes_ = 0;
};

}  // namespace sluice::parquet
