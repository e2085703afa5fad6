// One data file while it is written: its encoder, its size, and when it ends.
//
//   begin ─> append … ─> end(): the upload's bytes are all at the store, nothing is visible
//
// Threads: one at a time; a file that is not full goes on from one thread to the next.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/chunk.h"
#include "export/run_files.h"
#include "parquet/writer.h"

namespace sluice::exports {

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
    return file_.close(stop);
  }
  // These rows of the chunk are in the file.
  void count(engine::Chunk& chunk, size_t from, size_t to) {
    rows += to - from;
    if (file_.facts() != nullptr) file_.facts()->columns.add(chunk, from, to);
  }
  RunFile& file() { return file_; }

  uint64_t rows = 0;
  // Where it ends: at the largest size, or before when what is to come is shared out evenly.
  uint64_t target_bytes;
  bool was_judged = false;

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
  uint64_t bytes() const override { return writer_->bytes(); }
  // After end(): it can write another file.
  std::unique_ptr<parquet::Writer> take_writer() { return std::move(writer_); }

 private:
  Status end_content(const std::stop_token& stop) override;

  std::unique_ptr<parquet::Writer> writer_;
};

}  // namespace sluice::exports
