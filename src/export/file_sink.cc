#include "export/file_sink.h"

#include <algorithm>

#include "engine/allocations.h"
#include "engine/push/pieces.h"
#include "export/parallel.h"
#include "format/csv.h"
#include "format/parquet_types.h"

namespace sluice::exports {
namespace {

// Rows are encoded, and sizes looked at, at least this often.
constexpr size_t kPieceBytes = size_t{1} << 20;
// A row group as it lies in memory, for each thread.
constexpr uint64_t kGroupBytes = uint64_t{16} << 20;
// Files that are ended at once.
constexpr size_t kEndThreads = 8;

}  // namespace

// One thread's files, one after the other.
class FileSink::Local : public engine::LocalSink {
 public:
  explicit Local(FileSink& owner, uint32_t first_index)
      : spec_(owner.spec_), owner_(owner), index_(first_index) {
    owner_.balance_.writer_begins();
  }

  Status append(engine::Chunk& chunk, std::stop_token stop) final {
    return engine::for_each_piece(chunk, kPieceBytes, [&](engine::Chunk& piece) -> Status {
      if (stop.stop_requested()) return cancelled();
      TRY(encode(piece, stop));
      owner_.rows_ += piece.size();
      owner_.balance_.count(piece.size());
      owner_.progress_.rows += piece.size();
      return ok();
    });
  }

  Status finish(std::stop_token) final {
    owner_.balance_.writer_ends();
    leave();
    return ok();
  }

  Status write_empty(const std::stop_token& stop) {
    TRY(begin(stop));
    return std::exchange(open_, nullptr)->end(stop);
  }

 protected:
  virtual Status encode(engine::Chunk& rows, const std::stop_token& stop) = 0;
  virtual Result<std::unique_ptr<OpenFile>> begin(RunFile& file, const std::stop_token& stop) = 0;

  // Has a file ready: the open one, one that another thread has left, or a new one.
  Status begin(const std::stop_token& stop) {
    if (open_ == nullptr) open_ = owner_.take_unfilled();
    if (open_ != nullptr) return ok();
    if (!batch_) batch_ = owner_.files_.next_batch();
    TRY_ASSIGN(open_, begin(owner_.files_.open(data_key(spec_, "", *batch_, index_++)), stop));
    return ok();
  }
  // Not to be held while the thread computes anything of its own.
  std::unique_lock<std::mutex> lock_if_shared() {
    if (!spec_.single_file) return {};
    return std::unique_lock(owner_.single_file_mutex_);
  }
  void leave() {
    if (open_ == nullptr) return;
    const std::lock_guard lock(owner_.mutex_);
    owner_.unfilled_.push_back(std::move(open_));
  }

  const ExportSpec& spec_;
  FileSink& owner_;
  std::unique_ptr<OpenFile> open_;

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

  using Local::begin;
  Result<std::unique_ptr<OpenFile>> begin(RunFile& file, const std::stop_token& stop) override {
    const std::string header = spec_.csv.header ? encoder_.header() : "";
    TRY_ASSIGN(auto open, CsvFile::begin(file, owner_.largest_bytes_, header, stop));
    return std::unique_ptr<OpenFile>(std::move(open));
  }

  Status encode(engine::Chunk& rows, const std::stop_token& stop) override {
    text_.clear();
    row_ends_.clear();
    TRY(encoder_.encode(rows, text_, row_ends_));
    const auto lock = lock_if_shared();
    size_t written = 0;
    for (auto next = row_ends_.cbegin(); next != row_ends_.cend();) {
      TRY(begin(stop));
      auto& file = static_cast<CsvFile&>(*open_);
      // All rows that fit, or one that fits nowhere if it has the file to itself.
      auto last = std::upper_bound(next, row_ends_.cend(), written + room());
      if (last == next && file.rows > 0) {
        if (owner_.balance_.ends(file)) TRY(std::exchange(open_, nullptr)->end(stop));
        continue;
      }
      if (last == next) ++last;
      const size_t end = *(last - 1);
      TRY(file.append(std::string_view(text_).substr(written, end - written), stop));
      file.rows += static_cast<uint64_t>(last - next);
      written = end;
      next = last;
    }
    owner_.balance_.judge(*open_);
    if (spec_.single_file) leave();
    return ok();
  }

  uint64_t room() const {
    return std::min<uint64_t>(open_->target_bytes - std::min(open_->target_bytes, open_->bytes()),
                              text_.size());
  }

  format::CsvEncoder encoder_;
  std::string text_;  // the next two are kept for their memory
  std::vector<size_t> row_ends_;
};

class FileSink::ParquetLocal final : public Local {
 public:
  explicit ParquetLocal(FileSink& owner) : Local(owner, 0) {}

 private:
  using Local::begin;
  Result<std::unique_ptr<OpenFile>> begin(RunFile& file, const std::stop_token& stop) override {
    ParquetFile::Options options;
    options.shape = owner_.shape_;
    options.compression = spec_.parquet_compression;
    options.max_group_bytes = std::min(kGroupBytes, owner_.largest_bytes_);
    options.expected_ratio = owner_.ratio_;
    TRY_ASSIGN(auto open, ParquetFile::begin(owner_.engine_, file, owner_.largest_bytes_,
                                             std::move(options), stop));
    return std::unique_ptr<OpenFile>(std::move(open));
  }

  Status encode(engine::Chunk& rows, const std::stop_token& stop) override {
    const auto lock = lock_if_shared();
    TRY(begin(stop));
    auto& file = static_cast<ParquetFile&>(*open_);
    TRY(file.append(rows, stop));
    file.rows += rows.size();
    owner_.balance_.judge(file);
    if (file.bytes() >= file.target_bytes && owner_.balance_.ends(file)) {
      TRY(file.end(stop));
      owner_.ratio_ = file.ratio();
      open_.reset();
    }
    if (spec_.single_file) leave();
    return ok();
  }
};

Status FileSink::prepare(const engine::Reader& reader) {
  const engine::Shape& shape = reader.shape();
  if (shape.types.size() != spec_.types.size() || spec_.names.size() != spec_.types.size()) {
    return internal("the reader gives {} columns, {} are to be exported", shape.types.size(),
                    spec_.types.size());
  }
  balance_.watch(reader);
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

// The fullest: it is done soonest.
std::unique_ptr<OpenFile> FileSink::take_unfilled() {
  const std::lock_guard lock(mutex_);
  const auto fullest = std::max_element(
      unfilled_.begin(), unfilled_.end(),
      [](const auto& one, const auto& other) { return one->bytes() < other->bytes(); });
  if (fullest == unfilled_.end()) return nullptr;
  std::unique_ptr<OpenFile> taken = std::move(*fullest);
  unfilled_.erase(fullest);
  return taken;
}

Status FileSink::finish(const std::stop_token& stop) {
  std::vector<Status> ends(unfilled_.size());
  in_parallel(unfilled_.size(), kEndThreads, [&](size_t i) {
    const engine::AllocationsMayFail may_fail;
    ends[i] = unfilled_[i]->end(stop);
    unfilled_[i].reset();
  });
  unfilled_.clear();
  for (Status& end : ends) TRY(std::move(end));
  return ok();
}

Status FileSink::write_empty(const std::stop_token& stop) {
  return make_local()->write_empty(stop);
}

}  // namespace sluice::exports
