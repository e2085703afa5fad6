#include "engine/push/parquet_encoder.h"

#include <atomic>
#include <duckdb/catalog/catalog_entry/copy_function_catalog_entry.hpp>
#include <duckdb/common/types/column/column_data_collection.hpp>
#include <duckdb/function/copy_function.hpp>
#include <duckdb/main/connection.hpp>
#include <duckdb/main/database.hpp>
#include <duckdb/parser/parsed_data/copy_info.hpp>
#include <duckdb/storage/buffer_manager.hpp>

#include "engine/errors.h"
#include "engine/push/stream_file_system.h"

namespace sluice::engine {
namespace {

// Before anything has been encoded: what lies in memory takes about half of it in a file.
constexpr double kUnknownRatio = 0.5;
// Of the footer, about: the schema's share of a column, and a column's of a row group.
constexpr uint64_t kSchemaBytes = 40;
constexpr uint64_t kColumnChunkBytes = 120;

bool is_narrower_decimal(const LogicalType& from, const LogicalType& to) {
  return from.id() == LogicalTypeId::DECIMAL && to.id() == LogicalTypeId::DECIMAL &&
         duckdb::DecimalType::GetScale(from) == duckdb::DecimalType::GetScale(to) &&
         from.InternalType() != duckdb::PhysicalType::INT128 &&
         to.InternalType() == duckdb::PhysicalType::INT128;
}

template <typename T>
void widen_values(const duckdb::UnifiedVectorFormat& from, size_t rows, Vector& to) {
  const T* const values = duckdb::UnifiedVectorFormat::GetData<T>(from);
  auto* const out = duckdb::FlatVector::GetData<duckdb::hugeint_t>(to);
  for (size_t row = 0; row < rows; ++row) {
    const int64_t value = values[from.sel->get_index(row)];
    out[row].lower = static_cast<uint64_t>(value);
    out[row].upper = value >> 63;
  }
  auto& valid = duckdb::FlatVector::Validity(to);
  valid.Reset();
  if (from.validity.AllValid()) return;
  for (size_t row = 0; row < rows; ++row) {
    if (!from.validity.RowIsValid(from.sel->get_index(row))) valid.SetInvalid(row);
  }
}

// The engine's own cast multiplies by ten to the power of nothing, value by value.
void widen(Vector& from, size_t rows, Vector& to) {
  duckdb::UnifiedVectorFormat format;
  from.ToUnifiedFormat(rows, format);
  switch (from.GetType().InternalType()) {
    case duckdb::PhysicalType::INT16:
      return widen_values<int16_t>(format, rows, to);
    case duckdb::PhysicalType::INT32:
      return widen_values<int32_t>(format, rows, to);
    default:
      return widen_values<int64_t>(format, rows, to);
  }
}

class DuckParquetEncoder final : public ParquetEncoder {
 public:
  DuckParquetEncoder(duckdb::DatabaseInstance& instance, ParquetEncoderOptions options, Write write)
      : options_(std::move(options)),
        types_(options_.shape.types.begin(), options_.shape.types.end()),
        engine_bytes_(duckdb::BufferManager::GetBufferManager(instance).GetMaxMemory()),
        write_(std::move(write)),
        file_([this](std::span<const std::byte> bytes) { return write_(bytes, stop_); }),
        connection_(instance) {
    ++open_encoders;
  }
  ~DuckParquetEncoder() override { --open_encoders; }

  Status start(std::stop_token stop) {
    return guarded(std::move(stop), [&] {
      bind();
      global_ = function().copy_to_initialize_global(context(), *bind_data_, file_.path());
    });
  }

  Status append(Chunk& chunk, std::stop_token stop) override {
    if (chunk.size() == 0) return ok();
    Chunk rows;
    TRY(take_as_in_file(chunk, rows));
    return guarded(std::move(stop), [&] {
      if (!group_) begin_group();
      group_->Append(append_state_, rows);
      if (group_->Count() >= options_.max_group_rows || group_bytes() >= group_limit()) end_group();
    });
  }

  Status finish(std::stop_token stop) override {
    return guarded(std::move(stop), [&] {
      if (group_) end_group();
      function().copy_to_finalize(context(), *bind_data_, *global_);
      finished_ = true;
    });
  }

  uint64_t bytes() const override {
    if (finished_) return file_.bytes();
    const uint64_t columns = types_.size();
    const uint64_t groups = groups_ + (group_ ? 1 : 0);
    return file_.bytes() + static_cast<uint64_t>(static_cast<double>(group_bytes()) * guess()) +
           columns * (kSchemaBytes + groups * kColumnChunkBytes);
  }

  double ratio() const override {
    if (raw_bytes_ == 0) return options_.expected_ratio;
    return static_cast<double>(file_.bytes()) / static_cast<double>(raw_bytes_);
  }

 private:
  duckdb::ClientContext& context() { return *connection_.context; }
  const duckdb::CopyFunction& function() const { return *function_; }
  double guess() const { return ratio() > 0 ? ratio() : kUnknownRatio; }
  uint64_t group_bytes() const { return group_ ? group_->SizeInBytes() : 0; }
  // While nothing is known about these rows, a small first group finds it out, so that a file of a
  // few groups still ends where it should.
  uint64_t group_limit() const {
    const uint64_t share = engine_bytes_ / kGroupsShare / open_encoders.load();
    const uint64_t most = std::min(options_.max_group_bytes, std::max(share, kLeastGroupBytes));
    return ratio() > 0 ? most : std::max<uint64_t>(1, most / 8);
  }

  // Runs `work`, and turns what DuckDB throws into our error: the stream's own where it is the
  // cause.
  template <typename Work>
  Status guarded(std::stop_token stop, const Work& work) {
    stop_ = std::move(stop);
    try {
      work();
      return ok();
    } catch (const std::exception& exception) {
      if (std::optional<Error> error = file_.take_error()) return std::move(*error);
      return engine_error(exception);
    }
  }

  void bind() {
    duckdb::CopyInfo info;
    info.is_from = false;
    info.format = "parquet";
    info.file_path = file_.path();
    info.options["compression"] = {Value(options_.compression)};
    duckdb::vector<std::string> names(options_.shape.names.begin(), options_.shape.names.end());
    context().RunFunctionInTransaction([&] {
      function_ =
          duckdb::Catalog::GetSystemCatalog(context())
              .GetEntry<duckdb::CopyFunctionCatalogEntry>(context(), DEFAULT_SCHEMA, info.format)
              .function;
      duckdb::CopyFunctionBindInput input(info);
      bind_data_ = function().copy_to_bind(context(), input, names, types_);
    });
  }

  // Refers to `chunk`, with its narrow decimals as the file has them.
  Status take_as_in_file(Chunk& chunk, Chunk& rows) {
    if (chunk.ColumnCount() != types_.size()) return internal("a chunk of another file");
    rows.InitializeEmpty(types_);
    wide_.resize(types_.size());
    for (size_t i = 0; i < types_.size(); ++i) {
      Vector& column = chunk.data[i];
      if (column.GetType() == types_[i]) {
        rows.data[i].Reference(column);
      } else if (is_narrower_decimal(column.GetType(), types_[i])) {
        if (!wide_[i]) wide_[i] = std::make_unique<Vector>(types_[i]);
        widen(column, chunk.size(), *wide_[i]);
        rows.data[i].Reference(*wide_[i]);
      } else {
        return internal("column {} is not of its file's type", options_.shape.names[i]);
      }
    }
    rows.SetCardinality(chunk.size());
    return ok();
  }

  void begin_group() {
    group_ = duckdb::make_uniq<duckdb::ColumnDataCollection>(context(), types_);
    group_->InitializeAppend(append_state_);
  }

  void end_group() {
    raw_bytes_ += group_bytes();
    ++groups_;
    append_state_.current_chunk_state.handles.clear();  // pinned: the writer pins them anew
    auto prepared = function().prepare_batch(context(), *bind_data_, *global_, std::move(group_));
    function().flush_batch(context(), *bind_data_, *global_, *prepared);
  }

  // Row groups are a share of the engine's memory: with many encoders each has smaller ones. The
  // count is the process's, since exports know nothing of each other.
  static constexpr uint64_t kGroupsShare = 6;
  static constexpr uint64_t kLeastGroupBytes = uint64_t{1} << 20;
  inline static std::atomic<uint64_t> open_encoders{0};

  const ParquetEncoderOptions options_;
  const duckdb::vector<LogicalType> types_;
  const uint64_t engine_bytes_;
  const Write write_;
  std::stop_token stop_;  // of the call under way, for write_
  StreamFile file_;       // outlives global_, which writes to it
  duckdb::Connection connection_;
  std::optional<duckdb::CopyFunction> function_;
  duckdb::unique_ptr<duckdb::FunctionData> bind_data_;
  duckdb::unique_ptr<duckdb::GlobalFunctionData> global_;
  duckdb::unique_ptr<duckdb::ColumnDataCollection> group_;  // the rows of the next row group
  duckdb::ColumnDataAppendState append_state_;
  std::vector<std::unique_ptr<Vector>> wide_;  // widened columns, kept for their memory
  uint64_t raw_bytes_ = 0;  // of the groups that are written, as they lay in memory
  uint64_t groups_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<ParquetEncoder>> ParquetEncoder::open(duckdb::DatabaseInstance& instance,
                                                             ParquetEncoderOptions options,
                                                             Write write, std::stop_token stop) {
  try {
    auto encoder =
        std::make_unique<DuckParquetEncoder>(instance, std::move(options), std::move(write));
    TRY(encoder->start(std::move(stop)));
    return std::unique_ptr<ParquetEncoder>(std::move(encoder));
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

}  // namespace sluice::engine
