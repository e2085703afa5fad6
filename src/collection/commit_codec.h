// Commits, collections and heads as bytes.
#pragma once

#include "collection/collection.h"

namespace sluice::collection {

void write_spec(ByteWriter& out, const CollectionSpec& spec);
Result<CollectionSpec> read_spec(ByteReader& in);

using History = std::optional<std::chrono::milliseconds>;
void write_history(ByteWriter& out, const History& history);
History read_history(ByteReader& in);

// Batches with their ids (and times, for heads).
Status write_batches(ByteWriter& out, const std::vector<BatchPtr>& batches, bool with_times);
Result<std::vector<std::shared_ptr<Batch>>> read_batches(
    ByteReader& in, const std::vector<engine::LogicalType>& types, bool with_times);

// One write as the log holds it. Row ids follow each other from first_row_id on, so the rows can
// be encoded before the sequencer gives ids.
struct LoggedWrite {
  CollectionId id;
  int64_t first_row_id = 0;
  std::string rows;  // by encode_write_rows
  DeletionSet erased;
  std::vector<SegmentInfo> loads;
};
Status encode_write_rows(const std::vector<std::shared_ptr<Batch>>& batches, std::string& out);
Result<std::vector<std::shared_ptr<Batch>>> decode_write_rows(
    std::string_view bytes, const std::vector<engine::LogicalType>& types, int64_t first_row_id);
void number_rows(const std::vector<std::shared_ptr<Batch>>& batches, int64_t first_row_id);

struct LoggedCommit {
  std::vector<Commit::Create> created;
  std::vector<Commit::Retain> retained;
  std::vector<CollectionId> dropped;
  std::vector<LoggedWrite> writes;
  std::vector<Commit::Record> records;
  std::vector<Commit::Record> notes;
};
void write_commit(ByteWriter& out, const LoggedCommit& commit);
Result<LoggedCommit> read_commit(ByteReader& in);

}  // namespace sluice::collection
