#include "parquet/group_encoder.h"

#include <algorithm>
#include <atomic>

#include "parquet/nodes.h"

namespace sluice::parquet {
namespace {

// What a footer and indexes will say of a column chunk, about.
constexpr uint64_t kOpenChunkBytes = 220;
constexpr uint64_t kLeastGroupBytes = uint64_t{1} << 20;

std::atomic<uint64_t> open_groups{0};

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

}  // namespace

Result<std::unique_ptr<GroupEncoder>> GroupEncoder::make(WriterOptions options) {
  return guarded([&]() -> Result<std::unique_ptr<GroupEncoder>> {
    std::unique_ptr<GroupEncoder> encoder(new GroupEncoder(std::move(options)));
    TRY(encoder->prepare());
    return encoder;
  });
}

GroupEncoder::GroupEncoder(WriterOptions options)
    : options_(std::move(options)), compressor_(Compressor::make(options_.compression)) {
  ++open_groups;
}

GroupEncoder::~GroupEncoder() { --open_groups; }

Status GroupEncoder::prepare() {
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
  return ok();
}

Status GroupEncoder::append(engine::Chunk& chunk) {
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
    rows_ += chunk.size();
    return ok();
  });
}

bool GroupEncoder::is_full() const {
  if (rows_ >= options_.max_group_rows) return true;
  uint64_t raw = 0, buffered = 0;
  for (const auto& column : columns_) {
    raw += column->raw_bytes();
    buffered += column->buffered_bytes();
  }
  const uint64_t share = options_.memory_bytes / std::max<uint64_t>(open_groups.load(), 1);
  return raw >= options_.max_group_bytes || buffered >= std::max(share, kLeastGroupBytes);
}

uint64_t GroupEncoder::file_bytes() const {
  if (rows_ == 0) return 0;
  uint64_t bytes = 0;
  for (const auto& column : columns_) bytes += column->file_bytes() + kOpenChunkBytes;
  return bytes;
}

Status GroupEncoder::end() {
  return guarded([&]() -> Status {
    for (const auto& column : columns_) TRY(column->end_chunk());
    return ok();
  });
}

}  // namespace sluice::parquet
