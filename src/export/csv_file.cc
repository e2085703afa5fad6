#include "export/csv_file.h"

#include <algorithm>

namespace sluice::exports {
namespace {

// Less text than this is not worth a frame: its file is full.
constexpr uint64_t kLeastFrameBytes = uint64_t{32} << 10;
// How large compressed text is before any has been.
constexpr double kExpectedRatio = 0.3;

size_t begin_of(const format::CsvRecords& records, size_t row) {
  return row == 0 ? 0 : records.ends()[row - 1];
}

// The end of the rows from `first` on that have `bytes` of text together, at most.
size_t rows_within(const format::CsvRecords& records, size_t first, uint64_t bytes) {
  const auto& ends = records.ends();
  const uint64_t most = begin_of(records, first) + std::min<uint64_t>(bytes, records.text().size());
  const auto from = ends.begin() + static_cast<std::ptrdiff_t>(first);
  return static_cast<size_t>(std::upper_bound(from, ends.end(), most) - ends.begin());
}

std::string_view text_of(const format::CsvRecords& records, size_t first, size_t last) {
  const size_t begin = begin_of(records, first);
  return records.text().substr(begin, begin_of(records, last) - begin);
}

}  // namespace

Result<std::unique_ptr<CsvFile>> CsvFile::begin(RunFile& file, uint64_t target,
                                                const Options& options,
                                                const std::stop_token& stop) {
  auto open = std::make_unique<CsvFile>(file, target);
  if (options.compression.codec != format::Codec::kNone) {
    open->compressor_ = std::make_unique<format::Compressor>(options.compression);
    open->frame_ = options.header;
  } else if (!options.header.empty()) {
    TRY(open->write(options.header, stop));
  }
  return open;
}

uint64_t CsvFile::room() const { return target_bytes - std::min(target_bytes, file_.bytes()); }

Status CsvFile::write(std::string_view bytes, const std::stop_token& stop) {
  return file_.append(std::as_bytes(std::span(bytes)), stop);
}

Status CsvFile::write_frame(const std::stop_token& stop) {
  TRY_ASSIGN(const std::string_view bytes, compressor_->compress(frame_));
  TRY(write(bytes, stop));
  text_bytes_ += frame_.size();
  frame_.clear();
  return ok();
}

Status CsvFile::append_frame(std::string_view frame, const std::stop_token& stop) {
  if (!frame_.empty()) TRY(write_frame(stop));  // the header
  has_rows_ = true;
  return write(frame, stop);
}

Result<size_t> CsvFile::append(const format::CsvRecords& records, size_t first,
                               const std::stop_token& stop) {
  const size_t end = records.ends().size();
  if (compressor_ == nullptr) {
    size_t last = rows_within(records, first, room());
    if (last == first && has_rows_) return first;
    last = std::max(last, first + 1);
    TRY(write(text_of(records, first, last), stop));
    has_rows_ = true;
    return last;
  }
  while (first < end) {
    const uint64_t fits = format::Compressor::text_that_fits(room());
    const uint64_t most = std::min<uint64_t>(fits, format::Compressor::kFrameBytes);
    size_t last = rows_within(records, first, most - std::min<uint64_t>(most, frame_.size()));
    if (last == first && !frame_.empty() && has_rows_) {
      TRY(write_frame(stop));
      continue;
    }
    const bool is_full = fits < kLeastFrameBytes && frame_.empty();
    if (last == first && !is_full &&
        text_of(records, first, first + 1).size() + frame_.size() <= fits) {
      ++last;
    }
    if (has_rows_ && (last == first || is_full)) return first;
    last = std::max(last, first + 1);
    frame_ += text_of(records, first, last);
    has_rows_ = true;
    first = last;
  }
  return first;
}

Status CsvFile::end_content(const std::stop_token& stop) {
  // No bytes at all would be no gzip file.
  const bool wants_frame = !frame_.empty() || file_.bytes() == 0;
  return compressor_ != nullptr && wants_frame ? write_frame(stop) : ok();
}

uint64_t CsvFile::bytes() const {
  if (frame_.empty()) return file_.bytes();
  const double ratio = text_bytes_ == 0
                           ? kExpectedRatio
                           : static_cast<double>(file_.bytes()) / static_cast<double>(text_bytes_);
  return file_.bytes() + static_cast<uint64_t>(static_cast<double>(frame_.size()) * ratio);
}

}  // namespace sluice::exports
