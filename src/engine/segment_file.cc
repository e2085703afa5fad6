#include "engine/segment_file.h"

#include <duckdb.hpp>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/main/appender.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/main/database_manager.hpp>
#include <duckdb/parser/column_definition.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/transaction/meta_transaction.hpp>
#include <filesystem>
#include <numeric>
#include <optional>

#include "engine/allocations.h"
#include "engine/engine.h"
#include "engine/errors.h"

namespace sluice::engine {
namespace {

// A vector's part of the memory: the writer holds a few at once, and each thread that reads one.
constexpr uint64_t kVectorShare = 8;

// What each row takes in memory when the engine reads it back. A NULL behind a long text counts as
// that text: the engine stores it as a second reference to it, and gives its readers two copies
// (UncompressedStringStorage in DuckDB 1.4).
class RowSizes {
 public:
  // Of rows that come behind those of the last call.
  std::vector<uint64_t> next(const Chunk& rows) {
    columns_seen_ = 0;
    std::vector<uint64_t> sizes(rows.size(), 0);
    for (const Vector& column : rows.data) add(column, sizes);
    return sizes;
  }
  // The next rows begin a new vector.
  void restart() { std::fill(long_before_.begin(), long_before_.end(), 0); }

 private:
  static constexpr uint64_t kLong = 4096;

  void add(const Vector& vector, std::vector<uint64_t>& sizes) {
    if (sizes.empty()) return;
    const duckdb::PhysicalType type = vector.GetType().InternalType();
    const uint64_t fixed = duckdb::GetTypeIdSize(type);
    for (uint64_t& size : sizes) size += fixed;
    if (type == duckdb::PhysicalType::STRUCT) {
      for (const auto& entry : duckdb::StructVector::GetEntries(vector)) add(*entry, sizes);
    } else if (type == duckdb::PhysicalType::LIST) {
      add_lists(vector, sizes);
    } else if (type == duckdb::PhysicalType::VARCHAR) {
      add_texts(vector, sizes);
    }
  }

  void add_lists(const Vector& vector, std::vector<uint64_t>& sizes) {
    std::vector<uint64_t> items(duckdb::ListVector::GetListSize(vector), 0);
    add(duckdb::ListVector::GetEntry(vector), items);
    Vector reference(vector.GetType(), nullptr);
    const auto lists = unified(vector, sizes.size(), reference);
    const auto* entries = duckdb::UnifiedVectorFormat::GetData<duckdb::list_entry_t>(lists);
    for (size_t row = 0; row < sizes.size(); ++row) {
      const size_t at = lists.sel->get_index(row);
      if (!lists.validity.RowIsValid(at)) continue;
      const auto first = items.begin() + static_cast<ptrdiff_t>(entries[at].offset);
      sizes[row] =
          std::accumulate(first, first + static_cast<ptrdiff_t>(entries[at].length), sizes[row]);
    }
  }

  void add_texts(const Vector& vector, std::vector<uint64_t>& sizes) {
    if (long_before_.size() == columns_seen_) long_before_.push_back(0);
    uint64_t& before = long_before_[columns_seen_++];
    Vector reference(vector.GetType(), nullptr);
    const auto texts = unified(vector, sizes.size(), reference);
    const auto* data = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(texts);
    for (size_t row = 0; row < sizes.size(); ++row) {
      const size_t at = texts.sel->get_index(row);
      if (texts.validity.RowIsValid(at)) {
        const uint64_t length = data[at].GetSize();
        before = length >= kLong ? length : 0;
        sizes[row] += length;
      } else {
        sizes[row] += before;
      }
    }
  }

  // A reference, since this may change a vector's form.
  static duckdb::UnifiedVectorFormat unified(const Vector& vector, size_t count,
                                             Vector& reference) {
    duckdb::UnifiedVectorFormat format;
    reference.Reference(vector);
    reference.ToUnifiedFormat(count, format);
    return format;
  }

  std::vector<uint64_t> long_before_;  // of each column of texts, those in lists and structs too
  size_t columns_seen_ = 0;
};

// Empty texts and lists, since NULL is not small everywhere; NULL in columns of a fixed size.
Value filler(const LogicalType& type) {
  switch (type.InternalType()) {
    case duckdb::PhysicalType::VARCHAR:
      return type.id() == LogicalTypeId::BLOB ? Value::BLOB_RAW("") : Value("");
    case duckdb::PhysicalType::LIST:
      return Value::LIST(duckdb::ListType::GetChildType(type), {});
    case duckdb::PhysicalType::STRUCT: {
      duckdb::child_list_t<Value> fields;
      for (const auto& [name, child] : duckdb::StructType::GetChildTypes(type)) {
        fields.emplace_back(name, filler(child));
      }
      return Value::STRUCT(std::move(fields));
    }
    default:
      return Value(type);
  }
}

// The rows [first, first + count) of a chunk, by reference.
void slice(const Chunk& rows, size_t first, size_t count, Chunk& out) {
  out.InitializeEmpty(rows.GetTypes());
  for (size_t column = 0; column < rows.ColumnCount(); ++column) {
    out.data[column].Slice(rows.data[column], first, first + count);
  }
  out.SetCardinality(count);
}

// A directory of one instance alone. Its files have the same names in every instance, which takes
// those that it finds for its own: two in one directory read back each other's rows.
struct SpillDirectory {
  explicit SpillDirectory(std::string its_path) : path(std::move(its_path)) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~SpillDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  SpillDirectory(const SpillDirectory&) = delete;
  SpillDirectory& operator=(const SpillDirectory&) = delete;
  const std::string path;
};

class Writer final : public SegmentFileWriter {
 public:
  void start(const Options& options, const Shape& shape) {
    memory_.emplace(options.memory_limit_bytes);
    spill_.emplace(options.temp_directory + "/" +
                   std::filesystem::path(options.path).filename().string() + ".spill");
    duckdb::DBConfig config;
    config.options.maximum_threads = 1;
    config.options.maximum_memory = options.memory_limit_bytes;
    config.options.temporary_directory = spill_->path;
    config.options.load_extensions = false;
    // Nothing in between: finish() writes the one checkpoint that the file needs.
    config.options.checkpoint_wal_size = uint64_t{1} << 40;
    config.options.checkpoint_on_shutdown = false;
    most_vector_bytes_ = options.memory_limit_bytes / kVectorShare;
    database_ = std::make_unique<duckdb::DuckDB>(options.path, &config);
    connection_ = std::make_unique<duckdb::Connection>(*database_);
    connection_->context->RunFunctionInTransaction([&] {
      // Through the catalog and not by text, so that a type keeps its alias.
      auto info = duckdb::make_uniq<duckdb::CreateTableInfo>("", "main", "rows");
      for (size_t i = 0; i < shape.types.size(); ++i) {
        info->columns.AddColumn(duckdb::ColumnDefinition(shape.names[i], shape.types[i]));
      }
      const std::string& name = duckdb::DatabaseManager::GetDefaultDatabase(*connection_->context);
      info->catalog = name;
      auto& catalog = duckdb::Catalog::GetCatalog(*connection_->context, name);
      duckdb::MetaTransaction::Get(*connection_->context).ModifyDatabase(catalog.GetAttached());
      catalog.CreateTable(*connection_->context, std::move(info));
    });
    appender_ = std::make_unique<duckdb::Appender>(*connection_, "rows");
  }

  Status append(const Chunk& rows) override {
    try {
      append_within(rows);
      return ok();
    } catch (const std::exception& exception) {
      return engine_error(exception);
    }
  }

  bool padded() const override { return padded_; }

  Status finish() override {
    try {
      appender_->Close();
      appender_.reset();
      const auto result = connection_->Query("CHECKPOINT");
      if (result->HasError()) return engine_error(result->GetErrorObject());
      connection_.reset();
      database_.reset();
      return ok();
    } catch (const std::exception& exception) {
      return engine_error(exception);
    }
  }

 private:
  void append_within(const Chunk& rows) {
    size_t first = 0;
    while (first < rows.size()) {
      Chunk rest;
      slice(rows, first, rows.size() - first, rest);
      const std::vector<uint64_t> sizes = sizes_.next(rest);
      size_t count = 0;
      while (count < sizes.size() &&
             (vector_rows_ == 0 || vector_bytes_ + sizes[count] <= most_vector_bytes_)) {
        vector_bytes_ += sizes[count];
        unflushed_bytes_ += sizes[count++];
        if (++vector_rows_ == STANDARD_VECTOR_SIZE) vector_rows_ = vector_bytes_ = 0;
      }
      if (count > 0) {
        Chunk piece;
        slice(rows, first, count, piece);
        give(piece);
      }
      if ((first += count) < rows.size()) pad();
      // The appender keeps rows outside of the instance's memory until it is flushed.
      if (unflushed_bytes_ >= most_vector_bytes_) flush();
    }
  }

  void flush() {
    appender_->Flush();
    unflushed_bytes_ = 0;
  }

  void pad() {
    Chunk fillers;
    fillers.InitializeEmpty(appender_->GetActiveTypes());
    for (size_t i = 0; i < fillers.ColumnCount(); ++i) {
      fillers.data[i].Reference(filler(fillers.data[i].GetType()));
    }
    fillers.SetCardinality(STANDARD_VECTOR_SIZE - vector_rows_);
    give(fillers);
    vector_rows_ = vector_bytes_ = 0;
    sizes_.restart();
    padded_ = true;
  }

  // The engine's appender takes what it is given for its own.
  void give(const Chunk& rows) {
    Chunk given;
    given.InitializeEmpty(rows.GetTypes());
    given.Reference(const_cast<Chunk&>(rows));
    appender_->AppendDataChunk(given);
  }

  // Both outlive the instance.
  std::optional<LentMemory> memory_;
  std::optional<SpillDirectory> spill_;
  RowSizes sizes_;
  uint64_t most_vector_bytes_ = 0;
  uint64_t vector_rows_ = 0, vector_bytes_ = 0;  // of the vector that is being filled
  uint64_t unflushed_bytes_ = 0;
  bool padded_ = false;
  std::unique_ptr<duckdb::DuckDB> database_;
  std::unique_ptr<duckdb::Connection> connection_;
  std::unique_ptr<duckdb::Appender> appender_;
};

}  // namespace

Result<std::unique_ptr<SegmentFileWriter>> SegmentFileWriter::create(const Options& options,
                                                                     const Shape& shape) {
  try {
    auto writer = std::make_unique<Writer>();
    writer->start(options, shape);
    return std::unique_ptr<SegmentFileWriter>(std::move(writer));
  } catch (const std::exception& exception) {
    return engine_error(exception);
  }
}

}  // namespace sluice::engine
