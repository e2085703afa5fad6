#include "parquet/writer.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "engine/engine.h"
#include "parquet/nodes.h"

namespace sluice::parquet {
namespace {

constexpr std::string_view kMagic = "PAR1";
// Of a footer, about: what it says of a column chunk besides what is known, and
// in all.
constexpr uint64_t kColumnChunkBytes = 20;
constexpr uint64_t kOpenChunkBytes = 220;
constexpr uint64_t kLeastGroupBytes = uint64_t{1} << 20;

// Pages small enough for the processor's caches, and fewer bytes of them where
// there are many.
PageOptions page_options(size_t columns) {
  constexpr size_t kAllOpenPages = size_t{4} << 20;
  constexpr size_t kMostValues = 32'768, kLeastValues = 2048;
  constexpr size_t kMostBytes = size_t{128} << 10, kLeastBytes = size_t{16} << 10;
  const size_t share = kAllOpenPages / std::max<size_t>(columns, 1);
  PageOptions options;
  options.bytes = std::clamp(share, kLeastBytes, kMostBytes);
  options.values = std::clamp(share / sizeof(uint32_t), kLeastValues, kMostValues);
  return options;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class FileWriter final : public Writer {
 public:
  explicit FileWriter(WriterOptions options)
      : options_(std::move(options)), compressor_(Compressor::make(options_.compression)) {
    ++open_writers;
  }
  ~FileWriter() override { --open_writers; }

  Status prepare() {
    if (options_.fields.size() != options_.sources.size()) return internal("fields of other types");
    TRY_ASSIGN(auto leaves, leaves_of(options_.fields));
    PageOptions pages = page_options(leaves.size());
    pages.has_checksums = options_.has_checksums;
    pages.has_statistics = options_.has_statistics;
    columns_.reserve(leaves.size());
    blocks_ = std::make_unique<BlockPool>(pages.bytes / 2);
    const MakeColumn make_column = [&](std::unique_ptr<ValueEncoder> values) -> Column& {
      const size_t next = columns_.size();
      columns_.push_back(std::make_unique<Column>(std::move(leaves[next]), std::move(values),
                                                  options_.compression.codec, pages,
                                                  Column::Tools{*compressor_, scratch_, *blocks_}));
      return *columns_.back();
    };
    for (size_t i = 0; i < options_.fields.size(); ++i) {
      pages.bloom_filters =
          options_.bloom_filters.empty() ? BloomFilters::kAutomatic : options_.bloom_filters.at(i);
      TRY_ASSIGN(auto node, make_node(options_.fields[i], options_.sources[i], make_column));
      nodes_.push_back(std::move(node));
    }
    write_footer();
    empty_footer_bytes_ = footer_.size();
    return ok();
  }

  Status begin(Write write, std::stop_token stop) override {
    write_ = std::move(write);
    written_ = rows_ = group_rows_ = described_bytes_ = 0;
    groups_.clear();
    finished_ = false;
    return put(bytes_of(kMagic), stop);
  }

  Status append(engine::Chunk& chunk, std::stop_token stop) override {
    return guarded([&]() -> Status {
      if (chunk.size() == 0) return ok();
      if (chunk.ColumnCount() != nodes_.size()) return internal("a chunk of another file");
      for (size_t i = 0; i < nodes_.size(); ++i) {
        engine::Vector& vector = chunk.data[i];
        if (vector.GetType() != options_.sources[i]) {
          return internal("column {} is {}, its writer takes {}", options_.fields[i].name,
                          vector.GetType().ToString(), options_.sources[i].ToString());
        }
        TRY(nodes_[i]->append_rows(vector, chunk.size()));
      }
      group_rows_ += chunk.size();
      return is_group_full() ? end_group(stop) : ok();
    });
  }

  Status finish(std::stop_token stop) override {
    return guarded([&]() -> Status {
      if (group_rows_ > 0) TRY(end_group(stop));
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
    uint64_t open = 0;
    if (group_rows_ > 0) {
      for (const auto& column : columns_) open += column->file_bytes() + kOpenChunkBytes;
    }
    return written_ + open + described_bytes_ + empty_footer_bytes_;
  }

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

  // The engine's vectors, and memory that is not there, throw.
  template <typename Work>
  static Status guarded(const Work& work) {
    try {
      return work();
    } catch (const std::exception& exception) {
      return engine::engine_error(exception);
    }
  }

  Status put(std::span<const std::byte> bytes, const std::stop_token& stop) {
    TRY(write_(bytes, stop));
    written_ += bytes.size();
    return ok();
  }

  bool is_group_full() const {
    if (group_rows_ >= options_.max_group_rows) return true;
    uint64_t raw = 0, buffered = 0;
    for (const auto& column : columns_) {
      raw += column->raw_bytes();
      buffered += column->buffered_bytes();
    }
    const uint64_t share = options_.memory_bytes / std::max<uint64_t>(open_writers.load(), 1);
    return raw >= options_.max_group_bytes || buffered >= std::max(share, kLeastGroupBytes);
  }

  Status end_group(const std::stop_token& stop) {
    for (const auto& column : columns_) TRY(column->end_chunk());
    Group group;
    group.rows = group_rows_;
    group.begin = written_;
    // Filters lie together behind the group's chunks, so that those can be read at once.
    uint64_t filter_offset = written_;
    for (const auto& column : columns_) filter_offset += column->chunk_bytes();
    for (const auto& column : columns_) {
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
    rows_ += group_rows_;
    group_rows_ = 0;
    return ok();
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

  void write_group(const Group& group, size_t ordinal, Thrift& out) {
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
    for (size_t i = 0; i < groups_.size(); ++i) write_group(groups_[i], i, out);
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
    out.list_of_structs(7, columns_.size());
    for (size_t i = 0; i < columns_.size(); ++i) {
      out.begin();
      out.empty_struct(1);
      out.end();
    }
    out.end();
    const auto size = static_cast<uint32_t>(footer_.size());
    footer_.append(&size, sizeof size);
    footer_.append(kMagic.data(), kMagic.size());
  }

  inline static std::atomic<uint64_t> open_writers{0};

  const WriterOptions options_;
  const std::unique_ptr<Compressor> compressor_;
  Buffer scratch_;
  std::unique_ptr<BlockPool> blocks_;
  std::vector<std::unique_ptr<Column>> columns_;
  std::vector<std::unique_ptr<Node>> nodes_;
  uint64_t empty_footer_bytes_ = 0;

  // The file.
  Write write_;
  uint64_t written_ = 0;
  uint64_t rows_ = 0;
  uint64_t group_rows_ = 0;
  std::vector<Group> groups_;
  uint64_t described_bytes_ = 0;  // what indexes and footer say of groups_
  Buffer footer_;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<Writer>> Writer::make(WriterOptions options) {
  try {
    auto writer = std::make_unique<FileWriter>(std::move(options));
    TRY(writer->prepare());
    return std::unique_ptr<Writer>(std::move(writer));
  } catch (const std::exception& exception) {
    return engine::engine_error(exception);
  }
}

}  // namespace sluice::parquet
