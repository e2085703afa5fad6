#include "export/file_sink.h"

#include <algorithm>

#include "engine/allocations.h"
#include "engine/push/pieces.h"
#include "export/csv_file.h"
#include "export/footer_texts.h"
#include "export/parallel.h"
#include "export/partitions.h"
#include "format/csv.h"
#include "parquet/arrow_schema.h"
#include "parquet/mapping.h"

namespace sluice::exports {
namespace {

// Rows are encoded, and sizes looked at, at least this often.
constexpr size_t kPieceBytes = size_t{1} << 20;
// Row groups of all exports together are a share of the engine's memory.
constexpr uint64_t kGroupsShare = 6;
// Where the size of a row group is given: rows may be of almost no bytes.
constexpr uint64_t kMostGroupRows = uint64_t{1} << 24;
// Files that are ended at once.
constexpr size_t kEndThreads = 8;

}  // namespace

// One thread's files, one after the other.
class FileSink::Local : public engine::LocalSink {
 public:
  explicit Local(FileSink& owner, uint32_t first_index)
      : spec_(owner.spec_),
        owner_(owner),
        index_(first_index),
        splitter_(owner.spec_.partition_names) {
    owner_.balance_.writer_begins();
  }

  Status append(engine::Chunk& chunk, std::stop_token stop) final {
    return engine::for_each_piece(chunk, kPieceBytes, [&](engine::Chunk& piece) -> Status {
      if (stop.stop_requested()) return cancelled();
      TRY(spec_.partition_names.empty() ? encode(piece, stop) : encode_parts(piece, stop));
      owner_.rows_ += piece.size();
      owner_.balance_.count(piece.size());
      owner_.progress_.rows += piece.size();
      return ok();
    });
  }

  Status finish(std::stop_token stop) final {
    TRY(write_rest(stop));
    owner_.balance_.writer_ends();
    leave();
    while (!others_.empty()) {
      folder_ = others_.front().first;
      open_ = std::move(others_.front().second);
      others_.erase(others_.begin());
      leave();
    }
    return ok();
  }

  Status write_empty(const std::stop_token& stop) {
    TRY(begin(stop));
    return std::exchange(open_, nullptr)->end(stop);
  }

 protected:
  virtual Status encode(engine::Chunk& rows, const std::stop_token& stop) = 0;
  virtual Result<std::unique_ptr<OpenFile>> begin(RunFile& file, const std::stop_token& stop) = 0;

  // What the thread has gathered of a file that it shares with others.
  virtual Status write_rest(const std::stop_token&) { return ok(); }
  virtual void ended(OpenFile&) {}

  Status end(OpenFile& file, const std::stop_token& stop) {
    TRY(file.end(stop));
    ended(file);
    return ok();
  }
  // Has a file ready: the open one, one that another thread has left, or a new one.
  Status begin(const std::stop_token& stop) {
    if (open_ == nullptr) open_ = owner_.take_unfilled(folder_);
    if (open_ != nullptr) return ok();
    TRY(owner_.files_.look_after_ended(stop));
    if (!batch_) batch_ = owner_.files_.next_batch();
    if (!folder_.empty() && ++owner_.partition_files_ > kMostPartitionFiles) {
      return error(ErrorCode::kExhausted, "PARTITION BY would make more than {} files",
                   kMostPartitionFiles)
          .with_sqlstate("54000")
          .with_hint("PARTITION BY columns of fewer different values.");
    }
    TRY_ASSIGN(open_, begin(owner_.files_.open(data_key(spec_, folder_, *batch_, index_++)), stop));
    return ok();
  }
  // A single file is everybody's: what a thread has encoded, and counted, is written to it by
  // `append`, which is to do nothing else.
  template <typename Append>
  Status write_shared(RowCounts& counts, const std::stop_token& stop, const Append& append) {
    const std::lock_guard lock(owner_.single_file_mutex_);
    TRY(begin(stop));
    open_->count(counts);
    counts.clear();
    Status status = append(*open_);
    leave();
    return status;
  }
  RowCounts row_counts() const { return RowCounts(spec_.manifest ? &spec_.types : nullptr); }
  void leave() {
    if (open_ == nullptr) return;
    const std::lock_guard lock(owner_.mutex_);
    owner_.unfilled_.push_back({folder_, std::move(open_)});
  }

  const ExportSpec& spec_;
  FileSink& owner_;
  std::unique_ptr<OpenFile> open_;

 private:
  Status encode_parts(engine::Chunk& rows, const std::stop_token& stop) {
    return splitter_.split(rows, [&](const std::string& folder, engine::Chunk& part) -> Status {
      TRY(turn_to(folder, stop));
      return encode(part, stop);
    });
  }

  // Goes on with the files of another folder. Only so many stay open: the one that was not written
  // to for longest ends.
  Status turn_to(const std::string& folder, const std::stop_token& stop) {
    if (folder == folder_) return ok();
    if (open_ != nullptr) others_.emplace_back(folder_, std::move(open_));
    folder_ = folder;
    const auto known = std::find_if(others_.begin(), others_.end(),
                                    [&](const auto& other) { return other.first == folder; });
    if (known != others_.end()) {
      open_ = std::move(known->second);
      others_.erase(known);
    }
    while (others_.size() >= std::max<size_t>(1, spec_.max_open_files)) {
      const auto file = std::move(others_.front().second);
      others_.erase(others_.begin());
      TRY(end(*file, stop));
    }
    return ok();
  }

  uint32_t index_;
  std::optional<uint32_t> batch_;  // given with the first file, so that there are no gaps
  PartitionSplitter splitter_;
  std::string folder_;                                                     // of the open file
  std::vector<std::pair<std::string, std::unique_ptr<OpenFile>>> others_;  // last used last
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

  using Local::begin;
  Result<std::unique_ptr<OpenFile>> begin(RunFile& file, const std::stop_token& stop) override {
    CsvFile::Options options;
    if (spec_.csv.header) options.header = encoder_.header();
    options.compression = spec_.csv_compression;
    TRY_ASSIGN(auto open, CsvFile::begin(file, owner_.largest_bytes_, options, stop));
    return std::unique_ptr<OpenFile>(std::move(open));
  }

  Status encode(engine::Chunk& rows, const std::stop_token& stop) override {
    TRY(encoder_.begin(rows));
    for (size_t row = 0; encoder_.next(records_); row += records_.ends().size()) {
      TRY(spec_.single_file ? share(rows, row, stop) : write(rows, row, stop));
    }
    return ok();
  }

  // The next records of the chunk, from its row `row` on.
  Status write(engine::Chunk& rows, size_t row, const std::stop_token& stop) {
    for (size_t next = 0; next < records_.ends().size();) {
      TRY(begin(stop));
      auto& file = static_cast<CsvFile&>(*open_);
      TRY_ASSIGN(const size_t last, file.append(records_, next, stop));
      file.count(rows, row + next, row + last);
      if (last == next && owner_.balance_.ends(file)) {
        TRY(std::exchange(open_, nullptr)->end(stop));
      }
      next = last;
    }
    if (open_ != nullptr) owner_.balance_.judge(*open_);
    return ok();
  }

  // Compressed by this thread, before the file is locked.
  Status share(engine::Chunk& rows, size_t row, const std::stop_token& stop) {
    counts_.add(rows, row, row + records_.ends().size());
    if (spec_.csv_compression.codec == format::Codec::kNone) {
      return write_shared(counts_, stop, [&](OpenFile& file) -> Status {
        TRY(static_cast<CsvFile&>(file).append(records_, 0, stop));
        return ok();
      });
    }
    frame_ += records_.text();
    return frame_.size() < format::Compressor::kFrameBytes ? ok() : share_frame(stop);
  }
  Status share_frame(const std::stop_token& stop) {
    TRY_ASSIGN(const std::string_view frame, compressed_frame());
    return write_shared(counts_, stop, [&](OpenFile& file) {
      return static_cast<CsvFile&>(file).append_frame(frame, stop);
    });
  }
  Status write_rest(const std::stop_token& stop) override {
    return frame_.empty() ? ok() : share_frame(stop);
  }
  Result<std::string_view> compressed_frame() {
    if (compressor_ == nullptr) {
      compressor_ = std::make_unique<format::Compressor>(spec_.csv_compression);
    }
    TRY_ASSIGN(const std::string_view frame, compressor_->compress(frame_));
    frame_.clear();
    return frame;
  }

  format::CsvEncoder encoder_;
  format::CsvRecords records_;  // kept for its memory
  // Of a single file.
  RowCounts counts_ = row_counts();
  std::string frame_;  // that is to be compressed
  std::unique_ptr<format::Compressor> compressor_;
};

class FileSink::ParquetLocal final : public Local {
 public:
  explicit ParquetLocal(FileSink& owner) : Local(owner, 0) {}

 private:
  using Local::begin;
  Result<std::unique_ptr<OpenFile>> begin(RunFile& file, const std::stop_token& stop) override {
    TRY_ASSIGN(auto writer, owner_.take_writer());
    TRY_ASSIGN(auto open, ParquetFile::begin(std::move(writer), file, owner_.largest_bytes_, stop));
    return std::unique_ptr<OpenFile>(std::move(open));
  }

  void ended(OpenFile& file) override {
    owner_.give_back(static_cast<ParquetFile&>(file).take_writer());
  }

  Status encode(engine::Chunk& rows, const std::stop_token& stop) override {
    if (spec_.single_file) return share(rows, stop);
    TRY(begin(stop));
    auto& file = static_cast<ParquetFile&>(*open_);
    file.count(rows, 0, rows.size());
    TRY(file.append(rows, stop));
    owner_.balance_.judge(file);
    const bool is_full = file.bytes() >= file.target_bytes && owner_.balance_.ends(file);
    if (is_full || file.should_end()) {
      TRY(end(file, stop));
      open_.reset();
    }
    return ok();
  }

  // Each thread encodes row groups of its own.
  Status share(engine::Chunk& rows, const std::stop_token& stop) {
    if (group_ == nullptr) {
      TRY_ASSIGN(group_, parquet::GroupEncoder::make(owner_.parquet_));
    }
    counts_.add(rows, 0, rows.size());
    TRY(group_->append(rows));
    return group_->is_full() ? share_group(stop) : ok();
  }
  Status share_group(const std::stop_token& stop) {
    TRY(group_->end());
    return write_shared(counts_, stop, [&](OpenFile& file) {
      return static_cast<ParquetFile&>(file).append(*group_, stop);
    });
  }
  Status write_rest(const std::stop_token& stop) override {
    return group_ == nullptr || group_->rows() == 0 ? ok() : share_group(stop);
  }

  // Of a single file.
  RowCounts counts_ = row_counts();
  std::unique_ptr<parquet::GroupEncoder> group_;
};

Status FileSink::prepare(const engine::Reader& reader) {
  const engine::Shape& shape = reader.shape();
  if (shape.types.size() != spec_.types.size() + spec_.partition_names.size() ||
      spec_.names.size() != spec_.types.size()) {
    return internal("the reader gives {} columns, {} are to be exported", shape.types.size(),
                    spec_.types.size() + spec_.partition_names.size());
  }
  // What comes next in a partition is not known by how far the whole is.
  if (spec_.partition_names.empty()) balance_.watch(reader);
  if (spec_.format == FileFormat::kCsv) return ok();
  TRY_ASSIGN(auto columns,
             parquet::map_columns(spec_.names, spec_.types, spec_.profile, spec_.required));
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].input != shape.types[i]) {
      return internal("column {} is {}, its encoder takes {}", columns[i].name,
                      shape.types[i].ToString(), columns[i].input.ToString());
    }
    parquet_.fields.push_back(std::move(columns[i].field));
    parquet_.sources.push_back(shape.types[i]);
  }
  parquet_.compression = spec_.parquet_compression;
  parquet_.has_statistics = spec_.parquet_statistics;
  parquet_.bloom_filters = spec_.bloom_filters;
  parquet_.key_values = footer_texts(spec_);
  if (spec_.profile.arrow_schema != parquet::ArrowSchema::kNone) {
    parquet_.key_values.emplace_back(parquet::kArrowSchemaKey,
                                     parquet::arrow_schema(parquet_.fields));
  }
  if (spec_.row_group_bytes) {
    parquet_.max_group_bytes = *spec_.row_group_bytes;
    parquet_.max_group_rows = kMostGroupRows;
  }
  parquet_.max_group_bytes = std::min(parquet_.max_group_bytes, largest_bytes_);
  parquet_.memory_bytes = engine_.memory_limit_bytes() / kGroupsShare;
  return ok();
}

Result<std::unique_ptr<parquet::Writer>> FileSink::take_writer() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_writers_.empty()) {
      auto writer = std::move(idle_writers_.back());
      idle_writers_.pop_back();
      return writer;
    }
  }
  return parquet::Writer::make(parquet_);
}

void FileSink::give_back(std::unique_ptr<parquet::Writer> writer) {
  const std::lock_guard lock(mutex_);
  idle_writers_.push_back(std::move(writer));
}

std::unique_ptr<FileSink::Local> FileSink::make_local() {
  if (spec_.format == FileFormat::kCsv) return std::make_unique<CsvLocal>(*this);
  return std::make_unique<ParquetLocal>(*this);
}

Result<std::unique_ptr<engine::LocalSink>> FileSink::open_local() {
  return std::unique_ptr<engine::LocalSink>(make_local());
}

// The fullest: it is done soonest.
std::unique_ptr<OpenFile> FileSink::take_unfilled(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  auto fullest = unfilled_.end();
  for (auto one = unfilled_.begin(); one != unfilled_.end(); ++one) {
    if (one->folder != folder) continue;
    if (fullest == unfilled_.end() || one->file->bytes() > fullest->file->bytes()) fullest = one;
  }
  if (fullest == unfilled_.end()) return nullptr;
  std::unique_ptr<OpenFile> taken = std::move(fullest->file);
  unfilled_.erase(fullest);
  return taken;
}

Status FileSink::finish(const std::stop_token& stop) {
  std::vector<Status> ends(unfilled_.size());
  in_parallel(unfilled_.size(), kEndThreads, [&](size_t i) {
    const engine::AllocationsMayFail may_fail;
    ends[i] = unfilled_[i].file->end(stop);
    unfilled_[i].file.reset();
  });
  unfilled_.clear();
  for (Status& end : ends) TRY(std::move(end));
  return ok();
}

Status FileSink::write_empty(const std::stop_token& stop) {
  return make_local()->write_empty(stop);
}

}  // namespace sluice::exports
