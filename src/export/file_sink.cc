#include "export/file_sink.h"

#include <algorithm>

#include "engine/push/parquet_encoder.h"
#include "engine/push/pieces.h"
#include "format/csv.h"
#include "format/parquet_types.h"

namespace sluice::exports {
namespace {

// Rows are encoded, and sizes looked at, at least this often.
constexpr size_t kPieceBytes = size_t{1} << 20;
// A row group as it lies in memory, for each thread.
constexpr uint64_t kGroupBytes = uint64_t{16} << 20;

}  // namespace

// One thread's files, one after the other.
class FileSink::Local : public engine::LocalSink {
 public:
  explicit Local(FileSink& owner, uint32_t first_index)
      : spec_(owner.spec_), owner_(owner), index_(first_index) {}

  Status append(engine::Chunk& chunk, std::stop_token stop) final {
    return engine::for_each_piece(chunk, kPieceBytes, [&](engine::Chunk& piece) -> Status {
      if (stop.stop_requested()) return cancelled();
      TRY(encode(piece, stop));
      owner_.rows_ += piece.size();
      owner_.progress_.rows += piece.size();
      return ok();
    });
  }

  Status finish(std::stop_token stop) final { return file_ == nullptr ? ok() : end_file(stop); }

  Status write_empty(const std::stop_token& stop) {
    TRY(begin_file(stop));
    return end_file(stop);
  }

 protected:
  virtual Status encode(engine::Chunk& rows, const std::stop_token& stop) = 0;
  virtual Status begin_content(const std::stop_token& stop) = 0;
  virtual Status end_content(const std::stop_token& stop) = 0;

  Status begin_file(const std::stop_token& stop) {
    if (!batch_) batch_ = owner_.files_.next_batch();
    file_ = &owner_.files_.open(*batch_, index_++);
    return begin_content(stop);
  }
  Status end_file(const std::stop_token& stop) {
    TRY(end_content(stop));
    return std::exchange(file_, nullptr)->close(stop);
  }

  const ExportSpec& spec_;
  FileSink& owner_;
  RunFile* file_ = nullptr;  // the open one

 private:
  uint32_t index_;
  std::optional<uint32_t> batch_;  // given with the first file, so that there are no gaps
};

class FileSink::CsvLocal final : public Local {
 public:
  // Numbers of CSV files begin at 1, of Parquet files at 0: as the reference has it.
  explicit CsvLocal(FileSink& owner)
      : Local(owner, 1), encoder_(spec_.names, spec_.types, spec_.csv, file_text()) {}

 private:
  static format::TextOptions file_text() {
    format::TextOptions options;
    options.spaced_json = false;
    options.time_zone = "UTC";
    return options;
  }

  Status begin_content(const std::stop_token& stop) override {
    has_rows_ = false;
    if (!spec_.csv.header) return ok();
    const std::string header = encoder_.header();
    return file_->append(std::as_bytes(std::span(header)), stop);
  }
  Status end_content(const std::stop_token&) override { return ok(); }

  Status encode(engine::Chunk& rows, const std::stop_token& stop) override {
    text_.clear();
    row_ends_.clear();
    TRY(encoder_.encode(rows, text_, row_ends_));
    size_t written = 0;
    for (auto next = row_ends_.cbegin(); next != row_ends_.cend();) {
      if (file_ == nullptr) TRY(begin_file(stop));
      // All rows that fit, or one that fits nowhere if it has the file to itself.
      auto last = std::upper_bound(next, row_ends_.cend(), written + room());
      if (last == next && has_rows_) {
        TRY(end_file(stop));
        continue;
      }
      if (last == next) ++last;
      const size_t end = *(last - 1);
      TRY(file_->append(std::as_bytes(std::span(text_).subspan(written, end - written)), stop));
      has_rows_ = true;
      written = end;
      next = last;
    }
    return ok();
  }

  uint64_t room() const {
    return spec_.max_file_bytes - std::min(spec_.max_file_bytes, file_->bytes());
  }

  format::CsvEncoder encoder_;
  bool has_rows_ = false;  // the open file has more than a header
  std::string text_;       // the next two are kept for their memory
  std::vector<size_t> row_ends_;
};

class FileSink::ParquetLocal final : public Local {
 public:
  explicit ParquetLocal(FileSink& owner) : Local(owner, 0) {}

 private:
  Status begin_content(const std::stop_token& stop) override {
    engine::ParquetEncoderOptions options;
    options.shape = owner_.shape_;
    options.compression = spec_.parquet_compression;
    options.max_group_bytes = std::min(kGroupBytes, spec_.max_file_bytes);
    options.expected_ratio = ratio_;
    TRY_ASSIGN(instance_, owner_.engine_.instance());
    TRY_ASSIGN(encoder_,
               engine::ParquetEncoder::open(
                   *instance_, std::move(options),
                   [file = file_](std::span<const std::byte> bytes, std::stop_token append_stop) {
                     return file->append(bytes, std::move(append_stop));
                   },
                   stop));
    return ok();
  }
  Status end_content(const std::stop_token& stop) override {
    TRY(encoder_->finish(stop));
    ratio_ = encoder_->ratio();
    encoder_.reset();
    return ok();
  }

  Status encode(engine::Chunk& rows, const std::stop_token& stop) override {
    if (file_ == nullptr) TRY(begin_file(stop));
    TRY(encoder_->append(rows, stop));
    return encoder_->bytes() < spec_.max_file_bytes ? ok() : end_file(stop);
  }

  std::shared_ptr<duckdb::DatabaseInstance> instance_;  // shared: the encoder's, while it lives
  std::unique_ptr<engine::ParquetEncoder> encoder_;
  double ratio_ = 0;  // of the file before
};

Status FileSink::prepare(const engine::Shape& shape) {
  if (shape.types.size() != spec_.types.size() || spec_.names.size() != spec_.types.size()) {
    return internal("the reader gives {} columns, {} are to be exported", shape.types.size(),
                    spec_.types.size());
  }
  shape_ = shape;
  if (spec_.format == FileFormat::kCsv) return ok();
  TRY_ASSIGN(const auto columns, format::parquet_columns(spec_.names, spec_.types));
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].input != shape.types[i]) {
      return internal("column {} is {}, its encoder takes {}", columns[i].name,
                      shape.types[i].ToString(), columns[i].input.ToString());
    }
    shape_.names[i] = columns[i].name;
    shape_.types[i] = columns[i].type;
  }
  return ok();
}

std::unique_ptr<FileSink::Local> FileSink::make_local() {
  if (spec_.format == FileFormat::kCsv) return std::make_unique<CsvLocal>(*this);
  return std::make_unique<ParquetLocal>(*this);
}

Result<std::unique_ptr<engine::LocalSink>> FileSink::open_local() {
  return std::unique_ptr<engine::LocalSink>(make_local());
}

Status FileSink::write_empty(std::stop_token stop) { return make_local()->write_empty(stop); }

}  // namespace sluice::exports
