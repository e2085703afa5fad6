#include "collection/commit_codec.h"

#include "engine/row_codec.h"

namespace sluice::collection {
namespace {

Error unreadable() {
  return error(ErrorCode::kInternal, "a record of the log cannot be read").with_sqlstate("XX001");
}

void write_records(ByteWriter& out, const std::vector<Commit::Record>& records) {
  out.u64(records.size());
  for (const Commit::Record& record : records) {
    out.text(record.key);
    out.flag(record.value.has_value());
    if (record.value) out.text(*record.value);
  }
}

std::vector<Commit::Record> read_records(ByteReader& in) {
  std::vector<Commit::Record> records(in.count(9));
  for (Commit::Record& record : records) {
    record.key = in.text();
    if (in.flag()) record.value = std::string(in.text());
  }
  return records;
}

Status write_rows(ByteWriter& out, const Batch& batch) {
  std::string rows;
  TRY(engine::encode_rows(batch.rows, rows));
  out.u64(batch.size());
  out.text(rows);
  return ok();
}

Result<std::shared_ptr<Batch>> read_rows(ByteReader& in,
                                         const std::vector<engine::LogicalType>& types) {
  const uint64_t count = in.u64();
  const std::string_view rows = in.text();
  if (!in.ok() || count == 0 || count > STANDARD_VECTOR_SIZE) return unreadable();
  auto batch = std::make_shared<Batch>();
  TRY(engine::decode_rows(rows, types, count, batch->rows));
  batch->bytes = engine::memory_bytes(batch->rows) + count * 16;
  return batch;
}

}  // namespace

void write_spec(ByteWriter& out, const CollectionSpec& spec) {
  out.text(engine::encode_shape(spec.shape));
  out.u64(spec.unique_keys.size());
  for (const UniqueKey& key : spec.unique_keys) {
    out.text(key.constraint_name);
    out.u64(key.columns.size());
    for (const size_t column : key.columns) out.u64(column);
  }
}

Result<CollectionSpec> read_spec(ByteReader& in) {
  CollectionSpec spec;
  TRY_ASSIGN(spec.shape, engine::decode_shape(in.text()));
  spec.unique_keys.resize(in.count(16));
  for (UniqueKey& key : spec.unique_keys) {
    key.constraint_name = in.text();
    key.columns.resize(in.count(8));
    for (size_t& column : key.columns) {
      column = in.u64();
      if (column >= spec.shape.types.size()) return unreadable();
    }
  }
  if (!in.ok()) return unreadable();
  return spec;
}

void write_history(ByteWriter& out, const History& history) {
  out.flag(history.has_value());
  if (history) out.i64(history->count());
}

History read_history(ByteReader& in) {
  if (!in.flag()) return std::nullopt;
  return std::chrono::milliseconds(in.i64());
}

Status write_batches(ByteWriter& out, const std::vector<BatchPtr>& batches, bool with_times) {
  out.u64(batches.size());
  for (const BatchPtr& batch : batches) {
    TRY(write_rows(out, *batch));
    for (const int64_t id : batch->row_ids) out.i64(id);
    if (with_times) {
      for (const int64_t time : batch->times) out.i64(time);
    }
  }
  return ok();
}

Result<std::vector<std::shared_ptr<Batch>>> read_batches(
    ByteReader& in, const std::vector<engine::LogicalType>& types, bool with_times) {
  std::vector<std::shared_ptr<Batch>> batches(in.count(24));
  for (auto& batch : batches) {
    TRY_ASSIGN(batch, read_rows(in, types));
    const size_t count = batch->rows.size();
    for (size_t row = 0; row < count; ++row) batch->row_ids.push_back(in.i64());
    for (size_t row = 0; with_times && row < count; ++row) {
      batch->times.push_back(in.i64());
      batch->last_time = std::max(batch->last_time, batch->times.back());
    }
  }
  if (!in.ok()) return unreadable();
  return batches;
}

Status encode_write_rows(const std::vector<std::shared_ptr<Batch>>& batches, std::string& out) {
  ByteWriter writer;
  writer.u64(batches.size());
  for (const auto& batch : batches) TRY(write_rows(writer, *batch));
  out = writer.take();
  return ok();
}

Result<std::vector<std::shared_ptr<Batch>>> decode_write_rows(
    std::string_view bytes, const std::vector<engine::LogicalType>& types, int64_t first_row_id) {
  ByteReader in(bytes);
  std::vector<std::shared_ptr<Batch>> batches(in.count(16));
  for (auto& batch : batches) {
    TRY_ASSIGN(batch, read_rows(in, types));
    batch->row_ids.resize(batch->rows.size());
  }
  if (!in.ok()) return unreadable();
  number_rows(batches, first_row_id);
  return batches;
}

void number_rows(const std::vector<std::shared_ptr<Batch>>& batches, int64_t first_row_id) {
  for (const auto& batch : batches) {
    for (int64_t& id : batch->row_ids) id = first_row_id++;
  }
}

void write_commit(ByteWriter& out, const LoggedCommit& commit) {
  out.u64(commit.created.size());
  for (const Commit::Create& create : commit.created) {
    out.u64(create.id.value);
    write_spec(out, create.spec);
  }
  out.u64(commit.retained.size());
  for (const Commit::Retain& retain : commit.retained) {
    out.u64(retain.id.value);
    write_history(out, retain.history);
  }
  out.u64(commit.dropped.size());
  for (const CollectionId id : commit.dropped) out.u64(id.value);
  out.u64(commit.writes.size());
  for (const LoggedWrite& write : commit.writes) {
    out.u64(write.id.value);
    out.i64(write.first_row_id);
    out.text(write.rows);
    write.erased.write(out);
    out.u64(write.loads.size());
    for (const SegmentInfo& load : write.loads) write_segment_info(out, load);
  }
  write_records(out, commit.records);
  write_records(out, commit.notes);
}

Result<LoggedCommit> read_commit(ByteReader& in) {
  LoggedCommit commit;
  const uint64_t created = in.count(16);
  for (uint64_t i = 0; i < created && in.ok(); ++i) {
    const CollectionId id{in.u64()};
    TRY_ASSIGN(CollectionSpec spec, read_spec(in));
    commit.created.push_back({id, std::move(spec)});
  }
  commit.retained.resize(in.count(9));
  for (Commit::Retain& retain : commit.retained) {
    retain.id.value = in.u64();
    retain.history = read_history(in);
  }
  const uint64_t dropped = in.count(8);
  for (uint64_t i = 0; i < dropped; ++i) commit.dropped.push_back({in.u64()});
  commit.writes.resize(in.count(40));
  for (LoggedWrite& write : commit.writes) {
    write.id.value = in.u64();
    write.first_row_id = in.i64();
    write.rows = in.text();
    write.erased = DeletionSet::read(in);
    write.loads.resize(in.count(57));
    for (SegmentInfo& load : write.loads) load = read_segment_info(in);
  }
  commit.records = read_records(in);
  commit.notes = read_records(in);
  if (!in.ok()) return unreadable();
  return commit;
}

}  // namespace sluice::collection
