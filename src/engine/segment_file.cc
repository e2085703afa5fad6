#include "engine/segment_file.h"

#include <duckdb.hpp>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/main/appender.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/main/database_manager.hpp>
#include <duckdb/parser/column_definition.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/transaction/meta_transaction.hpp>

#include "engine/engine.h"
#include "engine/errors.h"

namespace sluice::engine {
namespace {

class Writer final : public SegmentFileWriter {
 public:
  void start(const Options& options, const Shape& shape) {
    duckdb::DBConfig config;
    config.options.maximum_threads = 1;
    config.options.maximum_memory = options.memory_limit_bytes;
    config.options.temporary_directory = options.temp_directory;
    config.options.load_extensions = false;
    // Nothing in between: finish() writes the one checkpoint that the file needs.
    config.options.checkpoint_wal_size = uint64_t{1} << 40;
    config.options.checkpoint_on_shutdown = false;
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

  Status append(Chunk& rows) override {
    try {
      appender_->AppendDataChunk(rows);
      return ok();
    } catch (const std::exception& exception) {
      return engine_error(exception);
    }
  }

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
