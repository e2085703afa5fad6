// One data file while it is written: its encoder, its size, and when it ends.
//
//   begin ─> append … ─> end(): the upload's bytes are all at the store, nothing is visible
//
// Threads: one at a time; a file that is not full goes on from one thread to the next.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chunk.h"
#include "export/column_statistics.h"
#include "export/run_files.h"
#include "parquet/writer.h"

namespace sluice::exports {

// Rows that a thread has encoded for a file that it shares with others.
class RowCounts {
 public:
  // `types` are those of the file's columns where a manifest tells of them; else nullptr.
  explicit RowCounts(const std::vector<types::SqlType>* types) : types_(types) { clear(); }

  void add(engine::Chunk& chunk, size_t from, size_t to) {
    rows += to - from;
    if (columns) columns->add(chunk, from, to);
  }
  void clear() {
    rows = 0;
    if (types_ != nullptr) columns.emplace(*types_);
  }

  uint64_t rows = 0;
  std::optional<ColumnStatistics> columns;

 private:
  const std::vector<types::SqlType>* types_;
};

class OpenFile {
 public:
  // `file` must outlive the object.
  OpenFile(RunFile& file, uint64_t target) : target_bytes(target), file_(file) {}
  virtual ~OpenFile() = default;

  // What is encoded, and an estimate of what is buffered.
  virtual uint64_t bytes() const = 0;
  Status end(const std::stop_token& stop) {
    TRY(end_content(stop));
    if (file_.facts() != nullptr) file_.facts()->rows = rows;
    return file_.end(stop);
  }
  // These rows of the chunk are in the file.
  void count(engine::Chunk& chunk, size_t from, size_t to) {
    rows += to - from;
    if (file_.facts() != nullptr) file_.facts()->columns.add(chunk, from, to);
  }
  void count(const RowCounts& counts) {
    rows += counts.rows;
    if (file_.facts() != nullptr && counts.columns) file_.facts()->columns.add(*counts.columns);
  }
  RunFile& file() { return file_; }

  uint64_t rows = 0;
  // Where it ends: at the largest size, or before when what is to come is shared out evenly.
  uint64_t target_bytes;
  uint64_t judged = 0;  // so often (size_balance.h)

 protected:
  virtual Status end_content(const std::stop_token& stop) = 0;

  RunFile& file_;
};

// Takes chunks.
class ParquetFile final : public OpenFile {
 public:
  static Result<std::unique_ptr<ParquetFile>> begin(std::unique_ptr<parquet::Writer> writer,
                                                    RunFile& file, uint64_t target_bytes,
                                                    const std::stop_token& stop);
  ParquetFile(std::unique_ptr<parquet::Writer> writer, RunFile& file, uint64_t target)
      : OpenFile(file, target), writer_(std::move(writer)) {}

  Status append(engine::Chunk& chunk, const std::stop_token& stop) {
    return writer_->append(chunk, stop);
  }
  // A group that has ended.
  Status append(parquet::GroupEncoder& group, const std::stop_token& stop) {
    return writer_->append(group, stop);
  }
  uint64_t bytes() const override { return writer_->bytes(); }
  bool should_end() const { return writer_->should_end(); }
  // After end(): it can write another file.
  std::unique_ptr<parquet::Writer> take_writer() { return std::move(writer_); }

 private:
  Status end_content(const std::stop_token& stop) override;

  std::unique_ptr<parquet::Writer> writer_;
};

}  // namespace sluice::exports
