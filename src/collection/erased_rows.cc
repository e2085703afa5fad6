#include "collection/erased_rows.h"

#include "collection/derivation.h"
#include "collection/snapshot.h"

namespace sluice::collection {
namespace {

using RowBatches = std::vector<std::shared_ptr<Batch>>;

// So few are answered by what segments know of the ids of their rows.
constexpr size_t kMostLiterals = 100;

class Ids final : public engine::RowSource {
 public:
  explicit Ids(std::vector<int64_t> ids) : ids_(std::move(ids)) {}
  const engine::Shape& shape() const override { return shape_; }
  uint64_t row_count() const override { return ids_.size(); }
  size_t batch_count() const override { return 1; }
  size_t read(size_t /*batch*/, size_t first, std::span<const size_t> columns,
              engine::Chunk& out) const override {
    const size_t count = std::min<size_t>(ids_.size() - first, STANDARD_VECTOR_SIZE);
    for (size_t i = 0; i < columns.size(); ++i) {
      auto* data = duckdb::FlatVector::GetData<int64_t>(out.data[i]);
      std::copy_n(ids_.begin() + static_cast<ptrdiff_t>(first), count, data);
    }
    out.SetCardinality(count);
    return count;
  }

 private:
  const engine::Shape shape_{{"c0"}, {engine::LogicalType::BIGINT}};
  const std::vector<int64_t> ids_;
};

Result<RowBatches> read_rows(engine::Engine& engine, const Snapshot& snapshot,
                             const engine::Shape& shape, std::vector<int64_t> ids,
                             const std::stop_token& stop) {
  std::vector<std::string> names;
  names.reserve(shape.types.size());
  for (size_t i = 0; i < shape.types.size(); ++i) names.push_back(fmt::format("c{}", i));
  std::string sql = fmt::format("SELECT {} FROM {} t", fmt::join(names, ", "),
                                snapshot.table_sql(names, "row_id"));
  engine::Engine::Registered registered;
  if (ids.size() <= kMostLiterals) {
    sql += fmt::format(" WHERE row_id IN ({})", fmt::join(ids, ", "));
  } else {
    registered = engine.add_rows(std::make_shared<Ids>(std::move(ids)));
    sql += fmt::format(" SEMI JOIN sluice_rows({}) ids ON t.row_id = ids.c0", registered.handle);
  }
  TRY_ASSIGN(auto connection, engine.connect());
  TRY_ASSIGN(engine::Query query, engine::Query::parse(sql));
  TRY_ASSIGN(auto stream, connection->stream(std::move(query), {}, stop));
  RowBatches found;
  while (true) {
    TRY_ASSIGN(engine::Chunk * chunk, stream->next(stop));
    if (chunk == nullptr) return found;
    if (chunk->size() > 0) found.push_back(copied_batch(*chunk, shape));
  }
}

}  // namespace

Result<std::optional<RowBatches>> erased_rows(State& state, const Collection& collection,
                                              const DeletionSet& rows,
                                              const std::stop_token& stop) {
  const std::optional<RowBatches> unknown;
  const auto derivation = state.derivation();
  if (!derivation || !derivation->reads(collection.id) || rows.count() > kMostErasedRows) {
    return unknown;
  }
  const Time time = state.timeline.hold_newest();
  auto view = collection.view(time);
  std::shared_ptr<const Snapshot> snapshot;
  if (view) {
    snapshot = make_snapshot(state.engine, collection.spec.shape, time, nullptr, std::move(*view));
  }
  state.timeline.release(time);  // what is read is kept by the snapshot
  if (!snapshot) return unknown;
  TRY_ASSIGN(RowBatches found,
             read_rows(state.engine, *snapshot, collection.spec.shape, rows.ids(), stop));
  uint64_t count = 0;
  for (const auto& batch : found) count += batch->rows.size();
  if (count != rows.count()) return unknown;
  return std::optional<RowBatches>(std::move(found));
}

}  // namespace sluice::collection
