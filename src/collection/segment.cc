#include "collection/segment.h"

#include "engine/row_codec.h"
#include "engine/segment_file.h"

namespace sluice::collection {
namespace {

constexpr std::string_view kUnfinished = ".unfinished";

}  // namespace

void write_segment_info(ByteWriter& out, const SegmentInfo& info) {
  out.u64(info.number);
  out.u64(info.rows);
  out.u64(info.bytes);
  out.i64(info.first_time);
  out.i64(info.last_time);
  out.flag(info.has_times);
  out.i64(info.first_row_id);
  out.i64(info.last_row_id);
  out.flag(info.padded);
}

SegmentInfo read_segment_info(ByteReader& in) {
  SegmentInfo info;
  info.number = in.u64();
  info.rows = in.u64();
  info.bytes = in.u64();
  info.first_time = in.i64();
  info.last_time = in.i64();
  info.has_times = in.flag();
  info.first_row_id = in.i64();
  info.last_row_id = in.i64();
  info.padded = in.flag();
  return info;
}

std::string Paths::segment(uint64_t number) const {
  return fmt::format("{}/{}.segment", segments, number);
}

void Graveyard::bury(Grave grave) {
  const std::lock_guard lock(mutex_);
  graves_.push_back(std::move(grave));
}

std::vector<Graveyard::Grave> Graveyard::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(graves_, {});
}

Result<std::shared_ptr<SegmentFile>> SegmentFile::attach(engine::Engine& engine, const Paths& paths,
                                                         uint64_t number,
                                                         std::shared_ptr<Graveyard> graveyard) {
  const std::string name = fmt::format("segment_{}", number);
  const std::string path = paths.segment(number);
  if (auto attached = engine.attach(name, path); !attached.ok()) {
    return std::move(attached).error().within("read " + path);
  }
  return std::make_shared<SegmentFile>(name, path, std::move(graveyard));
}

SegmentFile::SegmentFile(std::string name, std::string path, std::shared_ptr<Graveyard> graveyard)
    : name_(std::move(name)), path_(std::move(path)), graveyard_(std::move(graveyard)) {}

SegmentFile::~SegmentFile() { graveyard_->bury({name_, path_, obsolete_}); }

std::string Segment::table() const {
  if (!info.padded) return file->table();
  return fmt::format("(FROM {} WHERE row_id IS NOT NULL)", file->table());
}

struct SegmentWriter::Impl {
  std::unique_ptr<engine::SegmentFileWriter> file;
  std::vector<engine::LogicalType> types;  // with row_id and added_at
};

SegmentWriter::SegmentWriter(Files& files, Paths paths, Options options, SegmentInfo info)
    : files_(files), paths_(std::move(paths)), options_(options), info_(info) {}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(Files& files, const Paths& paths,
                                                             uint64_t number,
                                                             const engine::Shape& shape,
                                                             Options options) {
  SegmentInfo info;
  info.number = number;
  info.has_times = options.has_times;
  auto writer = std::unique_ptr<SegmentWriter>(new SegmentWriter(files, paths, options, info));
  writer->impl_ = std::make_unique<Impl>();
  engine::Shape stored;
  for (size_t i = 0; i < shape.types.size(); ++i) {
    stored.names.push_back(fmt::format("c{}", i));
    stored.types.push_back(shape.types[i]);
  }
  const auto add = [&](const char* name) {
    stored.names.emplace_back(name);
    stored.types.push_back(engine::LogicalType::BIGINT);
  };
  add("row_id");
  if (options.has_times) add("added_at");
  writer->impl_->types = stored.types;
  const engine::SegmentFileWriter::Options file_options{
      paths.segment(number) + std::string(kUnfinished), paths.temporary,
      options.memory_limit_bytes};
  TRY_ASSIGN(writer->impl_->file, engine::SegmentFileWriter::create(file_options, stored));
  return writer;
}

SegmentWriter::~SegmentWriter() {
  if (!impl_) return;
  impl_.reset();
  const std::string path = paths_.segment(info_.number) + std::string(kUnfinished);
  (void)files_.remove(path);
  (void)files_.remove(path + ".wal");
}

Status SegmentWriter::append(const engine::Chunk& rows, std::span<const int64_t> row_ids,
                             std::span<const int64_t> times) {
  if (rows.size() == 0) return ok();
  engine::Chunk chunk;
  chunk.InitializeEmpty({impl_->types.begin(), impl_->types.end()});
  size_t column = 0;
  for (; column < rows.ColumnCount(); ++column) chunk.data[column].Reference(rows.data[column]);
  const auto numbers = [&](std::span<const int64_t> values) {
    engine::Vector vector(engine::LogicalType::BIGINT, values.size());
    std::copy(values.begin(), values.end(), duckdb::FlatVector::GetData<int64_t>(vector));
    chunk.data[column++].Reference(vector);
  };
  numbers(row_ids);
  if (options_.has_times) numbers(times);
  chunk.SetCardinality(rows.size());
  TRY(impl_->file->append(chunk));

  const auto [lowest, highest] = std::minmax_element(row_ids.begin(), row_ids.end());
  info_.first_row_id = info_.rows == 0 ? *lowest : std::min(info_.first_row_id, *lowest);
  info_.last_row_id = info_.rows == 0 ? *highest : std::max(info_.last_row_id, *highest);
  if (!times.empty()) {
    const auto [first, last] = std::minmax_element(times.begin(), times.end());
    info_.first_time = info_.rows == 0 ? *first : std::min(info_.first_time, *first);
    info_.last_time = info_.rows == 0 ? *last : std::max(info_.last_time, *last);
  }
  info_.rows += rows.size();
  return ok();
}

Result<SegmentInfo> SegmentWriter::finish() {
  const std::string path = paths_.segment(info_.number);
  const std::string unfinished = path + std::string(kUnfinished);
  TRY(impl_->file->finish());
  info_.padded = impl_->file->padded();
  TRY(files_.sync_file(unfinished));
  TRY(files_.rename(unfinished, path));
  TRY(files_.sync_directory(paths_.segments));
  impl_.reset();
  (void)files_.remove(unfinished + ".wal");
  TRY_ASSIGN(info_.bytes, files_.size(path));
  return info_;
}

Status keyed_rows(engine::Engine& engine, const std::string& table,
                  const std::vector<size_t>& columns, const std::string& where,
                  const std::function<Status(std::span<const KeyedRow>)>& visit,
                  std::stop_token stop) {
  std::string sql = "SELECT ";
  std::vector<size_t> indexes;
  for (const size_t column : columns) {
    sql += fmt::format("c{}, ", column);
    indexes.push_back(indexes.size());
  }
  sql += fmt::format("row_id FROM {}{}{}", table, where.empty() ? "" : " WHERE ", where);
  TRY_ASSIGN(const auto connection, engine.connect());
  TRY_ASSIGN(auto query, engine::Query::parse(sql));
  TRY_ASSIGN(const auto stream, connection->stream(std::move(query), {}, stop));
  std::vector<KeyedRow> rows;
  while (true) {
    TRY_ASSIGN(engine::Chunk * chunk, stream->next(stop));
    if (chunk == nullptr) return ok();
    rows.clear();
    TRY_ASSIGN(const engine::RowKeys keys, engine::row_keys(*chunk, indexes));
    engine::Vector& ids = chunk->data[columns.size()];
    ids.Flatten(chunk->size());
    for (size_t row = 0; row < chunk->size(); ++row) {
      if (keys.has_null[row]) continue;
      rows.push_back({keys.keys[row], duckdb::FlatVector::GetData<int64_t>(ids)[row]});
    }
    TRY(visit(rows));
  }
}

}  // namespace sluice::collection
