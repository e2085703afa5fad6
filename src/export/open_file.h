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
#include "engine/engine.h"
#include "export/run_files.h"

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
    return file_.close(stop);
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

// Takes texts of whole rows.
class CsvFile final : public OpenFile {
 public:
  static Result<std::unique_ptr<CsvFile>> begin(RunFile& file, uint64_t target_bytes,
                                                std::string_view header,
                                                const std::stop_token& stop);
  using OpenFile::OpenFile;

  Status append(std::string_view rows_text, const std::stop_token& stop) {
    return file_.append(std::as_bytes(std::span(rows_text)), stop);
  }
  uint64_t bytes() const override { return file_.bytes(); }

 private:
  Status end_content(const std::stop_token&) override { return ok(); }
};

// Takes chunks.
class ParquetFile final : public OpenFile {
 public:
  struct Options {
    engine::Shape shape;  // unique names, the file's types
    std::string compression;
    uint64_t max_group_bytes = 0;
    double expected_ratio = 0;  // as ratio() of an earlier file
  };
  static Result<std::unique_ptr<ParquetFile>> begin(engine::Engine& engine, RunFile& file,
                                                    uint64_t target_bytes, Options options,
                                                    const std::stop_token& stop);
  ~ParquetFile() override;

  Status append(engine::Chunk& chunk, const std::stop_token& stop);
  uint64_t bytes() const override;
  double ratio() const;

 private:
  struct Encoder;
  ParquetFile(RunFile& file, uint64_t target, std::unique_ptr<Encoder> encoder);
  Status end_content(const std::stop_token& stop) override;

  const std::unique_ptr<Encoder> encoder_;
};

}  // namespace sluice::exports
