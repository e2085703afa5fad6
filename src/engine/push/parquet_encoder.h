// One Parquet file, encoded by DuckDB's own writer and handed on as bytes.
//
//   append(chunk) -> buffered rows -> a row group, when rows or bytes reach its bound -> `write`
//
// Bytes are written in order and only appended, so they can leave while the file grows. Memory: the
// buffered rows (max_group_bytes and a chunk; the engine may spill them) and one encoded group.
//
// Threads: one at a time; different encoders are independent of each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "engine/chunk.h"

namespace duckdb {
class DatabaseInstance;
}

namespace sluice::engine {

struct ParquetEncoderOptions {
  // Names must be unique. Types must be such as the writer knows: 0A000 otherwise.
  Shape shape;
  std::string compression = "snappy";
  // A row group ends at this many rows, or bytes as they lie in memory, whichever is first.
  uint64_t max_group_rows = 122'880;
  uint64_t max_group_bytes = uint64_t{16} << 20;
  // Bytes in the file for a byte in memory, as an earlier file of the same rows had it; 0: unknown.
  double expected_ratio = 0;
};

class ParquetEncoder {
 public:
  // Reads the bytes during the call only. May wait; its error is what append() and finish() return.
  using Write = std::function<Status(std::span<const std::byte>, std::stop_token)>;

  // `instance` must outlive the encoder, and know register_push(). Writes the file's first bytes.
  static Result<std::unique_ptr<ParquetEncoder>> open(duckdb::DatabaseInstance& instance,
                                                      ParquetEncoderOptions options, Write write,
                                                      std::stop_token stop);
  virtual ~ParquetEncoder() = default;

  // Reads `chunk` during the call only. Its types are the shape's, or decimals of the same scale
  // and fewer digits. After an error the file is of no use.
  virtual Status append(Chunk& chunk, std::stop_token stop) = 0;
  // The last row group and the footer; to be called once. Without rows: a file of schema only.
  virtual Status finish(std::stop_token stop) = 0;
  // How large the file would be if it were finished now: exact after finish(), else what is written
  // and an estimate of what is buffered.
  virtual uint64_t bytes() const = 0;
  // What this file has shown so far, for expected_ratio of the next; 0 before its first group.
  virtual double ratio() const = 0;
};

}  // namespace sluice::engine
