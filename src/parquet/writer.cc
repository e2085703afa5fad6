#include "parquet/writer.h"

#include <string>
#include <vector>

#include "base/text.h"

namespace sluice::parquet {
namespace {

constexpr std::string_view kMagic = "PAR1";
// What a footer says of a column chunk besides its metadata and indexes, about.
constexpr uint64_t kColumnChunkBytes = 20;

class FileWriter final : public Writer {
 public:
  explicit FileWriter(std::unique_ptr<GroupEncoder> encoder)
      : encoder_(std::move(encoder)), options_(encoder_->options()) {
    write_footer();
    empty_footer_bytes_ = footer_.size();
  }

  Status begin(Write write, std::stop_token stop) override {
    write_ = std::move(write);
    written_ = rows_ = described_bytes_ = 0;
    groups_.clear();
    finished_ = false;
    return put(bytes_of(kMagic), stop);
  }

  Status append(engine::Chunk& chunk, std::stop_token stop) override {
    TRY(encoder_->append(chunk));
    return encoder_->is_full() ? end_group(stop) : ok();
  }

  Status append(GroupEncoder& group, std::stop_token stop) override {
    return guarded([&] { return write_group(group, stop); });
  }

  Status finish(std::stop_token stop) override {
    if (encoder_->rows() > 0) TRY(end_group(stop));
    return guarded([&]() -> Status {
      TRY(write_indexes(stop));
      write_footer();
      TRY(put(footer_.bytes(), stop));
      finished_ = true;
      write_ = nullptr;
      return ok();
    });
  }

  uint64_t bytes() const override {
    if (finished_) return written_;
    return written_ + encoder_->file_bytes() + described_bytes_ + empty_footer_bytes_;
  }

  bool should_end() const override { return described_bytes_ > options_.memory_bytes / 2; }

 private:
  // A row group that is written.
  struct Group {
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    uint64_t begin = 0;
    uint64_t file_bytes = 0;
    std::vector<Column::Written> chunks;
    std::vector<uint64_t> column_indexes, offset_indexes;  // where they begin
  };

  Status put(std::span<const std::byte> bytes, const std::stop_token& stop) {
    TRY(write_(bytes, stop));
    written_ += bytes.size();
    return ok();
  }

  Status end_group(const std::stop_token& stop) {
    TRY(encoder_->end());
    return append(*encoder_, stop);
  }

  Status write_group(GroupEncoder& encoded, const std::stop_token& stop) {
    if (encoded.rows() == 0) return ok();
    Group group;
    group.rows = encoded.rows();
    group.begin = written_;
    // Filters lie together behind the group's chunks, so that those can be read at once.
    uint64_t filter_offset = written_;
    for (const auto& column : encoded.columns()) filter_offset += column->chunk_bytes();
    for (const auto& column : encoded.columns()) {
      TRY_ASSIGN(auto chunk, column->write_chunk(written_, filter_offset, write_, stop));
      written_ += chunk.file_bytes;
      filter_offset += chunk.bloom_filter.size();
      group.raw_bytes += chunk.raw_bytes;
      described_bytes_ += chunk.metadata.size() + chunk.column_index.size() +
                          chunk.offset_index.size() + kColumnChunkBytes;
      group.chunks.push_back(std::move(chunk));
    }
    group.file_bytes = written_ - group.begin;
    for (Column::Written& chunk : group.chunks) {
      if (!chunk.bloom_filter.empty()) TRY(put(bytes_of(chunk.bloom_filter), stop));
      chunk.bloom_filter = {};
    }
    groups_.push_back(std::move(group));
    rows_ += encoded.rows();
    encoded.begin_next();
    return described_bytes_ <= options_.memory_bytes ? ok() : too_much_to_describe();
  }

  // Kept until the file's end. Only a file of hundreds of gigabytes has so much of it.
  Error too_much_to_describe() const {
    return error(
               ErrorCode::kExhausted,
               "footer and indexes of a Parquet file of {} bytes would take more than {} bytes of "
               "memory",
               written_, options_.memory_bytes)
        .with_sqlstate("53200")
        .with_detail(fmt::format("It has {} row groups.", groups_.size()))
        .with_hint(
            "Write several files (MAX FILE SIZE), or give the server a larger --memory-limit.");
  }

  // All indexes lie together in front of the footer, where readers fetch them
  // at once.
  Status write_indexes(const std::stop_token& stop) {
    for (Group& group : groups_) {
      for (Column::Written& chunk : group.chunks) {
        group.column_indexes.push_back(written_);
        TRY(put(bytes_of(chunk.column_index), stop));
      }
    }
    for (Group& group : groups_) {
      for (Column::Written& chunk : group.chunks) {
        group.offset_indexes.push_back(written_);
        TRY(put(bytes_of(chunk.offset_index), stop));
      }
    }
    return ok();
  }

  void describe(const Group& group, size_t ordinal, Thrift& out) {
    out.begin();
    out.list_of_structs(1, group.chunks.size());
    for (size_t i = 0; i < group.chunks.size(); ++i) {
      const Column::Written& chunk = group.chunks[i];
      out.begin();
      out.i64(2, 0);  // the metadata is nowhere else
      out.written_struct(3, chunk.metadata);
      out.i64(4, static_cast<int64_t>(group.offset_indexes[i]));
      out.i32(5, static_cast<int64_t>(chunk.offset_index.size()));
      if (!chunk.column_index.empty()) {
        out.i64(6, static_cast<int64_t>(group.column_indexes[i]));
        out.i32(7, static_cast<int64_t>(chunk.column_index.size()));
      }
      out.end();
    }
    out.i64(2, static_cast<int64_t>(group.raw_bytes));
    out.i64(3, static_cast<int64_t>(group.rows));
    out.i64(5, static_cast<int64_t>(group.begin));
    out.i64(6, static_cast<int64_t>(group.file_bytes));
    if (ordinal <= INT16_MAX) out.i16(7, static_cast<int64_t>(ordinal));
    out.end();
  }

  // FileMetaData, its length, and the file's last bytes.
  void write_footer() {
    footer_.clear();
    Thrift out(footer_);
    out.begin();
    out.i32(1, 1);
    write_schema(options_.fields, 2, out);
    out.i64(3, static_cast<int64_t>(rows_));
    out.list_of_structs(4, groups_.size());
    for (size_t i = 0; i < groups_.size(); ++i) describe(groups_[i], i, out);
    if (!options_.key_values.empty()) {
      out.list_of_structs(5, options_.key_values.size());
      for (const auto& [key, value] : options_.key_values) {
        out.begin();
        out.binary(1, key);
        out.binary(2, value);
        out.end();
      }
    }
    out.binary(6, options_.created_by);
    // All columns are ordered as their type is.
    out.list_of_structs(7, encoder_->columns().size());
    for (size_t i = 0; i < encoder_->columns().size(); ++i) {
      out.begin();
      out.empty_struct(1);
      out.end();
    }
    out.end();
    const auto size = static_cast<uint32_t>(footer_.size());
    footer_.append(&size, sizeof size);
    footer_.append(kMagic.data(), kMagic.size());
  }

  const std::unique_ptr<GroupEncoder> encoder_;
  const WriterOptions& options_;
  uint64_t empty_footer_bytes_ = 0;

  // The file.
  Write write_;
  uint64_t written_ = 0;
  uint64_t rows_ = 0;
  std::vector<Group> groups_;
  uint64_t described_bytes_ = 0;  // what indexes and footer say of groups_
  Buffer footer_;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<Writer>> Writer::make(WriterOptions options) {
  TRY_ASSIGN(auto encoder, GroupEncoder::make(std::move(options)));
  return guarded([&]() -> Result<std::unique_ptr<Writer>> {
    return std::unique_ptr<Writer>(std::make_unique<FileWriter>(std::move(encoder)));
  });
}

}  // namespace sluice::parquet
