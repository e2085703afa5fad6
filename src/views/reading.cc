#include "views/reading.h"

#include <fmt/ranges.h>

#include "engine/row_codec.h"

namespace sluice::views {

std::vector<std::string> column_names(size_t count) {
  std::vector<std::string> names;
  names.reserve(count);
  for (size_t i = 0; i < count; ++i) names.push_back(fmt::format("c{}", i));
  return names;
}

Status read_chunks(engine::Engine& engine, const std::string& sql, const TakeChunk& take,
                   std::stop_token stop) {
  TRY_ASSIGN(auto connection, engine.connect());
  TRY_ASSIGN(engine::Query query, engine::Query::parse(sql));
  TRY_ASSIGN(auto stream, connection->stream(std::move(query), {}, stop));
  while (true) {
    if (stop.stop_requested()) return cancelled();
    TRY_ASSIGN(engine::Chunk* const chunk, stream->next(stop));
    if (chunk == nullptr) return ok();
    if (chunk->size() > 0) TRY(take(*chunk));
  }
}

Status read_snapshot(engine::Engine& engine, const collection::Snapshot& snapshot, size_t columns,
                     collection::RowId ids_after, const TakeChunk& take, std::stop_token stop) {
  const std::vector<std::string> names = column_names(columns);
  return read_chunks(
      engine,
      fmt::format("SELECT {}, row_id FROM {} t WHERE row_id > {}", fmt::join(names, ", "),
                  snapshot.table_sql(names, "row_id"), ids_after.value),
      take, std::move(stop));
}

Status read_columns(engine::Engine& engine, const collection::Snapshot& snapshot,
                    const std::vector<engine::LogicalType>& types, const std::vector<size_t>& read,
                    const std::optional<std::string>& condition, const TakeBatch& take,
                    std::stop_token stop) {
  const std::vector<std::string> names = column_names(types.size());
  std::vector<std::string> wanted;
  wanted.reserve(read.size() + 1);
  for (const size_t column : read) wanted.push_back(names[column]);
  // Rows are counted even where no column is read.
  if (wanted.empty()) wanted.emplace_back("NULL");
  const std::string sql = fmt::format("SELECT {} FROM {} t{}", fmt::join(wanted, ", "),
                                      snapshot.table_sql(names, std::nullopt),
                                      condition ? " WHERE " + *condition : std::string());
  const auto take_chunk = [&](engine::Chunk& chunk) -> Status {
    auto batch = std::make_shared<dataflow::Batch>();
    batch->rows.InitializeEmpty({types.begin(), types.end()});
    for (size_t i = 0; i < types.size(); ++i) {
      batch->rows.data[i].Reference(engine::Value(types[i]));
    }
    for (size_t i = 0; i < read.size(); ++i) {
      batch->rows.data[read[i]].Reference(chunk.data[i]);
    }
    batch->rows.SetCardinality(chunk.size());
    batch->weights.assign(chunk.size(), 1);
    return take(batch);
  };
  return read_chunks(engine, sql, take_chunk, std::move(stop));
}

dataflow::BatchPtr referring(const engine::Chunk& chunk,
                             const std::vector<engine::LogicalType>& types, int64_t weight) {
  auto batch = std::make_shared<dataflow::Batch>();
  batch->rows.InitializeEmpty({types.begin(), types.end()});
  for (size_t i = 0; i < types.size(); ++i) batch->rows.data[i].Reference(chunk.data[i]);
  batch->rows.SetCardinality(chunk.size());
  batch->weights.assign(chunk.size(), weight);
  return batch;
}

dataflow::Delta copied(const dataflow::Delta& delta) {
  dataflow::Delta copies;
  copies.reserve(delta.size());
  for (const dataflow::BatchPtr& batch : delta) {
    auto copy = std::make_shared<dataflow::Batch>();
    const auto types = batch->rows.GetTypes();
    engine::initialize(copy->rows, {types.begin(), types.end()}, batch->size());
    engine::append_rows(batch->rows, copy->rows);
    copy->weights = batch->weights;
    copies.push_back(std::move(copy));
  }
  return copies;
}

Result<bool> read_changes(engine::Engine& engine, const collection::Changes& changes,
                          const std::vector<engine::LogicalType>& types, size_t most,
                          dataflow::Delta& to, std::stop_token stop) {
  if (changes.known_empty()) return true;
  const std::vector<std::string> names = column_names(types.size());
  size_t rows = 0;
  const auto take = [&](engine::Chunk& chunk) -> Status {
    rows += chunk.size();
    if (rows > most) return cancelled();
    const dataflow::BatchPtr batch = referring(chunk, types, 1);
    duckdb::UnifiedVectorFormat diffs;
    chunk.data[types.size()].ToUnifiedFormat(chunk.size(), diffs);
    const auto* values = reinterpret_cast<const int64_t*>(diffs.data);
    for (size_t row = 0; row < chunk.size(); ++row) {
      batch->weights[row] = values[diffs.sel->get_index(row)];
    }
    const dataflow::Delta copy = copied({batch});
    to.insert(to.end(), copy.begin(), copy.end());
    return ok();
  };
  const Status read = read_chunks(
      engine,
      fmt::format("SELECT {}, mz_diff FROM {} t", fmt::join(names, ", "), changes.table_sql(names)),
      take, std::move(stop));
  if (rows > most) return false;
  TRY(read);
  return true;
}

}  // namespace sluice::views
